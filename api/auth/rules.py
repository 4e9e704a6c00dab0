"""Who may see, end and create what: all the rules there are.

A rule is a bound, which becomes part of the WHERE clause of every statement; so it holds for every way in.
What is outside of the bound does not exist for the viewer: an id that it may not see is an unknown id.

| who | sees | ends | creates |
|---|---|---|---|
| a user | own sessions | own sessions | nothing |
| … with the permission to read | and those of the token's organization | | |
| … with the permission to end | | and those of the token's organization | |
| a service | by scope `sessions:read` | by scope `sessions:write` | by scope `sessions:create` |
| … whose key has an organization | only those of the organization, for each of its scopes | | |
"""

from functools import cache, lru_cache

from api.auth.keyring import Key
from api.auth.tokens import AccessToken
from api.auth.viewer import Viewer, ViewerKind
from api.settings import Settings
from models.bound import Bound
from models.key import Scope

NOTHING = Bound()
KEYS_LIMIT = 1000
"""Of how many keys the viewers are kept."""


def viewer_of_user(token: AccessToken, settings: Settings) -> Viewer:
    def own_and(permission: str) -> Bound:
        organization_id = token.organization_id if permission in token.permissions else None
        return Bound(user_id=token.user_id, organization_id=organization_id)

    return Viewer(
        kind=ViewerKind.USER,
        user_id=token.user_id,
        organization_id=token.organization_id,
        session_id=token.session_id,
        permissions=frozenset(token.permissions),
        is_impersonated=token.impersonator_email is not None,
        expires_at=token.expires_at,
        readable=own_and(settings.read_permission),
        endable=own_and(settings.end_permission),
    )


@lru_cache(KEYS_LIMIT)
def viewer_of_service(key: Key) -> Viewer:
    organization_id = key.organization_id
    reach = Bound(everything=True) if organization_id is None else Bound(organization_id=organization_id)

    def within(scope: Scope) -> Bound:
        return reach if scope in key.scopes else NOTHING

    return Viewer(
        kind=ViewerKind.SERVICE,
        organization_id=organization_id,
        scopes=frozenset(key.scopes),
        expires_at=key.expires_at,
        key=key,
        readable=within(Scope.READ),
        endable=within(Scope.WRITE),
        creatable=within(Scope.CREATE),
    )


@cache
def viewer_of_open_server() -> Viewer:
    """Return the viewer of a server without authentication, which only its own machine can reach."""
    everything = Bound(everything=True)
    return Viewer(
        kind=ViewerKind.SERVICE,
        scopes=frozenset(Scope),
        readable=everything,
        endable=everything,
        creatable=everything,
    )
