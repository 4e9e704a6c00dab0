"""API keys as an operator sees them: how they look, and how they are made, listed and taken away."""

import asyncio
import json
import os
import string
import zlib
from datetime import UTC, datetime, timedelta

import pytest
from credentials import make_key, take_away
from hypothesis import assume, given
from hypothesis import strategies as st
from process import COMMAND
from stored import contents

from api.auth.keys import key_hash, new_key
from api.scalars import format_datetime
from models.database import Database
from models.key import Scope, all_keys, record_use, revoke_key
from models.refusals import Unauthenticated

BODY = "sgk_" + "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg"


def checksum(body: str) -> str:
    """Return the CRC-32 in base62, counted up from its definition."""
    digits = string.digits + string.ascii_uppercase + string.ascii_lowercase
    number = zlib.crc32(body.encode())
    return "".join(digits[number // 62**place % 62] for place in reversed(range(6)))


KEY = BODY + checksum(BODY)


async def run(database_url: str, *arguments: str, columns: int = 80) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        COMMAND,
        *("keys", *arguments, "--database-url", database_url),
        env={**os.environ, "COLUMNS": str(columns)},
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
    assert all(key[-6:] == checksum(key[:-6]) for key in keys)
    assert len({key_hash(key) for key in (*keys, KEY)}) == 101


@given(place=st.integers(0, len(KEY)), character=st.sampled_from(string.printable) | st.characters())
def test_refuses_a_key_with_one_character_wrong(place: int, character: str) -> None:
    before, after = KEY[:place], KEY[place:]
    assume(character != after[:1])
    for wrong in (before + character + after[1:], before + after[1:], before + character + after):
        if wrong == KEY:  # nothing comes after the last character that could be dropped
            continue
        with pytest.raises(Unauthenticated) as refusal:
            key_hash(wrong)
        assert wrong not in str(refusal.value)


async def test_prints_the_key_alone_and_stores_its_hash(database: Database, database_url: str) -> None:
    code, out, errors = await run(
        database_url,
        *("create", "--name", "gateway", "--scope", "sessions:write", "--scope", "sessions:read"),
        *("--scope", "sessions:read", "--organization", "org_1", "--expires-in-days", "30"),
    )
    key = out.removesuffix("\n")
    assert (code, out) == (0, f"{key}\n")
    secret_hash = key_hash(key)
    async with database.administer() as connection:
        stored = await connection.run_sync(contents)
    assert [row["secret_hash"] for row in stored["api_key"]] == [secret_hash]
    assert key[4:-6] not in str(stored)
    async with database.read() as tx:
        (row,) = await all_keys(tx)
    assert (row.name, row.scopes, row.organization_id) == ("gateway", "sessions:read sessions:write", "org_1")
    assert (row.expires_at - row.created_at) == timedelta(days=30)
    assert errors == (
        f"Created {row.id} (gateway) with sessions:read, sessions:write in org_1; it expires at "
        f"{format_datetime(row.expires_at)}. Keep the key now: it is not shown again.\n"
    )


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("--name", "x", "--scope", "sessions:all"),
            "'sessions:all' is not one of 'sessions:read', 'sessions:write', 'sessions:create'.",
        ),
        (("--name", "", "--scope", "sessions:read"), "`--name` has 0 characters; it takes 1 to 255."),
        (
            ("--name", "x", "--scope", "sessions:read", "--organization", "a\x1b[31m"),
            "`--organization` has characters that are not text.",
        ),
        (
            ("--name", "x", "--scope", "sessions:read", "--organization", ""),
            "`--organization` has 0 characters",
        ),
        (("--name", "x", "--scope", "sessions:read", "--expires-in-days", "0"), "equal to 1"),
        (("--name", "x", "--scope", "sessions:read", "--expires-in-days", "-1"), "equal to 1"),
        (("--name", "x", "--scope", "sessions:read", "--expires-in-days", "9" * 30), "equal to 3650"),
        (("--name", "x"), "--scope"),
    ],
)
async def test_refuses_what_no_key_can_be(
    database: Database, database_url: str, arguments: tuple[str, ...], said: str
) -> None:
    code, out, errors = await run(database_url, "create", *arguments)
    assert (code, out, errors.count("\n")) == (2, "", 1)
    assert errors.startswith("sessiongraph: ")
    assert said in errors
    async with database.read() as tx:
        assert await all_keys(tx) == []


