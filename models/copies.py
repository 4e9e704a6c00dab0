"""Storing what upstream says of sessions, statuses included; see `models.changes`.

A copy is a session as it was at its `updated_at`. Copies come late, twice and in any order, so each is
weighed against what is stored: an older one changes nothing, and none revives a session that has ended.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from sqlalchemy import delete, select, update
from sqlmodel import col
from sqlmodel.sql.sqltypes import UTCDateTime

from models.appending import append
from models.bound import Clause
from models.database import Database, Statement, WriteTx
from models.dialect import is_among, texts
from models.expiry import expire
from models.intake import SessionCopy
from models.retention import removed_among
from models.session import SessionRow, Status
from models.statement import given

_TAKEN = tuple(name for name in SessionCopy._fields if name != "id")
_REFRESHED = tuple(
    name for name in _TAKEN if name not in {"status", "expires_at", "ended_at", "ended_by", "end_reason"}
)

_IS_ONE: Clause = is_among(col(SessionRow.id), texts("ids"))
_IS_ACTIVE = col(SessionRow.status) == Status.ACTIVE.value
_LOCK = Statement(
    select(col(SessionRow.id), col(SessionRow.updated_at))
    .where(_IS_ONE)
    .order_by(col(SessionRow.id))
    .with_for_update()
)
_ACTIVE = Statement(select(col(SessionRow.id)).where(_IS_ONE, _IS_ACTIVE))
_DELETE = Statement(delete(SessionRow).where(_IS_ONE))


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of copies: each is counted once."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0

    def __add__(self, other: Self) -> "Tally":
        return Tally(
            self.created + other.created, self.updated + other.updated, self.unchanged + other.unchanged
        )


async def store_copies(database: Database, copies: Sequence[SessionCopy], now: datetime) -> Tally:
    """Store copies in one transaction, as if one by one in their order; safe to repeat, and on two nodes.

    A session that was unknown gets one event, and so does one that was active here and has ended upstream.

    Raises:
        Unavailable: The database is away or busy.
    """
    tally = Tally()
    async with database.write() as tx:
        for distinct in _distinct(copies):
            tally += await _store(tx, distinct, now)
    return Tally(tally.created, tally.updated, len(copies) - tally.created - tally.updated)


def _distinct(copies: Sequence[SessionCopy]) -> Iterator[dict[str, SessionCopy]]:
    """Split copies so that no part has a session twice, without those that an earlier one outdates."""
    while copies:
        part: dict[str, SessionCopy] = {}
        later = []
        for copy in copies:
            first = part.setdefault(copy.id, copy)
            if copy.updated_at > first.updated_at:
                later.append(copy)
        yield part
        copies = later


async def _store(tx: WriteTx, copies: dict[str, SessionCopy], now: datetime) -> Tally:
    # Every node takes its locks in the order of the ids, so that none waits for one that waits for it.
    ordered = [copies[id_] for id_ in sorted(copies)]
    inserted = await tx.insert_absent(SessionRow, SessionCopy._fields, ordered)
    # Asked only now: before, a session could have been removed between the answer and the insertion.
    removed = await removed_among(tx, inserted) if inserted else set()
    if removed:
        await tx.execute(_DELETE, {"ids": list(removed)})
    created = [id_ for id_ in inserted if id_ not in removed]
    await append(tx, _oldest_first(copies[id_] for id_ in created), previous_status=None)
    if len(inserted) == len(copies):
        return Tally(created=len(created))
    known = copies.keys() - inserted
    updated = await _update(tx, [copy for copy in ordered if copy.id in known], now)
    return Tally(created=len(created), updated=updated)


async def _update(tx: WriteTx, copies: Sequence[SessionCopy], now: datetime) -> int:
    """Update the stored sessions of which these are newer copies; return how many."""
    stored = dict(await tx.fetch(_LOCK, {"ids": [copy.id for copy in copies]}))
    newer = [copy for copy in copies if copy.id in stored and copy.updated_at > stored[copy.id]]
    if not newer:
        return 0
    # What is due has ended for every reader, so a copy that grants more time comes too late.
    ids = [copy.id for copy in newer]
    await expire(tx, ids, now)
    active = {row.id for row in await tx.fetch(_ACTIVE, {"ids": ids})}
    await _write(tx, _TAKEN, [copy for copy in newer if copy.id in active], _IS_ACTIVE)
    ended = (copy for copy in newer if copy.id in active and copy.status != Status.ACTIVE)
    await append(tx, _oldest_first(ended), previous_status=Status.ACTIVE)
    await _write(tx, _REFRESHED, [copy for copy in newer if copy.id not in active])
    return len(newer)


async def _write(tx: WriteTx, columns: Sequence[str], copies: Sequence[SessionCopy], *where: Clause) -> None:
    """Set columns of the sessions of which these are newer copies."""
    if copies:
        await tx.execute_each(
            update(SessionRow).where(
                col(SessionRow.id) == given("of_id"),
                col(SessionRow.updated_at) < given("copied_at", UTCDateTime),
                *where,
            ),
            [
                {"of_id": copy.id, "copied_at": copy.updated_at}
                | {column: getattr(copy, column) for column in columns}
                for copy in copies
            ],
        )


def _oldest_first(copies: Iterable[SessionCopy]) -> list[str]:
    return [id_ for _, id_ in sorted((copy.created_at, copy.id) for copy in copies)]
