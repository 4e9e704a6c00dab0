"""What comes from upstream is stored once, newest last, and never revives what has ended."""

import asyncio
import os
import pty
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from conftest import execute, with_database
from node import Node
from process import COMMAND
from sqlalchemy import func, select, text
from sqlmodel import col
from ulid import ULID
from upstream import SESSION, Outcome, json_lines, revoked, run, run_import, session, sessions

from api.cli.import_sessions import BATCH
from models.copies import Tally, store_copies
from models.database import Database, Record
from models.expiry import expire_due
from models.intake import SessionCopy, session_copy
from models.log import LogState, events_after, log_state, number_pending
from models.migrations import migrate
from models.queries import SESSION_COLUMNS
from models.session import SNAPSHOT, EventRow, SessionRow, utc_now

ID = SESSION["id"]
USER = SESSION["user_id"]
CHANGED = """subscription {
  sessionStatusChanged { previousStatus session { id status } }
}"""
FEBRUARY, MARCH, APRIL = ("2024-02-01T00:00:00.000Z", "2024-03-01T00:00:00.000Z", "2024-04-01T00:00:00.000Z")


async def store(database: Database, *given: dict[str, Any], now: datetime | None = None) -> Tally:
    now = now or utc_now()
    return await store_copies(database, [session_copy(one, now) for one in given], now)


async def stored(database: Database, session_id: str = ID) -> Record:
    async with database.read() as tx:
        row = await tx.first(select(*SESSION_COLUMNS).where(col(SessionRow.id) == session_id))
    assert row is not None
    return row


async def events(database: Database) -> Sequence[Record]:
    """Return what was appended to the log, numbered or not."""
    async with database.read() as tx:
        return await tx.fetch(
            select(
                col(EventRow.session_id),
                col(EventRow.previous_status),
                col(EventRow.status),
                col(EventRow.occurred_at),
            ).order_by(col(EventRow.id))
        )


async def changes(database: Database) -> list[tuple[str | None, str]]:
    return [(event.previous_status, event.status) for event in await events(database)]


async def count(database: Database) -> int:
    async with database.read() as tx:
        found: int = await tx.scalar(select(func.count()).select_from(SessionRow))
        return found


async def everything(database: Database) -> tuple[Sequence[Record], Sequence[Record], LogState]:
    columns = (col(getattr(EventRow, name)) for name in EventRow.model_fields)
    async with database.read() as tx:
        rows = await tx.fetch(select(*SESSION_COLUMNS).order_by(col(SessionRow.id)))
        log = await tx.fetch(select(*columns).order_by(col(EventRow.id)))
        return rows, log, await log_state(tx)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_shows_a_session_as_upstream_does(node: Node, database_url: str, tmp_path: Path) -> None:
    given = session(updated_at="2024-01-15T12:00:00.123Z")
    outcome = await run_import(database_url, json_lines(given), directory=tmp_path)
    assert (outcome.code, outcome.out, outcome.err) == (
        0,
        "created 1, updated 0, unchanged 0, refused 0\n",
        "",
    )
    data = await node.query(
        """query ($id: ID!) { session(id: $id) {
            object id userId organizationId status authMethod ipAddress userAgent
            impersonator { email reason } expiresAt endedAt createdAt updatedAt endedBy endReason
            history { status previousStatus }
        } }""",
        id=ID,
    )
    assert data["session"] == {
        "object": "session",
        "id": ID,
        "userId": USER,
        "organizationId": given["organization_id"],
        "status": "ACTIVE",
        "authMethod": "IMPERSONATION",
        "ipAddress": "192.0.2.1",
        "userAgent": given["user_agent"],
        "impersonator": {"email": "admin@example.com", "reason": "A ticket"},
        "expiresAt": given["expires_at"],
        "endedAt": None,
        "createdAt": given["created_at"],
        "updatedAt": given["updated_at"],
        "endedBy": None,
        "endReason": None,
        "history": [{"status": "ACTIVE", "previousStatus": None}],
    }


