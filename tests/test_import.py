"""Sessions as WorkOS writes them go in: tolerantly, once, and never backwards."""

import asyncio
import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from process import COMMAND
from sqlalchemy import select
from sqlmodel import col

from models.changes import expire_due
from models.copies import Tally, store_copies
from models.database import Database, Record
from models.intake import session_copy
from models.log import events_after, log_state, number_pending
from models.refusals import BadUserInput
from models.session import SessionRow, utc_now

ID = "session_01H93ZY4F80QPBEZ1R5B2SHQG8"
OTHER = "session_01H93ZY4F80QPBEZ1R5B2SHQG9"


def given(**changed: Any) -> dict[str, Any]:
    """Return an active session as WorkOS writes it; `...` leaves a key out."""
    session = {
        "object": "session",
        "id": ID,
        "user_id": "user_01E4ZCR3C56J083X43JQXF3JK5",
        "organization_id": "org_01H945H0YD4F97JN9MATX7BYAG",
        "status": "active",
        "auth_method": "sso",
        "ip_address": "192.0.2.1",
        "user_agent": "Mozilla/5.0",
        "impersonator": {"email": "admin@example.com", "reason": "Ticket"},
        "expires_at": "2099-01-15T12:00:00.000Z",
        "ended_at": None,
        "created_at": "2026-01-15T12:00:00.000Z",
        "updated_at": "2026-01-15T12:00:00.000Z",
        **changed,
    }
    return {key: value for key, value in session.items() if value is not ...}


def revoked(**changed: Any) -> dict[str, Any]:
    ended = {
        "status": "revoked",
        "ended_at": "2026-01-16T12:00:00.000Z",
        "updated_at": "2026-01-16T12:00:00.000Z",
    }
    return given(**{**ended, **changed})


async def store(database: Database, *sessions: dict[str, Any]) -> Tally:
    now = utc_now()
    return await store_copies(database, [session_copy(one, now) for one in sessions], now)


async def stored(database: Database, session_id: str = ID) -> Record:
    async with database.read() as tx:
        row = await tx.first(select(SessionRow.__table__).where(col(SessionRow.id) == session_id))  # type: ignore[attr-defined]
    assert row is not None
    return row


async def changes(database: Database) -> list[tuple[str, str | None, str]]:
    while await number_pending(database):
        pass
    async with database.read() as tx:
        events = await events_after(tx, 0, limit=1000)
    return [(event.session_id, event.previous_status, event.status) for event in events]


async def test_stores_every_field(database: Database) -> None:
    assert await store(database, given()) == Tally(created=1)
    row = await stored(database)
    assert (row.status, row.auth_method, row.organization_id) == ("active", "sso", given()["organization_id"])
    assert (row.impersonator_email, row.impersonator_reason) == ("admin@example.com", "Ticket")
    assert (row.expires_at.year, row.ended_at, row.ended_by) == (2099, None, None)
    assert await changes(database) == [(ID, None, "active")]


@pytest.mark.parametrize("absent", [None, ...])
@pytest.mark.parametrize("key", ["organization_id", "ip_address", "user_agent", "impersonator", "ended_at"])
async def test_takes_an_optional_key_that_is_null_or_absent(
    database: Database, key: str, absent: Any
) -> None:
    assert await store(database, given(**{key: absent})) == Tally(created=1)
    row = await stored(database)
    assert getattr(row, "impersonator_email" if key == "impersonator" else key) is None


async def test_keeps_what_it_does_not_know(database: Database) -> None:
    assert await store(database, given(auth_method="telepathy", from_the_future={"a": 1})) == Tally(created=1)
    assert (await stored(database)).auth_method == "telepathy"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"status": ..., "auth_method": ..., "ended_at": ...}, ("active", "unknown", None)),
        ({"status": ..., "ended_at": "2026-01-16T00:00:00.000Z"}, ("revoked", "sso", None)),
        ({"status": "revoked", "ended_at": ...}, ("revoked", "sso", None)),
        ({"expires_at": "2026-01-16T00:00:00.000Z"}, ("expired", "sso", "policy")),
        (
            {"status": "expired", "expires_at": ..., "ended_at": "2026-01-16T00:00:00.000Z"},
            ("expired", "sso", "policy"),
        ),
    ],
)
async def test_derives_what_older_senders_leave_out(
    database: Database, changed: dict[str, Any], expected: tuple[str, str, str | None]
) -> None:
    """And a session whose time has run out goes in as expired, with one event."""
    assert await store(database, given(**changed)) == Tally(created=1)
    row = await stored(database)
    assert (row.status, row.auth_method, row.ended_by) == expected
    assert (row.ended_at is None) == (row.status == "active")
    assert await changes(database) == [(ID, None, row.status)]


