"""What is past its age goes, in short transactions, and nobody takes what is gone for what never was."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from calls import CREATE, create, end
from commands import run
from conftest import StartNode
from log import as_of, changes_until, settled
from node import FUTURE, USER, Node
from pydantic import ValidationError
from sqlalchemy import func, select, update
from sqlmodel import col
from stored import NEVER, minute, row, session_id, store
from upstream import revoked, session

from api.auth.ended import EndedSessions
from api.feed import Feed
from api.settings import Settings
from models.bound import Bound
from models.copies import Tally, store_copies
from models.database import Database
from models.expiry import expire_due
from models.filter import Criteria, Filter
from models.intake import session_copy
from models.log import Position, events_after, log_state, number_pending
from models.refusals import CursorExpired
from models.retention import (
    Quantity,
    quantity_older_than,
    remove_events,
    remove_older_than,
    remove_sessions,
    remove_tombstones,
)
from models.session import EventRow, SessionRow, TombstoneRow, utc_now

EVERYTHING = Criteria(Filter(), Bound(everything=True), NEVER)
CHANGED = "subscription ($after: Cursor) { sessionStatusChanged(after: $after) { session { id } } }"
LOG = "query ($after: Cursor) { sessionStatusChanges(after: $after) { nodes { session { id } } } }"
HISTORY = "query ($id: ID!) { session(id: $id) { endedBy endReason history { status } } }"
OLD = minute(0)


async def number(database: Database) -> None:
    while await number_pending(database):
        pass


async def backdate(database: Database, *seqs: int) -> None:
    """Number what is pending, and let these events have been recorded long ago."""
    await number(database)
    async with database.write() as tx:
        await tx.execute(update(EventRow).where(col(EventRow.seq).in_(seqs)).values(recorded_at=OLD))


async def removed(database: Database, age: timedelta = timedelta(days=1)) -> list[Quantity]:
    return [one async for one in remove_older_than(database, utc_now() - age)]


async def positions(database: Database) -> tuple[int, list[int], int]:
    """Return the start of the log, the positions that it holds, and its end."""
    async with database.read() as tx:
        state, events = await log_state(tx), await events_after(tx, 0, limit=100_000)
    return state.pruned_seq, [event.seq for event in events], state.last_seq


async def ids(database: Database, table: type[SessionRow] | type[TombstoneRow] = SessionRow) -> list[str]:
    async with database.read() as tx:
        return [one.id for one in await tx.fetch(select(col(table.id)).order_by(col(table.id)))]


async def test_removes_the_oldest_events_and_moves_the_start_of_the_log(database: Database) -> None:
    await store(database, *(row(number) for number in range(5)))
    await backdate(database, 1, 2, 3)
    assert await removed(database) == [Quantity(events=3)]
    assert await positions(database) == (3, [4, 5], 5)
    assert await removed(database) == []
    await backdate(database, 4, 5)
    assert await removed(database) == [Quantity(events=2)]
    assert await positions(database) == (5, [], 5)
    await store(database, row(5))
    await number(database)
    assert await positions(database) == (5, [6], 6)
    assert len(await ids(database)) == 6


async def test_stops_at_the_first_event_that_is_not_old(database: Database) -> None:
    await store(database, *(row(number) for number in range(4)))
    await backdate(database, 1, 3, 4)
    assert await removed(database) == [Quantity(events=1)]
    assert await positions(database) == (1, [2, 3, 4], 4)


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_removes_no_event_that_has_no_position_yet(database: Database) -> None:
    await store(database, row(0))
    await number(database)
    await store(database, row(1), row(2))
    async with database.write() as tx:
        await tx.execute(update(EventRow).values(recorded_at=OLD))
    assert await removed(database) == [Quantity(events=1)]
    await number(database)
    assert await positions(database) == (1, [2, 3], 3)


async def test_removes_sessions_by_when_they_ended(database: Database) -> None:
    now = utc_now()
    day = timedelta(days=1)
    ended = {"status": "revoked", "expires_at": now + day}
    await store(
        database,
        row(0),
        row(1, expires_at=minute(1)),  # due, but not expired yet
        row(2, **ended, ended_at=now - 3 * day),
        row(3, status="expired", expires_at=now - 2 * day, ended_at=now - 2 * day),
        row(4, **ended, ended_at=now - day / 2),
        row(5, **ended, ended_at=now - day),
        row(6, ended_at=now - 3 * day),  # whatever else a row says, what is active stays
    )
    await number(database)
    assert await remove_sessions(database, now - day, now) == 2
    assert await ids(database) == [session_id(number) for number in (0, 1, 4, 5, 6)]
    await expire_due(database, now)
    assert await remove_sessions(database, now - day, now) == 1
    assert await ids(database) == [session_id(number) for number in (0, 4, 5, 6)]
    assert (await positions(database))[0] == 0


async def test_lets_others_write_between_its_transactions(database: Database, database_url: str) -> None:
    await store(database, *(row(number, status="revoked", ended_at=OLD) for number in range(1_100)))
    await backdate(database, *range(1, 1_101))
    other = Database(database_url)
    sizes = []
    async for quantity in remove_older_than(database, minute(1)):
        sizes.append(quantity)
        await store(other, row(2_000 + len(sizes)))
    assert [one.events for one in sizes] == [500, 500, 100, 0, 0, 0]
    assert [one.sessions for one in sizes] == [0, 0, 0, 500, 500, 100]
    assert await ids(database) == [session_id(2_000 + number) for number in range(1, 7)]
    await number(database)
    assert await positions(database) == (1_100, list(range(1_101, 1_107)), 1_106)
    await other.close()


async def test_counts_exactly_what_it_then_removes(database: Database) -> None:
    await store(database, *(row(number, status="revoked", ended_at=minute(number)) for number in range(700)))
    await backdate(database, *range(1, 601), 650)
    before = minute(550)
    async with database.read() as tx:
        found = await quantity_older_than(tx, before)
    total = Quantity()
    async for quantity in remove_older_than(database, before):
        total += quantity
    assert found == total == Quantity(events=600, sessions=550)


async def test_removes_each_thing_once_on_two_nodes_beside_writers(
    database: Database, database_url: str
) -> None:
    await store(database, *(row(number, status="revoked", ended_at=OLD) for number in range(2_000)))
    await backdate(database, *range(1, 2_001))
    nodes = [Database(database_url) for _ in range(3)]
    born: list[str] = []

    async def write(number_: int) -> None:
        for turn in range(20):
            await store(database, row(10_000 + number_ * 100 + turn))
            born.append(session_id(10_000 + number_ * 100 + turn))
            await number(database)

    outcomes = await asyncio.gather(*(removed(node) for node in nodes), *(write(one) for one in range(2)))
    total = sum((quantity for outcome in outcomes if outcome for quantity in outcome), Quantity())
    assert total == Quantity(events=2_000, sessions=2_000)
    assert await ids(database) == sorted(born)
    assert await positions(database) == (2_000, list(range(2_001, 2_041)), 2_040)
    for node in nodes:
        await node.close()


async def test_leaves_a_reader_what_it_began_to_read(database: Database) -> None:
    await store(database, *(row(number, status="revoked", ended_at=OLD) for number in range(3)))
    await backdate(database, 1, 2, 3)
    async with database.read() as tx:
        before = await log_state(tx)
        assert await removed(database) == [Quantity(events=3), Quantity(sessions=3)]
        assert [event.seq for event in await events_after(tx, before.pruned_seq, limit=10)] == [1, 2, 3]
        assert await tx.scalar(select(func.count()).select_from(SessionRow)) == 3
    assert await positions(database) == (3, [], 3)


async def test_refuses_a_cursor_from_before_the_start_of_the_log(node: Node, database: Database) -> None:
    old = await as_of(node)
    first = await node.create()
    start = await settled(node)
    last = await node.create()
    await changes_until(node, last)
    await backdate(database, 1, 2)
    assert await removed(database) == [Quantity(events=2)]
    assert (await node.refusal(LOG, after=old))[0] == "CURSOR_EXPIRED"
    expected = {"sessionStatusChanges": {"nodes": [{"session": {"id": last}}]}}
    assert await node.query(LOG, after=start) == await node.query(LOG) == expected
    async with node.socket() as socket:
        await socket.subscribe(CHANGED, after=start)
        assert (await socket.next())["sessionStatusChanged"]["session"]["id"] == last
        await socket.send({"type": "complete", "id": "1"})
        payload = {"query": CHANGED, "variables": {"after": old}}
        # Until the node looks, it has all of it in memory; it never has a part.
        while True:
            await socket.send({"type": "subscribe", "id": "2", "payload": payload})
            answer = await socket.receive()
            if answer["type"] == "error":
                break
            assert answer["payload"]["data"]["sessionStatusChanged"]["session"]["id"] == first
            await socket.send({"type": "complete", "id": "2"})
            await socket.send({"type": "ping"})
            while (await socket.receive())["type"] != "pong":
                pass
    assert [error["extensions"]["code"] for error in answer["payload"]] == ["CURSOR_EXPIRED"]


@asynccontextmanager
async def running(feed: Feed) -> AsyncIterator[None]:
    task = asyncio.create_task(feed.run())
    try:
        async with asyncio.timeout(30):
            await feed.refresh()
            yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def located_for_ever(feed: Feed, seq: int) -> None:
    while await feed.locate(Position(feed.epoch, seq)):
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("goes_on", [True, False])
async def test_tells_a_stream_that_it_missed_what_was_removed(database: Database, *, goes_on: bool) -> None:
    """Even one that waits for news on a node that slept longer than the log reaches back."""
    feed = Feed(database, EndedSessions(keep_seconds=60), poll_seconds=0.05, ring_size=100)
    await feed.start()
    waiting = asyncio.create_task(anext(feed.stream(EVERYTHING, feed.position).events()))
    await asyncio.sleep(0)  # it is waiting now
    await store(database, row(0), row(1))
    await backdate(database, 1, 2)
    assert await removed(database) == [Quantity(events=2)]
    if goes_on:
        await store(database, row(2))
    async with running(feed):
        with pytest.raises(CursorExpired):
            await waiting
        following = asyncio.create_task(anext(feed.stream(EVERYTHING, feed.position).events()))
        await store(database, row(3))
        assert (await following).session_id == session_id(3)
    assert feed.position == (4 if goes_on else 3)


async def test_tells_a_slow_stream_that_what_comes_next_was_removed(database: Database) -> None:
    feed = Feed(database, EndedSessions(keep_seconds=60), poll_seconds=0.05, ring_size=100)
    await feed.start()
    async with running(feed):
        await store(database, *(row(number) for number in range(3)))
        events = feed.stream(EVERYTHING, 0).events()
        await feed.refresh()
        assert (await anext(events)).seq == 1
        slow = feed.stream(EVERYTHING, 1).events()
        await backdate(database, 1, 2)
        assert await removed(database) == [Quantity(events=2)]
        with pytest.raises(CursorExpired):
            await located_for_ever(feed, 1)
        # What was handed over at once stays; what has to be read again is gone.
        assert [(await anext(events)).seq for _ in range(2)] == [2, 3]
        with pytest.raises(CursorExpired):
            await anext(slow)


async def test_begins_the_history_later_and_keeps_who_ended_a_session(node: Node, database: Database) -> None:
    id_ = (await create(node, userId=USER, expiresAt=FUTURE))["session"]["id"]
    await end(node, id=id_, reason="Laptop lost")
    await settled(node)
    await backdate(database, 1)
    await removed(database)
    expected = {"endedBy": "SYSTEM", "endReason": "Laptop lost", "history": [{"status": "REVOKED"}]}
    assert await node.query(HISTORY, id=id_) == {"session": expected}
    await backdate(database, 2)
    await removed(database)
    assert await node.query(HISTORY, id=id_) == {"session": {**expected, "history": []}}


async def test_brings_no_removed_session_back_to_life(node: Node, database: Database) -> None:
    now = utc_now()
    copies = [session_copy(one, now) for one in (session(), revoked("2024-01-15T13:00:00.000Z"))]
    assert await store_copies(database, copies, now) == Tally(created=1, updated=1)
    await number(database)
    assert await remove_sessions(database, now, now) == 1
    before = await positions(database)
    assert await store_copies(database, copies, now) == Tally(unchanged=2)
    again = {"id": copies[0].id, "userId": copies[0].user_id, "expiresAt": FUTURE}
    assert await node.refusal(CREATE, input=again) == (
        "BAD_USER_INPUT",
        "`id` belongs to a session that has ended and was removed; leave it out.",
    )
    await number(database)
    assert (await ids(database), await positions(database)) == ([], before)


async def test_keeps_the_id_of_a_removed_session_until_it_would_have_run_out(database: Database) -> None:
    now = utc_now()
    soon = now + timedelta(days=1)
    await store(
        database,
        row(1, status="revoked", ended_at=OLD, expires_at=soon),
        row(2, status="revoked", ended_at=OLD),
        row(3, status="expired", ended_at=OLD, expires_at=OLD),
    )
    assert await remove_sessions(database, now, now) == 3
    assert await ids(database, TombstoneRow) == [session_id(1), session_id(2)]
    assert await remove_tombstones(database, soon - timedelta(seconds=1)) == 0
    assert await remove_tombstones(database, soon) == 1
    assert await ids(database, TombstoneRow) == [session_id(2)]


async def test_removes_all_the_time_when_told_to(start_node: StartNode, database: Database) -> None:
    await store(database, row(0), row(1, status="revoked", ended_at=OLD), row(2))
    await backdate(database, 1, 2)
    await start_node()
    kept = (0, [1, 2, 3], 3)
    assert await positions(database) == kept
    await asyncio.gather(*(start_node(retention_days=2) for _ in range(2)))
    async with asyncio.timeout(10):
        while await ids(database) != [session_id(0), session_id(2)]:
            await asyncio.sleep(0.01)
    assert await positions(database) == (2, [3], 3)


def test_forgets_no_end_while_a_token_of_the_session_may_live() -> None:
    assert Settings(retention_days=1).retention == timedelta(days=1)
    with pytest.raises(ValidationError, match=r"retention_days is too short: .* may live for 86420 seconds"):
        Settings(retention_days=1, token_lifetime_limit_seconds=86_400)
    assert Settings(retention_days=2, token_lifetime_limit_seconds=86_400).retention == timedelta(days=2)


async def test_prunes_from_the_command_line(tmp_path: Path, database: Database, database_url: str) -> None:
    await store(database, *(row(number, status="revoked", ended_at=OLD) for number in range(3)), row(3))
    await backdate(database, 1, 2)
    arguments = ("prune", "--older-than", "36h", "--database-url", database_url)
    code, out, errors = await run(*arguments, "--dry-run", cwd=tmp_path)
    assert (code, out[: out.index(" from before ")], errors) == (
        0,
        "would remove 2 changes and 3 sessions",
        "",
    )
    assert (len(await ids(database)), await positions(database)) == (4, (0, [1, 2, 3, 4], 4))
    code, out, errors = await run(*arguments, cwd=tmp_path)
    assert (code, out[: out.index(" from before ")], errors) == (0, "removed 2 changes and 3 sessions", "")
    assert (await ids(database), await positions(database)) == ([session_id(3)], (2, [3, 4], 4))
    code, out, errors = await run(
        *arguments[:1], *arguments[3:], SESSIONGRAPH_RETENTION_DAYS="2", cwd=tmp_path
    )
    assert (code, out[: out.index(" from before ")], errors) == (0, "removed 0 changes and 0 sessions", "")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "Say how old: --older-than 90d, or SESSIONGRAPH_RETENTION_DAYS.\n"),
        (("--older-than", "0d"), 2, "--older-than is '0d'; write days or hours, as 90d or 36h.\n"),
        (("--older-than", "90"), 2, "--older-than is '90'; write days or hours, as 90d or 36h.\n"),
        (("--older-than", "1h"), 2, "--older-than is too short: the tokens of a session may live for 3620"),
        (
            ("--older-than", "1d", "--database-url", "postgresql://nobody@127.0.0.1:1/x"),
            3,
            "The database cannot be reached; try again in a moment.",
        ),
    ],
)
async def test_says_in_one_line_what_keeps_it_from_pruning(
    tmp_path: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    exit_code, out, errors = await run("prune", *arguments, cwd=tmp_path)
    assert (exit_code, out, errors.count("\n")) == (code, "", 1)
    assert errors.startswith(f"sessiongraph: {said}")


async def test_removes_one_batch_at_a_time(database: Database) -> None:
    await store(database, *(row(number, status="revoked", ended_at=OLD) for number in range(501)))
    await backdate(database, *range(1, 502))
    assert [await remove_events(database, minute(1)) for _ in range(3)] == [500, 1, 0]
    assert [await remove_sessions(database, minute(1), NEVER) for _ in range(3)] == [500, 1, 0]
