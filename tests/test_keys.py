"""API keys: how they look, how they are made and taken away, and what checking one costs."""

import asyncio
import json
import string
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from credentials import make_key, take_away
from hypothesis import given
from hypothesis import strategies as st
from process import COMMAND
from sqlalchemy import select
from statements import statements

from api.auth.keyring import KeyRing
from api.auth.keys import key_hash, new_key
from models.database import Database
from models.key import KeyRow, Scope, all_keys
from models.refusals import Unauthenticated, Unavailable
from models.session import utc_now

KEY = new_key()


@asynccontextmanager
async def running_ring(database: Database, *, poll_seconds: float = 0.25) -> AsyncIterator[KeyRing]:
    ring = KeyRing(database, poll_seconds=poll_seconds)
    task = asyncio.create_task(ring.run())
    try:
        yield ring
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def run(database_url: str, *arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        COMMAND,
        *("keys", *arguments, "--database-url", database_url),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), errors.decode()


def test_looks_like_a_key() -> None:
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    assert all(key.startswith("sgk_") and len(key) == 53 and key[4:].isalnum() for key in keys)
    assert len(key_hash(KEY)) == 64


@given(place=st.integers(0, len(KEY) - 1), character=st.sampled_from(string.printable))
def test_refuses_a_key_with_one_character_changed(place: int, character: str) -> None:
    """By its checksum, without a query."""
    if KEY[place] == character:
        assert key_hash(KEY)
        return
    for wrong in (f"{KEY[:place]}{character}{KEY[place + 1 :]}", KEY[:place] + KEY[place + 1 :]):
        with pytest.raises(Unauthenticated) as refusal:
            key_hash(wrong)
        assert wrong not in str(refusal.value)


async def test_prints_the_key_once_and_stores_its_hash(database: Database, database_url: str) -> None:
    code, out, errors = await run(
        database_url,
        *("create", "--name", "gateway", "--scope", "sessions:read", "--scope", "sessions:write"),
        *("--organization", "org_1", "--expires-in-days", "30"),
    )
    key = out.removesuffix("\n")
    assert (code, key_hash(key) != "", key in errors) == (0, True, False)
    async with database.read() as tx:
        (row,) = await tx.all(select(KeyRow.__table__))  # type: ignore[attr-defined]
    assert row.secret_hash == key_hash(key)
    assert not any(key in str(value) for value in row)
    assert (row.name, row.scopes, row.organization_id) == ("gateway", "sessions:read sessions:write", "org_1")
    assert (row.expires_at - row.created_at) == timedelta(days=30)

    (listed,) = json.loads((await run(database_url, "list", "--json"))[1])
    assert (listed["id"], listed["name"], listed["status"]) == (row.id, "gateway", "active")
    code, out, _ = await run(database_url, "list")
    assert (code, row.id in out, key in out) == (0, True, False)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--name", "x", "--scope", "sessions:all"), "'sessions:read', 'sessions:write', 'sessions:create'"),
        (("--name", "", "--scope", "sessions:read"), "0 characters"),
        (("--name", "x", "--scope", "sessions:read", "--expires-in-days", "0"), "equal to 1"),
        (("--name", "x", "--scope", "sessions:read", "--expires-in-days", "99999"), "equal to 3650"),
        (("--name", "x"), "--scope"),
    ],
)
async def test_refuses_what_no_key_can_be(
    database: Database, database_url: str, arguments: tuple[str, ...], said: str
) -> None:
    code, out, errors = await run(database_url, "create", *arguments)
    assert (code, out) == (2, "")
    assert said in " ".join(errors.replace("│", " ").split())
    async with database.read() as tx:
        assert await all_keys(tx) == []


async def test_revokes_once_and_says_so(database: Database, database_url: str) -> None:
    key, key_id = await make_key(database, Scope.READ)
    assert (await run(database_url, "revoke", key_id))[:2] == (0, f"{key_id} (test) is revoked.\n")
    code, out, _ = await run(database_url, "revoke", key)
    assert (code, out.startswith(f"{key_id} (test) was revoked before, at 20")) == (0, True)
    code, out, errors = await run(database_url, "revoke", "key_unknown")
    assert (code, out, errors.count("\n")) == (1, "", 1)


async def test_knows_a_key_that_was_just_created_and_forgets_one_that_was_revoked(
    database: Database, database_url: str
) -> None:
    elsewhere = Database(database_url)
    async with running_ring(database) as ring, running_ring(elsewhere) as far:
        text, key_id = await make_key(database, Scope.READ, organization_id="org_1")
        key = await ring.verify(text)
        assert (key.id, set(key.scopes), key.organization_id) == (key_id, {Scope.READ}, "org_1")
        assert await far.verify(text) == key
        await take_away(database, key_id)
        await ring.refresh()
        with pytest.raises(Unauthenticated):
            await ring.verify(text)
        await asyncio.wait_for(far.gone(key), 1)
        with pytest.raises(Unauthenticated):
            await far.verify(text)
    await elsewhere.close()


async def test_stops_a_key_at_its_end(database: Database) -> None:
    async with running_ring(database) as ring:
        expires_at = utc_now() + timedelta(seconds=1)
        text, _ = await make_key(database, Scope.READ, expires_at=expires_at)
        key = await ring.verify(text)
        await ring.gone(key)
        assert utc_now() >= expires_at
        with pytest.raises(Unauthenticated):
            await ring.verify(text)


async def test_asks_the_database_rarely_whatever_is_sent(database: Database) -> None:
    text, _ = await make_key(database, Scope.READ)
    async with running_ring(database, poll_seconds=0.5) as ring:
        await ring.verify(text)
        with statements() as sent:
            for _ in range(1000):
                await ring.verify(text)
            assert sent == []
            flood = await asyncio.gather(
                *(ring.verify(new_key()) for _ in range(200)), return_exceptions=True
            )
            assert {type(refusal) for refusal in flood} == {Unauthenticated}
            assert (await ring.verify(text)).name == "test"
        assert len(sent) <= 4


async def test_puts_down_the_last_use_by_the_minute(database: Database) -> None:
    async with running_ring(database) as ring:
        text, _ = await make_key(database, Scope.READ)
        before = utc_now().replace(second=0, microsecond=0)
        await ring.verify(text)
        used = None
        async with asyncio.timeout(10):
            while used is None:
                await asyncio.sleep(0.05)
                async with database.read() as tx:
                    used = (await all_keys(tx))[0].last_used_at
    assert before <= used <= utc_now()
    assert (used.second, used.microsecond) == (0, 0)


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_says_unavailable_where_it_cannot_tell(database: Database) -> None:
    text, _ = await make_key(database, Scope.READ)
    ring = KeyRing(Database("postgresql://nobody@127.0.0.1:1/nothing"), poll_seconds=0.25)
    task = asyncio.create_task(ring.run())
    with pytest.raises(Unavailable):
        await ring.verify(text)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
