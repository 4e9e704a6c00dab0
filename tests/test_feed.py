"""The reader of the log as a task: it goes on after faults, and stops when told."""

import asyncio

import pytest

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
