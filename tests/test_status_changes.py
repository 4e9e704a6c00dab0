"""The log by pull: every change once, in order, from any position that the log still reaches."""

from log import changes_until, settled
from node import Node
from stored import minute, population, row, session_id, store

from models.database import Database
from models.log import number_pending

LOG = """query ($filter: SessionFilter, $after: Cursor, $first: Int) {
  sessionStatusChanges(filter: $filter, after: $after, first: $first) {
    edges { cursor node { cursor session { id } status } } nodes { session { id } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""


async def test_pages_through_the_log_over_each_change_once(node: Node, database: Database) -> None:
    ids = await population(database)
    await node.end(ids[3])
    marker = await node.create()
    await changes_until(node, marker)
    expected = [*((id_, "ACTIVE") for id_ in ids), (ids[3], "REVOKED"), (marker, "ACTIVE")]
    for size in (1, 7, 24, 25, 100):
        seen: list[tuple[str, str]] = []
        cursors: list[str] = []
        after = None
        while True:
            found = (await node.query(LOG, first=size, after=after))["sessionStatusChanges"]
            edges = found["edges"]
            assert [edge["node"]["session"] for edge in edges] == [one["session"] for one in found["nodes"]]
            assert [edge["cursor"] for edge in edges] == [edge["node"]["cursor"] for edge in edges]
            seen += [(edge["node"]["session"]["id"], edge["node"]["status"]) for edge in edges]
            cursors += [edge["cursor"] for edge in edges]
            info = found["pageInfo"]
            assert info["startCursor"] == edges[0]["cursor"]
            assert info["endCursor"] == edges[-1]["cursor"]
            assert info["hasPreviousPage"] == (after is not None)
            after = info["endCursor"]
            if not info["hasNextPage"]:
                break
            assert len(edges) == size
        assert seen == expected
        assert len(set(cursors)) == len(expected)


async def test_says_how_far_it_searched_the_log(node: Node, database: Database) -> None:
    await population(database)
    end = await settled(node)
    found = (await node.query(LOG, filter={"status": ["REVOKED"]}))["sessionStatusChanges"]
    assert found == {
        "edges": [],
        "nodes": [],
        "pageInfo": {
            "hasNextPage": False,
            "hasPreviousPage": False,
            "startCursor": None,
            "endCursor": end,
        },
    }


async def test_shows_after_as_of_all_that_changed_since(node: Node, database: Database) -> None:
    ids = await population(database)
    await settled(node)
    listed = (await node.query("{ sessions(first: 100) { asOf nodes { id } } }"))["sessions"]
    created = await node.create()
    await node.end(ids[7], reason="bye")
    await node.end(created)
    marker = await node.create()
    changes = await changes_until(node, marker, after=listed["asOf"])
    assert len(listed["nodes"]) == 24
    assert [(change["session"]["id"], change["previousStatus"], change["status"]) for change in changes] == [
        (created, None, "ACTIVE"),
        (ids[7], "ACTIVE", "REVOKED"),
        (created, "ACTIVE", "REVOKED"),
        (marker, None, "ACTIVE"),
    ]
    assert changes[1] == {
        **changes[1],
        "endedBy": "SYSTEM",
        "reason": "bye",
        "session": {"id": ids[7], "status": "REVOKED"},
    }
    ended = (await node.query("query ($id: ID!) { session(id: $id) { endedAt } }", id=ids[7]))["session"]
    assert changes[1]["occurredAt"] == ended["endedAt"]


async def test_matches_a_change_with_the_session_as_it_was_after_it(node: Node) -> None:
    session_id_ = await node.create()
    await node.end(session_id_)
    await settled(node)
    for status in ("ACTIVE", "REVOKED"):
        chosen = {"ids": [session_id_], "status": [status]}
        found = (await node.query(LOG, filter=chosen))["sessionStatusChanges"]["edges"]
        assert [edge["node"]["status"] for edge in found] == [status]
        assert found[0]["node"]["session"] == {"id": session_id_}


async def test_shows_an_expiry_at_the_time_that_ran_out(node: Node, database: Database) -> None:
    await store(database, row(1, expires_at=minute(60)))
    changes = await changes_until(node, session_id(1), status="EXPIRED")
    assert [change["previousStatus"] for change in changes] == [None, "ACTIVE"]
    assert changes[1] == {
        "cursor": changes[1]["cursor"],
        "status": "EXPIRED",
        "previousStatus": "ACTIVE",
        "endedBy": "POLICY",
        "reason": None,
        "occurredAt": "2026-01-15T13:00:00.000Z",
        "session": {"id": session_id(1), "status": "EXPIRED"},
    }


async def test_shows_an_empty_page_when_it_searched_for_long(node: Node, database: Database) -> None:
    revoked = row(20_000, status="revoked", ended_at=minute(20_001))
    await store(database, *(row(number) for number in range(20_000)), revoked)
    while await number_pending(database):
        pass
    await settled(node)
    chosen = {"status": ["REVOKED"]}
    start = (await node.query(LOG, filter=chosen))["sessionStatusChanges"]
    assert (start["edges"], start["pageInfo"]["hasNextPage"]) == ([], True)
    rest = await node.query(LOG, filter=chosen, after=start["pageInfo"]["endCursor"])
    assert [edge["node"]["session"]["id"] for edge in rest["sessionStatusChanges"]["edges"]] == [
        session_id(20_000)
    ]
    assert not rest["sessionStatusChanges"]["pageInfo"]["hasNextPage"]
