"""API keys: the table, and how keys are read, created, revoked and used. What a key looks like is elsewhere.

A key is never changed, only created and revoked, and stays in the table after that; so two counts tell
whether the keys are still those that were read before.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, TypeAlias

from sqlalchemy import ColumnElement, and_, func, insert, or_, select, update
from sqlmodel import Field, SQLModel, col
from ulid import ULID

from models.database import ReadTx, Record, WriteTx
from models.refusals import LimitExceeded

KEY_LIMIT = 5000
"""How many keys may hold at a time: every node keeps them all in memory."""

KeyVersion: TypeAlias = tuple[int, int]
"""How many keys there are, and how many of them are revoked."""


class Scope(StrEnum):
    """What a key allows."""

    READ = "sessions:read"
    WRITE = "sessions:write"
    CREATE = "sessions:create"


class KeyRow(SQLModel, table=True):
    """One key of a service; its secret is known to the service alone.

    `secret_hash` is SHA-256 in hexadecimal: a secret of 256 random bits needs nothing slower. `scopes` are
    words with a space between, and `last_used_at` is cut to the minute.
    """

    __tablename__: ClassVar[str] = "api_key"

    id: str = Field(primary_key=True)
    name: str
    secret_hash: str = Field(unique=True)
    scopes: str
    organization_id: str | None = None
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None


KEY_COLUMNS = tuple(col(getattr(KeyRow, name)) for name in KeyRow.model_fields if name != "secret_hash")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """What a key is made of; without an organization it is for all, without an end it holds for ever."""

    name: str
    secret_hash: str
    scopes: Collection[Scope]
    organization_id: str | None = None
    expires_at: datetime | None = None


async def all_keys(tx: ReadTx) -> Sequence[Record]:
    """Return every key there ever was, newest first."""
    return await tx.fetch(select(*KEY_COLUMNS).order_by(col(KeyRow.created_at).desc(), col(KeyRow.id).desc()))


async def key_by_id(tx: ReadTx, key_id: str) -> Record | None:
    return await tx.first(select(*KEY_COLUMNS).where(col(KeyRow.id) == key_id))


async def key_by_hash(tx: ReadTx, secret_hash: str) -> Record | None:
    return await tx.first(select(*KEY_COLUMNS).where(col(KeyRow.secret_hash) == secret_hash))


async def keys_that_hold(tx: ReadTx, now: datetime) -> Sequence[Record]:
    """Return the keys that are neither revoked nor expired, with the hashes of their secrets."""
    return await tx.fetch(select(*KEY_COLUMNS, col(KeyRow.secret_hash)).where(_holds(now)))


async def key_version(tx: ReadTx) -> KeyVersion:
    """Return what differs as soon as a key was created or revoked."""
    row = await tx.first(select(func.count(), func.count(col(KeyRow.revoked_at))).select_from(KeyRow))
    assert row is not None, "it is an aggregate"  # noqa: S101
    return row[0], row[1]


async def create_key(tx: WriteTx, new: NewKey, now: datetime) -> str:
    """Create a key and return its id.

    Raises:
        LimitExceeded: 5,000 keys hold already.
    """
    if await tx.scalar(select(func.count()).select_from(KeyRow).where(_holds(now))) >= KEY_LIMIT:
        raise LimitExceeded(f"There are {KEY_LIMIT:,} keys that hold; revoke some before creating another.")
    key_id = f"key_{ULID()}"
    await tx.execute(
        insert(KeyRow).values(
            id=key_id,
            name=new.name,
            secret_hash=new.secret_hash,
            scopes=" ".join(sorted(set(new.scopes))),
            organization_id=new.organization_id,
            created_at=now,
            expires_at=new.expires_at,
        )
    )
    return key_id


async def revoke_key(tx: WriteTx, key_id: str, now: datetime) -> bool:
    """Revoke a key for good; return whether it was this call that did it."""
    revoked = await tx.execute(
        update(KeyRow)
        .where(col(KeyRow.id) == key_id, col(KeyRow.revoked_at).is_(None))
        .values(revoked_at=now)
    )
    return revoked == 1


async def record_use(tx: WriteTx, key_ids: Collection[str], minute: datetime) -> None:
    """Put down that these keys were used in this minute, except where another node has, or is doing so."""
    due = (
        select(col(KeyRow.id))
        .where(
            col(KeyRow.id).in_(key_ids),
            or_(col(KeyRow.last_used_at).is_(None), col(KeyRow.last_used_at) < minute),
        )
        .with_for_update(skip_locked=True)
    )
    await tx.execute(update(KeyRow).where(col(KeyRow.id).in_(due)).values(last_used_at=minute))


def _holds(now: datetime) -> ColumnElement[bool]:
    expires_at = col(KeyRow.expires_at)
    return and_(col(KeyRow.revoked_at).is_(None), or_(expires_at.is_(None), expires_at > now))
