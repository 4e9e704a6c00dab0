"""Expiring sessions whose time has run out."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select, update
from sqlmodel import col

from models.bound import Clause
from models.changes import BATCH, append_ends
from models.chosen import BY_AGE, IS_ACTIVE, IS_THESE, first, is_chosen
from models.database import Database, ReadTx, Statement, WriteTx
from models.filter import NOW
from models.session import InitiatingEntity, SessionRow, Status

_IS_DUE = (IS_ACTIVE, col(SessionRow.expires_at) <= NOW)
_BY_EXPIRY = (col(SessionRow.expires_at), col(SessionRow.id))


async def expire_due(database: Database, now: datetime) -> int:
    """Expire at most 500 sessions whose time has run out, longest due first; return how many.

    Safe to run on every node at once: rows that another node holds are passed over.
    """
    async with database.write() as tx:
        return len(await append_ends(tx, _EXPIRE_OLDEST, {"now": now, "limit": BATCH}))


async def expire(tx: WriteTx, session_ids: Collection[str], now: datetime) -> list[str]:
    """Expire those of these sessions whose time has run out; return their ids."""
    return await append_ends(tx, _EXPIRE_THESE, {"now": now, "ids": list(session_ids)})


async def next_expiry(tx: ReadTx) -> datetime | None:
    """Return when the next active session runs out, which may have passed; None when none is active."""
    expiry: datetime | None = await tx.scalar(_NEXT_EXPIRY)
    return expiry


def _expiring(which: Clause) -> Statement:
    return Statement(
        update(SessionRow)
        .where(which, *_IS_DUE)
        .values(
            status=Status.EXPIRED.value,
            ended_at=col(SessionRow.expires_at),
            ended_by=InitiatingEntity.POLICY.value,
            updated_at=col(SessionRow.expires_at),
        )
        .returning(*BY_AGE)
    )


_EXPIRE_OLDEST = _expiring(is_chosen(first(_BY_EXPIRY, *_IS_DUE, columns=[col(SessionRow.id)])))
_EXPIRE_THESE = _expiring(IS_THESE)
_NEXT_EXPIRY = Statement(select(col(SessionRow.expires_at)).where(IS_ACTIVE).order_by(*_BY_EXPIRY).limit(1))
