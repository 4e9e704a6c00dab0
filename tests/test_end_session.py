"""Ending one session: once, whoever else ends it, and with an answer that says what happened."""

import asyncio
from collections import Counter
from itertools import product

from calls import END, FULL, create, end, read, revoked
from conftest import StartNode
from log import changes_until, nothing_changed, settled
from node import FUTURE, USER, Node
from stored import minute, row, session_id, store

from models.database import Database


async def test_ends_a_session(node: Node) -> None:
    created = (await create(node, **FULL))["session"]
    ended = await end(node, id=session_id(1), reason="Signed out")
    session = ended["session"]
    assert ended == {
        "outcome": "ENDED",
        "session": {
            **created,
            "status": "REVOKED",
            "endedAt": session["endedAt"],
            "updatedAt": session["endedAt"],
            "endedBy": "SYSTEM",
            "endReason": "Signed out",
        },
    }
    assert session["endedAt"] >= created["createdAt"]
    assert await read(node, session_id(1)) == session
    changes = await changes_until(node, session_id(1), status="REVOKED")
    assert changes[1:] == [
        {
            "cursor": changes[1]["cursor"],
            "status": "REVOKED",
            "previousStatus": "ACTIVE",
            "endedBy": "SYSTEM",
            "reason": "Signed out",
            "occurredAt": session["endedAt"],
            "session": {"id": session_id(1), "status": "REVOKED"},
        }
    ]


async def test_changes_nothing_by_a_second_end(node: Node) -> None:
    await create(node, **FULL)
    ended = (await end(node, id=session_id(1), reason="Signed out"))["session"]
    async with nothing_changed(node):
        again = await end(node, id=session_id(1), reason="Another")
        assert again == {"outcome": "ALREADY_ENDED", "session": ended}


async def test_ends_nothing_that_is_not_there(node: Node) -> None:
    await create(node, **FULL)
    async with nothing_changed(node):
        for unknown in (session_id(2), "", "session_1", "a\x00b", "x" * 10_000, USER):
            assert await end(node, id=unknown) == {"outcome": "NOT_FOUND", "session": None}


async def test_does_not_revoke_a_session_past_its_time(node: Node, database: Database) -> None:
    expired = row(2, status="expired", expires_at=minute(60), ended_at=minute(60), ended_by="policy")
    await store(database, row(1, expires_at=minute(60)), expired)
    for number in (1, 2):
        again = await end(node, id=session_id(number), reason="Too late")
        assert again["outcome"] == "ALREADY_ENDED"
        session = again["session"]
        assert (session["status"], session["endedBy"], session["endReason"]) == ("EXPIRED", "POLICY", None)
        assert session["endedAt"] == session["expiresAt"] == "2026-01-15T13:00:00.000Z"
        assert session == await read(node, session_id(number))
    assert await revoked(node) == []
    changes = await changes_until(node, session_id(1), status="EXPIRED")
    assert [change["status"] for change in changes] == ["ACTIVE", "EXPIRED", "EXPIRED"]


async def test_takes_a_reason_of_500_characters(node: Node) -> None:
    await create(node, **FULL)
    async with nothing_changed(node):
        for wrong in ("", "x" * 501, "a\x00b", "\x1b[31m"):
            code, message = await node.refusal(END, input={"id": session_id(1), "reason": wrong})
            assert (code, message.split(" has ")[0]) == ("BAD_USER_INPUT", "`input.reason`")
    longest = "🦊" * 500
    assert (await end(node, id=session_id(1), reason=longest))["session"]["endReason"] == longest


async def test_refuses_an_input_that_does_not_fit_the_schema(node: Node) -> None:
    await create(node, **FULL)
    async with nothing_changed(node):
        for wrong in (None, {}, {"id": None}, {"id": session_id(1), "why": "x"}, {"id": [session_id(1)]}):
            code, _message = await node.refusal(END, input=wrong)
            assert code == "BAD_USER_INPUT", wrong


async def test_ends_each_session_once_for_many_callers_at_once(start_node: StartNode) -> None:
    nodes = [await start_node(), await start_node()]
    ids = [(await create(nodes[0], userId=USER, expiresAt=FUTURE))["session"]["id"] for _ in range(20)]
    start = await settled(nodes[0])
    calls = [(number, id_) for id_, number in product(ids, range(4))]
    ended = await asyncio.gather(
        *(end(nodes[number % 2], id=id_, reason=str(number)) for number, id_ in calls)
    )
    outcomes = Counter((id_, one["outcome"]) for (_number, id_), one in zip(calls, ended, strict=True))
    assert outcomes == {
        **{(id_, "ENDED"): 1 for id_ in ids},
        **{(id_, "ALREADY_ENDED"): 3 for id_ in ids},
    }
    winners = {
        id_: str(number) for (number, id_), one in zip(calls, ended, strict=True) if one["outcome"] == "ENDED"
    }
    marker = await nodes[1].create()
    changes = await changes_until(nodes[0], marker, after=start)
    assert sorted(change["session"]["id"] for change in changes[:-1]) == sorted(ids)
    assert {change["session"]["id"]: change["reason"] for change in changes[:-1]} == winners
    assert {change["status"] for change in changes[:-1]} == {"REVOKED"}
    for id_ in ids:
        assert (await read(nodes[0], id_))["endReason"] == winners[id_]