async def test_lists_every_key_whatever_became_of_it(database: Database, database_url: str) -> None:
    organization = "org_01H945H0YD4F97JN9MATX7BYAG"
    past, future = datetime(2026, 1, 2, tzinfo=UTC), datetime(2099, 1, 2, tzinfo=UTC)
    made = {
        "active": await make_key(database, *Scope, organization_id=organization, expires_at=future),
        "expired": await make_key(database, Scope.READ, expires_at=past),
        "revoked": await make_key(database, Scope.CREATE),
    }
    await take_away(database, made["revoked"][1])
    async with database.read() as tx:
        rows = {row.id: row for row in await all_keys(tx)}

    code, out, errors = await run(database_url, "list", "--json")
    listed = {key["status"]: key for key in json.loads(out)}
    assert (code, errors) == (0, "")
    assert [key["id"] for key in json.loads(out)] == list(rows)
    assert {status: key["id"] for status, key in listed.items()} == {
        status: key_id for status, (_, key_id) in made.items()
    }
    active = made["active"][1]
    assert listed["active"] == {
        "id": active,
        "name": "test",
        "status": "active",
        "scopes": ["sessions:create", "sessions:read", "sessions:write"],
        "organizationId": organization,
        "createdAt": format_datetime(rows[active].created_at),
        "expiresAt": "2099-01-02T00:00:00.000Z",
        "revokedAt": None,
        "lastUsedAt": None,
    }
    assert listed["revoked"]["revokedAt"] == format_datetime(rows[made["revoked"][1]].revoked_at)

    code, table, errors = await run(database_url, "list")
    assert (code, errors) == (0, "")
    for text, key_id in made.values():
        assert key_id in table
        assert text[4:-6] not in table + out
    for whole in ("until 2099-01-02", "on 2026-01-02", "last used", "never", "all organizations"):
        assert whole in table


async def test_lists_what_matters_on_80_columns(database: Database, database_url: str) -> None:
    organization = "org_01H945H0YD4F97JN9MATX7BYAG"
    _, key_id = await make_key(database, *Scope, organization_id=organization)
    async with database.write() as tx:
        await record_use(tx, [key_id], datetime(2026, 1, 15, 12, 30, tzinfo=UTC))
        await revoke_key(tx, key_id, datetime(2026, 1, 16, tzinfo=UTC))
    _, table, _ = await run(database_url, "list", columns=80)
    assert max(map(len, table.splitlines())) <= 80
    for part in ("test", key_id, *Scope, "revoked", "on 2026-01-16", "2026-01-15", "12:30 UTC"):
        assert part in table
    heading = next(line for line in table.splitlines() if "allows" in line)
    allows = slice(heading.index("allows"), heading.index("status"))
    assert organization in "".join(line[allows].strip() for line in table.splitlines())


async def test_revokes_once_and_says_so(database: Database, database_url: str) -> None:
    key, key_id = await make_key(database, Scope.READ)
    assert await run(database_url, "revoke", key_id) == (0, f"{key_id} (test) is revoked.\n", "")
    async with database.read() as tx:
        (row,) = await all_keys(tx)
    again = f"{key_id} (test) was revoked before, at {format_datetime(row.revoked_at)}.\n"
    assert await run(database_url, "revoke", key) == (0, again, "")
    for unknown, said in (("key_unknown", "There is no such key"), (KEY[:-1], "The API key is incomplete")):
        code, out, errors = await run(database_url, "revoke", unknown)
        assert (code, out, errors.count("\n")) == (1, "", 1)
        assert errors.startswith(f"sessiongraph: {said}")
        assert unknown not in errors
    async with database.read() as tx:
        assert await all_keys(tx) == [row]
