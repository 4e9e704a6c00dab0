"""The tables as SQLModel entities, and what both peers in Python do with them."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum, auto
from typing import ClassVar

from sqlalchemy import BigInteger
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel import Field, SQLModel, col, select, tuple_
from sqlmodel.ext.asyncio.session import AsyncSession

POOL_SIZE = 10
"""That of the floor."""


class SessionStatus(StrEnum):
    ACTIVE = auto()
    EXPIRED = auto()
    REVOKED = auto()


class AuthMethod(StrEnum):
    CROSS_APP_AUTH = auto()
    EXTERNAL_AUTH = auto()
    IMPERSONATION = auto()
    MAGIC_CODE = auto()
    MIGRATED_SESSION = auto()
    OAUTH = auto()
    PASSKEY = auto()
    PASSWORD = auto()
    SSO = auto()
    UNKNOWN = auto()


class EndSessionOutcome(StrEnum):
    ENDED = auto()
    ALREADY_ENDED = auto()
    NOT_FOUND = auto()


class SessionColumns(SQLModel):
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


class SessionEntity(SessionColumns, table=True):
    __tablename__: ClassVar[str] = "session"

    id: str = Field(primary_key=True)


class EventEntity(SessionColumns, table=True):
    __tablename__: ClassVar[str] = "event"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigInteger)
    session_id: str
    previous_status: str | None
    occurred_at: datetime
    recorded_at: datetime


def create_engine(url: str) -> AsyncEngine:
    return create_async_engine(url, pool_size=POOL_SIZE, max_overflow=0)


async def page(
    tx: AsyncSession,
    *,
    organization_id: str | None = None,
    user_id: str | None = None,
    first: int,
    after: str | None = None,
) -> Sequence[SessionEntity]:
    """Return a page, newest first, and one more where there is a next one."""
    statement = select(SessionEntity)
    if organization_id is not None:
        statement = statement.where(SessionEntity.organization_id == organization_id)
    if user_id is not None:
        statement = statement.where(SessionEntity.user_id == user_id)
    by_age = tuple_(SessionEntity.created_at, SessionEntity.id)
    if after is not None:
        statement = statement.where(by_age < _key_of(after))
    newest = col(SessionEntity.created_at).desc(), col(SessionEntity.id).desc()
    return (await tx.exec(statement.order_by(*newest).limit(first + 1))).all()


async def end(tx: AsyncSession, session_id: str, reason: str | None) -> EndSessionOutcome:
    """End a session, append its event and commit both."""
    session = await tx.get(SessionEntity, session_id, with_for_update=True)
    if session is None:
        return EndSessionOutcome.NOT_FOUND
    now = datetime.now(UTC)
    if session.status != SessionStatus.ACTIVE or session.expires_at <= now:
        return EndSessionOutcome.ALREADY_ENDED
    session.status, session.ended_by, session.end_reason = SessionStatus.REVOKED, "system", reason
    session.ended_at = session.updated_at = now
    event = EventEntity(
        **session.model_dump(exclude={"id"}),
        session_id=session.id,
        previous_status=SessionStatus.ACTIVE,
        occurred_at=now,
        recorded_at=now,
    )
    tx.add(event)
    await tx.commit()
    return EndSessionOutcome.ENDED


def cursor_of(session: SessionEntity) -> str:
    return urlsafe_b64encode(f"{session.created_at.isoformat()} {session.id}".encode()).decode()


def instant(value: datetime) -> str:
    """Return ISO 8601 in UTC with milliseconds."""
    return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _key_of(cursor: str) -> tuple[datetime, str]:
    created_at, session_id = urlsafe_b64decode(cursor).decode().split()
    return datetime.fromisoformat(created_at), session_id
