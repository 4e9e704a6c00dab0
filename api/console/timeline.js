// What has changed since the page was opened, newest first.

import { html, nothing } from 'lit-html';
import { repeat } from 'lit-html/directives/repeat.js';
import { clockOf, clockTime, enderName, methodName, short, word } from './words.js';

export function timelineView(app) {
  const { timeline } = app.shown;
  return html`<section class="card timeline" aria-labelledby="timeline-heading">
    <h2 id="timeline-heading">Recent changes</h2>
    ${timeline.length ? nothing : html`<p class="quiet">Changes appear here as they happen.</p>`}
    <ol>
      ${repeat(
        timeline,
        ({ cursor }) => cursor,
        (entry) => (entry.outcome ? gap(entry) : item(app, entry)),
      )}
    </ol>
  </section>`;
}

/** Say in words what happened. */
export function deed({ previousStatus, status, endedBy }) {
  if (!previousStatus) return status === 'ACTIVE' ? 'Signed in' : `Learned of, ${word(status).toLowerCase()}`;
  return status === 'EXPIRED' ? 'Expired' : `Ended ${enderName(endedBy)}`.trim();
}

function item(app, change) {
  const { session } = change;
  return html`<li class=${change.status.toLowerCase()}>
    ${clockOf(change.occurredAt)}
    <span class="deed">${deed(change)}</span>
    <button class="link" title=${session.userId} @click=${() => app.openDetails(session)}>
      ${short(session.userId)}
    </button>
    <span class="under">
      ${change.reason ?? (change.previousStatus ? nothing : methodName(session.authMethod))}
      ${session.impersonator ? html`<span class="acting">${session.impersonator.email}</span>` : nothing}
    </span>
  </li>`;
}

/** Say that the connection was lost and when it was back. */
export function gapText({ outcome, from, to }) {
  const lost = `Connection lost at ${clockTime(from)}, back at ${clockTime(to)}.`;
  return outcome === 'resumed'
    ? `${lost} Nothing was missed.`
    : `${lost} The log no longer reaches back so far: listed again, changes between are not shown here.`;
}

function gap(entry) {
  return html`<li class="gap">${gapText(entry)}</li>`;
}
