// What a dialog is about: ending one session, ending many, or one session and its history.

import { sessions } from './words.js';

const CALL_SIZE = 500;

/** Ends one session when it is confirmed. */
export class EndOne {
  kind = 'end-one';
  isBusy = false;
  refusal = null;

  constructor(app, session) {
    this.app = app;
    this.session = session;
  }

  async confirm(reason) {
    this.isBusy = true;
    this.app.changed();
    try {
      const input = { id: this.session.id, reason: reason || null };
      const { endSession } = await this.app.client.ask('EndOne', { input });
      if (endSession.session) this.app.live?.rows.put(endSession.session);
      this.app.close(OUTCOMES[endSession.outcome]);
    } catch (refusal) {
      this.isBusy = false;
      this.refusal = refusal;
      this.app.changed();
    }
  }
}

const OUTCOMES = {
  ENDED: 'The session was ended.',
  ALREADY_ENDED: 'The session had ended before; nothing was changed.',
  NOT_FOUND: 'There is no such session any more.',
};

/** Counts the sessions that match, and ends at most as many when it is confirmed. The viewer's own is spared. */
export class EndMany {
  kind = 'end-many';
  isBusy = false;
  refusal = null;
  /** How many are to end; null until they are counted. */
  count = null;
  endedCount = 0;

  constructor(app, filter, title) {
    this.app = app;
    this.filter = filter;
    this.title = title;
    this.current = app.viewer.session;
    this.sparesCurrent = false;
  }

  async load() {
    const { filter, current } = this;
    const ids = current && (filter.ids ?? [current.id]).includes(current.id) ? [current.id] : [];
    try {
      const { matching, spared } = await this.app.client.ask('Preview', {
        filter,
        spared: { ...filter, ids },
      });
      this.sparesCurrent = spared.totalCount > 0;
      this.count = matching.totalCount - spared.totalCount;
    } catch (refusal) {
      this.refusal = refusal;
    }
    this.app.changed();
  }

  /** End what was confirmed: the oldest first, some at a time, and no more than were counted. */
  async confirm(reason) {
    const input = { filter: this.filter, exceptCurrent: Boolean(this.current), reason: reason || null };
    this.isBusy = true;
    this.refusal = null;
    this.app.changed();
    try {
      let hasMore = true;
      while (hasMore && this.endedCount < this.count) {
        const limit = Math.min(CALL_SIZE, this.count - this.endedCount);
        const { endSessions } = await this.app.client.ask('EndMany', { input: { ...input, limit } });
        this.endedCount += endSessions.endedCount;
        hasMore = endSessions.hasMore;
        this.app.changed();
      }
      this.app.close(this.outcome);
    } catch (refusal) {
      this.isBusy = false;
      this.refusal = refusal;
      this.app.changed();
    }
  }

  get outcome() {
    const before = this.count - this.endedCount;
    const were = before === 1 ? 'was' : 'were';
    return before
      ? `${sessions(this.endedCount)} ended; ${before} ${were} no longer active.`
      : `${sessions(this.endedCount)} ended.`;
  }
}

/** Shows one session, with its history. */
export class Details {
  kind = 'details';
  refusal = null;
  history = null;

  constructor(app, session) {
    this.app = app;
    this.listed = session;
  }

  async load() {
    try {
      const { session } = await this.app.client.ask('History', { id: this.listed.id });
      if (session) {
        this.listed = session;
        this.history = session.history;
      } else {
        this.history = [];
      }
    } catch (refusal) {
      this.refusal = refusal;
    }
    this.app.changed();
  }

  /** What came since, oldest first. */
  get later() {
    const known = new Set(this.history?.map(({ cursor }) => cursor));
    const { timeline } = this.app.live;
    return timeline.filter((one) => one.session?.id === this.listed.id && !known.has(one.cursor)).reverse();
  }

  get session() {
    return this.later.at(-1)?.session ?? this.listed;
  }
}
