"""Ending many: the oldest active ones that match, no more than the limit, each once."""

import asyncio
from itertools import pairwise
from typing import Any

from calls import END_MANY, create, end_many, read, revoked
from conftest import StartNode
from log import changes_until, nothing_changed, settled
from node import FUTURE, ORGANIZATION, USER, Node
from sqlalchemy import text
from stored import minute, population, row, session_id, store

from models.database import Database

ACTIVE = {"status": ["ACTIVE"]}


async def test_ends_the_oldest_first(node: Node, database: Database) -> None:
    ids = await population(database)
    assert await end_many(node, filter=ACTIVE, limit=7, reason="Incident 9") == (7, True)
    assert await revoked(node) == ids[:7]
    assert await end_many(node, filter=ACTIVE, limit=1) == (1, True)
    assert await revoked(node) == ids[:8]
    assert await end_many(node, filter=ACTIVE, limit=15) == (15, False)
    assert await revoked(node) == ids
    async with nothing_changed(node):
        # The session that we made to see that has ended nothing is spared.
        spare = (await node.query("{ sessions(filter: {status: [ACTIVE]}) { nodes { id } } }"))["sessions"]
        assert await end_many(node, filter=ACTIVE, **{"except": [one["id"] for one in spare["nodes"]]}) == (
            0,
            False,
        )
    first, later = await read(node, ids[0]), await read(node, ids[7])
    assert (first["endedBy"], first["endReason"], first["endedAt"]) == (
        "SYSTEM",
        "Incident 9",
        first["updatedAt"],
    )
    assert later["endReason"] is None


async def test_logs_each_end_once_and_in_order(node: Node, database: Database) -> None:
    ids = await population(database)
    start = await settled(node)
    assert await end_many(node, filter={"userId": USER}, limit=23, reason="Incident 9") == (23, True)
    changes = await changes_until(node, await node.create(), after=start)
    assert [change["session"]["id"] for change in changes[:-1]] == ids
    assert {(one["previousStatus"], one["status"], one["reason"]) for one in changes[:-1]} == {
        ("ACTIVE", "REVOKED", "Incident 9")
    }


async def test_ends_only_what_is_active_and_matches(node: Node, database: Database) -> None:
    theirs = {"organization_id": ORGANIZATION}
    await store(
        database,
        row(1, **theirs),
        row(2),
        row(3, **theirs, expires_at=minute(60)),
        row(4, **theirs, status="expired", expires_at=minute(60), ended_at=minute(60)),
        row(5, **theirs, status="revoked", ended_at=minute(50), end_reason="Before"),
        row(6, **theirs),
    )
    chosen = {"organizationId": ORGANIZATION}
    assert await end_many(node, filter=chosen, reason="Incident 9") == (2, False)
    assert await revoked(node) == [session_id(number) for number in (1, 5, 6)]
    statuses = [(await read(node, session_id(number)))["status"] for number in (2, 3, 4)]
    assert statuses == ["ACTIVE", "EXPIRED", "EXPIRED"]
    assert (await read(node, session_id(5)))["endReason"] == "Before"
    assert await end_many(node, filter=chosen) == (0, False)
    for ended in (["REVOKED"], ["EXPIRED"], ["EXPIRED", "REVOKED"], []):
        assert await end_many(node, filter={"status": ended}) == (0, False)
    assert (await read(node, session_id(2)))["status"] == "ACTIVE"


async def test_ends_what_the_same_filter_counts(node: Node, database: Database) -> None:
    await store(
        database,
        *(row(number, ip_address="192.0.2.1" if number % 3 else None) for number in range(20)),
        row(20, ip_address="192.0.2.1", impersonator_email="a@example.com"),
    )
    chosen = {"ipAddress": "192.0.2.1", "impersonated": False, "createdAt": {"to": "2026-01-15T12:10:00Z"}}
    count = "query ($filter: SessionFilter) { sessionCounts(by: [], filter: $filter) { count } }"
    preview = (await node.query(count, filter={**chosen, **ACTIVE}))["sessionCounts"][0]["count"]
    assert await end_many(node, filter=chosen) == (preview, False) == (6, False)


async def test_spares_the_sessions_that_are_named(node: Node, database: Database) -> None:
    ids = await population(database)
    spared = [ids[0], ids[22], session_id(99), "no id"]
    assert await end_many(node, filter=ACTIVE, limit=20, **{"except": spared}) == (20, True)
    assert await end_many(node, filter=ACTIVE, **{"except": spared}) == (1, False)
    assert await revoked(node) == ids[1:22]
    assert await end_many(node, filter=ACTIVE, exceptCurrent=False, **{"except": []}) == (2, False)


async def test_refuses_to_spare_the_session_of_a_service(node: Node, database: Database) -> None:
    await population(database)
    async with nothing_changed(node):
        assert await node.refusal(END_MANY, input={"filter": ACTIVE, "exceptCurrent": True}) == (
            "BAD_USER_INPUT",
            "`input.exceptCurrent` is for users; a service has no session of its own.",
        )


