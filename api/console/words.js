// How things are said: times, devices, ids and the words of the schema.

import { html } from 'lit-html';

const METHODS = { SSO: 'Single sign-on', OAUTH: 'OAuth', CROSS_APP_AUTH: 'Cross-app', UNKNOWN: 'Unknown' };
const ENDED_BY = { ADMIN: 'by an administrator', USER: 'by the user', POLICY: 'by a rule', SYSTEM: 'by a program' };
const UNITS = [
  ['year', 31_557_600_000],
  ['month', 2_629_800_000],
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
];

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const exact = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'long' });
const clock = new Intl.DateTimeFormat('en', { timeStyle: 'medium', hourCycle: 'h23' });
const numbers = new Intl.NumberFormat('en');

export const number = (value) => numbers.format(value);
export const sessions = (count) => `${number(count)} ${count === 1 ? 'session' : 'sessions'}`;
export const clockTime = (date) => clock.format(date);

/** Return `MAGIC_CODE` as "Magic code". */
export function word(value) {
  const text = value.toLowerCase().replaceAll('_', ' ');
  return text[0].toUpperCase() + text.slice(1);
}

export const methodName = (method) => METHODS[method] ?? word(method);
export const enderName = (endedBy) => ENDED_BY[endedBy] ?? '';

function relativeText(date) {
  const away = date - Date.now();
  for (const [unit, size] of UNITS) {
    if (Math.abs(away) >= size) return relative.format(Math.trunc(away / size), unit);
  }
  return away > 0 ? 'in less than a minute' : 'just now';
}

/** Show an instant as people say it, with the exact one at hand. */
export function ago(text) {
  const date = new Date(text);
  return html`<time datetime=${text} title=${exact.format(date)}>${relativeText(date)}</time>`;
}

/** Show an instant exactly. */
export function at(text) {
  return html`<time datetime=${text}>${exact.format(new Date(text))}</time>`;
}

/** Show the time of the day, which is what tells recent changes apart. */
export function clockOf(text) {
  const date = new Date(text);
  return html`<time datetime=${text} title=${exact.format(date)}>${clockTime(date)}</time>`;
}

/** Return "org_…9MATX7BYAG" for a long id: its end is what tells ids apart. */
export function short(id) {
  const [, prefix, rest] = /^([a-z]+_)?(.*)$/s.exec(id);
  return rest.length > 12 ? `${prefix ?? ''}…${rest.slice(-8)}` : id;
}

export const idOf = (id) => html`<span class="id" title=${id}>${short(id)}</span>`;

/** Return "Chrome 138 on macOS". */
export function deviceName({ device, userAgent }) {
  if (!device) return userAgent || 'Unknown device';
  const browser = [device.browser, device.browserVersion?.split('.')[0]].filter(Boolean).join(' ');
  const name = [browser, device.os].filter(Boolean).join(' on ') || userAgent;
  return device.isBot ? `Robot: ${name}` : name;
}

export const deviceOf = (session) =>
  html`<span class="device" title=${session.userAgent ?? ''}>${deviceName(session)}</span>`;

/** Show an address, which may be broken where it has a colon. */
export const addressOf = ({ ipAddress }) =>
  ipAddress ? ipAddress.split(':').map((part, index) => html`${index ? html`:<wbr />` : ''}${part}`) : 'Unknown';

export const badge = (status) => html`<span class="badge ${status.toLowerCase()}">${word(status)}</span>`;
