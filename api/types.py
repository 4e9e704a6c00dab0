"""The object types of the schema, as on the wire; how they are found is in the roots."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Self

import strawberry
from strawberry import ID, Private

from api.columns import reads_row
from api.context import Context, Info
from api.cursor import encode_position
from api.device import Device, device_of
from api.enums import AuthMethod, InitiatingEntity, SessionStatus
from api.execution.shared import Shared
from api.scalars import Cursor
from models.database import Record
from models.instant import StoredInstant, to_microseconds
from models.log import Position
from models.queries import Row
from models.session import SNAPSHOT, Status

COLUMNS = ("id", *SNAPSHOT)
"""What the row of a session begins with."""

_STATUS, _EMAIL, _REASON, _EXPIRES_AT, _ENDED_AT, _ENDED_BY, _UPDATED_AT = (
    COLUMNS.index(name)
    for name in (
        "status",
        "impersonator_email",
        "impersonator_reason",
        "expires_at",
        "ended_at",
        "ended_by",
        "updated_at",
    )
)

_ACTIVE = Status.ACTIVE.value


class _Methods(dict[Any, AuthMethod]):
    """The methods by their words; a word from the future is unknown."""

    def __missing__(self, word: object) -> AuthMethod:
        return AuthMethod.UNKNOWN


MEANINGS: Mapping[str, Mapping[Any, Any]] = {
    "status": {one.value: one for one in SessionStatus},
    "auth_method": _Methods({one.value: one for one in AuthMethod}),
    "ended_by": {None: None, **{one.value: one for one in InitiatingEntity}},
}
"""What the words stand for that are stored."""


@strawberry.interface(description="Whatever can be fetched again by its id.")
class Node:
    """See the description."""

    id: ID = strawberry.field(description="The id, unique across all types.")


@strawberry.type(description="The administrator who acts as the user of a session.")
class Impersonator:
    """See the description."""

    email: str = strawberry.field(description="The email address of the administrator.")
    reason: str | None = strawberry.field(description="Why, in the administrator's words.")


def _impersonator(self: "Session") -> Impersonator | None:
    email = self.row[_EMAIL]
    return None if email is None else Impersonator(email=email, reason=self.row[_REASON])


def _is_current(self: "Session") -> bool:
    return bool(self.row[0] == self.own_id)


@reads_row(COLUMNS, MEANINGS)
@strawberry.type(
    description="What a sign-in creates: whose it is, in which organization, how and from which device they "
    "signed in, and whether it is in force. The fields are those of the WorkOS AuthKit session, "
    "and a few more."
)
class Session(Node):
    """See the description."""

    row: Private[Row]
    own_id: Private[str | None]
    object: str = strawberry.field(default="session", description='Always "session".')
    user_id: ID = strawberry.field(description="Whose session it is.")
    organization_id: ID | None = strawberry.field(
        description="The organization that was signed in to; null when it was none."
    )
    status: SessionStatus = strawberry.field(
        description="Whether it is in force. Never ACTIVE after `expiresAt`."
    )
    auth_method: AuthMethod = strawberry.field(description="How the user signed in.")
    ip_address: str | None = strawberry.field(description="The address that the sign-in came from.")
    user_agent: str | None = strawberry.field(description="The User-Agent header of the sign-in, as sent.")
    impersonator: Impersonator | None = strawberry.field(
        resolver=_impersonator,
        description="The administrator who acts as the user; null when it is the user.",
    )
    expires_at: StoredInstant = strawberry.field(description="When it runs out unless it is ended before.")
    ended_at: StoredInstant | None = strawberry.field(description="When it ended; null while active.")
    created_at: StoredInstant = strawberry.field(description="When the user signed in.")
    updated_at: StoredInstant = strawberry.field(description="When anything of it last changed.")
    ended_by: InitiatingEntity | None = strawberry.field(
        description="Who ended it. Null while active, and where whoever reported the end did not say."
    )
    end_reason: str | None = strawberry.field(description="Why it was ended, as given to the mutation.")
    is_current: bool = strawberry.field(
        resolver=_is_current, description="Whether it is the session that is asking."
    )

    @strawberry.field(
        description="The device and the browser that the user signed in with, as `userAgent` describes them; "
        "null when it is null or says nothing that is understood."
    )
    def device(self) -> Device | None:
        return device_of(self.user_agent)

    @strawberry.field(description="Its changes of status that the log still holds, oldest first.")
    async def history(
        self, info: Info
    ) -> list[Annotated["SessionStatusChange", strawberry.lazy("api.types")]]:
        rows = await info.context.history.load(self.id)
        return [SessionStatusChange.from_event(row, info.context) for row in rows]

    @classmethod
    def from_row(cls, row: Row, context: Context, now: StoredInstant) -> Self:
        """Show a stored session as it is now: one past its end is expired, swept or not."""
        (session,) = cls.from_rows((row,), context, now)
        return session

    @classmethod
    def from_rows(cls, rows: Sequence[Row], context: Context, now: StoredInstant) -> list[Self]:
        """Show stored sessions as they are now."""
        own_id = context.viewer.session_id
        return [
            cls.showing(_expired(row) if row[_STATUS] == _ACTIVE and row[_EXPIRES_AT] <= now else row, own_id)
            for row in rows
        ]

    @classmethod
    def showing(cls, row: Row, own_id: str | None) -> Self:
        """Show a session exactly as a row has it; `own_id` is the session that asks."""
        # A page has a hundred of these, and `__init__` would take three times as long.
        session = cls.__new__(cls)
        session.row = row
        session.own_id = own_id
        return session


def _expired(row: Row) -> Row:
    """Return the row as it will be when the expiry is written down."""
    expired = list(row)
    expired[_STATUS], expired[_ENDED_BY] = Status.EXPIRED, InitiatingEntity.POLICY.value
    expired[_ENDED_AT] = expired[_UPDATED_AT] = row[_EXPIRES_AT]
    return expired


@strawberry.type(description="One change of the status of a session. Its creation is one as well.")
class SessionStatusChange(Shared):
    """See the description."""

    cursor: Cursor = strawberry.field(description="Its position in the log; pass it as `after` to go on.")
    session: Session = strawberry.field(description="The session as it was after the change.")
    status: SessionStatus = strawberry.field(description="The status after the change.")
    previous_status: SessionStatus | None = strawberry.field(
        description="The status before the change; null when the session became known by it."
    )
    occurred_at: datetime = strawberry.field(
        description="When it happened. It can be long before it was learned of, so order by position instead."
    )
    ended_by: InitiatingEntity | None = strawberry.field(description="Who ended the session, if it ended.")
    reason: str | None = strawberry.field(description="Why the session was ended, as given to the mutation.")

    @classmethod
    def from_event(cls, event: Record, context: Context) -> Self:
        """Show an event of the log to a viewer; all whose session it is not are shown the same object."""
        feed, own_id = context.feed, context.viewer.session_id
        if event.session_id != own_id:
            own_id = None
        return feed.once((feed.epoch, event.seq, own_id), lambda: cls._made(event, feed.epoch, own_id))

    @classmethod
    def _made(cls, event: Record, epoch: str, own_id: str | None) -> Self:
        snapshot = event[-len(SNAPSHOT) :]
        stored = (to_microseconds(value) if isinstance(value, datetime) else value for value in snapshot)
        session = Session.showing((event.session_id, *stored), own_id)
        before = event.previous_status
        change = cls(
            cursor=Cursor(encode_position(Position(epoch, event.seq))),
            session=session,
            status=session.status,
            previous_status=None if before is None else SessionStatus(before),
            occurred_at=event.occurred_at,
            ended_by=session.ended_by,
            reason=session.end_reason,
        )
        change.answers = {}
        return change


@strawberry.type(description="How many sessions there are in one group.")
class SessionCount:
    """See the description."""

    count: int = strawberry.field(
        description="How many sessions are in the group; 0 only where all are counted in one."
    )
    status: SessionStatus | None = strawberry.field(
        default=None, description="The status of the group; null unless counted by STATUS."
    )
    auth_method: AuthMethod | None = strawberry.field(
        default=None, description="The method of the group; null unless counted by AUTH_METHOD."
    )
    organization_id: ID | None = strawberry.field(
        default=None,
        description="The organization of the group; null for sessions in none, and unless counted by "
        "ORGANIZATION.",
    )
    impersonated: bool | None = strawberry.field(
        default=None,
        description="Whether the sessions of the group are impersonated; null unless counted by it.",
    )
    day: date | None = strawberry.field(
        default=None, description="The day of the sign-ins, in UTC; null unless counted by DAY."
    )