async def test_takes_a_limit_of_1_to_10_000(node: Node, database: Database) -> None:
    await store(database, *(row(number) for number in range(3)))
    async with nothing_changed(node):
        for wrong in (0, 10_001, -1, 2**31 - 1):
            assert await node.refusal(END_MANY, input={"filter": ACTIVE, "limit": wrong}) == (
                "BAD_USER_INPUT",
                f"`input.limit` is {wrong}; it takes 1 to 10,000.",
            )
        for wrong_type in (None, "1", 1.5, 2**31):
            code, _message = await node.refusal(END_MANY, input={"filter": ACTIVE, "limit": wrong_type})
            assert code == "BAD_USER_INPUT"
    assert await end_many(node, filter={"ids": [session_id(0), session_id(1)]}, limit=1) == (1, True)
    assert await end_many(node, filter={"ids": [session_id(0), session_id(1)]}, limit=10_000) == (1, False)


async def test_ends_1000_when_no_limit_is_given(node: Node, database: Database) -> None:
    await store(database, *(row(number) for number in range(1_001)))
    assert await end_many(node, filter=ACTIVE) == (1_000, True)
    left = (await node.query("{ sessions(filter: {status: [ACTIVE]}) { nodes { id } } }"))["sessions"]
    assert left == {"nodes": [{"id": session_id(1_000)}]}
    assert await end_many(node, filter=ACTIVE, limit=10_000) == (1, False)


async def test_ends_no_more_than_the_limit_whatever_is_expected(node: Node, database: Database) -> None:
    """Old statistics make PostgreSQL believe that next to nothing is active."""
    ended = (row(number, status="revoked", ended_at=minute(2_000)) for number in range(1_000, 1_300))
    await store(database, *ended)
    async with database.administer() as connection:
        await connection.execute(text("ANALYZE"))
    await store(database, *(row(number) for number in range(100)))
    assert await end_many(node, filter=ACTIVE, limit=3) == (3, True)
    document = "{ sessionCounts(by: [STATUS]) { status count } }"
    assert (await node.query(document))["sessionCounts"] == [
        {"status": "REVOKED", "count": 303},
        {"status": "ACTIVE", "count": 97},
    ]


async def test_refuses_an_empty_filter(node: Node, database: Database) -> None:
    await population(database)
    nulls = {"userId": None, "status": None, "ids": None, "createdAt": {"from": None, "to": None}}
    ranges: dict[str, Any] = {"createdAt": {}, "expiresAt": {}, "endedAt": {}}
    async with nothing_changed(node):
        for empty in ({}, nulls, ranges):
            assert await node.refusal(END_MANY, input={"filter": empty}) == (
                "BAD_USER_INPUT",
                "`input.filter` is empty; to end every session that you may end, say {status: [ACTIVE]}.",
            )


async def test_refuses_an_input_that_does_not_fit(node: Node, database: Database) -> None:
    await population(database)
    ids = [session_id(number) for number in range(101)]
    backwards = {"from": "2026-01-15T12:00:00Z", "to": "2026-01-15T11:59:59Z"}
    wrongs: list[Any] = [
        None,
        {},
        {"filter": None},
        {"filter": {"user": USER}},
        {"filter": {"ids": ids}},
        {"filter": {"userId": "a\x00b"}},
        {"filter": {"createdAt": backwards}},
        {"filter": {"createdAt": {"from": "2026-01-15T12:00:00"}}},
        {"filter": ACTIVE, "except": ids},
        {"filter": ACTIVE, "exceptCurrent": None},
        *({"filter": ACTIVE, "reason": reason} for reason in ("", "x" * 501, "a\x00b")),
    ]
    async with nothing_changed(node):
        for wrong in wrongs:
            code, _message = await node.refusal(END_MANY, input=wrong)
            assert code == "BAD_USER_INPUT", wrong


async def test_ends_each_once_for_many_callers_at_once(start_node: StartNode, database: Database) -> None:
    ids = await population(database)
    nodes = [await start_node(), await start_node()]
    start = await settled(nodes[0])
    kept = (await create(nodes[0], userId="user_kept", expiresAt=FUTURE))["session"]["id"]
    calls = (
        end_many(
            nodes[number % 2], filter={"userId": USER, "createdAt": {"to": "2026-01-16T00:00:00Z"}}, limit=3
        )
        for number in range(20)
    )
    ended = await asyncio.gather(*calls)
    assert sum(count for count, _has_more in ended) == 23
    assert all(count <= 3 for count, _has_more in ended)
    assert await revoked(nodes[1]) == ids
    changes = await changes_until(nodes[1], await nodes[0].create(), after=start)
    assert sorted(change["session"]["id"] for change in changes[1:-1]) == ids
    assert changes[0]["session"]["id"] == kept
    assert all(first["cursor"] != second["cursor"] for first, second in pairwise(changes))
