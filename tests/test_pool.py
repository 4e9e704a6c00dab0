"""Connections to PostgreSQL are few, are kept, and come back whatever happens to those who took them."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import asyncpg
import pytest

from models.engine import dsn, engine_url
from models.pool import Pool

SIZE = 3


@pytest.fixture
async def pool(postgres_url: str) -> AsyncIterator[Pool]:
    pool = Pool(partial(asyncpg.connect, dsn(engine_url(postgres_url))), size=SIZE, wait_seconds=0.2)
    yield pool
    pool.terminate()


async def backend(pool: Pool) -> int:
    """Return the process that serves a connection."""
    async with pool.connection() as connection:
        return int(await connection.fetchval("SELECT pg_backend_pid()"))


async def hold(pool: Pool, taken: asyncio.Event, release: asyncio.Event) -> None:
    async with pool.connection():
        taken.set()
        await release.wait()


async def test_keeps_a_connection(pool: Pool) -> None:
    assert len({await backend(pool) for _ in range(10)}) == 1


async def test_makes_no_more_than_it_may(pool: Pool) -> None:
    backends = await asyncio.gather(*(backend(pool) for _ in range(50)))
    assert 1 <= len(set(backends)) <= SIZE


async def test_lets_nobody_wait_for_ever(pool: Pool) -> None:
    release = asyncio.Event()
    holding = []
    for _ in range(SIZE):
        taken = asyncio.Event()
        holding.append(asyncio.create_task(hold(pool, taken, release)))
        await taken.wait()
    with pytest.raises(TimeoutError):
        await backend(pool)
    release.set()
    await asyncio.gather(*holding)
    assert await backend(pool) > 0


async def test_takes_back_what_was_cut_off_and_uses_it_no_more(pool: Pool) -> None:
    before = await backend(pool)

    async def sleep(taken: asyncio.Event) -> None:
        async with pool.connection() as connection:
            taken.set()
            await connection.execute("SELECT pg_sleep(60)")

    for _ in range(2 * SIZE):
        taken = asyncio.Event()
        task = asyncio.create_task(sleep(taken))
        await taken.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await backend(pool) != before


async def test_uses_no_connection_again_that_was_left_in_a_transaction(pool: Pool) -> None:
    async with pool.connection() as connection:
        left = await connection.fetchval("SELECT pg_backend_pid()")
        await connection.execute("BEGIN")
    assert left not in {await backend(pool) for _ in range(5)}


async def test_takes_back_the_place_of_one_who_stopped_waiting(pool: Pool) -> None:
    release = asyncio.Event()
    holding = []
    for _ in range(SIZE):
        taken = asyncio.Event()
        holding.append(asyncio.create_task(hold(pool, taken, release)))
        await taken.wait()
    waiting = [asyncio.create_task(backend(pool)) for _ in range(4)]
    await asyncio.sleep(0)
    for task in waiting[::2]:
        task.cancel()
    release.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [asyncio.CancelledError, int] * 2
    await asyncio.gather(*holding)
    assert len(set(await asyncio.gather(*(backend(pool) for _ in range(50))))) <= SIZE


async def test_replaces_a_connection_that_was_lost(pool: Pool) -> None:
    lost = await backend(pool)
    async with pool.connection() as one, pool.connection() as other:
        await other.execute("SELECT pg_terminate_backend($1)", await one.fetchval("SELECT pg_backend_pid()"))
        async with asyncio.timeout(5):
            while not one.is_closed():
                await asyncio.sleep(0.01)
    assert lost not in {await backend(pool) for _ in range(5)}


async def test_gives_its_place_back_when_no_connection_can_be_made() -> None:
    pool = Pool(partial(asyncpg.connect, "postgresql://nobody@127.0.0.1:1/none"), size=1, wait_seconds=0.2)
    for _ in range(3):
        with pytest.raises(OSError, match=r"Connect call failed|refused"):
            await backend(pool)
