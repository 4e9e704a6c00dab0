"""Creating: what is recorded, once for each id, and that a refusal changes nothing."""

import asyncio
import json
from collections import Counter
from typing import Any

import pytest
from calls import CREATE, FULL, OTHER_USER, create, end, read, revoked
from conftest import StartNode
from log import changes_until, nothing_changed
from node import FUTURE, USER, Node
from stored import session_id


async def test_creates_a_session_of_which_little_is_known(node: Node) -> None:
    created = await create(node, userId=USER, expiresAt=FUTURE)
    session = created["session"]
    assert created["created"]
    assert session == {
        "id": session["id"],
        "userId": USER,
        "organizationId": None,
        "status": "ACTIVE",
        "authMethod": "UNKNOWN",
        "ipAddress": None,
        "userAgent": None,
        "impersonator": None,
        "expiresAt": FUTURE,
        "endedAt": None,
        "createdAt": session["createdAt"],
        "updatedAt": session["createdAt"],
        "endedBy": None,
        "endReason": None,
    }
    assert await read(node, session["id"]) == session
    changes = await changes_until(node, session["id"])
    assert [(change["previousStatus"], change["status"]) for change in changes] == [(None, "ACTIVE")]
    assert changes[0]["occurredAt"] == session["createdAt"]


async def test_creates_a_session_of_which_all_is_known(node: Node) -> None:
    created = await create(node, **FULL)
    session = created["session"]
    assert created == {
        "created": True,
        "session": {
            **FULL,
            "status": "ACTIVE",
            "endedAt": None,
            "createdAt": session["createdAt"],
            "updatedAt": session["createdAt"],
            "endedBy": None,
            "endReason": None,
        },
    }
    assert await read(node, session_id(1)) == session


async def test_creates_each_session_with_an_id_of_its_own(node: Node) -> None:
    ids = [(await create(node, userId=USER, expiresAt=FUTURE))["session"]["id"] for _ in range(3)]
    assert len(set(ids)) == 3
    assert await revoked(node) == []


async def test_creates_one_session_when_called_twice_with_an_id(node: Node) -> None:
    first = await create(node, **FULL)
    again = await create(node, **FULL)
    # What else differs is not taken over: the session is as the first call made it.
    other = await create(node, **{**FULL, "ipAddress": None, "authMethod": "SSO"})
    assert again == other == {"created": False, "session": first["session"]}
    marker = await node.create()
    changes = await changes_until(node, marker)
    assert [change["session"]["id"] for change in changes] == [session_id(1), marker]


async def test_does_not_revive_a_session_by_creating_it_again(node: Node) -> None:
    await create(node, **FULL)
    ended = (await end(node, id=session_id(1)))["session"]
    async with nothing_changed(node):
        assert await create(node, **FULL) == {"created": False, "session": ended}
    assert ended["status"] == "REVOKED"


async def test_creates_one_session_for_many_callers_at_once(start_node: StartNode) -> None:
    nodes = [await start_node(), await start_node()]
    created = await asyncio.gather(*(create(nodes[number % 2], **FULL) for number in range(20)))
    assert Counter(one["created"] for one in created) == {True: 1, False: 19}
    assert all(one["session"] == created[0]["session"] for one in created)
    marker = await nodes[0].create()
    changes = await changes_until(nodes[0], marker)
    assert [change["session"]["id"] for change in changes] == [session_id(1), marker]


async def test_refuses_the_id_of_another_session(node: Node) -> None:
    await create(node, **FULL)
    async with nothing_changed(node):
        for other in ({"userId": OTHER_USER}, {"organizationId": None}):
            code, message = await node.refusal(CREATE, input={**FULL, **other})
            assert (code, message.split(";")[0]) == ("BAD_USER_INPUT", "`id` belongs to another session")


