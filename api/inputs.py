"""The inputs of the schema, and their checks: from what a client sends to what `models` takes."""

import re
from collections.abc import Sequence
from datetime import datetime

import strawberry
from strawberry import ID

from api.enums import AuthMethod, OrderDirection, SessionOrderField, SessionStatus
from models.filter import Filter, Interval
from models.refusals import BadUserInput
from models.session import TEXT_LIMIT, Status, is_session_id
from models.session import AuthMethod as Method

IDS_LIMIT = 100
END_LIMIT = 10_000
END_DEFAULT = 1_000

_NOT_TEXT = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


@strawberry.input(
    description="The instants from one to another; leave one out for no bound on that side. Without both it "
    "is no condition."
)
class DateTimeRange:
    """See the description."""

    from_: datetime | None = strawberry.field(
        name="from", default=None, description="The earliest instant that is included."
    )
    to: datetime | None = strawberry.field(
        default=None, description="The earliest instant after `from` that is no longer included."
    )


@strawberry.input(
    description="Which sessions: all conditions that are given must hold. The same filter lists, counts, "
    "watches and ends. Null is no condition; an empty list matches nothing."
)
class SessionFilter:
    """See the description."""

    ids: list[ID] | None = strawberry.field(
        default=None, description="Sessions with one of these ids; at most 100."
    )
    user_id: ID | None = strawberry.field(
        default=None, description="Sessions of this user; at most 255 characters."
    )
    organization_id: ID | None = strawberry.field(
        default=None, description="Sessions in this organization; at most 255 characters."
    )
    status: list[SessionStatus] | None = strawberry.field(
        default=None, description="Sessions with one of these statuses."
    )
    auth_method: list[AuthMethod] | None = strawberry.field(
        default=None, description="Sessions that were signed in to by one of these methods."
    )
    impersonated: bool | None = strawberry.field(
        default=None, description="Only sessions in which an administrator acts as the user, or only others."
    )
    impersonator_email: str | None = strawberry.field(
        default=None,
        description="Sessions in which the administrator with this email address acts as the user; "
        "at most 255 characters.",
    )
    ip_address: str | None = strawberry.field(
        default=None,
        description="Sessions that were signed in to from exactly this address; at most 255 characters.",
    )
    created_at: DateTimeRange | None = strawberry.field(
        default=None, description="Sessions that were signed in to in this range."
    )
    expires_at: DateTimeRange | None = strawberry.field(
        default=None, description="Sessions that run out in this range."
    )
    ended_at: DateTimeRange | None = strawberry.field(
        default=None, description="Sessions that ended in this range; none that are active."
    )


@strawberry.input(description="The order of a list of sessions; ties are broken by id.")
class SessionOrder:
    """See the description."""

    field: SessionOrderField = strawberry.field(
        default=SessionOrderField.CREATED_AT, description="What to order by."
    )
    direction: OrderDirection = strawberry.field(
        default=OrderDirection.DESC, description="Which way the order runs."
    )


@strawberry.input(description="The administrator who acts as the user.")
class ImpersonatorInput:
    """See the description."""

    email: str = strawberry.field(
        description="The email address of the administrator; at most 255 characters."
    )
    reason: str | None = strawberry.field(default=None, description="Why; at most 500 characters.")


@strawberry.input(description="What a sign-in creates.")
class CreateSessionInput:
    """See the description."""

    id: ID | None = strawberry.field(
        default=None,
        description="`session_` and a ULID. Give it to make the call safe to repeat: creating twice is one "
        "session. Left out, one is made.",
    )
    user_id: ID = strawberry.field(description="Whose session it is; at most 255 characters.")
    organization_id: ID | None = strawberry.field(
        default=None, description="The organization that is signed in to; at most 255 characters."
    )
    auth_method: AuthMethod = strawberry.field(
        default=AuthMethod.UNKNOWN, description="How the user signed in."
    )
    ip_address: str | None = strawberry.field(
        default=None, description="The address that the sign-in came from; at most 255 characters."
    )
    user_agent: str | None = strawberry.field(
        default=None, description="The User-Agent header; at most 2,048 characters."
    )
    impersonator: ImpersonatorInput | None = strawberry.field(
        default=None, description="The administrator who acts as the user."
    )
    expires_at: datetime = strawberry.field(
        description="When it runs out unless it is ended before; in the future."
    )


