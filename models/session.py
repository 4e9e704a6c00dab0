"""The tables: sessions and what is left of them, the events of the log, and the log's own state."""

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import BigInteger, Index, Integer, text
from sqlmodel import Field, SQLModel

TEXT_LIMIT = 255
REASON_LIMIT = 500
USER_AGENT_LIMIT = 2048

_SESSION_ID = re.compile(r"session_[0-7][0-9A-HJKMNP-TV-Z]{25}")


class Status(StrEnum):
    """The lowercase words of upstream; `active` is the only one that can change."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


class AuthMethod(StrEnum):
    """The methods known today; a column may hold others, which read as `UNKNOWN`."""

    CROSS_APP_AUTH = "cross_app_auth"
    EXTERNAL_AUTH = "external_auth"
    IMPERSONATION = "impersonation"
    MAGIC_CODE = "magic_code"
    MIGRATED_SESSION = "migrated_session"
    OAUTH = "oauth"
    PASSKEY = "passkey"
    PASSWORD = "password"  # noqa: S105  the name of a method
    SSO = "sso"
    UNKNOWN = "unknown"


class InitiatingEntity(StrEnum):
    """Who ended a session: CAEP 1.0 §2, `initiating_entity`."""

    ADMIN = "admin"
    USER = "user"
    POLICY = "policy"
    SYSTEM = "system"


class SessionColumns(SQLModel):
    """What is known of a session besides its id; an event repeats it as it was after the change."""

    user_id: str
    organization_id: str | None = None
    status: str
    auth_method: str
    ip_address: str | None = None
    user_agent: str | None = None
    impersonator_email: str | None = None
    impersonator_reason: str | None = None
    expires_at: datetime
    ended_at: datetime | None = None
    ended_by: str | None = None
    end_reason: str | None = None
    created_at: datetime
    updated_at: datetime


SNAPSHOT = tuple(SessionColumns.model_fields)


class SessionRow(SessionColumns, table=True):
    """One session; ended sessions stay until the retention removes them."""

    __tablename__: ClassVar[str] = "session"
    __table_args__: ClassVar[tuple[Index, ...]] = (
        Index("session_by_age", "created_at", "id"),
        Index("session_by_user", "user_id", "created_at", "id"),
        Index(
            "session_by_organization",
            "organization_id",
            "created_at",
            "id",
            sqlite_where=text("organization_id IS NOT NULL"),
            postgresql_where=text("organization_id IS NOT NULL"),
        ),
        Index(
            "session_by_impersonator",
            "impersonator_email",
            "created_at",
            "id",
            sqlite_where=text("impersonator_email IS NOT NULL"),
            postgresql_where=text("impersonator_email IS NOT NULL"),
        ),
        Index(
            "session_due",
            "expires_at",
            "id",
            sqlite_where=text("status = 'active'"),
            postgresql_where=text("status = 'active'"),
        ),
        Index(
            "session_ended",
            "ended_at",
            "id",
            sqlite_where=text("ended_at IS NOT NULL"),
            postgresql_where=text("ended_at IS NOT NULL"),
        ),
    )

    id: str = Field(primary_key=True)


class TombstoneRow(SQLModel, table=True):
    """What is left of a removed session until the time at which it would have run out, had it not ended."""

    __tablename__: ClassVar[str] = "tombstone"
    __table_args__: ClassVar[tuple[Index, ...]] = (Index("tombstone_by_expiry", "expires_at"),)

    id: str = Field(primary_key=True)
    expires_at: datetime


class EventRow(SessionColumns, table=True):
    """One change of status, with the session as it was after it.

    `seq` is the position in the log: dense, growing in the order in which events become visible, and NULL
    between the commit of the change and its numbering (never on SQLite). `recorded_at` is the server's clock,
    `occurred_at` the domain's.
    """

    __tablename__: ClassVar[str] = "event"
    __table_args__: ClassVar[tuple[Index, ...]] = (
        Index("event_of_session", "session_id"),
        Index(
            "event_pending",
            "id",
            sqlite_where=text("seq IS NULL"),
            postgresql_where=text("seq IS NULL"),
        ),
    )

    id: int | None = Field(
        default=None,
        primary_key=True,
        sa_type=BigInteger().with_variant(Integer, "sqlite"),
    )
    seq: int | None = Field(default=None, unique=True, sa_type=BigInteger)
    session_id: str
    previous_status: str | None = None
    occurred_at: datetime
    recorded_at: datetime


class FeedRow(SQLModel, table=True):
    """The state of the log, one row: its random epoch, and the positions that are kept.

    Events with `pruned_seq < seq <= last_seq` are kept; both are 0 while nothing has happened.
    """

    __tablename__: ClassVar[str] = "feed"

    id: int = Field(default=1, primary_key=True)
    epoch: str
    pruned_seq: int = Field(default=0, sa_type=BigInteger)
    last_seq: int = Field(default=0, sa_type=BigInteger)


def is_session_id(text: str) -> bool:
    """Tell whether the text is `session_` and a ULID."""
    return _SESSION_ID.fullmatch(text) is not None


def utc_now() -> datetime:
    """Return the instant in UTC, cut to the milliseconds that the wire can show."""
    return to_milliseconds(datetime.now(UTC))


def to_milliseconds(instant: datetime) -> datetime:
    """Return an aware instant in UTC, cut to milliseconds: what is stored is what is shown."""
    if instant.tzinfo is not UTC:
        instant = instant.astimezone(UTC)
    finer = instant.microsecond % 1000
    return instant - timedelta(microseconds=finer) if finer else instant