@pytest.mark.parametrize("past", ["2026-01-01T00:00:00.000Z", "0001-01-01T00:00:00Z", "now"])
async def test_refuses_to_create_what_has_run_out(node: Node, past: str) -> None:
    if past == "now":
        past = (await create(node, userId=USER, expiresAt=FUTURE))["session"]["createdAt"]
    async with nothing_changed(node):
        assert await node.refusal(CREATE, input={"userId": USER, "expiresAt": past}) == (
            "BAD_USER_INPUT",
            "`input.expiresAt` is in the past; a session must begin active.",
        )


async def test_creates_what_runs_out_at_the_end_of_time(node: Node) -> None:
    latest = "9999-12-31T23:59:59.999Z"
    created = await create(node, userId=USER, expiresAt=latest)
    assert created["session"]["expiresAt"] == latest


TEXT_LIMITS = [
    ("userId", 255),
    ("organizationId", 255),
    ("ipAddress", 255),
    ("userAgent", 2048),
    ("impersonator.email", 255),
    ("impersonator.reason", 500),
]


def given_text(name: str, text: Any) -> dict[str, Any]:
    """Return an input of `createSession` with this text."""
    outer, _, inner = name.partition(".")
    if inner:
        return {**FULL, outer: {"email": "admin@example.com", inner: text}}
    return {**FULL, outer: text}


async def test_refuses_to_create_with_what_is_no_text(node: Node) -> None:
    async with nothing_changed(node):
        for name, limit in TEXT_LIMITS:
            for wrong in ("", "\x00", "a\x00b", "\n", "\x7f", "x" * (limit + 1)):
                code, message = await node.refusal(CREATE, input=given_text(name, wrong))
                assert (code, message.split(" has ")[0]) == ("BAD_USER_INPUT", f"`input.{name}`"), message


async def test_takes_texts_up_to_their_bounds(node: Node) -> None:
    for number, (name, limit) in enumerate(TEXT_LIMITS):
        text = "🦊" * limit
        created = await create(node, **{**given_text(name, text), "id": session_id(number)})
        outer, _, inner = name.partition(".")
        shown = created["session"][outer]
        assert (shown[inner] if inner else shown) == text
        assert created["session"] == await read(node, session_id(number))


async def test_refuses_an_id_of_the_wrong_shape(node: Node) -> None:
    async with nothing_changed(node):
        for wrong in ("", "session_", "session_1", "user_" + "0" * 26, session_id(1) + "0", "a\x00b"):
            code, message = await node.refusal(CREATE, input={**FULL, "id": wrong})
            assert (code, message.split(";")[0]) == (
                "BAD_USER_INPUT",
                "`input.id` is not `session_` and a ULID of 26 characters",
            )


async def test_refuses_an_input_that_does_not_fit_the_schema(node: Node) -> None:
    async with nothing_changed(node):
        for wrong in (
            {"userId": USER},
            {"expiresAt": FUTURE},
            {**FULL, "userId": None},
            {**FULL, "expiresAt": "2099-01-01T00:00:00"},
            {**FULL, "expiresAt": None},
            {**FULL, "authMethod": "TELEPATHY"},
            {**FULL, "authMethod": None},
            {**FULL, "impersonator": {"reason": "Ticket 7"}},
            {**FULL, "status": "REVOKED"},
            None,
        ):
            code, _message = await node.refusal(CREATE, input=wrong)
            assert code == "BAD_USER_INPUT", wrong


async def test_refuses_a_lone_surrogate(node: Node) -> None:
    inputs = [given_text(name, "\ud800") for name, _limit in TEXT_LIMITS]
    async with nothing_changed(node):
        for given in [*inputs, {**FULL, "id": "\ud800"}]:
            body = json.dumps({"query": CREATE, "variables": {"input": given}}).encode()
            answer = await node.http.post(
                "/graphql", content=body, headers={"content-type": "application/json"}
            )
            (error,) = answer.json()["errors"]
            assert (answer.status_code, error["extensions"]["code"]) == (400, "BAD_USER_INPUT")
