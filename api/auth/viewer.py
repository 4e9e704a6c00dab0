"""The authenticated caller, and the bounds of what it may see, end and create."""

from dataclasses import dataclass, field
from enum import StrEnum, auto

from models.filter import Bound
from models.session import InitiatingEntity


class ViewerKind(StrEnum):
    """A person with an access token, or a program with an API key."""

    USER = auto()
    SERVICE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Who asks. A user has a user id and the session of the token; a service has scopes."""

    kind: ViewerKind
    user_id: str | None = None
    organization_id: str | None = None
    session_id: str | None = None
    permissions: frozenset[str] = field(default_factory=frozenset)
    scopes: frozenset[str] = field(default_factory=frozenset)
    readable: Bound
    endable: Bound
    may_create: bool = False

    @property
    def ends_as(self) -> InitiatingEntity:
        """Return who an end is put down to when it is not the user's own session."""
        return InitiatingEntity.SYSTEM if self.kind is ViewerKind.SERVICE else InitiatingEntity.ADMIN


def unrestricted_viewer() -> Viewer:
    """Return the viewer of a server that nobody but this machine can reach: it may do everything."""
    everything = Bound(everything=True)
    return Viewer(
        kind=ViewerKind.SERVICE,
        scopes=frozenset({"sessions:read", "sessions:write", "sessions:create"}),
        readable=everything,
        endable=everything,
        may_create=True,
    )