@strawberry.input(description="Which session to end, and why.")
class EndSessionInput:
    """See the description."""

    id: ID = strawberry.field(description="The id of the session.")
    reason: str | None = strawberry.field(default=None, description="Why; at most 500 characters.")


@strawberry.input(description="Which sessions to end, and why.")
class EndSessionsInput:
    """See the description."""

    filter: SessionFilter = strawberry.field(
        description="The sessions to end; those that match and are active. It may not be empty: to end all "
        "that you may end, say so with `{status: [ACTIVE]}`. Listing or counting with the same filter is a "
        "preview."
    )
    except_current: bool = strawberry.field(
        default=False, description='Spare the session that is asking: "sign out everywhere else".'
    )
    except_: list[ID] | None = strawberry.field(
        name="except", default=None, description="Spare these sessions; at most 100."
    )
    reason: str | None = strawberry.field(default=None, description="Why; at most 500 characters.")
    limit: int = strawberry.field(
        default=END_DEFAULT,
        description="How many sessions to end at the most, oldest first; 1 to 10,000.",
    )


def to_filter(given: SessionFilter | None, *, argument: str = "filter") -> Filter:
    """Return the filter that was meant.

    Raises:
        BadUserInput: Too many ids, a range that ends before it begins, or text that no session can have.
    """
    if given is None:
        return Filter()
    ids = to_ids(given.ids, argument=f"{argument}.ids")
    return Filter(
        ids=None if ids is None else frozenset(ids),
        user_id=to_text(given.user_id, argument=f"{argument}.userId"),
        organization_id=to_text(given.organization_id, argument=f"{argument}.organizationId"),
        status=None if given.status is None else frozenset(Status[one.name] for one in given.status),
        auth_method=None
        if given.auth_method is None
        else frozenset(Method[one.name] for one in given.auth_method),
        impersonated=given.impersonated,
        impersonator_email=to_text(given.impersonator_email, argument=f"{argument}.impersonatorEmail"),
        ip_address=to_text(given.ip_address, argument=f"{argument}.ipAddress"),
        created_at=_to_interval(given.created_at, argument=f"{argument}.createdAt"),
        expires_at=_to_interval(given.expires_at, argument=f"{argument}.expiresAt"),
        ended_at=_to_interval(given.ended_at, argument=f"{argument}.endedAt"),
    )


def to_ids(given: Sequence[str] | None, *, argument: str) -> list[str] | None:
    """Return the ids that a session can have; others match nothing and are left out.

    Raises:
        BadUserInput: There are more than 100.
    """
    if given is None:
        return None
    if len(given) > IDS_LIMIT:
        raise BadUserInput(f"`{argument}` has {len(given)} ids; at most {IDS_LIMIT} are taken.")
    return [one for one in given if is_session_id(one)]


def to_text(given: str | None, *, argument: str, limit: int = TEXT_LIMIT) -> str | None:
    """Return the text if it can be stored.

    Raises:
        BadUserInput: It is empty, too long, or has control characters or lone surrogates.
    """
    if given is None:
        return None
    if not given or len(given) > limit:
        raise BadUserInput(f"`{argument}` has {len(given)} characters; it takes 1 to {limit:,}.")
    if _NOT_TEXT.search(given):
        raise BadUserInput(f"`{argument}` has characters that are not text.")
    return given


def _to_interval(given: DateTimeRange | None, *, argument: str) -> Interval | None:
    if given is None or (given.from_ is None and given.to is None):
        return None
    if given.from_ is not None and given.to is not None and given.to < given.from_:
        raise BadUserInput(f"`{argument}` ends before it begins; swap `from` and `to`.")
    return Interval(given.from_, given.to)
