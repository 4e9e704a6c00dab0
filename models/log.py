"""The event log: appending changes, numbering them, reading them from a position.

The log is the truth and wake-ups are hints: whoever must learn of a change reads the log from a position of
its own. A position is dense and grows in the order in which events become visible. On SQLite there is one
writer, so an event is numbered when it is inserted. On PostgreSQL an identity value is taken before the
commit, so events are inserted without a number and numbered by a second, short transaction.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Insert,
    String,
    Update,
    bindparam,
    exists,
    func,
    insert,
    null,
    select,
    update,
)
from sqlmodel import col
from sqlmodel.sql.sqltypes import UTCDateTime

from models.database import Database, ReadTx, Record, WriteTx
from models.dialect import is_among
from models.refusals import CursorExpired
from models.session import SNAPSHOT, EventRow, FeedRow, SessionRow, Status, utc_now

NUMBERING_BATCH = 5000
BACKWARD_STEP = 5000
CHANNEL = "sessiongraph"

EVENT_COLUMNS = tuple(
    col(getattr(EventRow, name))
    for name in ("seq", "session_id", "previous_status", "occurred_at", *SNAPSHOT)
)


@dataclass(frozen=True, slots=True)
class Position:
    """A place in one log; events after it have a greater `seq`."""

    epoch: str
    seq: int


@dataclass(frozen=True, slots=True)
class LogState:
    """What the log holds: events with `pruned_seq < seq <= last_seq`."""

    epoch: str
    pruned_seq: int
    last_seq: int

    def check(self, position: Position) -> int:
        """Return the `seq` to read after.

        Raises:
            CursorExpired: The position belongs to another log, or its successor was pruned.
        """
        if position.epoch != self.epoch or not self.pruned_seq <= position.seq <= self.last_seq:
            raise CursorExpired
        return position.seq


async def log_state(tx: ReadTx) -> LogState:
    row = await tx.first(select(col(FeedRow.epoch), col(FeedRow.pruned_seq), col(FeedRow.last_seq)))
    assert row is not None, "the migration makes the row"  # noqa: S101
    return LogState(*row)


async def append(tx: WriteTx, session_ids: Collection[str], *, previous_status: Status | None) -> None:
    """Append one event for each of these sessions, as their rows stand now, oldest session first.

    The caller has changed the rows in this transaction, and so holds their locks: that makes the order of
    events within one session right.
    """
    if not session_ids:
        return
    change = {
        "changed": list(session_ids),
        "previous": previous_status.value if previous_status else None,
        "recorded": utc_now(),
    }
    await tx.execute(_appending(numbers_at_once=tx.numbers_at_once), change)
    if tx.numbers_at_once:
        await tx.execute(update(FeedRow).values(last_seq=col(FeedRow.last_seq) + len(session_ids)))
    tx.has_events = True


async def number_pending(database: Database) -> int:
    """Number the committed events that have no position yet; return how many.

    Safe to run on every node at once: the row of the log is locked first, and a second node finds nothing
    left to do. The order is that of the identity column: within one session, that of its changes. The other
    nodes are notified, in the name of this one.

    Raises:
        Unavailable: The database is away, or another node holds the row of the log.
    """
    if database.is_sqlite:
        return 0
    async with database.write() as tx:
        # A statement of its own: the next one has to see what was committed while this one waited.
        last_seq = await tx.scalar(_LOCK_IF_PENDING)
        if last_seq is None:
            return 0
        numbered = await tx.execute(_NUMBER, {"known_seq": last_seq, "numbered_by": database.name})
        moved_to = numbered.scalar()
    return 0 if moved_to is None else int(moved_to - last_seq)


async def events_after(
    tx: ReadTx,
    seq: int,
    *,
    limit: int,
    up_to: int | None = None,
    where: Sequence[ColumnElement[bool]] = (),
) -> Sequence[Record]:
    """Return at most `limit` events after `seq`, oldest first; `up_to` bounds how far is searched."""
    statement = select(*EVENT_COLUMNS).where(col(EventRow.seq) > seq, *where)
    if up_to is not None:
        statement = statement.where(col(EventRow.seq) <= up_to)
    return await tx.all(statement.order_by(col(EventRow.seq)).limit(limit))


async def sessions_ended_since(tx: ReadTx, since: datetime) -> list[str]:
    """Return the ids of the sessions whose end was recorded since an instant, in no order that is promised.

    The log is read backwards in steps: its end is what is asked for, and no index is needed.
    """
    found: list[str] = []
    seq = (await log_state(tx)).last_seq
    while True:
        rows = await tx.all(
            select(col(EventRow.session_id), col(EventRow.status), col(EventRow.recorded_at))
            .where(col(EventRow.seq) > seq - BACKWARD_STEP, col(EventRow.seq) <= seq)
            .order_by(col(EventRow.seq).desc())
        )
        recent = [row for row in rows if row.recorded_at >= since]
        found += [row.session_id for row in recent if row.status != Status.ACTIVE]
        if not recent:
            return found
        seq -= BACKWARD_STEP


async def history_of(tx: ReadTx, session_ids: Collection[str]) -> dict[str, list[Record]]:
    """Return the retained events of each session, oldest first; each id is a key."""
    history: dict[str, list[Record]] = {id_: [] for id_ in session_ids}
    rows = await tx.all(
        select(*EVENT_COLUMNS)
        .where(col(EventRow.session_id).in_(session_ids), col(EventRow.seq).is_not(None))
        .order_by(col(EventRow.seq))
    )
    for row in rows:
        history[row.session_id].append(row)
    return history


@cache
def _appending(*, numbers_at_once: bool) -> Insert:
    """Return what appends the sessions that are `changed`; made once, which costs as much as running it."""
    age = (col(SessionRow.created_at), col(SessionRow.id))
    last_seq = select(col(FeedRow.last_seq)).scalar_subquery()
    seq = last_seq + func.row_number().over(order_by=age) if numbers_at_once else null()
    occurred_at: ColumnElement[Any] = func.coalesce(col(SessionRow.ended_at), col(SessionRow.created_at))
    rows = (
        select(
            seq,
            col(SessionRow.id),
            bindparam("previous", type_=String()),
            occurred_at,
            bindparam("recorded", type_=UTCDateTime()),
            *(col(getattr(SessionRow, name)) for name in SNAPSHOT),
        )
        .where(is_among(col(SessionRow.id), "changed"))
        .order_by(*age)
    )
    return insert(EventRow).from_select(
        ["seq", "session_id", "previous_status", "occurred_at", "recorded_at", *SNAPSHOT],
        rows,
        include_defaults=False,
    )


def _numbering() -> Update:
    """Return what numbers the oldest pending events, moves the end of the log, returns it and notifies."""
    last_seq = bindparam("known_seq", type_=BigInteger())
    batch = (
        select(
            col(EventRow.id).label("id"),
            func.row_number().over(order_by=col(EventRow.id)).label("place"),
        )
        .where(_IS_PENDING)
        .order_by(col(EventRow.id))
        .limit(NUMBERING_BATCH)
        .cte("batch")
    )
    numbered = (
        update(EventRow)
        .where(col(EventRow.id) == batch.c.id)
        .values(seq=last_seq + batch.c.place)
        .returning(col(EventRow.id))
        .cte("numbered")
    )
    size = select(func.count()).select_from(numbered).scalar_subquery()
    notified = func.pg_notify(CHANNEL, bindparam("numbered_by", type_=String()))
    return (
        update(FeedRow)
        .where(size > 0)
        .values(last_seq=last_seq + size)
        .returning(col(FeedRow.last_seq), notified)
    )


_IS_PENDING = col(EventRow.seq).is_(None)
_LOCK_IF_PENDING = (
    select(col(FeedRow.last_seq)).where(exists().where(_IS_PENDING)).with_for_update(of=FeedRow)
)
_NUMBER = _numbering()
