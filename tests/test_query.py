"""What can be asked by id, who is asking, and what bad texts get."""

from log import changes_until
from node import ORGANIZATION, USER, Node
from stored import held, minute, row, session_id, store

from api.scalars import format_datetime
from models.database import Database

FIELDS = """
  __typename object id userId organizationId status authMethod ipAddress userAgent
  impersonator { email reason } expiresAt endedAt createdAt updatedAt endedBy endReason isCurrent
"""
SESSION = f"query ($id: ID!) {{ session(id: $id) {{ {FIELDS} }} }}"
NODE = f"query ($id: ID!) {{ node(id: $id) {{ id ... on Session {{ {FIELDS} }} }} }}"
NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { id ... on Session { status } } }"

PLAIN = {
    "__typename": "Session",
    "object": "session",
    "id": session_id(1),
    "userId": USER,
    "organizationId": None,
    "status": "ACTIVE",
    "authMethod": "PASSWORD",
    "ipAddress": None,
    "userAgent": None,
    "impersonator": None,
    "expiresAt": "2099-01-01T00:00:00.000Z",
    "endedAt": None,
    "createdAt": "2026-01-15T12:01:00.000Z",
    "updatedAt": "2026-01-15T12:01:00.000Z",
    "endedBy": None,
    "endReason": None,
    "isCurrent": False,
}

NOT_IDS = [
    "",
    "session_",
    "session_01h93zy4f80qpbez1r5b2shqg8",
    session_id(1)[:-1],
    session_id(1) + "0",
    session_id(1) + "\n",
    session_id(1).replace("0", "U"),
    "session_8" + "0" * 25,
    "user_" + "0" * 26,
    "a\x00b",
    "\x1f\x7f",
    "\u017fession_" + "0" * 26,
    "session_" + "\u0660" * 26,
    "x" * 10_000,
    7,
]


async def test_shows_every_field_of_a_session(node: Node, database: Database) -> None:
    await store(
        database,
        row(
            2,
            organization_id=ORGANIZATION,
            status="revoked",
            auth_method="impersonation",
            ip_address="2001:db8::1",
            user_agent="Mozilla/5.0 (Ünïcode 🦊)",
            impersonator_email="admin@example.com",
            impersonator_reason="Ticket 7",
            expires_at=minute(60),
            ended_at=minute(30.5),
            ended_by="admin",
            end_reason="Done",
        ),
    )
    assert (await node.query(SESSION, id=session_id(2)))["session"] == {
        "__typename": "Session",
        "object": "session",
        "id": session_id(2),
        "userId": USER,
        "organizationId": ORGANIZATION,
        "status": "REVOKED",
        "authMethod": "IMPERSONATION",
        "ipAddress": "2001:db8::1",
        "userAgent": "Mozilla/5.0 (Ünïcode 🦊)",
        "impersonator": {"email": "admin@example.com", "reason": "Ticket 7"},
        "expiresAt": "2026-01-15T13:00:00.000Z",
        "endedAt": "2026-01-15T12:30:30.000Z",
        "createdAt": "2026-01-15T12:02:00.000Z",
        "updatedAt": "2026-01-15T12:30:30.000Z",
        "endedBy": "ADMIN",
        "endReason": "Done",
        "isCurrent": False,
    }


async def test_shows_null_where_nothing_is_known(node: Node, database: Database) -> None:
    await store(database, row(1), row(2, impersonator_email="admin@example.com"))
    assert (await node.query(SESSION, id=session_id(1)))["session"] == PLAIN
    impersonated = (await node.query(SESSION, id=session_id(2)))["session"]
    assert impersonated["impersonator"] == {"email": "admin@example.com", "reason": None}


async def test_fetches_a_session_as_a_node(node: Node, database: Database) -> None:
    await store(database, row(1))
    assert (await node.query(NODE, id=session_id(1)))["node"] == PLAIN


async def test_knows_nothing_by_an_unknown_id(node: Node, database: Database) -> None:
    await store(database, row(1))
    assert (await node.query(SESSION, id=session_id(2))) == {"session": None}
    assert (await node.query(NODE, id=session_id(2))) == {"node": None}


async def test_knows_nothing_by_what_is_no_id(node: Node, database: Database) -> None:
    await store(database, row(1), row(2, id="session_01H93ZY4F80QPBEZ1R5B2SHQG8"))
    for wrong in NOT_IDS:
        assert (await node.query(SESSION, id=wrong)) == {"session": None}, wrong
        assert (await node.query(NODE, id=wrong)) == {"node": None}, wrong
    assert (await node.query(NODES, ids=NOT_IDS))["nodes"] == [None] * len(NOT_IDS)


