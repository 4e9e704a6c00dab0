// At a glance: how many there are, by status, method and organization, and in which somebody else acts.

import { html, nothing } from 'lit-html';
import { live } from 'lit-html/directives/live.js';
import { repeat } from 'lit-html/directives/repeat.js';
import { paramsOf, toggled } from './filter.js';
import { ago, idOf, methodName, number, word } from './words.js';

const STATUSES = ['ACTIVE', 'EXPIRED', 'REVOKED'];
const LONGEST = 6;

export function summaryView(app) {
  const { counts } = app.shown;
  return html`<section class="summary" aria-label="At a glance">
    <fieldset class="figures" @change=${({ target }) => app.go(paramsOf(target.form))}>
      <legend>Status</legend>
      ${STATUSES.map((status) => figure(app, status))}
    </fieldset>
    ${breakdown(app, 'By method', 'authMethod', counts.methods, methodName)}
    ${breakdown(app, 'By organization', 'organizationId', counts.organizations, idOf)}
    ${impersonatedView(app)}
  </section>`;
}

/** How many have a status, and whether they are listed: a field of the form of the filter, though outside. */
function figure({ shown: { counts }, filter }, status) {
  return html`<label class="figure ${status.toLowerCase()}">
    <span class="value">${counts.isKnown ? number(counts.statuses.get(status) ?? 0) : '–'}</span>
    <span class="name">
      <input
        type="checkbox"
        form="filter"
        name="status"
        value=${status}
        .checked=${live(Boolean(filter.status?.includes(status)))}
      />
      ${word(status)}
    </span>
  </label>`;
}

function breakdown(app, title, name, groups, say) {
  const sorted = [...groups].sort(bySize);
  const rest = sorted.slice(LONGEST).reduce((sum, [, count]) => sum + count, 0);
  const largest = sorted[0]?.[1] ?? 1;
  return html`<section class="card breakdown" aria-label=${title}>
    <h2>${title}</h2>
    <ul>
      ${repeat(
        sorted.slice(0, LONGEST),
        ([key]) => key,
        ([key, count]) => html`<li>
          ${key === null ? html`<span>None</span>` : toggle(app, name, key, say(key))}
          <span class="count">${number(count)}</span>
          <span class="bar" .style=${`width: ${(100 * count) / largest}%`}></span>
        </li>`,
      )}
      ${rest ? html`<li class="rest"><span>${sorted.length - LONGEST} others</span><span class="count">${number(rest)}</span></li>` : nothing}
    </ul>
    ${sorted.length ? nothing : html`<p class="quiet">${app.shown.counts.isKnown ? 'None' : '–'}</p>`}
  </section>`;
}

/** Largest first; those of one size are in the order of their names, so that they stay where they are. */
function bySize([name, count], [otherName, otherCount]) {
  return otherCount - count || (String(name) < String(otherName) ? -1 : 1);
}

function toggle(app, name, key, label) {
  const isOn = app.params.getAll(name).includes(key);
  return html`<button
    class="link"
    aria-pressed=${isOn}
    title=${key}
    @click=${() => app.go(toggled(app.params, name, key))}
  >${label}</button>`;
}

function impersonatedView(app) {
  const { all, hasMore } = app.shown.impersonated;
  if (!app.live.isListed) return nothing;
  return html`<section class="card impersonated ${all.length ? 'some' : ''}" aria-label="Impersonated now">
    <h2>Impersonated now <span class="count">${all.length}${hasMore ? '+' : ''}</span></h2>
    ${all.length ? nothing : html`<p class="quiet">No administrator is acting as a user.</p>`}
    <ul>
      ${repeat(
        all,
        ({ id }) => id,
        (session) => html`<li>
          <button class="link" @click=${() => app.openDetails(session)}>${session.impersonator.email}</button>
          as ${idOf(session.userId)}, ${ago(session.createdAt)}
          ${session.impersonator.reason ? html`<q>${session.impersonator.reason}</q>` : nothing}
        </li>`,
      )}
    </ul>
  </section>`;
}
