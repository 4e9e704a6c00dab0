// The form of the filter: each of its fields is one of the API's `SessionFilter`.

import { html, nothing } from 'lit-html';
import { live } from 'lit-html/directives/live.js';
import { BOUNDS, localInstant, paramsOf } from './filter.js';
import { methodName } from './words.js';

const METHODS = [
  'CROSS_APP_AUTH',
  'EXTERNAL_AUTH',
  'IMPERSONATION',
  'MAGIC_CODE',
  'MIGRATED_SESSION',
  'OAUTH',
  'PASSKEY',
  'PASSWORD',
  'SSO',
  'UNKNOWN',
];
const BOUND_NAMES = {
  'createdAt.from': 'Signed in from',
  'createdAt.to': 'Signed in before',
  'expiresAt.from': 'Expires from',
  'expiresAt.to': 'Expires before',
  'endedAt.from': 'Ended from',
  'endedAt.to': 'Ended before',
};
const IMPERSONATED = { '': 'All', true: 'Only impersonated', false: 'Not impersonated' };
/** Those behind "More". */
const RARER = ['impersonated', 'impersonatorEmail', 'ids', ...BOUNDS];

export function filtersView(app) {
  const { params, viewer } = app;
  const chosen = params.getAll('authMethod');
  const rarer = RARER.filter((name) => params.get(name)).length;
  const mine = params.get('userId') === viewer.userId;
  return html`<form
    id="filter"
    class="filters"
    role="search"
    aria-label="Filter"
    @change=${(event) => app.go(paramsOf(event.currentTarget))}
    @submit=${(event) => {
      event.preventDefault();
      app.go(paramsOf(event.currentTarget));
    }}
  >
    ${field(params, 'userId', 'User')} ${field(params, 'organizationId', 'Organization')}
    ${field(params, 'ipAddress', 'IP address')}
    <details class="menu" name="menu">
      <summary>Method${chosen.length ? html` <span class="count">${chosen.length}</span>` : nothing}</summary>
      <fieldset>
        <legend class="hidden">Method</legend>
        ${METHODS.map(
          (method) => html`<label class="check">
            <input
              type="checkbox"
              name="authMethod"
              value=${method}
              .checked=${live(chosen.includes(method))}
            />${methodName(method)}
          </label>`,
        )}
      </fieldset>
    </details>
    <details class="menu more" name="menu">
      <summary>More${rarer ? html` <span class="count">${rarer}</span>` : nothing}</summary>
      <div class="panel">
        <label>
          Impersonation
          <select name="impersonated">
            ${Object.entries(IMPERSONATED).map(
              ([value, name]) =>
                html`<option value=${value} .selected=${value === (params.get('impersonated') ?? '')}>
                  ${name}
                </option>`,
            )}
          </select>
        </label>
        ${field(params, 'impersonatorEmail', 'Administrator’s email')}
        <label class="wide">
          Session ids
          <input name="ids" autocomplete="off" spellcheck="false" .value=${live(params.getAll('ids').join(' '))} />
        </label>
        ${BOUNDS.map(
          (name) => html`<label>
            ${BOUND_NAMES[name]}
            <input type="datetime-local" step="any" name=${name} .value=${live(localInstant(params.get(name)))} />
          </label>`,
        )}
      </div>
    </details>
    ${viewer.userId && app.rights.seesOthers
      ? html`<button type="button" aria-pressed=${mine} @click=${() => app.toggleMine()}>Only mine</button>`
      : nothing}
    ${params.size
      ? html`<button type="button" class="link" @click=${() => app.clear()}>Clear</button>`
      : nothing}
  </form>`;
}

function field(params, name, label) {
  return html`<label>
    ${label}
    <input name=${name} autocomplete="off" spellcheck="false" .value=${live(params.get(name) ?? '')} />
  </label>`;
}
