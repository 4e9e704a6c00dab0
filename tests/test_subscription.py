"""What a subscriber can rely on: everything, once, in order, across reconnects and restarts."""

from conftest import StartNode
from node import Node

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
