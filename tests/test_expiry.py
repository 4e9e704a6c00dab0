"""Expiring: the longest due first, in bounded transactions, and as of the instant that ran out."""

import asyncio
from collections.abc import Sequence
from itertools import groupby

from conftest import StartNode
from sqlalchemy import select
from sqlmodel import col
from stored import NEVER, minute, row, session_id, store

from models.bound import Bound
from models.changes import Ending, end_session
from models.database import Database, Record
from models.expiry import expire_due, next_expiry
from models.log import events_after, log_state, number_pending
from models.queries import SESSION_COLUMNS
from models.session import EventRow, InitiatingEntity, SessionRow


async def ids_of(database: Database, status: str) -> list[str]:
    async with database.read() as tx:
        by_age = select(col(SessionRow.id)).order_by(col(SessionRow.id))
        return [one.id for one in await tx.fetch(by_age.where(col(SessionRow.status) == status))]


async def test_expires_only_what_is_due(database: Database) -> None:
    revoked = row(4, status="revoked", expires_at=minute(50), ended_at=minute(40))
    await store(database, row(1, expires_at=minute(60)), row(2, expires_at=minute(61)), row(3), revoked)
    assert await expire_due(database, minute(59.99)) == 0
    assert await expire_due(database, minute(60)) == 1
    assert await ids_of(database, "expired") == [session_id(1)]
    assert await expire_due(database, minute(60)) == 0
    async with database.read() as tx:
        stored = await tx.first(select(*SESSION_COLUMNS).where(col(SessionRow.id) == session_id(1)))
        events = await tx.fetch(select(col(EventRow.occurred_at)).where(col(EventRow.status) == "expired"))
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


async def log_from(database: Database, seq: int) -> Sequence[Record]:
    while await number_pending(database):
        pass
    async with database.read() as tx:
        return await events_after(tx, seq, limit=100_000)


async def end(database: Database, session_id_: str) -> None:
    ending = Ending(by=InitiatingEntity.USER, user_id=None, reason=None, now=minute(0))
    everything = Bound(everything=True)
    await end_session(database, session_id_, ending, readable=everything, endable=everything)


async def test_announces_very_many_in_batches_with_what_others_do_in_between(
    database: Database, database_url: str
) -> None:
    await store(database, *(row(number, expires_at=minute(60)) for number in range(1_200)))
    await store(database, row(5_000), row(5_001))
    start = len(await log_from(database, 0))
    other = Database(database_url)
    for number in (5_000, 5_001):
        assert await expire_due(database, minute(60)) == 500
        await end(other, session_id(number))
    assert await expire_due(database, minute(60)) == 200
    runs = [
        (status, len(list(run))) for status, run in groupby(e.status for e in await log_from(other, start))
    ]
    assert runs == [("expired", 500), ("revoked", 1), ("expired", 500), ("revoked", 1), ("expired", 200)]
    await other.close()


async def test_expires_each_once_on_several_nodes_at_once(database: Database, database_url: str) -> None:
    await store(database, *(row(number, expires_at=minute(60)) for number in range(2_200)))
    start = len(await log_from(database, 0))
    nodes = [Database(database_url) for _ in range(3)]

    async def sweep(node: Database) -> list[int]:
        sizes = [await expire_due(node, minute(60))]
        while sizes[-1]:
            sizes.append(await expire_due(node, minute(60)))
            await number_pending(node)
        return sizes

    sizes = await asyncio.gather(*(sweep(node) for node in nodes))
    assert max(map(max, sizes)) == 500
    assert sum(map(sum, sizes)) == 2_200
    events = await log_from(database, start)
    assert [event.seq for event in events] == list(range(start + 1, start + 2_201))
    assert {event.session_id for event in events} == {session_id(number) for number in range(2_200)}
    assert {event.status for event in events} == {"expired"}
    for node in nodes:
        await node.close()


async def test_sweeps_all_that_is_due_when_it_starts(start_node: StartNode, database: Database) -> None:
    await store(database, *(row(number, expires_at=minute(60)) for number in range(1_100)))
    await asyncio.gather(start_node(), start_node())
    async with asyncio.timeout(30):
        while (await number_of_events(database)) < 2_200:
            await asyncio.sleep(0.01)
    assert await number_of_events(database) == 2_200
    assert len(await ids_of(database, "expired")) == 1_100


async def number_of_events(database: Database) -> int:
    async with database.read() as tx:
        return (await log_state(tx)).last_seq


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
