// How many sessions there are in each group; moved by each change, and counted anew by the server now and then.

import { matches } from './filter.js';

export class Counts {
  constructor(filter) {
    this.filter = filter;
    this.statuses = new Map();
    this.methods = new Map();
    this.organizations = new Map();
    this.isKnown = false;
  }

  /** Take over what the server has counted. */
  replace({ statuses, methods, organizations }) {
    this.statuses = new Map(statuses.map(({ status, count }) => [status, count]));
    this.methods = new Map(methods.map(({ authMethod, count }) => [authMethod, count]));
    this.organizations = new Map(organizations.map(({ organizationId, count }) => [organizationId, count]));
    this.isKnown = true;
  }

  copy() {
    const copied = new Counts(this.filter);
    const { statuses, methods, organizations, isKnown } = this;
    const maps = [statuses, methods, organizations].map((counts) => new Map(counts));
    [copied.statuses, copied.methods, copied.organizations] = maps;
    copied.isKnown = isKnown;
    return copied;
  }

  /** How many match, of which there can be more than are listed. */
  get total() {
    return [...this.methods.values()].reduce((sum, count) => sum + count, 0);
  }

  move({ session, previousStatus }) {
    if (!this.isKnown) return;
    if (previousStatus) this.add(-1, { ...session, status: previousStatus, endedAt: null });
    this.add(1, session);
  }

  add(difference, session) {
    shift(this.statuses, session.status, difference);
    if (!matches(this.filter, session)) return;
    shift(this.methods, session.authMethod, difference);
    shift(this.organizations, session.organizationId, difference);
  }
}

function shift(counts, key, difference) {
  const count = Math.max(0, (counts.get(key) ?? 0) + difference);
  if (count) counts.set(key, count);
  else counts.delete(key);
}
