"""The log keeps its promises: dense positions, in the order of visibility, none lost, none twice."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from node import USER
from sqlalchemy import func, select, update
from sqlmodel import col

from models.bound import Bound
from models.changes import Ending, NewSession, create_session, end_session
from models.database import Database, Record
from models.log import LogState, Position, events_after, history_of, log_state, number_pending
from models.refusals import CursorExpired
from models.retention import remove_events
from models.session import EventRow, FeedRow, InitiatingEntity, to_milliseconds, utc_now

EVERYTHING = Bound(everything=True)


def new_session() -> NewSession:
    return NewSession(
        id=None,
        user_id=USER,
        organization_id=None,
        auth_method="password",
        ip_address=None,
        user_agent=None,
        impersonator_email=None,
        impersonator_reason=None,
        expires_at=utc_now() + timedelta(days=1),
    )


async def create(database: Database) -> str:
    async with database.write() as tx:
        row, _ = await create_session(tx, new_session(), utc_now())
    return str(row[0])


async def end(database: Database, session_id: str) -> None:
    ending = Ending(by=InitiatingEntity.SYSTEM, user_id=None, reason=None, now=utc_now())
    await end_session(database, session_id, ending, readable=EVERYTHING, endable=EVERYTHING)


async def create_and_fail(database: Database) -> None:
    async with database.write() as tx:
        await create_session(tx, new_session(), utc_now())
        raise LookupError


async def whole_log(database: Database) -> Sequence[Record]:
    while await number_pending(database):
        pass
    async with database.read() as tx:
        return await events_after(tx, 0, limit=100_000)


async def test_numbers_densely_whatever_the_writers_do(database: Database) -> None:
    async def write_some() -> None:
        for _ in range(10):
            await end(database, await create(database))

    async def number_for_ever() -> None:
        while True:
            await number_pending(database)
            await asyncio.sleep(0)

    numbering = [asyncio.create_task(number_for_ever()) for _ in range(2)]
    await asyncio.gather(*(write_some() for _ in range(8)))
    for task in numbering:
        task.cancel()
    await asyncio.gather(*numbering, return_exceptions=True)

    events = await whole_log(database)
    assert [event.seq for event in events] == list(range(1, 161))
    created = [event.session_id for event in events if event.previous_status is None]
    ended = [event.session_id for event in events if event.previous_status == "active"]
    assert len(set(created)) == len(created) == 80
    assert sorted(created) == sorted(ended)
    place = {event.session_id: event.seq for event in events if event.previous_status is None}
    assert all(place[event.session_id] < event.seq for event in events if event.previous_status)


async def test_gives_no_position_to_what_was_rolled_back(database: Database) -> None:
    with pytest.raises(LookupError):
        await create_and_fail(database)
    first = await create(database)
    assert [(event.seq, event.session_id) for event in await whole_log(database)] == [(1, first)]


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_loses_what_a_naive_tail_would_lose(database: Database) -> None:
    """A tail on the identity column passes over a row that was inserted first and committed last."""
    naive: list[int] = []
    numbered: list[int] = []

    async def read_both() -> None:
        async with database.read() as tx:
            after = max(naive, default=0)
            rows = await tx.fetch(select(col(EventRow.id)).where(col(EventRow.id) > after))
            naive.extend(row.id for row in rows)
        await number_pending(database)
        async with database.read() as tx:
            events = await events_after(tx, len(numbered), limit=100)
        numbered.extend(event.seq for event in events)

    async with database.write() as slow:
        await create_session(slow, new_session(), utc_now())
        await create(database)  # a second writer overtakes
        await read_both()
    await read_both()

    async with database.read() as tx:
        committed = await tx.scalar(select(func.count()).select_from(EventRow))
    assert (committed, len(naive), numbered) == (2, 1, [1, 2])


async def test_goes_on_where_32_bits_end(database: Database) -> None:
    last = 2**31 - 2
    async with database.write() as tx:
        await tx.execute(update(FeedRow).values(pruned_seq=last, last_seq=last))
    ids = [await create(database) for _ in range(3)]
    assert [(event.seq - last, event.session_id) for event in await whole_log(database)] == [
        (number, id_) for number, id_ in enumerate(ids, start=1)
    ]
    assert await remove_events(database, utc_now() + timedelta(days=1)) == 3


async def test_returns_the_history_of_each_session(database: Database) -> None:
    kept, ended = await create(database), await create(database)
    await end(database, ended)
    await whole_log(database)
    async with database.read() as tx:
        history = await history_of(tx, [kept, ended, "session_unknown"])
    assert {id_: [event.status for event in events] for id_, events in history.items()} == {
        kept: ["active"],
        ended: ["active", "revoked"],
        "session_unknown": [],
    }


async def test_keeps_what_an_event_says_although_the_session_goes_on(database: Database) -> None:
    session_id = await create(database)
    await end(database, session_id)
    created, ended = await whole_log(database)
    assert (created.status, created.ended_at, created.ended_by) == ("active", None, None)
    assert (ended.status, ended.previous_status, ended.ended_by) == ("revoked", "active", "system")
    assert ended.occurred_at == ended.ended_at == ended.updated_at
    assert created.occurred_at == created.created_at == to_milliseconds(created.created_at)


async def test_knows_which_positions_it_can_go_on_from(database: Database) -> None:
    state = LogState(epoch="00" * 8, pruned_seq=10, last_seq=20)
    assert [state.check(Position(state.epoch, seq)) for seq in (10, 15, 20)] == [10, 15, 20]
    for position in (Position(state.epoch, 9), Position(state.epoch, 21), Position("11" * 8, 15)):
        with pytest.raises(CursorExpired):
            state.check(position)
    async with database.read() as tx:
        fresh = await log_state(tx)
    assert (fresh.pruned_seq, fresh.last_seq, len(bytes.fromhex(fresh.epoch))) == (0, 0, 8)
