// What the viewer may do, so that what would be refused is not offered. The server decides all the same.

export class Rights {
  /** The permissions are named by the settings of the server. */
  constructor(viewer, { readPermission, endPermission }) {
    const has = (permission) => Boolean(viewer.organizationId) && viewer.permissions.includes(permission);
    this.viewer = viewer;
    this.isService = viewer.kind === 'SERVICE';
    this.seesOthers = this.isService || has(readPermission);
    this.endsAll = this.isService && viewer.scopes.includes('sessions:write');
    this.endsOfOrganization = has(endPermission);
  }

  canEnd(session) {
    if (session.status !== 'ACTIVE') return false;
    if (this.isService) return this.endsAll;
    if (session.userId === this.viewer.userId) return true;
    return this.endsOfOrganization && session.organizationId === this.viewer.organizationId;
  }

  /** Return a filter of the sessions among those of `filter` that can be ended; null when there are none. */
  endable(filter) {
    if (filter.status && !filter.status.includes('ACTIVE')) return null;
    const active = { ...filter, status: ['ACTIVE'] };
    if (this.isService) return this.endsAll ? active : null;
    if (this.endsOfOrganization && this.seesOthers) return active;
    const { userId } = this.viewer;
    return (filter.userId ?? userId) === userId ? { ...active, userId } : null;
  }
}