async def test_fetches_nodes_in_the_order_of_the_ids(node: Node, database: Database) -> None:
    await store(database, row(1), row(2, status="revoked", ended_at=minute(3)), row(3))
    ids = [session_id(2), session_id(9), session_id(1), "no id", session_id(2)]
    revoked = {"id": session_id(2), "status": "REVOKED"}
    active = {"id": session_id(1), "status": "ACTIVE"}
    assert (await node.query(NODES, ids=ids))["nodes"] == [revoked, None, active, None, revoked]
    assert (await node.query(NODES, ids=[]))["nodes"] == []


async def test_fetches_100_nodes_and_refuses_101(node: Node, database: Database) -> None:
    await store(database, *(row(number) for number in range(100)))
    ids = [session_id(number) for number in range(100)]
    assert [one["id"] for one in (await node.query(NODES, ids=ids))["nodes"]] == ids
    assert await node.refusal(NODES, ids=[*ids, ids[0]]) == (
        "BAD_USER_INPUT",
        "`ids` has 101 ids; at most 100 are taken.",
    )


async def test_tells_a_service_without_bounds_who_it_is(node: Node, database: Database) -> None:
    await store(database, row(1), row(2))
    viewer = """{ viewer {
      kind userId organizationId permissions scopes session { id }
      sessions(filter: {status: [ACTIVE]}, orderBy: {direction: ASC}, first: 1) { nodes { id } totalCount }
    } }"""
    assert (await node.query(viewer))["viewer"] == {
        "kind": "SERVICE",
        "userId": None,
        "organizationId": None,
        "permissions": [],
        "scopes": ["sessions:create", "sessions:read", "sessions:write"],
        "session": None,
        "sessions": {"nodes": [{"id": session_id(1)}], "totalCount": 2},
    }


async def test_reads_a_method_from_the_future_as_unknown(node: Node, database: Database) -> None:
    await store(database, row(1, auth_method="telepathy"))
    assert (await node.query(SESSION, id=session_id(1)))["session"]["authMethod"] == "UNKNOWN"


async def test_never_shows_a_session_as_active_after_its_time(node: Node, database: Database) -> None:
    due = row(1, expires_at=minute(60))
    expired = {
        **PLAIN,
        "status": "EXPIRED",
        "expiresAt": format_datetime(minute(60)),
        "endedAt": format_datetime(minute(60)),
        "updatedAt": format_datetime(minute(60)),
        "endedBy": "POLICY",
    }
    lists = f"""{{
      sessions {{ nodes {{ {FIELDS} }} }}
      viewer {{ sessions {{ nodes {{ {FIELDS} }} }} }}
      nodes(ids: ["{session_id(1)}"]) {{ ... on Session {{ {FIELDS} }} }}
    }}"""
    await store(database, due)
    async with held(database, session_id(1)):
        assert (await node.query(SESSION, id=session_id(1)))["session"] == expired
        assert (await node.query(NODE, id=session_id(1)))["node"] == expired
        assert await node.query(lists) == {
            "sessions": {"nodes": [expired]},
            "viewer": {"sessions": {"nodes": [expired]}},
            "nodes": [expired],
        }
    # The sweeper comes to the same.
    await changes_until(node, session_id(1), status="EXPIRED")
    assert (await node.query(SESSION, id=session_id(1)))["session"] == expired


async def test_shows_the_history_of_each_session_in_a_list(node: Node) -> None:
    ids = [await node.create() for _ in range(3)]
    await node.end(ids[1], reason="bye")
    await changes_until(node, await node.create())
    document = """query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Session {
      history { cursor status previousStatus endedBy reason session { id status } }
    } } }"""
    histories = [one["history"] for one in (await node.query(document, ids=ids))["nodes"]]
    created = {"status": "ACTIVE", "previousStatus": None, "endedBy": None, "reason": None}
    ended = {"status": "REVOKED", "previousStatus": "ACTIVE", "endedBy": "SYSTEM", "reason": "bye"}
    shown = [[{**change, "cursor": change["cursor"] != ""} for change in history] for history in histories]
    assert shown == [
        [{"cursor": True, **created, "session": {"id": ids[0], "status": "ACTIVE"}}],
        [
            {"cursor": True, **created, "session": {"id": ids[1], "status": "ACTIVE"}},
            {"cursor": True, **ended, "session": {"id": ids[1], "status": "REVOKED"}},
        ],
        [{"cursor": True, **created, "session": {"id": ids[2], "status": "ACTIVE"}}],
    ]
