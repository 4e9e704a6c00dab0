"""The reader of the log as a task: it goes on after faults, and stops when told."""

import asyncio
from contextlib import suppress

import pytest
from statements import statements
from stored import row, store

from api.auth.ended import EndedSessions
from api.feed import Feed
from models.database import Database


@pytest.mark.parametrize("steps", range(5))
async def test_stops_at_whatever_moment_it_is_told(database: Database, steps: int) -> None:
    """Also between a wake-up and what it wakes: there `asyncio.wait_for` swallows a cancellation."""
    feed = Feed(database, EndedSessions(keep_seconds=60), poll_seconds=1, ring_size=100)
    await feed.start()
    task = asyncio.create_task(feed.run())
    for _ in range(5):
        await asyncio.sleep(0)
    database.wake_up.set()
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task], timeout=10)
    is_told = task.cancelled()
    task.cancel()
    await asyncio.wait([task])
    assert is_told


async def test_reads_what_gathered_in_one_go(database: Database) -> None:
    """And does not let those wait who ask for what was committed before."""
    feed = Feed(
        database, EndedSessions(keep_seconds=60), poll_seconds=3600, ring_size=100, gather_seconds=3600
    )
    await feed.start()
    running = asyncio.create_task(feed.run())
    await store(database, row(1), row(2))
    await feed.refresh()  # reads several, so that more may gather
    assert feed.position == 2
    for number in (3, 4, 5):
        await store(database, row(number))
    assert feed.position == 2
    with statements() as sent:
        await feed.refresh()
    assert feed.position == 5
    # Two to number them, where that is not done at once, and one to read them
    assert len(sent) == (1 if database.is_sqlite else 3)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
