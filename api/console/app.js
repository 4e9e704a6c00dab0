// The page's state, and what can be done with it. Its address says what is shown.

import { Client } from './client.js';
import { filterOf, toggled } from './filter.js';
import { Live } from './live.js';
import { Rights } from './rights.js';
import { Details, EndMany, EndOne } from './tasks.js';

const KEPT_AS = 'sessiongraph credential';

export class App {
  /** `config` is what the page was told, and `changed` is called when there is something new to see. */
  constructor(config, changed) {
    this.config = config;
    this.changed = changed;
    this.credentials = JSON.parse(config.credentials);
    this.credential = sessionStorage.getItem(KEPT_AS) ?? Object.values(this.credentials)[0] ?? '';
    this.viewer = null;
    this.params = null;
    this.live = null;
    this.frozen = null;
    this.task = null;
    this.shownTask = null;
    this.notice = '';
    this.error = null;
    this.isAsking = false;
  }

  /** What is seen: the live picture, or that of when it was paused. */
  get shown() {
    return this.frozen ?? this.live;
  }

  /** What the server said no to last. */
  get refusal() {
    return this.live?.error ?? this.error;
  }

  /** By what name the page knows the credential. */
  get credentialName() {
    return Object.keys(this.credentials).find((name) => this.credentials[name] === this.credential);
  }

  async signIn(credential) {
    this.leave();
    this.credential = credential;
    sessionStorage.setItem(KEPT_AS, credential);
    await this.open();
  }

  signOut() {
    this.leave();
    this.credential = '';
    sessionStorage.setItem(KEPT_AS, '');
    this.changed();
  }

  leave() {
    this.live?.stop();
    Object.assign(this, { live: null, viewer: null, params: null, frozen: null, task: null, notice: '', error: null });
  }

  /** Find out who is asking, and show what they may see. */
  async open() {
    const { credential } = this;
    this.client = new Client(new URL('graphql', location.href).href, credential);
    this.isAsking = true;
    this.error = null;
    this.changed();
    try {
      const { viewer } = await this.client.ask('WhoAmI');
      if (credential !== this.credential) return;
      this.viewer = viewer;
      this.rights = new Rights(viewer, this.config);
    } catch (refusal) {
      if (credential !== this.credential) return;
      // Without a credential it was only asked whether one is needed.
      if (credential || refusal.code !== 'UNAUTHENTICATED') this.error = refusal;
    }
    this.isAsking = false;
    if (this.viewer) this.follow();
    this.changed();
  }

  /** Go to another filter, or to another page of the same one. */
  go(params) {
    const address = params.size ? `?${params}` : '';
    if (address === location.search) return; // Enter in a field is both a change and a submission
    history.pushState(null, '', address || location.pathname);
    this.follow();
  }

  clear() {
    this.go(new URLSearchParams());
  }

  /** Show what the address says. */
  follow() {
    if (!this.viewer) return;
    this.params = new URLSearchParams(location.search);
    const after = this.params.get('after') ?? undefined;
    this.params.delete('after');
    this.filter = filterOf(this.params);
    this.frozen = null;
    const isGoing = this.live?.isListed && this.live.connection !== 'none';
    if (isGoing && JSON.stringify(this.live.filter) === JSON.stringify(this.filter)) {
      this.live.list(after);
    } else {
      this.live?.stop();
      this.live = new Live(this.client, this.filter, {
        changed: () => this.changed(),
        refused: (refusal) => this.refuse(refusal),
      });
      this.live.start(after);
    }
    this.changed();
  }

  refuse(refusal) {
    if (refusal.code === 'CURSOR_EXPIRED') {
      this.live.startAgain();
    } else if (refusal.code === 'UNAUTHENTICATED') {
      this.leave();
      this.error = refusal;
    }
    this.changed();
  }

  retry() {
    if (this.viewer) {
      this.live.stop();
      this.live = null;
      this.follow();
    } else {
      this.open();
    }
  }

  toggleMine() {
    this.go(toggled(this.params, 'userId', this.viewer.userId));
  }

  async older() {
    try {
      const params = new URLSearchParams(this.params);
      params.set('after', await this.live.endCursor());
      history.pushState({ isDeeper: true }, '', `?${params}`);
      this.follow();
    } catch (refusal) {
      this.live.fail(refusal);
    }
  }

  newer() {
    if (history.state?.isDeeper) history.back();
    else this.newest();
  }

  newest() {
    this.go(this.params);
  }

  /** Stand still, for reading; changes go on being taken in. */
  togglePause() {
    const { rows, impersonated, counts, timeline } = this.live;
    this.frozen = this.frozen
      ? null
      : { rows: copy(rows), impersonated: copy(impersonated), counts: counts.copy(), timeline: [...timeline] };
    this.changed();
  }

  openDetails(session) {
    this.begin(new Details(this, session));
    this.task.load();
  }

  openEndOne(session) {
    this.begin(new EndOne(this, session));
  }

  openEndMany(filter) {
    this.begin(new EndMany(this, filter, 'End all that match'));
    this.task.load();
  }

  openEndOthers() {
    const filter = { userId: this.viewer.userId, status: ['ACTIVE'] };
    this.begin(new EndMany(this, filter, 'Sign out everywhere else'));
    this.task.load();
  }

  openSignIn() {
    this.begin({ kind: 'sign-in' });
  }

  begin(task) {
    this.task = task;
    this.changed();
  }

  close(notice = '') {
    this.task = null;
    if (notice) this.notice = notice;
    this.changed();
  }

  /** Note that the dialog was left. This is told a moment later: what was begun since stays. */
  closed(dialog) {
    if (!dialog.open && this.task && this.task === this.shownTask) this.close();
  }

  dismiss() {
    this.notice = '';
    if (this.live) this.live.gap = null;
    this.changed();
  }
}

function copy(rows) {
  const { all, hasMore, isNewest } = rows;
  return { all: [...all], hasMore, isNewest };
}
