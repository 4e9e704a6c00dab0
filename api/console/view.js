// The whole page, from the state to what is seen.

import { html, nothing } from 'lit-html';
import { credentialForm, youView } from './account.js';
import { dialogView } from './dialogs.js';
import { filtersView } from './filters.js';
import { sessionsView } from './sessions.js';
import { summaryView } from './summary.js';
import { gapText, timelineView } from './timeline.js';

const CONNECTIONS = { connecting: 'Connecting', live: 'Live', lost: 'Reconnecting', none: 'Not connected' };

export function pageView(app) {
  return html`<header>
      <h1>Sessiongraph <span>console</span></h1>
      ${app.live ? connectionView(app) : nothing}
      ${app.viewer
        ? html`<button aria-haspopup="dialog" @click=${() => app.openSignIn()}>
            ${app.credentialName ?? 'Change credential'}…
          </button>`
        : nothing}
    </header>
    <main>${app.live ? boardView(app) : doorView(app)}</main>
    ${dialogView(app)}`;
}

function connectionView(app) {
  const { connection } = app.live;
  return html`<p class="connection ${connection}">${CONNECTIONS[connection]}</p>
    <button aria-pressed=${Boolean(app.frozen)} @click=${() => app.togglePause()}>
      ${app.frozen ? 'Paused' : 'Pause'}
    </button>`;
}

function boardView(app) {
  return html`${youView(app)} ${messagesView(app)} ${summaryView(app)} ${filtersView(app)}
    <div class="columns">${sessionsView(app)} ${timelineView(app)}</div>`;
}

/** What there is to say: it is read aloud when it changes, and nothing else is. */
function messagesView(app) {
  const { connection, gap } = app.live;
  const isLost = connection === 'lost' && !app.refusal;
  return html`<div class="messages" role="status">
      ${isLost
        ? html`<p class="warning">
            The connection to the server was lost; what is shown may be out of date. It is tried again.
          </p>`
        : nothing}
      ${[gap && !isLost && gapText(gap), app.notice]
        .filter(Boolean)
        .map((text) => html`<p>${text} <button class="link" @click=${() => app.dismiss()}>Dismiss</button></p>`)}
    </div>
    ${errorView(app)}`;
}

function errorView(app) {
  return app.refusal
    ? html`<p class="warning" role="alert">
        ${app.refusal.message} <button @click=${() => app.retry()}>Try again</button>
        ${app.viewer && location.search ? html`<button @click=${() => app.clear()}>Clear the filter</button>` : nothing}
      </p>`
    : nothing;
}

/** What is seen before it is known who is asking. */
function doorView(app) {
  if (app.isAsking) return html`<p class="empty">Signing in…</p>`;
  return html`<section class="card door" aria-labelledby="door-heading">
    <h2 id="door-heading">Sign in</h2>
    ${app.error?.code === 'UNAUTHENTICATED'
      ? html`<p class="warning" role="alert">${app.error.message}</p>`
      : errorView(app)}
    ${credentialForm(app)}
  </section>`;
}