async def test_changes_nothing_the_second_time(database: Database) -> None:
    sessions = [given(), revoked(id=OTHER)]
    assert await store(database, *sessions) == Tally(created=2)
    before, log = await stored(database), await changes(database)
    assert await store(database, *sessions) == Tally(unchanged=2)
    assert (await stored(database), await changes(database)) == (before, log)


async def test_takes_the_newer_copy_in_whatever_order(database: Database) -> None:
    older, newer = given(user_agent="old"), given(user_agent="new", updated_at="2026-01-15T13:00:00.000Z")
    assert await store(database, older) == Tally(created=1)
    assert await store(database, newer) == Tally(updated=1)
    assert await store(database, older) == Tally(unchanged=1)
    assert (await stored(database)).user_agent == "new"
    assert await changes(database) == [(ID, None, "active")]


async def test_takes_the_newest_of_several_copies_in_one_batch(database: Database) -> None:
    newest = given(user_agent="newest", updated_at="2026-01-15T14:00:00.000Z")
    newer = given(user_agent="newer", updated_at="2026-01-15T13:00:00.000Z")
    assert await store(database, newer, newest, given()) == Tally(created=1, updated=1, unchanged=1)
    assert (await stored(database)).user_agent == "newest"


async def test_ends_what_has_ended_upstream_with_one_event(database: Database) -> None:
    await store(database, given())
    assert await store(database, revoked()) == Tally(updated=1)
    assert await store(database, revoked()) == Tally(unchanged=1)
    assert (await stored(database)).status == "revoked"
    assert await changes(database) == [(ID, None, "active"), (ID, "active", "revoked")]


@pytest.mark.parametrize("end", [revoked(), given(expires_at="2026-01-16T12:00:00.000Z")])
async def test_never_revives_a_session(database: Database, end: dict[str, Any]) -> None:
    await store(database, end)
    before, log = await stored(database), await changes(database)
    late = given(user_agent="late", updated_at="2026-06-01T00:00:00.000Z")
    assert await store(database, late) == Tally(updated=1)
    row = await stored(database)
    assert (row.status, row.ended_at, row.expires_at) == (before.status, before.ended_at, before.expires_at)
    assert (row.user_agent, await changes(database)) == ("late", log)


async def test_lets_no_copy_extend_what_has_run_out_here(database: Database) -> None:
    now = utc_now()
    soon = (now + timedelta(milliseconds=300)).isoformat()
    await store(database, given(expires_at=soon))
    while not await expire_due(database, utc_now()):
        await asyncio.sleep(0.02)
    assert await store(database, given(updated_at="2098-06-01T00:00:00.000Z")) == Tally(updated=1)
    assert (await stored(database)).status == "expired"
    assert await changes(database) == [(ID, None, "active"), (ID, "active", "expired")]


async def test_counts_each_session_once_however_many_import_it(database: Database, database_url: str) -> None:
    """Two imports at once, of the same sessions in opposite orders."""
    ids = [f"session_01H93ZY4F80QPBEZ1R5B2S{number:04}" for number in range(300)]
    sessions = [given(id=id_) for id_ in ids]
    second = Database(database_url)
    tallies = await asyncio.gather(store(database, *sessions), store(second, *reversed(sessions)))
    await second.close()
    assert sum(tally.created for tally in tallies) == sum(tally.unchanged for tally in tallies) == 300
    assert sorted(await changes(database)) == [(id_, None, "active") for id_ in ids]


@pytest.mark.parametrize(
    "changed",
    [
        {"id": ...},
        {"id": "session_1"},
        {"id": 1},
        {"object": "user"},
        {"user_id": ...},
        {"user_id": []},
        {"user_id": "a\x00b"},
        {"user_agent": "\ud800"},
        {"status": "sleeping"},
        {"status": 1},
        {"expires_at": ...},
        {"expires_at": "2099-01-15T12:00:00"},
        {"expires_at": "soon"},
        {"expires_at": 1},
        {"created_at": None},
        {"updated_at": ...},
        {"impersonator": "admin"},
        {"impersonator": {"reason": "x"}},
        {"ended_at": "2026-01-16T00:00:00.000Z"},
    ],
)
def test_refuses_what_is_no_session(changed: dict[str, Any]) -> None:
    with pytest.raises(BadUserInput):
        session_copy(given(**changed), utc_now())


