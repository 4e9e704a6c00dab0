"""What a subscriber can rely on: everything, once, in order, across reconnects and restarts."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from conftest import StartNode
from node import Node
from sqlalchemy import update

from api.cursor import decode_position, encode_position
from models.database import Database
from models.log import Position
from models.session import FeedRow, utc_now

CHANGED = """subscription ($filter: SessionFilter, $after: Cursor) {
  sessionStatusChanged(filter: $filter, after: $after) {
    cursor status previousStatus reason endedBy session { id status }
  }
}"""


async def test_delivers_what_changes_after_it_was_accepted(node: Node) -> None:
    before = await node.create()
    async with node.socket() as socket:
        await socket.subscribe(CHANGED)
        session_id = await node.create()
        await node.end(before, reason="bye")
        first = (await socket.next())["sessionStatusChanged"]
        second = (await socket.next())["sessionStatusChanged"]
    assert (first["session"]["id"], first["previousStatus"], first["status"]) == (session_id, None, "ACTIVE")
    assert second == {
        "cursor": second["cursor"],
        "status": "REVOKED",
        "previousStatus": "ACTIVE",
        "reason": "bye",
        "endedBy": "SYSTEM",
        "session": {"id": before, "status": "REVOKED"},
    }


async def test_resumes_without_a_gap_across_a_restart(start_node: StartNode) -> None:
    node = await start_node()
    as_of = (await node.query("{ sessions { asOf } }"))["sessions"]["asOf"]
    ids = [await node.create() for _ in range(3)]
    other = await start_node()
    ids += [await other.create() for _ in range(3)]
    async with other.socket() as socket:
        await socket.subscribe(CHANGED, after=as_of)
        seen = [(await socket.next())["sessionStatusChanged"] for _ in ids]
        ids.append(await node.create())
        seen.append((await socket.next())["sessionStatusChanged"])
    assert [change["session"]["id"] for change in seen] == ids
    assert len({change["cursor"] for change in seen}) == len(ids)


async def test_replays_in_the_order_of_the_log_and_then_goes_on(node: Node) -> None:
    as_of = (await node.query("{ sessions { asOf } }"))["sessions"]["asOf"]
    session_id = await node.create()
    await node.end(session_id)
    async with node.socket() as socket:
        await socket.subscribe(CHANGED, after=as_of)
        replayed = [(await socket.next())["sessionStatusChanged"] for _ in range(2)]
        later = await node.create()
        live = (await socket.next())["sessionStatusChanged"]
    assert [(change["session"]["id"], change["status"]) for change in [*replayed, live]] == [
        (session_id, "ACTIVE"),
        (session_id, "REVOKED"),
        (later, "ACTIVE"),
    ]
    # A replay shows each session as it was then, not as it is now.
    assert replayed[0]["session"]["status"] == "ACTIVE"


@pytest.mark.parametrize(
    "make_filter",
    [
        lambda session_id: {"ids": [session_id]},
        lambda _: {"userId": "user_watched"},
        lambda _: {"organizationId": "org_watched"},
        lambda _: {"impersonated": True},
        lambda _: {"ipAddress": "192.0.2.7"},
    ],
)
async def test_delivers_only_what_the_filter_matches(
    node: Node, make_filter: Callable[[str], dict[str, object]]
) -> None:
    wanted = await node.create(
        userId="user_watched",
        organizationId="org_watched",
        ipAddress="192.0.2.7",
        impersonator={"email": "admin@example.com"},
    )
    async with node.socket() as socket:
        await socket.subscribe(CHANGED, filter=make_filter(wanted))
        await node.end(await node.create())
        await node.end(wanted)
        change = (await socket.next())["sessionStatusChanged"]
    assert (change["session"]["id"], change["status"]) == (wanted, "REVOKED")


async def test_matches_the_session_as_it_is_after_the_change(node: Node) -> None:
    async with node.socket() as socket:
        await socket.subscribe(CHANGED, filter={"status": ["REVOKED"]})
        session_id = await node.create()
        await node.end(session_id)
        change = (await socket.next())["sessionStatusChanged"]
    assert (change["session"]["id"], change["previousStatus"]) == (session_id, "ACTIVE")


async def test_announces_an_expiry_on_time_and_once(start_node: StartNode) -> None:
    node, _ = await start_node(), await start_node()  # two sweepers
    expires_at = utc_now() + timedelta(seconds=1)
    async with node.socket() as socket:
        await socket.subscribe(CHANGED, filter={"status": ["EXPIRED", "REVOKED"]})
        session_id = await node.create(expiresAt=expires_at.isoformat())
        last = await node.create()
        change = (await socket.next())["sessionStatusChanged"]
        seen_at = utc_now()
        await node.end(last)
        following = (await socket.next())["sessionStatusChanged"]
    assert (change["session"]["id"], change["status"], change["endedBy"]) == (session_id, "EXPIRED", "POLICY")
    assert timedelta(0) <= seen_at - expires_at
    assert following["session"]["id"] == last


async def test_reads_the_database_when_it_is_behind_the_ring(start_node: StartNode) -> None:
    node = await start_node(feed_ring_size=100)
    as_of = (await node.query("{ sessions { asOf } }"))["sessions"]["asOf"]
    ids = [await node.create(userId=f"user_{number % 2}") for number in range(450)]
    async with node.socket() as socket:
        await socket.subscribe(CHANGED, after=as_of)
        everything = [(await socket.next())["sessionStatusChanged"]["session"]["id"] for _ in ids]
    async with node.socket() as socket:
        await socket.subscribe(CHANGED, after=as_of, filter={"userId": "user_1"})
        odd = [(await socket.next())["sessionStatusChanged"]["session"]["id"] for _ in ids[1::2]]
    assert (everything, odd) == (ids, ids[1::2])


async def test_hears_of_what_another_node_did(start_node: StartNode) -> None:
    near, far = await start_node(), await start_node()
    async with far.socket() as socket:
        await socket.subscribe(CHANGED)
        session_id = await near.create()
        change = (await socket.next())["sessionStatusChanged"]
    assert change["session"]["id"] == session_id


@pytest.mark.parametrize(
    ("after", "code"),
    [
        ("x", "BAD_CURSOR"),
        ("%%", "BAD_CURSOR"),
        ("", "BAD_CURSOR"),
        (encode_position(Position("00" * 8, 1)), "CURSOR_EXPIRED"),
    ],
)
async def test_refuses_a_cursor_that_it_cannot_go_on_from(node: Node, after: str, code: str) -> None:
    async with node.socket() as socket:
        payload = {"query": CHANGED, "variables": {"after": after}}
        await socket.send({"type": "subscribe", "id": "1", "payload": payload})
        message = await socket.receive()
    assert (message["type"], message["id"]) == ("error", "1")
    assert [error["extensions"]["code"] for error in message["payload"]] == [code]


async def test_refuses_a_position_that_was_pruned_or_never_was(node: Node, database: Database) -> None:
    old = (await node.query("{ sessions { asOf } }"))["sessions"]["asOf"]
    await node.create()
    position = decode_position(old)
    async with database.write() as tx:
        await tx.execute(update(FeedRow).values(pruned_seq=1))
    # A page reads the log; a subscription may still be served from the ring, which has what was pruned.
    document = "query ($after: Cursor) { sessionStatusChanges(after: $after) { nodes { cursor } } }"
    assert (await node.refusal(document, after=old))[0] == "CURSOR_EXPIRED"
    ahead = encode_position(Position(position.epoch, 1_000_000))
    assert (await node.refusal(document, after=ahead))[0] == "CURSOR_EXPIRED"


async def test_streams_as_server_sent_events(node: Node) -> None:
    body = {"query": CHANGED, "variables": {}}
    headers = {"accept": "text/event-stream"}
    async with node.http.stream("POST", "/graphql", json=body, headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        session_id = await node.create()
        lines = answer.aiter_lines()
        while not (line := await anext(lines)).startswith("data:"):
            pass
    change = json.loads(line.removeprefix("data: "))["data"]["sessionStatusChanged"]
    assert change["session"]["id"] == session_id
