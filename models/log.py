"""The event log: appending changes, numbering them, reading them from a position.

The log is the truth and wake-ups are hints: whoever must learn of a change reads the log from a position of
its own. A position is dense and grows in the order in which events become visible. On SQLite there is one
writer, so an event is numbered when it is inserted. On PostgreSQL an identity value is taken before the
commit, so events are inserted without a number and numbered by a second, short transaction.
"""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from sqlalchemy import BigInteger, Integer, exists, func, select, update
from sqlmodel import col

from models.database import Database, ReadTx, Record, Source, Statement, WriteTx
from models.dialect import is_among, texts
from models.filter import Criteria
from models.refusals import CursorExpired
from models.session import SNAPSHOT, EventRow, FeedRow, Status
from models.statement import given

NUMBERING_BATCH = 5000
BACKWARD_STEP = 5000
CHANNEL = "sessiongraph"
EPOCH_BYTES = 8

EVENT_COLUMNS = tuple(
    col(getattr(EventRow, name))
    for name in ("seq", "session_id", "previous_status", "occurred_at", *SNAPSHOT)
)


_seq = col(EventRow.seq)
_IS_PENDING = _seq.is_(None)
_AFTER = _seq > given("seq", BigInteger)
_UP_TO = _seq <= given("up_to", BigInteger)
_LIMIT = given("limit", Integer)


def _number() -> Statement:
    """Return what numbers the oldest pending events, moves the end of the log, returns it and notifies."""
    last_seq = given("known_seq", BigInteger)
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
    notified = func.pg_notify(CHANNEL, given("numbered_by"))
    return Statement(
        update(FeedRow)
        .where(size > 0)
        .values(last_seq=last_seq + size)
        .returning(col(FeedRow.last_seq), notified)
    )


@lru_cache(512)
def _matching_events(criteria: Criteria) -> Statement:
    clauses = criteria.clauses(EventRow)
    return Statement(select(*EVENT_COLUMNS).where(_AFTER, _UP_TO, *clauses).order_by(_seq).limit(_LIMIT))


_STATE = Statement(select(col(FeedRow.epoch), col(FeedRow.pruned_seq), col(FeedRow.last_seq)))
_LOCK_IF_PENDING = Statement(
    select(col(FeedRow.last_seq)).where(exists().where(_IS_PENDING)).with_for_update(of=FeedRow)
)
_NUMBER = _number()
_EVENTS = Statement(select(*EVENT_COLUMNS).where(_AFTER).order_by(_seq).limit(_LIMIT), is_short=True)
_RECENT = Statement(
    select(col(EventRow.session_id), col(EventRow.status), col(EventRow.recorded_at))
    .where(_AFTER, _UP_TO)
    .order_by(_seq.desc())
)
_HISTORY = Statement(
    select(*EVENT_COLUMNS)
    .where(is_among(col(EventRow.session_id), texts("ids")), _seq.is_not(None))
    .order_by(_seq)
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
    row = await tx.first(_STATE)
    assert row is not None, "the migration makes the row"  # noqa: S101
    return LogState(*row)


async def renew_epoch(tx: WriteTx, known: Position | None = None) -> None:
    """Make this another log than the one of all cursors that were handed out: none of them holds any longer.

    A database that was put back to an earlier state gives out positions a second time, for other events. With
    a known position, only if it is of this log and was not reached yet.
    """
    renewing = update(FeedRow).values(epoch=secrets.token_hex(EPOCH_BYTES))
    if known is not None:
        renewing = renewing.where(col(FeedRow.epoch) == known.epoch, col(FeedRow.last_seq) < known.seq)
    await tx.execute(renewing)


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
        last_seq: int | None = await tx.scalar(_LOCK_IF_PENDING)
        if last_seq is None:
            return 0
        moved_to: int | None = await tx.scalar(_NUMBER, {"known_seq": last_seq, "numbered_by": database.name})
    return 0 if moved_to is None else moved_to - last_seq


async def events_after(source: Source, seq: int, *, limit: int) -> Sequence[Record]:
    """Return at most `limit` events after `seq`, oldest first."""
    return await source.fetch(_EVENTS, {"seq": seq, "limit": limit})


async def matching_events(
    tx: ReadTx, criteria: Criteria, seq: int, *, limit: int, up_to: int
) -> Sequence[Record]:
    """Return at most `limit` events that match, oldest first, after `seq` and not after `up_to`."""
    values = {**criteria.values(), "seq": seq, "limit": limit, "up_to": up_to}
    return await tx.fetch(_matching_events(criteria.shape), values)


async def sessions_ended_since(tx: ReadTx, since: datetime) -> list[str]:
    """Return the ids of the sessions whose end was recorded since an instant, in no order that is promised.

    The log is read backwards in steps: its end is what is asked for, and no index is needed.
    """
    found: list[str] = []
    seq = (await log_state(tx)).last_seq
    while True:
        rows = await tx.fetch(_RECENT, {"seq": seq - BACKWARD_STEP, "up_to": seq})
        recent = [row for row in rows if row.recorded_at >= since]
        found += [row.session_id for row in recent if row.status != Status.ACTIVE]
        if not recent:
            return found
        seq -= BACKWARD_STEP


async def history_of(tx: ReadTx, session_ids: Collection[str]) -> dict[str, list[Record]]:
    """Return the retained events of each session, oldest first; each id is a key."""
    history: dict[str, list[Record]] = {id_: [] for id_ in session_ids}
    for row in await tx.fetch(_HISTORY, {"ids": list(session_ids)}):
        history[row.session_id].append(row)
    return history
