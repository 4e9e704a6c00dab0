"""Reads that SQLite does in the thread of the event loop: what is long or in error is left to a thread."""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from models.database import Database
from models.refusals import Unavailable
from models.short_reads import ShortReads
from models.statement import Compiled, Record, Statement

STORED = "SELECT number FROM stored"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "sessiongraph.db"
    with sqlite3.connect(found) as raw:
        raw.execute("CREATE TABLE stored (number INTEGER)")
        raw.execute("INSERT INTO stored VALUES (7)")
    raw.close()
    return found


@pytest.fixture
def opened() -> list[sqlite3.Connection]:
    """The connections that were opened for short reads."""
    return []


@pytest.fixture
def short(path: Path, opened: list[sqlite3.Connection]) -> Iterator[ShortReads]:
    def open_() -> sqlite3.Connection:
        raw = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        opened.append(raw)
        return raw

    reads = ShortReads(open_, rest_seconds=0)
    reads.open()
    yield reads
    reads.close()


def sum_up_to(limit: int) -> str:
    """Return what adds numbers, which takes SQLite some 100 ns for each."""
    return (
        "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers "
        f"WHERE n < {limit}) SELECT sum(n) FROM numbers"
    )


def fetched(reads: ShortReads, sql: str) -> list[Record] | None:
    return reads.fetch(Compiled(sql, [], tuple, [], is_bare=True, is_short=True), [])


def test_reads_while_it_is_open(short: ShortReads) -> None:
    assert fetched(short, STORED) == [(7,)]
    short.close()
    assert (short.is_open, fetched(short, STORED)) == (False, None)
    short.open()
    assert (short.is_open, fetched(short, STORED)) == (True, [(7,)])


async def test_is_opened_once_by_many_threads(short: ShortReads, opened: list[sqlite3.Connection]) -> None:
    short.close()
    await asyncio.gather(*(asyncio.to_thread(short.open) for _ in range(8)))
    assert len(opened) == 2
    assert fetched(short, STORED) == [(7,)]


def test_gives_up_what_is_long_and_reads_on(short: ShortReads) -> None:
    assert fetched(short, sum_up_to(10)) == [(55,)]
    assert fetched(short, sum_up_to(1_000_000_000)) is None
    assert fetched(short, sum_up_to(10)) == [(55,)]


def test_rests_after_what_is_long(path: Path) -> None:
    resting = ShortReads(lambda: sqlite3.connect(path), rest_seconds=3600)
    resting.open()
    assert fetched(resting, STORED) == [(7,)]
    assert fetched(resting, sum_up_to(1_000_000_000)) is None
    assert fetched(resting, STORED) is None
    resting.close()


def test_waits_for_no_lock(short: ShortReads, path: Path) -> None:
    assert fetched(short, "PRAGMA busy_timeout") == [(0,)]
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    assert fetched(short, STORED) is None
    holder.execute("COMMIT")
    holder.close()
    assert fetched(short, STORED) == [(7,)]


async def test_leaves_the_rest_to_a_thread(path: Path) -> None:
    """What claims to be short and is not has the same rows and the same errors."""
    database = Database(f"sqlite:///{path}")

    async def rows(sql: str) -> list[tuple[object, ...]]:
        return [tuple(row) for row in await database.fetch(Statement(text(sql), is_short=True), {})]

    assert [await rows(STORED) for _ in range(2)] == [[(7,)], [(7,)]]
    assert await rows(sum_up_to(1_000_000)) == [(500_000_500_000,)]
    with pytest.raises(sqlite3.OperationalError, match="no such table: elsewhere"):
        await rows("SELECT * FROM elsewhere")
    with pytest.raises(Unavailable):
        await rows("UPDATE stored SET number = 8")
    assert await rows(STORED) == [(7,)]
    await database.close()


async def test_lets_others_run_between_two_reads(path: Path) -> None:
    database = Database(f"sqlite:///{path}")
    statement = Statement(text(STORED), is_short=True)
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    await database.fetch(statement, {})
    others = asyncio.create_task(take_turns())
    await asyncio.sleep(0)
    for number in range(10):
        assert turns == 1 + number
        await database.fetch(statement, {})
    others.cancel()
    await database.close()
