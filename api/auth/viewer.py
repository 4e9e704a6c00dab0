"""The authenticated caller, and the bounds of what it may see, end and create."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum, auto

from api.auth.keyring import Key
from models.bound import Bound
from models.session import InitiatingEntity


class ViewerKind(StrEnum):
    """A person with an access token, or a program with an API key."""

    USER = auto()
    SERVICE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Who asks. A user has a user id and the session of the token; a service has scopes, and mostly a key.

    `expires_at` is when the credential runs out. `is_impersonated` says that the user is an administrator
    who acts as the user.
    """

    kind: ViewerKind
    user_id: str | None = None
    organization_id: str | None = None
    session_id: str | None = None
    permissions: frozenset[str] = field(default_factory=frozenset)
    scopes: frozenset[str] = field(default_factory=frozenset)
    is_impersonated: bool = False
    expires_at: datetime | None = None
    key: Key | None = None
    readable: Bound
    endable: Bound
    creatable: Bound = field(default_factory=Bound)

    @property
    def ends_as(self) -> InitiatingEntity:
        """Return who an end is put down to when it is not of the user's own session."""
        return InitiatingEntity.SYSTEM if self.kind is ViewerKind.SERVICE else InitiatingEntity.ADMIN

    @property
    def ends_own_as_user(self) -> str | None:
        """Return the user whose own sessions are put down as ended by the user."""
        return None if self.is_impersonated else self.user_id