@pytest.mark.parametrize("value", [None, [], "session", 1, True])
def test_refuses_what_is_no_object(value: object) -> None:
    with pytest.raises(BadUserInput):
        session_copy(value, utc_now())


async def run(database_url: str, *arguments: str, stdin: bytes = b"") -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        COMMAND,
        *("import", *arguments, "--database-url", database_url),
        env={**os.environ, "PYTHONWARNINGS": "error"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await process.communicate(stdin)
    assert process.returncode is not None
    return process.returncode, out.decode(), errors.decode()


SESSIONS = [given(), revoked(id=OTHER)]
LINES = "\n".join(map(json.dumps, SESSIONS))
ENVELOPE = {"object": "list", "data": SESSIONS, "list_metadata": {"before": None, "after": None}}


@pytest.mark.parametrize(
    "text",
    [
        LINES,
        f"\n{LINES}\n\n",
        f"\ufeff{LINES}",
        json.dumps(SESSIONS),
        json.dumps(SESSIONS, indent=2),
        json.dumps(ENVELOPE),
        json.dumps(ENVELOPE, indent=2),
        f"{json.dumps(ENVELOPE)}\n{json.dumps(ENVELOPE)}",
    ],
)
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_reads_lines_arrays_and_lists_alike(database_url: str, database: Database, text: str) -> None:
    code, out, errors = await run(database_url, "-", stdin=text.encode())
    assert (code, errors) == (0, "")
    assert out.startswith("created 2, updated 0, ")
    assert {change[0] for change in await changes(database)} == {ID, OTHER}


async def test_refuses_bad_lines_by_number_and_stores_the_rest(
    database_url: str, database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "sessions.jsonl"
    bad = [
        "{",
        '{"id": NaN}',
        "[" * 100_000,
        json.dumps(given(status="sleeping")),
        json.dumps(given(user_id="a\x00b")),
        '"\\ud800"',
        "x" * 2_000_000,
    ]
    lines = [json.dumps(given()), *bad, json.dumps(revoked(id=OTHER))]
    file.write_bytes("\n".join(lines).encode() + b"\n\xff\xfe\n")
    code, out, errors = await run(database_url, str(file))
    assert (code, out) == (1, "created 2, updated 0, unchanged 0, refused 8\n")
    refused = [line.removeprefix(f"{file}:").partition(":")[0] for line in errors.splitlines()]
    assert refused == ["2", "3", "4", "5", "6", "7", "8", "10"]
    assert "Traceback" not in errors
    assert len(await changes(database)) == 2


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_refuses_a_document_that_breaks_off_after_what_came_before(
    database_url: str, database: Database
) -> None:
    text = json.dumps(SESSIONS)[:-20]
    code, out, errors = await run(database_url, "-", stdin=text.encode())
    assert (code, out) == (1, "created 1, updated 0, unchanged 0, refused 1\n")
    assert errors.startswith("<stdin>:1 (item 2): ")
    assert await changes(database) == [(ID, None, "active")]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_says_what_is_wrong_with_the_call(
    database_url: str, database: Database, tmp_path: Path
) -> None:
    for path in (tmp_path / "missing.jsonl", tmp_path):
        code, out, errors = await run(database_url, str(path))
        assert (code, out, errors.count("\n")) == (2, "", 1)
        assert errors.startswith(f"sessiongraph: {path} ")
    assert (await run(database_url, "-"))[:2] == (0, "created 0, updated 0, unchanged 0, refused 0\n")
    async with database.read() as tx:
        assert (await log_state(tx)).last_seq == 0


async def test_needs_a_migrated_postgresql_and_migrates_sqlite(
    postgres_url: str, tmp_path: Path, engine: str
) -> None:
    if engine == "sqlite":
        code, out, _ = await run(f"sqlite:///{tmp_path}/new.db", "-", stdin=LINES.encode())
        assert (code, out) == (0, "created 2, updated 0, unchanged 0, refused 0\n")
    else:
        code, out, errors = await run(postgres_url, "-", stdin=LINES.encode())
        assert (code, out, errors.count("\n")) == (1, "", 1)
        assert "run `sessiongraph migrate`" in errors
