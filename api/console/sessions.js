// The list: who is signed in, where and with what, a page at a time.

import { html, nothing } from 'lit-html';
import { repeat } from 'lit-html/directives/repeat.js';
import { addressOf, ago, badge, deviceOf, enderName, idOf, methodName, sessions, short } from './words.js';

const COLUMNS = ['Who', 'Signed in', 'Device', 'Where', 'Status'];

export function sessionsView(app) {
  const { rows, counts } = app.shown;
  return html`<section class="card sessions" aria-labelledby="sessions-heading">
    <div class="bar-of-list">
      <h2 id="sessions-heading" tabindex="-1">Sessions</h2>
      <p class="total">${counts.isKnown ? sessions(counts.total) : nothing}</p>
      ${endManyButton(app)}
    </div>
    ${rows.all.length ? table(app, rows.all) : empty(app)} ${pager(app, rows)}
  </section>`;
}

function endManyButton(app) {
  const filter = app.rights.endable(app.filter);
  if (!filter || !app.shown.rows.all.length) return nothing;
  const isLess = app.rights.seesOthers && filter.userId !== app.filter.userId;
  return html`<button class="danger" @click=${() => app.openEndMany(filter)}>
    ${isLess ? 'End mine that match…' : 'End all that match…'}
  </button>`;
}

// The roles are said, because as cards on a phone it would be no table otherwise.
function table(app, all) {
  return html`<table role="table" aria-labelledby="sessions-heading">
    <thead role="rowgroup">
      <tr role="row">
        ${COLUMNS.map((name) => html`<th role="columnheader" scope="col">${name}</th>`)}
        <th role="columnheader" scope="col"><span class="hidden">Actions</span></th>
      </tr>
    </thead>
    <tbody role="rowgroup">
      ${repeat(
        all,
        ({ id }) => id,
        (session) => row(app, session),
      )}
    </tbody>
  </table>`;
}

function row(app, session) {
  const { impersonator } = session;
  return html`<tr
    role="row"
    class="${session.isCurrent ? 'current' : ''} ${impersonator ? 'set-apart' : ''}"
    data-id=${session.id}
  >
    <td role="cell" class="who">
      <button class="link" title=${session.userId} @click=${() => app.openDetails(session)}>
        <span class="hidden">Session of </span>${short(session.userId)}
      </button>
      ${session.isCurrent ? html`<span class="tag">This session</span>` : nothing}
      <span class="under">
        ${session.organizationId ? html`in ${idOf(session.organizationId)}` : 'in no organization'}
      </span>
      ${impersonator
        ? html`<span class="under acting">Impersonated by ${impersonator.email}</span>`
        : nothing}
    </td>
    <td role="cell">${ago(session.createdAt)}<span class="under">${methodName(session.authMethod)}</span></td>
    <td role="cell">${deviceOf(session)}</td>
    <td role="cell" class="address">${addressOf(session)}</td>
    <td role="cell">${badge(session.status)}<span class="under">${fate(session)}</span></td>
    <td role="cell" class="action">
      ${app.rights.canEnd(session)
        ? html`<button
            aria-label="End the session of ${short(session.userId)}"
            @click=${() => app.openEndOne(session)}
          >
            End…
          </button>`
        : nothing}
    </td>
  </tr>`;
}

/** When it runs out, or when it ended and by whom. */
export function fate(session) {
  if (session.status === 'ACTIVE') return html`expires ${ago(session.expiresAt)}`;
  return html`${session.endedAt ? ago(session.endedAt) : nothing} ${enderName(session.endedBy)}`;
}

function empty(app) {
  if (!app.live.isListed) return html`<p class="empty">${app.refusal ? 'Nothing could be listed.' : 'Listing…'}</p>`;
  return html`<p class="empty">
    No session matches.
    ${app.params.size
      ? html`<button class="link" @click=${() => app.clear()}>Clear the filter</button>`
      : nothing}
  </p>`;
}

function pager(app, rows) {
  if (rows.isNewest && !rows.hasMore) return nothing;
  return html`<nav class="pager" aria-label="Pages">
    <button ?disabled=${rows.isNewest} @click=${() => app.newest()}>Newest</button>
    <button ?disabled=${rows.isNewest} @click=${() => app.newer()}>Newer</button>
    <button ?disabled=${!rows.hasMore || !rows.all.length} @click=${() => app.older()}>Older</button>
  </nav>`;
}
