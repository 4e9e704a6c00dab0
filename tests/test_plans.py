"""How the engines answer: by the index that is there for it, without reading a table whole or sorting it."""

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeAlias

import pytest
from node import ORGANIZATION, USER
from sqlalchemy import insert, text
from statements import Sent, statements
from stored import NEVER, minute, row, session_id

from models.appending import append
from models.bound import Bound
from models.changes import BATCH, Ending, end_session, end_sessions
from models.database import Database, ReadTx
from models.expiry import expire_due, next_expiry
from models.filter import Criteria, Filter
from models.log import events_after, history_of, matching_events, number_pending
from models.queries import Key, PageRequest, session_by_id, session_page, sessions_by_id
from models.retention import (
    quantity_older_than,
    remove_events,
    remove_sessions,
    remove_tombstones,
    removed_among,
)
from models.session import InitiatingEntity, SessionRow, Status, TombstoneRow

Read: TypeAlias = Callable[[Database], Awaitable[object]]

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
        await tx.execute_each(insert(SessionRow), rows)
        await append(tx, [one["id"] for one in rows], previous_status=None)
        buried = [{"id": f"gone_{number}", "expires_at": minute(number)} for number in range(5_000)]
        await tx.execute_each(insert(TombstoneRow), buried)
    while await number_pending(database):
        pass
    async with database.administer() as connection:
        await connection.execute(text("ANALYZE"))
    return database


async def plan_of(database: Database, statement: Sent, *, is_generic: bool = False) -> str:
    """Return how a statement is run; a generic plan is one for any parameters, as PostgreSQL may keep it."""
    sql, values = statement
    parameters = tuple(values)
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
    """Tell whether a table is read as it lies; `chosen` and `anon` are what was found before."""
    return "Seq Scan" in plan or re.search(r"SCAN (?!chosen|anon_\d)\w+$", plan, re.MULTILINE) is not None


def within_page(plan: str) -> str:
    """Return the plan without what is done with the few sessions of a page: the log's row, their order."""
    return re.sub(r"(?s)\ASort.*?(?=Limit)|SCAN feed.*", "", plan) if "feed" in plan else plan


async def in_read(database: Database, read: Callable[[ReadTx], Awaitable[object]]) -> None:
    async with database.read() as tx:
        await read(tx)


def page(request: PageRequest, **filter_: Any) -> Read:
    return lambda database: session_page(database, Criteria(Filter(**filter_), EVERYTHING, NOW), request)


DEEP = Key(minute(5_000), session_id(5))
DEEPER = Key(minute(4_900), session_id(5))
SINGLE_READS: dict[str, tuple[Read, str]] = {
    "a session": (lambda database: session_by_id(database, IDS[0], EVERYTHING), "session_pkey"),
    "sessions": (lambda database: sessions_by_id(database, IDS, EVERYTHING), "session_pkey"),
    "the first page": (page(PageRequest(20)), "session_by_age"),
    "the first page, oldest first": (page(PageRequest(20, newest_first=False)), "session_by_age"),
    "the last page": (page(PageRequest(20, from_end=True)), "session_by_age"),
    "a deep page": (page(PageRequest(20, after=DEEP)), "session_by_age"),
    "a deep page with the state of the log": (
        page(PageRequest(20, after=DEEP, with_state=True)),
        "session_by_age",
    ),
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
    "the next expiry": (lambda database: in_read(database, next_expiry), "session_due"),
    "the log": (
        lambda database: in_read(database, lambda tx: events_after(tx, 5_000, limit=100)),
        "event_seq_key",
    ),
    "the log that matches": (
        lambda database: in_read(
            database,
            lambda tx: matching_events(
                tx, Criteria(Filter(user_id=USER), EVERYTHING, NOW), 5_000, limit=100, up_to=10_000
            ),
        ),
        "event_seq_key",
    ),
}


async def test_reads_by_the_index_that_is_there_for_it(database: Database) -> None:
    for name, (read, index) in SINGLE_READS.items():
        with statements() as sent:
            await read(database)
        (statement,) = sent
        plan = within_page(await plan_of(database, statement))
        assert indexes_in(plan) == {index}, f"{name}:\n{plan}"
        assert not is_scanned(plan), f"{name}:\n{plan}"
        assert not is_sorted(plan), f"{name}:\n{plan}"


async def test_reads_the_page_of_a_user_who_may_see_an_organization_by_two_indexes(
    database: Database,
) -> None:
    theirs = Criteria(Filter(), Bound(user_id=USER, organization_id=ORGANIZATION), NOW)
    with statements() as sent:
        found = await session_page(database, theirs, PageRequest(20, after=DEEP))
    (statement,) = sent
    plan = await plan_of(database, statement)
    assert indexes_in(plan) == {"session_by_user", "session_by_organization"}, plan
    assert not is_scanned(within_page(plan)), plan
    assert len({row[0] for row in found.rows}) == 20, "none comes twice"


async def test_reads_the_history_of_a_few_sessions_by_index(database: Database) -> None:
    with statements() as sent:
        await in_read(database, lambda tx: history_of(tx, IDS))
    (statement,) = sent
    plan = await plan_of(database, statement)
    # Only the two or three events of each are sorted.
    assert (indexes_in(plan), is_scanned(plan)) == ({"event_of_session"}, False), plan


async def test_ends_and_expires_by_index(database: Database) -> None:
    filters = (Filter(user_id=USER), Filter(organization_id=ORGANIZATION))
    with statements() as sent:
        await end_session(database, session_id(1), ENDING, readable=EVERYTHING, endable=EVERYTHING)
        for theirs in (Criteria(one, EVERYTHING, NOW) for one in filters):
            async for _ in end_sessions(database, theirs, ENDING, sparing=[], limit=BATCH + 1):
                pass
        await expire_due(database, NEVER + timedelta(minutes=99))
    choices = [one for one in sent if one[0].startswith("SELECT session.created_at, session.id")]
    plans = [await plan_of(database, one) for one in choices]
    assert [indexes_in(plan) for plan in plans] == [
        {"session_by_user"},
        {"session_by_user"},
        {"session_by_organization"},
    ], plans
    assert not any(is_sorted(plan) or is_scanned(plan) for plan in plans), plans
    changes = [one for one in sent if "UPDATE session" in one[0]]
    plans = [await plan_of(database, one) for one in changes]
    assert not any(is_scanned(plan) for plan in plans), plans
    *by_id, due = map(indexes_in, plans)
    assert by_id == [{"session_pkey"}] * 4
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
        await in_read(database, next_expiry)
    sweeps = [one for one in sent if "session.expires_at" in one[0] and "INSERT" not in one[0]]
    plans = [await plan_of(database, one, is_generic=True) for one in sweeps]
    assert ["session_due" in indexes_in(plan) for plan in plans] == [True, True], plans
    assert [is_scanned(plan) for plan in plans] == [False, False], plans
