// The filter: as the address of the page has it, as the form has it, and as the API takes it.

const RANGES = ['createdAt', 'expiresAt', 'endedAt'];
const TEXTS = ['userId', 'organizationId', 'ipAddress', 'impersonatorEmail'];
const LISTS = ['status', 'authMethod', 'ids'];

export const BOUNDS = RANGES.flatMap((name) => [`${name}.from`, `${name}.to`]);

/** Return the `SessionFilter` that an address means. Unless it names a status, it is about who is signed in. */
export function filterOf(params) {
  const filter = {};
  for (const name of LISTS) {
    const values = params.getAll(name).filter(Boolean);
    if (values.length) filter[name] = values;
  }
  if (!params.has('status')) filter.status = ['ACTIVE'];
  for (const name of TEXTS) {
    if (params.get(name)) filter[name] = params.get(name);
  }
  if (params.get('impersonated')) filter.impersonated = params.get('impersonated') === 'true';
  for (const name of RANGES) {
    const [from, to] = [params.get(`${name}.from`), params.get(`${name}.to`)];
    if (from || to) filter[name] = { ...(from && { from }), ...(to && { to }) };
  }
  return filter;
}

/** Return the address of what a form has filled in. */
export function paramsOf(form) {
  const given = new FormData(form);
  const params = new URLSearchParams();
  const statuses = given.getAll('status');
  if (statuses.length !== 1 || statuses[0] !== 'ACTIVE') {
    for (const status of statuses.length ? statuses : ['']) params.append('status', status);
  }
  for (const method of given.getAll('authMethod')) params.append('authMethod', method);
  for (const id of given.get('ids').split(/[\s,]+/).filter(Boolean)) params.append('ids', id);
  for (const name of [...TEXTS, 'impersonated']) {
    const text = given.get(name).trim();
    if (text) params.set(name, text);
  }
  for (const name of BOUNDS) {
    const local = new Date(given.get(name));
    if (!Number.isNaN(local.getTime())) params.set(name, local.toISOString());
  }
  return params;
}

/** Return an instant as the fields of a form have it: local, and to the minute unless it is finer. */
export function localInstant(text) {
  const instant = new Date(text ?? NaN);
  if (Number.isNaN(instant.getTime())) return '';
  const local = new Date(instant.getTime() - instant.getTimezoneOffset() * 60_000).toISOString();
  return local.slice(0, instant.getTime() % 60_000 ? 23 : 16);
}

/** Return an address with one condition more, or without it where it was there. */
export function toggled(params, name, value) {
  const next = new URLSearchParams(params);
  const had = next.getAll(name).includes(value);
  next.delete(name);
  if (!had) next.set(name, value);
  return next;
}

/**
 * Return the filter without what ending a session changes. A stream is filtered by what a session is after a
 * change: only so does it tell of those that are no longer among the active ones.
 */
export function ofAnyStatus({ status, endedAt, ...filter }) {
  return filter;
}

/** Tell whether a session matches, given that it matches all that `ofAnyStatus` leaves. */
export function matches({ status, endedAt, impersonated }, session) {
  if (status && !status.includes(session.status)) return false;
  if (impersonated !== undefined && impersonated !== Boolean(session.impersonator)) return false;
  if (!endedAt) return true;
  const at = Date.parse(session.endedAt ?? '');
  return at >= Date.parse(endedAt.from ?? '0001-01-01') && at < Date.parse(endedAt.to ?? '9999-12-31');
}
