"""Removing what is past its age: ended sessions, and the events at the start of the log.

What is active stays, however old, and so does an event that has no position yet. A session and its events
are removed each by their own age: an event by when it was recorded, a session by when it ended. Who ended a
session, and why, is in its row, so one that is kept loses only the beginning of its history.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, literal, select, update
from sqlmodel import col

from models.bound import Clause
from models.database import Database, ReadTx, Statement
from models.dialect import is_among, texts
from models.log import log_state
from models.session import EventRow, FeedRow, SessionRow, Status, TombstoneRow, utc_now

BATCH = 500

# Spelled out in the statement, like the condition of the index.
_HAS_ENDED: Clause = col(SessionRow.status) != literal(Status.ACTIVE.value, literal_execute=True)
_IS_THAT_TOMBSTONE: Clause = is_among(col(TombstoneRow.id), texts("ids"))
_TOMBSTONES = Statement(select(col(TombstoneRow.id)).where(_IS_THAT_TOMBSTONE))
_DELETE_TOMBSTONES = Statement(delete(TombstoneRow).where(_IS_THAT_TOMBSTONE))
_DELETE_SESSIONS = Statement(delete(SessionRow).where(is_among(col(SessionRow.id), texts("ids"))))


@dataclass(frozen=True, slots=True)
class Quantity:
    """How many events and sessions."""

    events: int = 0
    sessions: int = 0

    def __add__(self, other: "Quantity") -> "Quantity":
        return Quantity(self.events + other.events, self.sessions + other.sessions)


async def quantity_older_than(tx: ReadTx, before: datetime) -> Quantity:
    """Return exactly what `remove_older_than` would remove if nothing else happened."""
    state = await log_state(tx)
    kept_seq = await tx.scalar(
        select(col(EventRow.seq))
        .where(col(EventRow.seq) > state.pruned_seq, col(EventRow.recorded_at) >= before)
        .order_by(col(EventRow.seq))
        .limit(1)
    )
    up_to = state.last_seq if kept_seq is None else kept_seq - 1
    ended = select(func.count()).select_from(SessionRow).where(*_ended_before(before))
    return Quantity(events=up_to - state.pruned_seq, sessions=await tx.scalar(ended))


async def remove_older_than(database: Database, before: datetime) -> AsyncIterator[Quantity]:
    """Remove events recorded and sessions ended before an instant; yield what each transaction removed.

    Each is short, and between two there is a pause as long as the first took, so that others can write. Safe
    to run on every node at once.

    Raises:
        Unavailable: The database is away or busy; what was yielded is removed.
    """
    async for events in batches(lambda: remove_events(database, before)):
        yield Quantity(events=events)
    async for sessions in batches(lambda: remove_sessions(database, before, utc_now())):
        yield Quantity(sessions=sessions)
    async for _ in batches(lambda: remove_tombstones(database, utc_now())):
        pass


async def remove_events(database: Database, before: datetime) -> int:
    """Remove at most 500 events from the start of the log, and move the start; return how many.

    The start moves in the same transaction, so that no reader can take what was removed for what never
    was. It stops at the first event that is not older, so that the log stays dense.
    """
    async with database.write() as tx:
        start = await tx.scalar(select(col(FeedRow.pruned_seq)).with_for_update())
        chosen = (
            select(col(EventRow.seq), col(EventRow.recorded_at))
            .where(col(EventRow.seq) > start)
            .order_by(col(EventRow.seq))
            .limit(BATCH)
            .subquery("chosen")
        )
        first_kept = func.min(chosen.c.seq).filter(chosen.c.recorded_at >= before)
        end = await tx.scalar(select(func.coalesce(first_kept - 1, func.max(chosen.c.seq))))
        if end is None or end == start:
            return 0
        await tx.execute(delete(EventRow).where(col(EventRow.seq) > start, col(EventRow.seq) <= end))
        await tx.execute(update(FeedRow).values(pruned_seq=end))
    removed: int = end - start
    return removed


async def remove_sessions(database: Database, before: datetime, now: datetime) -> int:
    """Remove at most 500 sessions that ended before an instant, longest ended first; return how many.

    Of one that would still be in force the id stays, so that a late copy cannot bring it back to life. Rows
    that another node holds are passed over.
    """
    return await _remove(database, _ended_before(before), now)


async def remove_sessions_of(database: Database, user_id: str, now: datetime) -> int:
    """Remove at most 500 sessions of a user that have ended, as `remove_sessions` does; return how many."""
    return await _remove(database, [_HAS_ENDED, col(SessionRow.user_id) == user_id], now)


async def _remove(database: Database, clauses: Sequence[Clause], now: datetime) -> int:
    async with database.write() as tx:
        oldest = (
            select(col(SessionRow.id), col(SessionRow.expires_at))
            .where(*clauses)
            .order_by(col(SessionRow.ended_at), col(SessionRow.id))
            .limit(BATCH)
            .with_for_update(skip_locked=True)
        )
        rows = await tx.fetch(oldest)
        tombstones = [{"id": row.id, "expires_at": row.expires_at} for row in rows if row.expires_at > now]
        if tombstones:
            await tx.insert_unless_present(TombstoneRow, tombstones)
        await tx.execute(_DELETE_SESSIONS, {"ids": [row.id for row in rows]})
    return len(rows)


async def remove_tombstones(database: Database, now: datetime) -> int:
    """Remove at most 500 ids of sessions that would have run out by now; return how many."""
    async with database.write() as tx:
        oldest = (
            select(col(TombstoneRow.id))
            .where(col(TombstoneRow.expires_at) <= now)
            .order_by(col(TombstoneRow.expires_at))
            .limit(BATCH)
            .with_for_update(skip_locked=True)
        )
        ids = [row.id for row in await tx.fetch(oldest)]
        await tx.execute(_DELETE_TOMBSTONES, {"ids": ids})
    return len(ids)


async def removed_among(tx: ReadTx, session_ids: Collection[str]) -> set[str]:
    """Return which of these sessions were removed after they had ended before their time."""
    return {row.id for row in await tx.fetch(_TOMBSTONES, {"ids": list(session_ids)})}


def _ended_before(before: datetime) -> list[Clause]:
    return [_HAS_ENDED, col(SessionRow.ended_at) < before]


async def batches(remove: Callable[[], Awaitable[int]]) -> AsyncIterator[int]:
    """Yield the size of each batch until one is not full."""
    removed = BATCH
    while removed == BATCH:
        start = time.monotonic()
        removed = await remove()
        took = time.monotonic() - start
        if removed:
            yield removed
            await asyncio.sleep(took)