@pytest.mark.parametrize("fraction", ["000", "120", "999"])
async def test_stores_an_instant_as_a_sign_in_does(node: Node, database: Database, fraction: str) -> None:
    """Rows are ordered and compared by what is stored, which is text in one engine."""
    expires_at = f"2099-01-15T12:00:00.{fraction}Z"
    created = await node.create(expiresAt=expires_at)
    await store(database, session(expires_at=expires_at))
    async with database.read() as tx:
        same = select(col(SessionRow.id)).where(
            col(SessionRow.expires_at)
            == select(col(SessionRow.expires_at)).where(col(SessionRow.id) == created).scalar_subquery()
        )
        assert {row.id for row in await tx.fetch(same)} == {created, ID}


async def test_keeps_an_instant_of_long_ago(database: Database) -> None:
    await store(database, session(created_at="0001-01-02T00:00:00.001Z"))
    assert (await stored(database)).created_at == instant("0001-01-02T00:00:00.001Z")


async def test_changes_nothing_the_second_time(database: Database, database_url: str, tmp_path: Path) -> None:
    given = [
        *sessions(3),
        revoked(MARCH),
        session(id=f"session_{ULID()}", expires_at=MARCH),
        session(id=f"session_{ULID()}", status=..., auth_method=..., ended_at=...),
    ]
    content = json_lines(*given)
    first = await run_import(database_url, content, directory=tmp_path)
    assert first.out == "created 6, updated 0, unchanged 0, refused 0\n"
    before = await everything(database)
    assert len(before[1]) == 6
    second = await run_import(database_url, content, content, directory=tmp_path)
    assert (second.code, second.out) == (0, "created 0, updated 0, unchanged 12, refused 0\n")
    assert await everything(database) == before


async def test_numbers_the_events(database: Database, database_url: str, tmp_path: Path) -> None:
    outcome = await run_import(database_url, json_lines(*sessions(3), revoked(MARCH)), directory=tmp_path)
    assert outcome.code == 0
    async with database.read() as tx:
        seqs = await tx.fetch(select(col(EventRow.seq)).order_by(col(EventRow.seq)))
        assert [row.seq for row in seqs] == [1, 2, 3, 4]
        assert (await log_state(tx)).last_seq == 4


@pytest.mark.parametrize(
    ("given", "status", "occurred_at"),
    [
        (session(), "active", SESSION["created_at"]),
        (revoked(MARCH), "revoked", MARCH),
        (session(expires_at=MARCH), "expired", MARCH),
    ],
)
async def test_appends_one_event_for_a_session_that_was_unknown(
    database: Database, given: dict[str, Any], status: str, occurred_at: str
) -> None:
    assert await store(database, given) == Tally(created=1)
    (event,) = await events(database)
    assert tuple(event) == (ID, None, status, instant(occurred_at))


async def test_takes_a_newer_copy(database: Database) -> None:
    await store(database, session())
    newer = session(
        updated_at=MARCH,
        ip_address=None,
        organization_id=...,
        impersonator=...,
        auth_method="passkey",
        expires_at="2098-01-01T00:00:00.000Z",
    )
    assert await store(database, newer) == Tally(updated=1)
    row = await stored(database)
    assert (row.status, row.ip_address, row.organization_id, row.impersonator_email, row.auth_method) == (
        "active",
        None,
        None,
        None,
        "passkey",
    )
    assert (row.expires_at, row.updated_at) == (instant("2098-01-01T00:00Z"), instant(MARCH))
    assert await changes(database) == [(None, "active")]


@pytest.mark.parametrize("updated_at", [FEBRUARY, MARCH])
async def test_leaves_what_is_as_new_or_newer(database: Database, updated_at: str) -> None:
    await store(database, session(updated_at=MARCH))
    before = await everything(database)
    older = [session(updated_at=updated_at, ip_address=None), revoked(updated_at)]
    for copy in older:
        assert await store(database, copy) == Tally(unchanged=1)
    assert await everything(database) == before


