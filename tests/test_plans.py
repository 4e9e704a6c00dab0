"""How the engines answer: by the index that is there for it, without reading a table whole or sorting it."""

import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeAlias

import pytest
from node import ORGANIZATION, USER
from sqlalchemy import event, insert, text
from sqlalchemy.engine import Engine
from stored import NEVER, minute, row, session_id

from models.changes import Ending, end_session, end_sessions, expire_due, next_expiry
from models.database import Database, ReadTx
from models.filter import Bound, Criteria, Filter
from models.log import append, events_after, history_of, number_pending
from models.queries import Key, PageRequest, session_by_id, session_page, sessions_by_id
from models.retention import (
    quantity_older_than,
    remove_events,
    remove_sessions,
    remove_tombstones,
    removed_among,
)
from models.session import InitiatingEntity, SessionRow, Status, TombstoneRow

Statement: TypeAlias = tuple[str, Any]
Read: TypeAlias = Callable[[ReadTx], Awaitable[object]]

EVERYTHING = Bound(everything=True)
NOW = minute(0)
IDS = [session_id(number) for number in range(3)]
ENDING = Ending(by=InitiatingEntity.SYSTEM, user_id=None, reason=None, now=NOW)
NAMES_ON_SQLITE = {
    "sqlite_autoindex_session_1": "session_pkey",
    "sqlite_autoindex_event_1": "event_seq_key",
    "sqlite_autoindex_tombstone_1": "tombstone_pkey",
}


@pytest.fixture
async def database(database: Database) -> Database:
    """10,000 sessions: 1,000 of one user, 500 of one organization, 100 of one administrator, most active."""
    rows = [
        row(
            number,
            user_id=USER if number % 10 == 0 else f"user_{number}",
            organization_id=ORGANIZATION
            if number % 20 == 0
            else None
            if number % 3
            else f"org_{number % 99}",
            impersonator_email="admin@example.com" if number % 100 == 0 else None,
            status="active" if number % 3 else "revoked",
            expires_at=NEVER + timedelta(minutes=number),
            created_at=minute(number * 7919 % 10_000),
            ended_at=None if number % 3 else minute(number / 3),
        )
        for number in range(10_000)
    ]
    async with database.write() as tx:
        await tx.execute(insert(SessionRow), rows)
        await append(tx, [one["id"] for one in rows], previous_status=None)
        buried = [{"id": f"gone_{number}", "expires_at": minute(number)} for number in range(5_000)]
        await tx.execute(insert(TombstoneRow), buried)
    while await number_pending(database):
        pass
    async with database.administer() as connection:
        await connection.execute(text("ANALYZE"))
    return database


@contextmanager
def statements() -> Iterator[list[Statement]]:
    """Collect what is sent to an engine meanwhile."""
    found: list[Statement] = []

    def collect(*sent: Any) -> None:
        _connection, _cursor, statement, parameters, _context, _many = sent
        found.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", collect)
    yield found
    event.remove(Engine, "before_cursor_execute", collect)


async def plan_of(database: Database, statement: Statement, *, is_generic: bool = False) -> str:
    """Return how a statement is run; a generic plan is one for any parameters, as PostgreSQL may keep it."""
    sql, parameters = statement
    async with database.administer() as connection:
        if is_generic:
            await connection.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
            await connection.exec_driver_sql(f"PREPARE it AS {sql}")
            nulls = ", ".join(["NULL"] * len(parameters))
            rows = await connection.exec_driver_sql(f"EXPLAIN EXECUTE it({nulls})")
            await connection.execute(text("DEALLOCATE it"))
        else:
            explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
            rows = await connection.exec_driver_sql(f"{explain} {sql}", parameters)
        return "\n".join(str(one[-1]) for one in rows)


def indexes_in(plan: str) -> set[str]:
    names = re.findall(r"(?:USING (?:COVERING )?INDEX|Scan using|Backward using|Index Scan on) (\w+)", plan)
    return {NAMES_ON_SQLITE.get(name, name) for name in names}


def is_sorted(plan: str) -> bool:
    return "TEMP B-TREE" in plan or "Sort Key" in plan


def is_scanned(plan: str) -> bool:
    """Tell whether a table is read as it lies; `chosen` is no table, but what was found before."""
    return "Seq Scan" in plan or re.search(r"SCAN (?!chosen)\w+$", plan, re.MULTILINE) is not None


def page(request: PageRequest, **filter_: Any) -> Read:
    return lambda tx: session_page(tx, Criteria(Filter(**filter_), EVERYTHING, NOW), request)


