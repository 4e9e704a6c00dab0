// The dialogs: each asks for one thing, and is left with Escape.

import { html, nothing } from 'lit-html';
import { credentialForm } from './account.js';
import { fate } from './sessions.js';
import { deed } from './timeline.js';
import { at, badge, deviceName, methodName, number, sessions, short } from './words.js';

const VIEWS = {
  'sign-in': signInView,
  'end-one': endOneView,
  'end-many': endManyView,
  details: detailsView,
};

export function dialogView(app) {
  return html`<dialog aria-labelledby="dialog-heading" @close=${({ currentTarget }) => app.closed(currentTarget)}>
    ${app.task ? VIEWS[app.task.kind](app, app.task) : nothing}
  </dialog>`;
}

function signInView(app) {
  return html`<h2 id="dialog-heading">Who is asking?</h2>
    ${credentialForm(app)}
    <div class="choices">
      <button @click=${() => app.signOut()}>Sign out</button>
      <button @click=${() => app.close()}>Cancel</button>
    </div>`;
}

function endOneView(app, task) {
  const { session } = task;
  return html`<h2 id="dialog-heading">End this session?</h2>
    <dl>
      <dt>User</dt>
      <dd>${session.userId}</dd>
      <dt>Signed in</dt>
      <dd>${at(session.createdAt)}</dd>
      <dt>Device</dt>
      <dd>${deviceName(session)}</dd>
    </dl>
    ${session.isCurrent
      ? html`<p class="warning">This is the session that you are using: you will be signed out.</p>`
      : nothing}
    ${confirmation(app, task, 'End session')}`;
}

function endManyView(app, task) {
  const { count } = task;
  const isAsking = count === null && !task.refusal;
  return html`<h2 id="dialog-heading">${task.title}</h2>
    <p class="preview" role="status">
      ${isAsking ? 'Counting…' : nothing}
      ${count === 0 ? 'There is no session to end.' : nothing}
      ${count ? html`<strong>${sessions(count)}</strong> will be ended.` : nothing}
      ${task.sparesCurrent ? 'The session that you are using stays.' : nothing}
    </p>
    <dl>
      ${Object.entries(task.filter).map(
        ([name, value]) => html`<dt>${name}</dt><dd>${said(value)}</dd>`,
      )}
    </dl>
    ${task.isBusy
      ? html`<p><progress max=${count} value=${task.endedCount}></progress> ${number(task.endedCount)} ended</p>`
      : nothing}
    ${confirmation(app, task, count ? `End ${sessions(count)}` : 'End', !count)}`;
}

/** Say a condition of a filter. */
function said(value) {
  if (Array.isArray(value)) return value.join(', ');
  if (typeof value !== 'object') return String(value);
  return Object.entries(value).map(([bound, instant]) => html`${bound} ${at(instant)} `);
}

function confirmation(app, task, label, isDisabled = false) {
  return html`<form
    method="dialog"
    @submit=${(event) => {
      event.preventDefault();
      task.confirm(new FormData(event.currentTarget).get('reason').trim());
    }}
  >
    <label>
      Reason <span class="quiet">(optional; it is kept with the session)</span>
      <input name="reason" maxlength="500" autocomplete="off" ?disabled=${isDisabled || task.isBusy} />
    </label>
    ${refusalView(task.refusal)}
    <div class="choices">
      <button type="button" autofocus @click=${() => app.close()}>Cancel</button>
      <button class="danger solid" ?disabled=${isDisabled || task.isBusy}>${label}</button>
    </div>
  </form>`;
}

function refusalView(refusal) {
  return refusal ? html`<p class="warning" role="alert">${refusal.message}</p>` : nothing;
}

function detailsView(app, task) {
  const { session } = task;
  const facts = [
    ['User', session.userId],
    ['Organization', session.organizationId ?? 'None'],
    ['Session', session.id],
    ['Method', methodName(session.authMethod)],
    ['Device', html`${deviceName(session)}<span class="under">${session.userAgent ?? ''}</span>`],
    ['IP address', session.ipAddress ?? 'Unknown'],
    ['Signed in', at(session.createdAt)],
    ['Expires', at(session.expiresAt)],
    session.endedAt && ['Ended', at(session.endedAt)],
    session.endReason && ['Reason', session.endReason],
    session.impersonator && ['Impersonated by', session.impersonator.email],
    session.impersonator?.reason && ['Because', session.impersonator.reason],
  ].filter(Boolean);
  return html`<h2 id="dialog-heading" tabindex="-1" autofocus>Session of ${short(session.userId)}</h2>
    <p>${badge(session.status)} ${fate(session)} ${session.isCurrent ? html`<span class="tag">This session</span>` : nothing}</p>
    <dl>
      ${facts.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}
    </dl>
    <h3>History</h3>
    ${refusalView(task.refusal)} ${historyView(task)}
    <div class="choices">
      <button @click=${() => app.close()}>Close</button>
      ${app.rights.canEnd(session)
        ? html`<button class="danger" @click=${() => app.openEndOne(session)}>End…</button>`
        : nothing}
    </div>`;
}

function historyView(task) {
  if (!task.history) return task.refusal ? nothing : html`<p class="quiet">Reading…</p>`;
  const changes = [...task.history, ...task.later];
  if (!changes.length) return html`<p class="quiet">The log holds nothing of it any more.</p>`;
  return html`<ol class="history">
    ${changes.map(
      (change) => html`<li class=${change.status.toLowerCase()}>
        <span class="deed">${deed(change)}</span>
        ${at(change.occurredAt)} ${change.reason ? html`<span class="under">${change.reason}</span>` : nothing}
      </li>`,
    )}
  </ol>`;
}
