// The live picture of one filter: it is listed, then watched from there on, and counted.

import { Counts } from './counts.js';
import { ofAnyStatus } from './filter.js';
import { Rows } from './rows.js';

const PAGE_SIZE = 50;
const TIMELINE_SIZE = 100;
const KNOWN_SIZE = 1000;
const RECOUNT_MS = 2000;
const AGAIN_MS = 2000;

export class Live {
  /** `changed` is called after each change, `refused` with what the server says no to. */
  constructor(client, filter, { changed, refused }) {
    this.client = client;
    this.filter = filter;
    this.changed = changed;
    this.refused = refused;
    this.rows = new Rows(filter, PAGE_SIZE);
    // Where the filter leaves them out, none are set apart.
    const status = filter.impersonated === false ? [] : ['ACTIVE'];
    this.impersonated = new Rows({ ...filter, impersonated: true, status }, PAGE_SIZE);
    this.counts = new Counts(filter);
    this.timeline = [];
    this.known = new Set();
    this.changeCount = 0;
    this.gap = null;
    this.gapCount = 0;
    this.connection = 'connecting';
    this.error = null;
    this.isListed = false;
    this.stopWatching = () => {};
    this.isStopped = false;
    this.isCounting = false;
    this.countMs = 0;
  }

  /** List, and watch from there on. While the server is away, it is tried again. */
  async start(after) {
    clearTimeout(this.again);
    this.stopWatching();
    const answer = await this.list(after);
    if (this.isStopped) return;
    if (answer) {
      this.position = answer.sessions.asOf;
      this.watch();
      this.recount();
    } else if (this.error.code === 'UNAVAILABLE') {
      this.again = setTimeout(() => this.start(after), AGAIN_MS);
    } else {
      this.connection = 'none';
    }
  }

  /** Begin anew where the log no longer reaches back to the last change that was seen. */
  startAgain() {
    this.noteGap('listed');
    return this.start(this.after);
  }

  stop() {
    this.isStopped = true;
    this.stopWatching();
    clearTimeout(this.again);
    clearTimeout(this.counting);
  }

  /** Read the page after a cursor, or the newest. Return the answer, or nothing where it was refused. */
  async list(after) {
    this.after = after;
    const page = this.client.ask('List', {
      filter: this.filter,
      impersonated: this.impersonated.filter,
      first: PAGE_SIZE,
      after,
    });
    try {
      await Promise.all([
        this.rows.read(page.then(({ sessions }) => sessions), !after),
        this.impersonated.read(page.then(({ impersonated }) => impersonated), true),
      ]);
    } catch (refusal) {
      if (!this.isStopped) this.fail(refusal);
      return undefined;
    }
    this.isListed = true;
    this.error = null;
    this.changed();
    return page;
  }

  /** Return the cursor after which the next page comes. */
  async endCursor() {
    const { sessions } = await this.client.ask('Place', { ids: [this.rows.all.at(-1).id] });
    return sessions.pageInfo.endCursor;
  }

  /** Watch from the last position on. */
  watch() {
    this.stopWatching = this.client.watch(ofAnyStatus(this.filter), this.position, {
      change: (change) => this.take(change),
      connection: (isUp) => this.connect(isUp),
      refused: (refusal) => this.lose(refusal),
    });
  }

  /** Come back a while later where the server says so. */
  lose(refusal) {
    if (this.isStopped) return;
    if (refusal.code === 'UNAVAILABLE') {
      this.connect(false);
      this.again = setTimeout(() => this.watch(), AGAIN_MS);
    } else {
      this.connection = 'none';
      this.fail(refusal);
    }
  }

  connect(isUp) {
    if (this.isStopped || isUp === (this.connection === 'live')) return;
    if (isUp && this.connection === 'lost') this.noteGap('resumed');
    if (!isUp) this.lostAt = new Date();
    this.connection = isUp ? 'live' : 'lost';
    this.changed();
  }

  /** Take in a change; one that has come before, with the same cursor, is none. */
  take(change) {
    if (this.isStopped || this.known.has(change.cursor)) return;
    this.position = change.cursor;
    this.known.add(change.cursor);
    if (this.known.size > KNOWN_SIZE) this.known.delete(this.known.values().next().value);
    this.changeCount += 1;
    this.rows.put(change.session);
    this.impersonated.put(change.session);
    this.counts.move(change);
    this.note(change);
    this.recountSoon();
    this.changed();
  }

  /** Keep what the server said no to, until a list is read. */
  fail(refusal) {
    this.error = refusal;
    this.refused(refusal);
  }

  /** Note that the connection was lost, and how it went on: `resumed` without a gap, or `listed` again. */
  noteGap(outcome) {
    this.gap = { cursor: `gap ${++this.gapCount}`, outcome, from: this.lostAt ?? new Date(), to: new Date() };
    this.note(this.gap);
  }

  note(entry) {
    this.timeline.unshift(entry);
    if (this.timeline.length > TIMELINE_SIZE) this.timeline.length = TIMELINE_SIZE;
  }

  recountSoon() {
    if (this.isCounting) return;
    this.isCounting = true;
    this.counting = setTimeout(() => this.recount(), Math.max(RECOUNT_MS, 10 * this.countMs));
  }

  /**
   * Have the server count. A count has no position in the log, so changes that come while it is under way may
   * be in it or not: then it is done once more, a while later. Counting takes a tenth of the time at most.
   */
  async recount() {
    clearTimeout(this.counting);
    this.isCounting = true;
    const [begun, changeCount] = [Date.now(), this.changeCount];
    try {
      const variables = { filter: this.filter, ofAnyStatus: ofAnyStatus(this.filter) };
      const answer = await this.client.ask('Count', variables);
      if (this.isStopped) return;
      this.counts.replace(answer);
      if (this.rows.isNewest && this.rows.hasMore && this.rows.all.length < PAGE_SIZE / 2) await this.list();
    } catch (refusal) {
      if (this.isStopped) return;
      // The counts can wait, but not that nobody may ask any more.
      if (refusal.code === 'UNAUTHENTICATED') this.fail(refusal);
    }
    this.countMs = Date.now() - begun;
    this.isCounting = false;
    if (this.changeCount !== changeCount || !this.counts.isKnown) this.recountSoon();
    this.changed();
  }
}
