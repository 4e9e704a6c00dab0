"""What WorkOS writes about a session, read tolerantly: from one JSON object to the columns of a row.

Optional keys may be absent, null or there; unknown keys are ignored, and an unknown `auth_method` is kept as
it was sent. An unknown `status` is refused: whether such a session still holds cannot be guessed. What older
senders leave out is taken from the rest, as far as the rest tells.
"""

import re
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from models.refusals import BadUserInput
from models.session import (
    REASON_LIMIT,
    TEXT_LIMIT,
    USER_AGENT_LIMIT,
    AuthMethod,
    InitiatingEntity,
    Status,
    is_session_id,
    to_milliseconds,
)

_STATUSES = {status.value: status.value for status in Status}
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_QUOTE_LIMIT = 40
_KEPT_LIMIT = 1024

Value = TypeVar("Value", str, datetime)


class SessionCopy(NamedTuple):
    """A session as upstream had it at `updated_at`; the fields are the columns of its row."""

    id: str
    user_id: str
    organization_id: str | None
    status: str
    auth_method: str
    ip_address: str | None
    user_agent: str | None
    impersonator_email: str | None
    impersonator_reason: str | None
    expires_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    end_reason: str | None
    created_at: datetime
    updated_at: datetime


class _Course(NamedTuple):
    """How far a session has come."""

    status: str
    expires_at: datetime
    ended_at: datetime | None
    ended_by: str | None


def session_copy(given: object, now: datetime) -> SessionCopy:
    """Read one parsed JSON object as a session.

    Raises:
        BadUserInput: It is no session, says too little or contradicts itself, or cannot be stored.
    """
    if not isinstance(given, dict):
        raise BadUserInput("A session is a JSON object.")
    if given.get("object", "session") != "session":
        raise BadUserInput('`object` is not "session".')
    id_ = _required("id", _text(given, "id"))
    if not is_session_id(id_):
        raise BadUserInput("`id` is not `session_` and a ULID.")
    updated_at = _required("updated_at", _instant(given, "updated_at"))
    status, expires_at, ended_at, ended_by = _course(given, updated_at, now)
    email, reason = _impersonator(given)
    user_agent = _text(given, "user_agent", USER_AGENT_LIMIT)
    return SessionCopy(
        id_,
        _required("user_id", _text(given, "user_id")),
        _text(given, "organization_id") or None,
        status,
        _kept_once(_text(given, "auth_method") or AuthMethod.UNKNOWN.value),
        _text(given, "ip_address"),
        user_agent and _kept_once(user_agent),
        email,
        reason,
        expires_at,
        ended_at,
        ended_by,
        None,
        _required("created_at", _instant(given, "created_at")),
        updated_at,
    )


def _course(given: dict[str, Any], updated_at: datetime, now: datetime) -> _Course:
    expires_at = _instant(given, "expires_at")
    ended_at = _instant(given, "ended_at")
    status = _status(given) or _implied_status(expires_at, ended_at)
    if status == Status.ACTIVE:
        if ended_at is not None:
            raise BadUserInput("`status` is active, but `ended_at` says that the session ended.")
        if expires_at is None:
            raise BadUserInput("`expires_at` is missing; a session that is active needs one.")
        if expires_at > now:
            return _Course(status, expires_at, None, None)
        return _Course(Status.EXPIRED.value, expires_at, expires_at, InitiatingEntity.POLICY.value)
    has_expired = status == Status.EXPIRED
    if ended_at is None:
        ended_at = min(expires_at, updated_at) if has_expired and expires_at else updated_at
    by = InitiatingEntity.POLICY.value if has_expired else None
    return _Course(status, expires_at or ended_at, ended_at, by)


def _status(given: dict[str, Any]) -> str | None:
    word = _text(given, "status")
    if word is None:
        return None
    if word not in _STATUSES:
        raise BadUserInput(f"`status` is {word[:_QUOTE_LIMIT]!r}; active, expired and revoked are known.")
    return _STATUSES[word]


def _implied_status(expires_at: datetime | None, ended_at: datetime | None) -> str:
    """Tell the status of a session whose sender left it out."""
    if ended_at is None:
        return Status.ACTIVE.value
    if expires_at is None:
        raise BadUserInput(
            "`status` is missing, and without `expires_at` nothing tells whether the session expired or "
            "was revoked."
        )
    return (Status.REVOKED if ended_at < expires_at else Status.EXPIRED).value


def _impersonator(given: dict[str, Any]) -> tuple[str | None, str | None]:
    impersonator = given.get("impersonator")
    if impersonator is None:
        return None, None
    if not isinstance(impersonator, dict):
        raise BadUserInput("`impersonator` is not an object.")
    email = _required("impersonator.email", _text(impersonator, "email", TEXT_LIMIT, "impersonator."))
    return email, _text(impersonator, "reason", REASON_LIMIT, "impersonator.")


def _text(given: dict[str, Any], key: str, limit: int = TEXT_LIMIT, parent: str = "") -> str | None:
    value = given.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise BadUserInput(f"`{parent}{key}` is not a string.")
    if len(value) > limit:
        raise BadUserInput(f"`{parent}{key}` has {len(value):,} characters; at most {limit:,} are taken.")
    if "\x00" in value or (not value.isascii() and _SURROGATE.search(value)):
        raise BadUserInput(f"`{parent}{key}` has characters that cannot be stored: NUL or half a character.")
    return value


@lru_cache(_KEPT_LIMIT)
def _kept_once(text: str) -> str:
    """Return an equal text that was met before: many sessions repeat it, and thousands are held at once."""
    return text


def _instant(given: dict[str, Any], key: str) -> datetime | None:
    value = given.get(key)
    if value is None:
        return None
    try:
        instant = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise BadUserInput(f"`{key}` is no instant; write it as 2026-01-15T12:00:00.000Z.") from None
    if instant.tzinfo is None:
        raise BadUserInput(f"`{key}` has no zone; write it as 2026-01-15T12:00:00.000Z.")
    try:
        return to_milliseconds(instant)
    except OverflowError:
        raise BadUserInput(f"`{key}` is out of range in UTC.") from None


def _required(key: str, value: Value | None) -> Value:
    if not value:
        raise BadUserInput(f"`{key}` is missing.")
    return value
