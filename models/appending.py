"""Appending to the log: each change with its events in one transaction, and one event for each session."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Select, func, insert, literal, select, update
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import col
from sqlmodel.sql.sqltypes import UTCDateTime

from models.database import Database, Statement, WriteTx
from models.dialect import is_among, texts
from models.log import log_state
from models.session import SNAPSHOT, EventRow, FeedRow, SessionRow, Status, utc_now
from models.statement import Values, given


class LoggedChange:
    """A change of at most one session, which returns it as a row without attributes, its id first.

    Where events are numbered later, the change and its event are one statement: a row is locked by the change
    before its event is made of it.
    """

    def __init__(self, change: ReturningUpdate[Any], *, previous_status: Status) -> None:
        self.change = Statement(change, is_bare=True)
        self._with_event = Statement(_with_event(change, previous_status), is_bare=True)
        self._previous_status = previous_status

    async def run(self, database: Database, values: Values) -> Sequence[Any] | None:
        """Change the session and append its event; None when there is none to change.

        Raises:
            Unavailable: The database is away or busy; the change may have been committed or not.
        """
        if database.is_sqlite:
            async with database.write() as tx:
                changed = await tx.fetch(self.change, values)
                await append(tx, [row[0] for row in changed], previous_status=self._previous_status)
        else:
            changed = await database.change(self._with_event, {**values, "recorded_at": utc_now()})
        return changed[0] if changed else None


async def append(tx: WriteTx, session_ids: Sequence[str], *, previous_status: Status | None) -> None:
    """Append one event for each of these sessions, oldest session first, as their rows stand now.

    They are given in that order. The caller has changed the rows in this transaction, and so holds their
    locks: that makes the order of events within one session right.
    """
    if not session_ids:
        return
    appended = {"ids": session_ids, "previous_status": previous_status, "recorded_at": utc_now()}
    if tx.numbers_at_once:
        await tx.execute(_APPEND_NUMBERED, appended)
        await tx.execute(_MOVE, {"count": len(session_ids)})
    else:
        await tx.execute(_APPEND, appended)
    tx.has_events = True


async def append_past(tx: WriteTx, events: Sequence[dict[str, Any]]) -> None:
    """Append events with their columns, in their order, of sessions that are stored by this transaction."""
    rows = [event | {"recorded_at": utc_now(), "seq": None} for event in events]
    if tx.numbers_at_once:
        for seq, row in enumerate(rows, (await log_state(tx)).last_seq + 1):
            row["seq"] = seq
        await tx.execute(_MOVE, {"count": len(rows)})
    await tx.execute_each(insert(EventRow), rows)
    tx.has_events = True


def _with_event(change: ReturningUpdate[Any], previous_status: Status) -> Select[Any]:
    changed = change.cte("changed")
    event = select(
        changed.c.id,
        literal(previous_status.value),
        func.coalesce(changed.c.ended_at, changed.c.created_at),
        given("recorded_at", UTCDateTime),
        *(changed.c[name] for name in SNAPSHOT),
    )
    appended = insert(EventRow).from_select(_APPENDED, event, include_defaults=False).cte("appended")
    return select(*changed.c).add_cte(appended)


_APPENDED = ("session_id", "previous_status", "occurred_at", "recorded_at", *SNAPSHOT)


def _append(*, numbered: bool) -> Statement:
    columns = list(_APPENDED)
    rows = select(
        col(SessionRow.id),
        given("previous_status"),
        func.coalesce(col(SessionRow.ended_at), col(SessionRow.created_at)),
        given("recorded_at", UTCDateTime),
        *(col(getattr(SessionRow, name)) for name in SNAPSHOT),
    )
    if numbered:
        ids = func.json_each(texts("ids")).table_valued("key", "value")
        last_seq = select(col(FeedRow.last_seq)).scalar_subquery()
        rows = (
            rows.add_columns(last_seq + ids.c.key + 1)
            .select_from(ids)
            .join(SessionRow, col(SessionRow.id) == ids.c.value)
        )
        columns.append("seq")
    else:
        age = (col(SessionRow.created_at), col(SessionRow.id))
        rows = rows.where(is_among(col(SessionRow.id), texts("ids"))).order_by(*age)
    return Statement(insert(EventRow).from_select(columns, rows, include_defaults=False))


_MOVE = Statement(update(FeedRow).values(last_seq=col(FeedRow.last_seq) + given("count", BigInteger)))
_APPEND = _append(numbered=False)
_APPEND_NUMBERED = _append(numbered=True)