DEEP = Key(minute(5_000), session_id(5))
DEEPER = Key(minute(4_900), session_id(5))
SINGLE_READS: dict[str, tuple[Read, str]] = {
    "a session": (lambda tx: session_by_id(tx, IDS[0], EVERYTHING), "session_pkey"),
    "sessions": (lambda tx: sessions_by_id(tx, IDS, EVERYTHING), "session_pkey"),
    "the first page": (page(PageRequest(20)), "session_by_age"),
    "the first page, oldest first": (page(PageRequest(20, newest_first=False)), "session_by_age"),
    "the last page": (page(PageRequest(20, from_end=True)), "session_by_age"),
    "a deep page": (page(PageRequest(20, after=DEEP)), "session_by_age"),
    "a deep page, oldest first": (page(PageRequest(20, after=DEEP, newest_first=False)), "session_by_age"),
    "a deep page from the end": (page(PageRequest(20, before=DEEP, from_end=True)), "session_by_age"),
    "a page between two": (page(PageRequest(20, after=DEEP, before=DEEPER)), "session_by_age"),
    "a user's page": (page(PageRequest(20), user_id=USER), "session_by_user"),
    "a user's deep page": (page(PageRequest(20, after=DEEP), user_id=USER), "session_by_user"),
    "a user's active sessions": (
        page(PageRequest(20), user_id=USER, status=frozenset({Status.ACTIVE})),
        "session_by_user",
    ),
    "an organization's page": (
        page(PageRequest(20), organization_id=ORGANIZATION),
        "session_by_organization",
    ),
    "an organization's deep page": (
        page(PageRequest(20, after=DEEP), organization_id=ORGANIZATION),
        "session_by_organization",
    ),
    "an administrator's page": (
        page(PageRequest(20), impersonator_email="admin@example.com"),
        "session_by_impersonator",
    ),
    "the next expiry": (next_expiry, "session_due"),
    "the log": (lambda tx: events_after(tx, 5_000, limit=100, up_to=10_000), "event_seq_key"),
}


async def test_reads_by_the_index_that_is_there_for_it(database: Database) -> None:
    for name, (read, index) in SINGLE_READS.items():
        with statements() as sent:
            async with database.read() as tx:
                await read(tx)
        (statement,) = [one for one in sent if one[0].startswith("SELECT")]
        plan = await plan_of(database, statement)
        assert indexes_in(plan) == {index}, f"{name}:\n{plan}"
        assert not is_scanned(plan), f"{name}:\n{plan}"
        assert not is_sorted(plan), f"{name}:\n{plan}"


async def test_reads_the_history_of_a_few_sessions_by_index(database: Database) -> None:
    with statements() as sent:
        async with database.read() as tx:
            await history_of(tx, IDS)
    (statement,) = [one for one in sent if one[0].startswith("SELECT")]
    plan = await plan_of(database, statement)
    # Only the two or three events of each are sorted.
    assert (indexes_in(plan), is_scanned(plan)) == ({"event_of_session"}, False), plan


async def test_ends_and_expires_by_index(database: Database) -> None:
    theirs = Criteria(Filter(organization_id=ORGANIZATION), EVERYTHING, NOW)
    with statements() as sent:
        async with database.write() as tx:
            await end_session(tx, session_id(1), ENDING, readable=EVERYTHING, endable=EVERYTHING)
        async for _ in end_sessions(database, theirs, ENDING, sparing=[], limit=5):
            pass
        await expire_due(database, NEVER + timedelta(minutes=99))
    changes = [one for one in sent if "UPDATE session" in one[0]]
    plans = [await plan_of(database, one) for one in changes]
    assert [is_scanned(plan) for plan in plans] == [False, False, False], plans
    by_id, by_organization, due = map(indexes_in, plans)
    assert by_id == {"session_pkey"}
    assert by_organization == {"session_by_organization", "session_pkey"}
    assert "session_due" in due
    for one in sent:
        if one[0].startswith("INSERT INTO event"):
            plan = await plan_of(database, one)
            assert not is_scanned(plan.replace("SCAN feed", "")), plan


async def test_removes_by_index_what_is_past_its_age(database: Database) -> None:
    with statements() as sent:
        async with database.read() as tx:
            await quantity_older_than(tx, minute(100))
        assert await remove_events(database, NEVER) == 500
        assert await remove_sessions(database, minute(100), NOW) == 100
        assert await remove_tombstones(database, NOW) == 1
        async with database.read() as tx:
            await removed_among(tx, IDS)
    tables = ("event", "session", "tombstone")
    plans = [
        await plan_of(database, one)
        for one in sent
        if any(f"{word} {table}" in one[0] for word in ("FROM", "DELETE") for table in tables)
    ]
    assert [is_scanned(plan) or is_sorted(plan) for plan in plans] == [False] * 9, plans
    assert [indexes_in(plan) for plan in plans] == [
        {"event_seq_key"},
        {"session_ended"},
        {"event_seq_key"},
        {"event_seq_key"},
        {"session_ended"},
        {"session_pkey"},
        {"tombstone_by_expiry"},
        {"tombstone_pkey"},
        {"tombstone_pkey"},
    ], plans


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_sweeps_by_index_with_a_plan_that_was_made_for_an_empty_table(database: Database) -> None:
    """PostgreSQL keeps one plan for any parameters when it was as good as another at first."""
    with statements() as sent:
        await expire_due(database, NEVER + timedelta(minutes=99))
        async with database.read() as tx:
            await next_expiry(tx)
    sweeps = [one for one in sent if "session.expires_at" in one[0] and "INSERT" not in one[0]]
    plans = [await plan_of(database, one, is_generic=True) for one in sweeps]
    assert ["session_due" in indexes_in(plan) for plan in plans] == [True, True], plans
    assert [is_scanned(plan) for plan in plans] == [False, False], plans
