"""A change by one statement: it is a transaction, and wakes the readers of the log where it returns rows."""

from sqlalchemy import select, update
from sqlmodel import col
from stored import row, session_id, store

from models.database import Database, Statement
from models.session import SessionRow, Status
from models.statement import given

REVOKE = Statement(
    update(SessionRow)
    .where(col(SessionRow.id) == given("id"), col(SessionRow.status) == Status.ACTIVE.value)
    .values(status=Status.REVOKED.value)
    .returning(col(SessionRow.id))
)


async def test_wakes_readers_where_it_returns_rows(database: Database) -> None:
    await store(database, row(1), row(2))
    database.wake_up.clear()
    assert [tuple(one) for one in await database.change(REVOKE, {"id": session_id(1)})] == [(session_id(1),)]
    assert (database.wake_up.is_set(), await statuses(database)) == (True, ["revoked", "active"])
    database.wake_up.clear()
    assert await database.change(REVOKE, {"id": session_id(1)}) == []
    assert (database.wake_up.is_set(), await statuses(database)) == (False, ["revoked", "active"])


async def statuses(database: Database) -> list[str]:
    stored = select(col(SessionRow.status)).order_by(col(SessionRow.id))
    return [one.status for one in await database.fetch(Statement(stored), {})]
