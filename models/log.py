"""The event log: appending changes, numbering them, reading them from a position.

The log is the truth and wake-ups are hints: whoever must learn of a change reads the log from a position of
its own. A position is dense and grows in the order in which events become visible. On SQLite there is one
writer, so an event is numbered when it is inserted. On PostgreSQL an identity value is taken before the
commit, so events are inserted without a number and numbered by a second, short transaction.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, func, insert, literal, null, select, text, update
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
    age = (col(SessionRow.created_at), col(SessionRow.id))
    last_seq = select(col(FeedRow.last_seq)).scalar_subquery()
    seq = last_seq + func.row_number().over(order_by=age) if tx.numbers_at_once else null()
    occurred_at: ColumnElement[Any] = func.coalesce(col(SessionRow.ended_at), col(SessionRow.created_at))
    rows = (
        select(
            seq,
            col(SessionRow.id),
            literal(previous_status.value if previous_status else None),
            occurred_at,
            literal(utc_now(), UTCDateTime()),
            *(col(getattr(SessionRow, name)) for name in SNAPSHOT),
        )
        .where(is_among(col(SessionRow.id), session_ids))
        .order_by(*age)
    )
    await tx.execute(
        insert(EventRow).from_select(
            ["seq", "session_id", "previous_status", "occurred_at", "recorded_at", *SNAPSHOT],
            rows,
            include_defaults=False,
        )
    )
    if tx.numbers_at_once:
        await tx.execute(update(FeedRow).values(last_seq=col(FeedRow.last_seq) + len(session_ids)))
    tx.has_events = True


async def number_pending(database: Database) -> int:
    """Number the committed events that have no position yet; return how many.

    Safe to run on every node at once: the row of the log is locked first, and a second node finds nothing
    left to do. The order is that of the identity column: within one session, that of its changes.

    Raises:
        Unavailable: The database is away, or another node holds the row of the log.
    """
    if database.is_sqlite:
        return 0
    pending_ids = select(col(EventRow.id)).where(col(EventRow.seq).is_(None))
    async with database.read() as tx:
        if await tx.first(pending_ids.limit(1)) is None:
            return 0
    async with database.write() as tx:
        last_seq = await tx.scalar(select(col(FeedRow.last_seq)).with_for_update())
        batch = (
            select(
                col(EventRow.id).label("id"),
                (literal(last_seq, BigInteger) + func.row_number().over(order_by=col(EventRow.id))).label(
                    "seq"
                ),
            )
            .where(col(EventRow.seq).is_(None))
            .order_by(col(EventRow.id))
            .limit(NUMBERING_BATCH)
            .cte("batch")
        )
        numbered: int = (
            await tx.execute(update(EventRow).where(col(EventRow.id) == batch.c.id).values(seq=batch.c.seq))
        ).rowcount
        if numbered:
            await tx.execute(update(FeedRow).values(last_seq=last_seq + numbered))
            await tx.execute(text(f"NOTIFY {CHANNEL}"))
            tx.has_events = True
    return numbered


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
