// A page of sessions that stays true as they change; newest first, as the API lists them.

import { matches } from './filter.js';

export class Rows {
  constructor(filter, limit) {
    this.filter = filter;
    this.limit = limit;
    this.all = [];
    this.hasMore = false;
    this.isNewest = true;
    this.meanwhile = null;
  }

  /** Read a page anew. What changes until it is here is newer than the page. */
  async read(page, isNewest) {
    const meanwhile = (this.meanwhile = new Map());
    try {
      const { nodes, pageInfo } = await page;
      if (this.meanwhile !== meanwhile) return;
      this.all = nodes;
      this.hasMore = pageInfo.hasNextPage;
      this.isNewest = isNewest;
      for (const session of meanwhile.values()) this.put(session);
    } finally {
      if (this.meanwhile === meanwhile) this.meanwhile = null;
    }
  }

  /** Take in what a session is now. */
  put(session) {
    this.meanwhile?.set(session.id, session);
    const index = this.all.findIndex(({ id }) => id === session.id);
    const known = this.all[index];
    if (known && Date.parse(known.updatedAt) > Date.parse(session.updatedAt)) return;
    if (known) this.all.splice(index, 1);
    if (!matches(this.filter, session)) return;
    const place = this.all.findIndex((other) => isNewer(session, other));
    if (known) this.all.splice(index, 0, session);
    else if (this.isNewest && place >= 0) this.all.splice(place, 0, session);
    else if (this.isNewest && !this.hasMore) this.all.push(session);
    if (this.all.length > this.limit) {
      this.all.length = this.limit;
      this.hasMore = true;
    }
  }
}

function isNewer(one, other) {
  const later = Date.parse(one.createdAt) - Date.parse(other.createdAt);
  return later > 0 || (later === 0 && one.id > other.id);
}
