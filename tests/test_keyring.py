"""The keys that a node holds in memory: what a check costs, and how soon a change is felt."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from conftest import execute
from credentials import make_key, take_away
from sqlalchemy import select, update
from sqlmodel import col
from statements import Sent, statements

from api.auth.keyring import TRUST_SECONDS, Key, KeyRing
from api.auth.keys import new_key
from models.database import Database
from models.key import KeyRow, Scope, key_by_id, record_use
from models.refusals import Refusal, Unauthenticated, Unavailable
from models.session import utc_now

T = TypeVar("T")

NEVER_SECONDS = 60.0
"""A poll that does not come while a test runs, so that it counts only what was asked for."""


@asynccontextmanager
async def running_ring(database: Database, *, poll_seconds: float = 0.25) -> AsyncIterator[KeyRing]:
    ring = KeyRing(database, poll_seconds=poll_seconds)
    task = asyncio.create_task(ring.run())
    try:
        yield ring
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def at_once(call: Coroutine[Any, Any, T]) -> T:
    """Return the result of a call that waits for nothing: no query, no lock and no other task."""
    try:
        call.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        call.close()
    raise AssertionError("it waits")


def questions(executed: list[Sent]) -> list[str]:
    """Return the queries; a transaction on SQLite begins with a statement as well."""
    return [sql for sql, _ in executed if sql.startswith("SELECT")]


async def answer(ring: KeyRing, text: str) -> Key | Refusal:
    try:
        return await ring.verify(text)
    except Refusal as refusal:
        return refusal


async def last_use(database: Database, key_id: str) -> datetime | None:
    async with database.read() as tx:
        row = await key_by_id(tx, key_id)
    assert row is not None
    used: datetime | None = row.last_used_at
    return used


@asynccontextmanager
async def away(database: Database, postgres_url: str) -> AsyncIterator[None]:
    """Take the database away for a while: no connection is left and none can be made."""
    name = database.url.database
    assert name is not None
    if database.is_sqlite:
        place = Path(name).parent
        elsewhere = place.rename(place.with_name(f"{place.name}-away"))
        await database.close()
        yield
        elsewhere.rename(place)
        return
    await execute(
        postgres_url,
        f"ALTER DATABASE {name} ALLOW_CONNECTIONS false",
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
    )
    yield
    await execute(postgres_url, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


async def test_knows_a_key_that_was_just_created(database: Database) -> None:
    async with running_ring(database, poll_seconds=NEVER_SECONDS) as ring:
        await ring.refresh()
        text, key_id = await make_key(database, Scope.READ, organization_id="org_1")
        key = await ring.verify(text)
        assert (key.id, set(key.scopes), key.organization_id) == (key_id, {Scope.READ}, "org_1")


async def test_forgets_a_revoked_key_at_once_when_told_to_look(database: Database) -> None:
    async with running_ring(database, poll_seconds=NEVER_SECONDS) as ring:
        text, key_id = await make_key(database, Scope.READ)
        kept, _ = await make_key(database, Scope.READ)
        key = await ring.verify(text)
        await take_away(database, key_id)
        await ring.refresh()
        at_once(ring.gone(key))
        with pytest.raises(Unauthenticated):
            await ring.verify(text)
        assert (await ring.verify(kept)).name == "test"


async def test_forgets_a_revoked_key_on_every_node_within_a_second(
    database: Database, database_url: str
) -> None:
    elsewhere = Database(database_url)
    async with running_ring(elsewhere) as far:
        text, key_id = await make_key(database, Scope.READ)
        key = await far.verify(text)
        await take_away(database, key_id)
        async with asyncio.timeout(1):
            await far.gone(key)
        with pytest.raises(Unauthenticated):
            await far.verify(text)
    await elsewhere.close()


async def test_allows_nothing_by_a_scope_that_it_does_not_know(database: Database) -> None:
    text, key_id = await make_key(database, Scope.READ)
    async with database.write() as tx:
        change = update(KeyRow).where(col(KeyRow.id) == key_id)
        await tx.execute(change.values(scopes="sessions:erase sessions:read"))
    async with running_ring(database) as ring:
        assert (await ring.verify(text)).scopes == {Scope.READ}


async def test_stops_a_key_at_its_end(database: Database) -> None:
    async with running_ring(database) as ring:
        expires_at = utc_now() + timedelta(seconds=1)
        text, _ = await make_key(database, Scope.READ, expires_at=expires_at)
        key = await ring.verify(text)
        async with asyncio.timeout(2):
            await ring.gone(key)
        assert utc_now() >= expires_at
        with pytest.raises(Unauthenticated):
            await ring.verify(text)


def test_asks_nobody_about_a_text_that_is_no_key(tmp_path: Path) -> None:
    ring = KeyRing(Database(f"sqlite:///{tmp_path}/none.db"), poll_seconds=NEVER_SECONDS)
    for text in ("", "sgk_", new_key()[:-1], f"{new_key()}0", new_key().upper()):
        with pytest.raises(Unauthenticated):
            at_once(ring.verify(text))


async def test_asks_the_database_once_for_all_who_bring_an_unknown_key(database: Database) -> None:
    text, _ = await make_key(database, Scope.READ)
    async with running_ring(database, poll_seconds=NEVER_SECONDS) as ring:
        key = await ring.verify(text)
        with statements() as executed:
            flood = await asyncio.gather(
                *(ring.verify(new_key()) for _ in range(200)), return_exceptions=True
            )
            assert {type(refusal) for refusal in flood} == {Unauthenticated}
            assert len(questions(executed)) == 1
            assert at_once(ring.verify(text)) == key


async def test_asks_the_database_at_a_distance_however_long_a_flood_lasts(database: Database) -> None:
    text, _ = await make_key(database, Scope.READ)

    async def bring_unknown_keys(ring: KeyRing) -> None:
        for _ in range(10):
            with pytest.raises(Unauthenticated):
                await ring.verify(new_key())
            assert (await ring.verify(text)).name == "test"

    async with running_ring(database, poll_seconds=NEVER_SECONDS) as ring:
        await ring.verify(text)
        begun = asyncio.get_running_loop().time()
        with statements() as executed:
            await asyncio.gather(*(bring_unknown_keys(ring) for _ in range(20)))
        assert len(questions(executed)) == 10
        assert asyncio.get_running_loop().time() - begun >= 9 * 0.05


async def test_puts_down_the_last_use_once_a_minute(database: Database) -> None:
    early, early_id = await make_key(database, Scope.READ)
    late, late_id = await make_key(database, Scope.READ)
    begun = utc_now().replace(second=0, microsecond=0)
    async with running_ring(database) as ring, asyncio.timeout(30):
        with statements() as executed:
            while await last_use(database, early_id) is None:
                await ring.verify(early)
            await ring.verify(late)
            while await last_use(database, late_id) is None:
                await ring.verify(early)
    writes = [sql for sql, _ in executed if sql.startswith("UPDATE api_key")]
    minutes = {await last_use(database, early_id), await last_use(database, late_id)}
    assert minutes <= {begun, begun + timedelta(minutes=1)}
    assert len(writes) == 2 or begun + timedelta(minutes=1) <= utc_now()  # a minute may turn


async def test_moves_the_last_use_only_forward(database: Database) -> None:
    _, key_id = await make_key(database, Scope.READ)
    minute = utc_now().replace(second=0, microsecond=0)
    for given, kept in ((0, 0), (-1, 0), (2, 2)):
        async with database.write() as tx:
            await record_use(tx, [key_id], minute + timedelta(minutes=given))
        assert await last_use(database, key_id) == minute + timedelta(minutes=kept)


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_leaves_the_last_use_to_the_node_that_is_at_it(database: Database) -> None:
    _, key_id = await make_key(database, Scope.READ)
    _, other_id = await make_key(database, Scope.READ)
    minute = utc_now().replace(second=0, microsecond=0)
    async with database.write() as busy:
        await busy.fetch(select(col(KeyRow.id)).where(col(KeyRow.id) == key_id).with_for_update())
        async with asyncio.timeout(5), database.write() as tx:
            await record_use(tx, [key_id, other_id], minute)
    assert (await last_use(database, key_id), await last_use(database, other_id)) == (None, minute)


async def test_says_unavailable_while_the_database_is_away(
    database: Database, database_url: str, postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What was read is trusted for a second; then nobody can tell, which is no refusal of the key."""
    caplog.set_level(logging.DEBUG)
    text, _ = await make_key(database, Scope.READ)
    unknown = new_key()
    mine = Database(database_url)
    async with running_ring(mine) as ring:
        key = await ring.verify(text)
        gone = asyncio.create_task(ring.gone(key))
        await database.close()
        async with away(mine, postgres_url):
            async with asyncio.timeout(TRUST_SECONDS + 5):
                while (first := await answer(ring, text)) == key:
                    await asyncio.sleep(0.01)
            assert type(first) is Unavailable
            assert type(await answer(ring, text)) is Unavailable
            assert type(await answer(ring, unknown)) is Unavailable
            with pytest.raises(Unauthenticated):
                await ring.verify(text[:-1])
            assert not gone.done()

        async with asyncio.timeout(10):
            while type(found := await answer(ring, text)) is Unavailable:
                pass
        assert found == key
        with pytest.raises(Unauthenticated):
            await ring.verify(unknown)
        later, later_id = await make_key(database, Scope.READ)
        assert (await ring.verify(later)).id == later_id
        assert not gone.done()
        gone.cancel()
    await mine.close()
    assert text not in caplog.text
    assert unknown not in caplog.text
