// Who is asking, and how that is said.

import { html, nothing } from 'lit-html';
import { ago, deviceOf, idOf, methodName } from './words.js';

/** Ask for a credential; those that the page was given are a button each. */
export function credentialForm(app) {
  const names = Object.keys(app.credentials);
  return html`${names.length
      ? html`<p>This is a demo. Look at it as</p>
          <div class="demo">
            ${names.map(
              (name) => html`<button
                aria-pressed=${name === app.credentialName}
                @click=${() => app.signIn(app.credentials[name])}
              >
                ${name}
              </button>`,
            )}
          </div>`
      : nothing}
    <form
      class="credential"
      @submit=${(event) => {
        event.preventDefault();
        app.signIn(new FormData(event.currentTarget).get('credential').trim());
      }}
    >
      <label>
        Access token or API key
        <input name="credential" type="password" autocomplete="off" required />
      </label>
      <p class="quiet">It is kept in this tab only, until it is closed, and sent to this server only.</p>
      <button class="primary">Sign in</button>
    </form>`;
}

/** Say who is asking, and offer what is about them. */
export function youView(app) {
  const { viewer, credential } = app;
  return html`<section class="you" aria-label="You">
    <p>${viewer.kind === 'USER' ? user(viewer, app.rights) : service(viewer, credential)}</p>
    ${viewer.kind === 'USER'
      ? html`<button @click=${() => app.openEndOthers()}>Sign out everywhere else…</button>`
      : nothing}
  </section>`;
}

function user({ userId, organizationId, session }, rights) {
  return html`You are <strong>${idOf(userId)}</strong>${organizationId ? html` of ${idOf(organizationId)}` : nothing}${
      session
        ? html`, signed in ${ago(session.createdAt)} with ${deviceOf(session)}, ${methodName(session.authMethod)}`
        : nothing
    }. You see ${rights.seesOthers ? 'your organization’s sessions' : 'your own sessions'} and may end
    ${rights.endsOfOrganization === rights.seesOthers ? 'them' : rights.seesOthers ? 'your own' : 'your organization’s'}.`;
}

function service({ organizationId, scopes }, credential) {
  if (!credential) return html`This server asks nobody who they are: everybody on this machine may do everything.`;
  return html`You are a service ${organizationId ? html`of ${idOf(organizationId)}` : 'of all organizations'} with
    <strong>${scopes.join(', ')}</strong>.`;
}
