"""Expiring: the longest due first, in bounded transactions, and as of the instant that ran out."""

from sqlalchemy import select
from sqlmodel import col
from stored import NEVER, minute, row, session_id, store

from models.changes import expire_due, next_expiry
from models.database import Database
from models.queries import SESSION_COLUMNS
from models.session import EventRow, SessionRow


async def ids_of(database: Database, status: str) -> list[str]:
    async with database.read() as tx:
        by_age = select(col(SessionRow.id)).order_by(col(SessionRow.id))
        return [one.id for one in await tx.all(by_age.where(col(SessionRow.status) == status))]


async def test_expires_only_what_is_due(database: Database) -> None:
    revoked = row(4, status="revoked", expires_at=minute(50), ended_at=minute(40))
    await store(database, row(1, expires_at=minute(60)), row(2, expires_at=minute(61)), row(3), revoked)
    assert await expire_due(database, minute(59.99)) == 0
    assert await expire_due(database, minute(60)) == 1
    assert await ids_of(database, "expired") == [session_id(1)]
    assert await expire_due(database, minute(60)) == 0
    async with database.read() as tx:
        stored = await tx.first(select(*SESSION_COLUMNS).where(col(SessionRow.id) == session_id(1)))
        events = await tx.all(select(col(EventRow.occurred_at)).where(col(EventRow.status) == "expired"))
    assert stored is not None
    assert (stored.ended_at, stored.updated_at, stored.ended_by, stored.end_reason) == (
        minute(60),
        minute(60),
        "policy",
        None,
    )
    assert [one.occurred_at for one in events] == [minute(60)]


async def test_expires_at_most_500_at_once_longest_due_first(database: Database) -> None:
    await store(database, *(row(number, expires_at=minute(3_000 - number)) for number in range(502)))
    assert await expire_due(database, minute(3_000)) == 500
    assert await ids_of(database, "active") == [session_id(0), session_id(1)]
    assert await expire_due(database, minute(3_000)) == 2
    assert await ids_of(database, "active") == []


async def test_knows_when_the_next_session_runs_out(database: Database) -> None:
    async with database.read() as tx:
        assert await next_expiry(tx) is None
    await store(
        database, row(1, status="expired", expires_at=minute(1)), row(2), row(3, expires_at=minute(60))
    )
    async with database.read() as tx:
        assert await next_expiry(tx) == minute(60)
    await expire_due(database, minute(60))
    async with database.read() as tx:
        assert await next_expiry(tx) == NEVER