async def test_ends_what_has_ended_upstream_with_one_event(database: Database) -> None:
    await store(database, session())
    assert await store(database, revoked(MARCH, ip_address="192.0.2.2")) == Tally(updated=1)
    assert await store(database, revoked(APRIL)) == Tally(updated=1)
    row = await stored(database)
    assert (row.status, row.ended_at, row.ended_by) == ("revoked", instant(MARCH), None)
    assert (row.updated_at, row.ip_address) == (instant(APRIL), "192.0.2.1")
    created, ended = await events(database)
    assert tuple(created)[1:3] == (None, "active")
    assert tuple(ended) == (ID, "active", "revoked", instant(MARCH))


@pytest.mark.parametrize(
    "ended", [revoked(FEBRUARY), session(status="expired", expires_at=FEBRUARY)], ids=["revoked", "expired"]
)
@pytest.mark.parametrize("status", ["active", "expired", "revoked"])
async def test_never_revives_a_session(database: Database, ended: dict[str, Any], status: str) -> None:
    await store(database, ended)
    before = await stored(database)
    ended_at = None if status == "active" else MARCH
    newer = session(status=status, updated_at=MARCH, ended_at=ended_at, ip_address="192.0.2.2")
    assert await store(database, newer) == Tally(updated=1)
    expected = before._asdict() | {"ip_address": "192.0.2.2", "updated_at": instant(MARCH)}
    assert (await stored(database))._asdict() == expected
    assert await changes(database) == [(None, before.status)]


async def test_keeps_why_and_by_whom_a_session_was_ended_here(node: Node, database: Database) -> None:
    await store(database, session())
    assert await node.end(ID, reason="stolen") == "ENDED"
    before = await stored(database)
    future = "2098-01-01T00:00:00.000Z"
    assert await store(database, session(updated_at=future, ip_address=None)) == Tally(updated=1)
    expected = before._asdict() | {"ip_address": None, "updated_at": instant(future)}
    assert (await stored(database))._asdict() == expected
    assert before.end_reason == "stolen"
    assert await changes(database) == [(None, "active"), ("active", "revoked")]


async def test_gives_no_more_time_to_a_session_that_has_run_out(database: Database) -> None:
    """It has not been swept yet, but readers were shown it as expired."""
    in_april = instant(APRIL)
    await store(database, session(expires_at=MARCH), now=instant(FEBRUARY))
    newer = session(updated_at=APRIL, ip_address=None)
    assert await store(database, newer, now=in_april) == Tally(updated=1)
    row = await stored(database)
    assert (row.status, row.expires_at, row.ended_at, row.ended_by) == (
        "expired",
        instant(MARCH),
        instant(MARCH),
        "policy",
    )
    assert (row.ip_address, row.updated_at) == (None, in_april)
    assert await changes(database) == [(None, "active"), ("active", "expired")]
    assert await store(database, newer, now=in_april) == Tally(unchanged=1)


async def test_gives_no_more_time_to_a_session_that_was_expired_here(database: Database) -> None:
    await store(database, session(expires_at=MARCH), now=instant(FEBRUARY))
    assert await expire_due(database, instant(APRIL)) == 1
    before = await stored(database)
    newer = session(updated_at=APRIL)
    assert await store(database, newer, now=instant(APRIL)) == Tally(updated=1)
    assert (await stored(database))._asdict() == before._asdict() | {"updated_at": instant(APRIL)}
    assert await changes(database) == [(None, "active"), ("active", "expired")]


@pytest.mark.parametrize("is_one_batch", [True, False])
async def test_takes_copies_of_one_session_in_their_order(database: Database, *, is_one_batch: bool) -> None:
    other = f"session_{ULID()}"
    copies = [
        session(ip_address="192.0.2.2"),
        session(updated_at=MARCH, ip_address="192.0.2.3"),
        session(id=other),
        session(updated_at=FEBRUARY, ip_address="192.0.2.4"),
        revoked(APRIL, ip_address="192.0.2.5"),
        revoked(MARCH),
        session(updated_at="2024-05-01T00:00:00.000Z", ip_address="192.0.2.6"),
        revoked(APRIL),
    ]
    batches = [copies] if is_one_batch else [[copy] for copy in copies]
    tally = Tally()
    for batch in batches:
        tally += await store(database, *batch)
    assert tally == Tally(created=2, updated=3, unchanged=3)
    row = await stored(database)
    assert (row.status, row.ended_at, row.ip_address) == ("revoked", instant(APRIL), "192.0.2.6")
    assert row.updated_at == instant("2024-05-01T00:00Z")
    of_session = [event for event in await events(database) if event.session_id == ID]
    assert [(event.previous_status, event.status) for event in of_session] == [
        (None, "active"),
        ("active", "revoked"),
    ]


async def test_repeats_each_row_in_the_log_as_it_was_after_each_change(database: Database) -> None:
    """A batch in which sessions come twice: what is created, then ended, is in the log both ways."""
    now = instant(APRIL)
    first = [
        session(id=f"session_{ULID()}", created_at=f"2024-01-15T12:00:{second:02}.000Z", ip_address=None)
        for second in (2, 0, 1)
    ]
    ended = {**first[0], "status": "revoked", "ended_at": MARCH, "updated_at": MARCH}
    last = session(created_at="2024-01-15T12:00:00.250Z")
    given = [*first, ended, last, first[1]]
    assert await store(database, *given, now=now) == Tally(created=4, updated=1, unchanged=1)
    while await number_pending(database):
        pass
    async with database.read() as tx:
        log = await events_after(tx, 0, limit=10)
        assert (await log_state(tx)).last_seq == 5
    assert [event.seq for event in log] == [1, 2, 3, 4, 5]
    expected = [session_copy(one, now) for one in (first[1], last, first[2], first[0], ended)]
    assert [event.session_id for event in log] == [copy.id for copy in expected]
    assert [event.previous_status for event in log] == [None, None, None, None, "active"]
    for event, copy in zip(log, expected, strict=True):
        assert {name: getattr(event, name) for name in SNAPSHOT} == {
            name: getattr(copy, name) for name in SNAPSHOT
        }
        assert event.occurred_at == (copy.ended_at or copy.created_at)


async def test_stores_many_rows_as_they_were_given(database: Database) -> None:
    """Also where some of them are stored already, and whatever the instants of their neighbours are."""
    now = instant(APRIL)
    copies = [
        session_copy(
            session(
                id=f"session_{ULID()}",
                status="active" if number % 3 else "revoked",
                ended_at=None if number % 3 else MARCH,
                created_at=f"2024-01-15T12:00:00.{number % 4 * 250:03}Z",
                user_agent=f"T00:00+00:00 {number % 5}",
                impersonator=None if number % 2 else {"email": "admin@example.com"},
            ),
            now,
        )
        for number in range(2500)
    ]
    assert await store_copies(database, copies[500:2000], now) == Tally(created=1500)
    assert await store_copies(database, copies, now) == Tally(created=1000, unchanged=1500)
    rows, log, _ = await everything(database)
    assert [SessionCopy(**row._asdict()) for row in rows] == sorted(copies)
    assert sorted(event.session_id for event in log) == [copy.id for copy in sorted(copies)]


async def test_syncs_what_comes_in_bulk_like_everything_else(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/bulk.db", is_bulk=True)
    async with database.write() as tx:
        found = [await tx.scalar(text(f"PRAGMA {name}")) for name in ("synchronous", "journal_mode")]
    assert found == [2, "wal"]
    await database.close()


async def test_takes_a_session_from_two_files(database: Database, database_url: str, tmp_path: Path) -> None:
    files = [json_lines(session(), revoked(MARCH)), json_lines(session(updated_at=APRIL), session())]
    outcome = await run_import(database_url, *files, directory=tmp_path)
    assert outcome.out == "created 1, updated 2, unchanged 1, refused 0\n"
    assert (await stored(database)).status == "revoked"
    assert await changes(database) == [(None, "active"), ("active", "revoked")]


async def test_tells_subscribers(node: Node, database_url: str, tmp_path: Path) -> None:
    async with node.socket() as socket:
        await socket.subscribe(CHANGED)
        await run_import(database_url, json_lines(session()), directory=tmp_path)
        created = (await socket.next())["sessionStatusChanged"]
        await run_import(database_url, json_lines(session(), revoked(MARCH)), directory=tmp_path)
        ended = (await socket.next())["sessionStatusChanged"]
        last = await node.create()
        assert (await socket.next())["sessionStatusChanged"]["session"]["id"] == last
    assert (created["previousStatus"], created["session"]) == (None, {"id": ID, "status": "ACTIVE"})
    assert (ended["previousStatus"], ended["session"]) == ("ACTIVE", {"id": ID, "status": "REVOKED"})


async def test_refuses_bad_lines_with_their_place_and_takes_the_rest(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    good = sessions(4)
    lines = (
        json_lines(good[0], session(status="asleep"), good[1])
        + b'{"id": "cut off\n\n'
        + json_lines([], session(id="[bold]1[/bold]"), good[2])
    )
    array = b"[" + json_lines(good[3]).rstrip() + b",\n" + json_lines(session(user_id=1)) + b", null"
    outcome = await run_import(database_url, lines, array, directory=tmp_path)
    first, second = tmp_path / "0.json", tmp_path / "1.json"
    assert outcome.err.splitlines() == [
        f"{first}:2: `status` is 'asleep'; active, expired and revoked are known.",
        f"{first}:4: This is not JSON: unexpected end of data at column 16.",
        f"{first}:6: A session is a JSON object.",
        f"{first}:7: `id` is not `session_` and a ULID.",
        f"{second}:2 (item 2): `user_id` is not a string.",
        f"{second}:3 (item 3): A session is a JSON object.",
        f"{second}:3 (item 4): This is not JSON: `]` is missing. The rest of the document was not read.",
    ]
    assert (outcome.code, outcome.out) == (1, "created 4, updated 0, unchanged 0, refused 7\n")
    assert await count(database) == 4


async def test_reads_standard_input(database: Database, database_url: str) -> None:
    content = json_lines(session(), {})
    outcome = await run("import", "-", "--database-url", database_url, standard_input=content)
    assert outcome.out == "created 1, updated 0, unchanged 0, refused 1\n"
    assert outcome.err == "<stdin>:2: `id` is missing.\n"
    assert (await stored(database)).user_id == USER


async def test_reads_a_list_as_the_api_sends_it(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    given = sessions(300)
    metadata = {"before": None, "after": given[-1]["id"]}
    envelope = {"object": "list", "data": given, "list_metadata": metadata}
    outcome = await run_import(database_url, json_lines(envelope), json_lines(given), directory=tmp_path)
    assert (outcome.code, outcome.out) == (0, "created 300, updated 0, unchanged 300, refused 0\n")
    assert await count(database) == 300


async def test_stores_more_than_one_batch(database: Database, database_url: str, tmp_path: Path) -> None:
    given = sessions(BATCH + 500)
    outcome = await run_import(database_url, json_lines(*given, *given[:2000]), directory=tmp_path)
    assert outcome.out == f"created {len(given)}, updated 0, unchanged 2000, refused 0\n"
    assert (await count(database), len(await events(database))) == (len(given), len(given))


async def test_lets_two_import_the_same_at_once(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    given = sessions(2000)
    ending = [{**one, "status": "revoked", "ended_at": MARCH, "updated_at": MARCH} for one in given]
    directories = [tmp_path / "a", tmp_path / "b"]
    for directory in directories:
        directory.mkdir()
    forwards, backwards = json_lines(*given, *ending), json_lines(*reversed(ending), *reversed(given))
    one, other = await asyncio.gather(
        run_import(database_url, forwards, directory=directories[0]),
        run_import(database_url, backwards, directory=directories[1]),
    )
    assert (one.code, one.err, other.code, other.err) == (0, "", 0, "")
    assert await count(database) == 2000
    log = await events(database)
    assert len({(event.session_id, event.previous_status) for event in log}) == len(log)
    assert len({event.session_id for event in log if event.status == "revoked"}) == 2000
    async with database.read() as tx:
        statuses = await tx.fetch(select(col(SessionRow.status)).distinct())
        assert [row.status for row in statuses] == ["revoked"]


async def test_ends_each_session_once_while_a_server_ends_them_too(
    node: Node, database: Database, database_url: str, tmp_path: Path
) -> None:
    given = sessions(200)
    await store(database, *given)
    ended = [{**one, "status": "revoked", "ended_at": MARCH, "updated_at": MARCH} for one in given]
    content = json_lines(*ended)
    outcome, *answers = await asyncio.gather(
        run_import(database_url, content, directory=tmp_path), *(node.end(one["id"]) for one in given)
    )
    assert outcome.code == 0
    assert set(answers) <= {"ENDED", "ALREADY_ENDED"}
    log = await events(database)
    assert len(log) == 400
    assert {event.session_id for event in log if event.status == "revoked"} == {one["id"] for one in given}


async def test_refuses_a_call_for_what_is_no_file(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    good = tmp_path / "good.json"
    good.write_bytes(json_lines(session()))
    missing = tmp_path / "missing.json"
    for path, problem in ((missing, "does not exist"), (tmp_path, "is a directory")):
        outcome = await run("import", str(good), str(path), "--database-url", database_url)
        said = f"sessiongraph: {path} {problem}; name files, or - for standard input.\n"
        assert outcome == Outcome(2, "", said)
    assert await count(database) == 0


async def test_shows_how_to_call_it() -> None:
    outcome = await run("import", "--help")
    assert outcome.code == 0
    assert "Example: sessiongraph import sessions.jsonl" in outcome.out


async def test_migrates_sqlite_and_refuses_another_postgresql(
    engine: str, postgres_url: str, tmp_path: Path
) -> None:
    content = json_lines(session())
    if engine == "sqlite":
        outcome = await run_import(f"sqlite:///{tmp_path}/new.db", content, directory=tmp_path)
        assert (outcome.code, outcome.out) == (0, "created 1, updated 0, unchanged 0, refused 0\n")
        return
    name = "not_migrated"
    await execute(postgres_url, f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}")
    outcome = await run_import(with_database(postgres_url, name), content, directory=tmp_path)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith("sessiongraph: The database is at schema none, this version needs ")
    await execute(postgres_url, f"DROP DATABASE {name}")


async def test_says_what_was_stored_before_the_database_was_lost(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    more = 200  # what is left in a buffer is not read before the end
    database = Database(url)
    await migrate(database)
    process = await asyncio.create_subprocess_exec(
        COMMAND,
        *("import", "-", "--database-url", url),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(json_lines(*sessions(BATCH + more)))
    async with asyncio.timeout(30):
        while await count(database) < BATCH:
            await asyncio.sleep(0.05)
    async with database.write():
        out, err = await process.communicate(b"")
    said = f"created {BATCH}, updated 0, unchanged 0, refused 0\n"
    assert (process.returncode, out.decode()) == (3, said)
    assert err.startswith(b"sessiongraph: The database cannot be reached; try again in a moment.")
    assert await count(database) == BATCH
    await database.close()


async def test_shows_progress_on_a_terminal(database_url: str, tmp_path: Path) -> None:
    path = tmp_path / "sessions.jsonl"
    path.write_bytes(json_lines(*sessions(100), {}))
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        COMMAND,
        *("import", str(path), "--database-url", database_url),
        stdout=asyncio.subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "150"},
    )
    os.close(theirs)
    out, _ = await process.communicate()
    shown = os.read(ours, 1_000_000).decode()
    os.close(ours)
    assert out == b"created 100, updated 0, unchanged 0, refused 1\n"
    assert f"{path}:101: `id` is missing." in shown
    assert "100 sessions" in shown
    assert "100%" in shown
