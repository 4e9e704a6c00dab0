"""The authorization matrix as data: who sees, ends and creates which session, and by which way in."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from conftest import StartNode
from credentials import jwks_settings, make_key
from graphql import GraphQLObjectType
from issuer import user_token
from node import FUTURE, Node
from sqlalchemy import select
from sqlmodel import col

from api.cursor import encode_key, encode_position
from api.schema import build_schema
from models.database import Database
from models.instant import to_microseconds
from models.key import Scope
from models.log import Position, log_state
from models.session import SessionRow, utc_now

# Whose sessions there are: two users of one organization, one of another, and one session in none.
ALICE, BOB, CAROL, DAVE = (f"user_{name}" for name in ("alice", "bob", "carol", "dave"))
SESSIONS = {
    "alice": (ALICE, "org_1"),
    "alice_alone": (ALICE, None),
    "bob": (BOB, "org_1"),
    "carol": (CAROL, "org_2"),
    "dave": (DAVE, "org_2"),
}
IDS = {name: f"session_01H93ZY4F80QPBEZ1R5B2SHQ{index:02}" for index, name in enumerate(SESSIONS)}
OF_ALICE = {"alice", "alice_alone"}
OF_ORG_1 = {"alice", "bob"}
EVERYTHING = set(SESSIONS)
FORBIDDEN = None
"""What an actor sees who may not even ask."""

Seen: TypeAlias = set[str] | None

ACTORS: dict[str, tuple[Any, Seen, Seen]] = {
    # actor: (credential, what it sees, what it may end)
    "user": ({"sub": ALICE, "sid": IDS["alice"], "org_id": "org_1"}, OF_ALICE, OF_ALICE),
    "user of no organization": (
        {"sub": ALICE, "sid": IDS["alice_alone"], "permissions": ["sessions:read", "sessions:end"]},
        OF_ALICE,
        OF_ALICE,
    ),
    "user with another permission": (
        {"sub": ALICE, "sid": IDS["alice"], "org_id": "org_1", "permissions": ["widgets:manage"]},
        OF_ALICE,
        OF_ALICE,
    ),
    "reading administrator": (
        {"sub": ALICE, "sid": IDS["alice"], "org_id": "org_1", "permissions": ["sessions:read"]},
        OF_ALICE | OF_ORG_1,
        OF_ALICE,
    ),
    "ending administrator": (
        {
            "sub": ALICE,
            "sid": IDS["alice"],
            "org_id": "org_1",
            "permissions": ["sessions:read", "sessions:end"],
        },
        OF_ALICE | OF_ORG_1,
        OF_ALICE | OF_ORG_1,
    ),
    "administrator of another organization": (
        {
            "sub": DAVE,
            "sid": IDS["dave"],
            "org_id": "org_2",
            "permissions": ["sessions:read", "sessions:end"],
        },
        {"carol", "dave"},
        {"carol", "dave"},
    ),
    "user without sessions": ({"sub": "user_x", "sid": "session_x", "org_id": "org_1"}, set(), set()),
    "reading service": ((Scope.READ, None), EVERYTHING, FORBIDDEN),
    "ending service": ((Scope.READ, Scope.WRITE, None), EVERYTHING, EVERYTHING),
    "service that ends without seeing": ((Scope.WRITE, None), FORBIDDEN, EVERYTHING),
    "service of an organization": ((Scope.READ, Scope.WRITE, "org_1"), OF_ORG_1, OF_ORG_1),
    "service that only creates": ((Scope.CREATE, None), FORBIDDEN, FORBIDDEN),
}

FIELD_RULES = {
    "Query.viewer": "anybody who is authenticated",
    "Query.session": "seen",
    "Query.sessions": "seen",
    "Query.sessionStatusChanges": "seen",
    "Query.sessionCounts": "seen",
    "Query.node": "seen",
    "Query.nodes": "seen",
    "Viewer.session": "own",
    "Viewer.sessions": "own",
    "Session.impersonator": "of a session that is seen",
    "Session.isCurrent": "of a session that is seen",
    "Session.device": "of a session that is seen",
    "Session.history": "of a session that is seen",
    "SessionConnection.edges": "of a page that was read",
    "SessionConnection.nodes": "of a page that was read",
    "SessionConnection.pageInfo": "of a page that was read",
    "SessionConnection.asOf": "of a page that was read",
    "SessionConnection.totalCount": "seen",
    "SessionEdge.cursor": "of a session that is seen",
    "SessionEdge.node": "of a session that is seen",
    "Mutation.createSession": "creating",
    "Mutation.endSession": "ended",
    "Mutation.endSessions": "ended",
    "Subscription.sessionStatusChanged": "seen",
}
"""The fields with a resolver; every other is a part of what they found."""


def test_has_a_rule_for_every_field_with_a_resolver() -> None:
    found = {
        f"{type_.name}.{name}"
        for type_ in build_schema().core.type_map.values()
        if isinstance(type_, GraphQLObjectType) and not type_.name.startswith("__")
        for name, field in type_.fields.items()
        if field.resolve is not None and not _is_attribute(field.resolve)
    }
    assert found == set(FIELD_RULES)


def _is_attribute(resolve: Callable[..., Any]) -> bool:
    """Tell whether the field has no resolver of ours: Strawberry marks those."""
    return bool(getattr(resolve, "_is_default", False))


@pytest.fixture
async def node(start_node: StartNode, tmp_path: Path, database: Database) -> Node:
    key, _ = await make_key(database, Scope.CREATE)
    node = await start_node(**jwks_settings(tmp_path))
    async with node.acting(key) as creating:
        for name, (user_id, organization_id) in SESSIONS.items():
            await creating.create(id=IDS[name], userId=user_id, organizationId=organization_id)
    return node


@dataclass
class Actor:
    """Who calls; `own` is the session that asks."""

    node: Node
    seen: Seen
    endable: Seen
    own: str | None = None


@pytest.fixture(params=list(ACTORS))
async def actor(request: pytest.FixtureRequest, node: Node, database: Database) -> AsyncIterator[Actor]:
    credential, seen, endable = ACTORS[request.param]
    own = None
    if isinstance(credential, dict):
        text, own = user_token(**credential), credential["sid"]
    else:
        *scopes, organization_id = credential
        text, _ = await make_key(database, *scopes, organization_id=organization_id)
    async with AsyncExitStack() as stack:
        acting = await stack.enter_async_context(node.acting(text))
        yield Actor(acting, seen, endable, own)


async def by_session(node: Node) -> set[str]:
    document = "query ($id: ID!) { session(id: $id) { id } }"
    return {name for name, id_ in IDS.items() if (await node.query(document, id=id_))["session"]}


async def by_node(node: Node) -> set[str]:
    document = "query ($id: ID!) { node(id: $id) { id } }"
    return {name for name, id_ in IDS.items() if (await node.query(document, id=id_))["node"]}


async def by_nodes(node: Node) -> set[str]:
    data = await node.query("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=list(IDS.values()))
    return {name for name, found in zip(IDS, data["nodes"], strict=True) if found}


async def by_list(node: Node) -> set[str]:
    data = await node.query("{ sessions { totalCount nodes { id } } }")
    seen = names(one["id"] for one in data["sessions"]["nodes"])
    assert data["sessions"]["totalCount"] == len(seen)
    return seen


async def by_filter(node: Node) -> set[str]:
    document = "query ($filter: SessionFilter) { sessions(filter: $filter) { totalCount nodes { id } } }"
    seen: set[str] = set()
    for user_id in {user_id for user_id, _ in SESSIONS.values()}:
        found = (await node.query(document, filter={"userId": user_id}))["sessions"]
        assert found["totalCount"] == len(found["nodes"])
        seen |= names(one["id"] for one in found["nodes"])
    return seen


async def by_cursor(node: Node) -> set[str]:
    """With a cursor of somebody else, before and after everything."""
    document = "query ($after: String) { sessions(after: $after) { nodes { id } } }"
    after = encode_key(to_microseconds(utc_now() + timedelta(days=1)), IDS["carol"])
    return names(one["id"] for one in (await node.query(document, after=after))["sessions"]["nodes"])


async def by_count(node: Node) -> set[str]:
    document = "query ($filter: SessionFilter) { sessionCounts(by: [], filter: $filter) { count } }"
    return {
        name
        for name, id_ in IDS.items()
        if (await node.query(document, filter={"ids": [id_]}))["sessionCounts"] == [{"count": 1}]
    }


async def by_log(node: Node) -> set[str]:
    data = await node.query("{ sessionStatusChanges(first: 100) { nodes { session { id } } } }")
    return names(one["session"]["id"] for one in data["sessionStatusChanges"]["nodes"])


async def by_history(node: Node) -> set[str]:
    data = await node.query("{ sessions { nodes { history { session { id } } } } }")
    return names(one["session"]["id"] for node in data["sessions"]["nodes"] for one in node["history"])


async def by_viewer(node: Node) -> set[str]:
    """The own sessions, which are among those that are seen, and all that a service sees."""
    document = "{ viewer { kind userId session { id } sessions { nodes { id userId } } } }"
    viewer = (await node.query(document))["viewer"]
    own = viewer["sessions"]["nodes"]
    if viewer["kind"] == "SERVICE":
        assert viewer["session"] is None
        return names(one["id"] for one in own)
    assert {one["userId"] for one in own} <= {viewer["userId"]}
    assert viewer["session"] is None or viewer["session"]["id"] in {one["id"] for one in own}
    return names(one["id"] for one in own) | await by_list(node)


WAYS: list[Callable[[Node], Awaitable[set[str]]]] = [
    by_session,
    by_node,
    by_nodes,
    by_list,
    by_filter,
    by_cursor,
    by_count,
    by_log,
    by_history,
    by_viewer,
]


async def test_shows_each_actor_the_same_sessions_by_every_way_in(actor: Actor) -> None:
    for way in WAYS:
        if actor.seen is FORBIDDEN:
            with pytest.raises(AssertionError, match="FORBIDDEN"):
                await way(actor.node)
        else:
            assert (way.__name__, await way(actor.node)) == (way.__name__, actor.seen)


async def test_streams_to_each_actor_what_it_sees(actor: Actor, database: Database) -> None:
    async with database.read() as tx:
        start = encode_position(Position((await log_state(tx)).epoch, 0))
    document = "subscription ($after: Cursor) { sessionStatusChanged(after: $after) { session { id } } }"
    async with actor.node.socket() as socket:
        payload = {"query": document, "variables": {"after": start}}
        await socket.send({"type": "subscribe", "id": "1", "payload": payload})
        if actor.seen is FORBIDDEN:
            message = await socket.receive()
            assert [error["extensions"]["code"] for error in message["payload"]] == ["FORBIDDEN"]
            return
        streamed = [(await socket.next())["sessionStatusChanged"]["session"]["id"] for _ in actor.seen]
        # Nothing more: a ping is answered after all that was sent before it.
        await socket.send({"type": "ping"})
        assert await socket.receive() == {"type": "pong"}
    assert (names(streamed), len(streamed)) == (actor.seen, len(set(streamed)))


async def test_lets_each_actor_end_one_by_one_what_it_may(actor: Actor, database: Database) -> None:
    document = "mutation ($input: EndSessionInput!) { endSession(input: $input) { outcome session { id } } }"
    seen = actor.seen or set()
    # The session that asks comes last: its end is the actor's.
    for name in sorted(IDS, key=lambda name: IDS[name] == actor.own):
        answer = await actor.node.post(document, input={"id": IDS[name]})
        if actor.endable is not FORBIDDEN and name in actor.endable:
            shown = {"id": IDS[name]} if name in seen else None
            assert answer["data"]["endSession"] == {"outcome": "ENDED", "session": shown}
            expected = "revoked"
        elif actor.endable is FORBIDDEN or name in seen:
            assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
            expected = "active"
        else:
            assert answer["data"]["endSession"] == {"outcome": "NOT_FOUND", "session": None}
            expected = "active"
        assert (name, (await statuses(database))[name]) == (name, expected)


async def test_lets_each_actor_end_at_once_only_what_it_may(actor: Actor, database: Database) -> None:
    document = "mutation ($input: EndSessionsInput!) { endSessions(input: $input) { endedCount hasMore } }"
    answer = await actor.node.post(document, input={"filter": {"status": ["ACTIVE"]}})
    if actor.endable is FORBIDDEN:
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
    else:
        assert answer["data"]["endSessions"] == {"endedCount": len(actor.endable), "hasMore": False}
    ended = actor.endable or set()
    assert await statuses(database) == {name: "revoked" if name in ended else "active" for name in IDS}


@pytest.mark.parametrize(
    ("organization_id", "given", "code"),
    [
        (None, "org_2", None),
        ("org_1", "org_1", None),
        ("org_1", "org_2", "FORBIDDEN"),
        ("org_1", None, "FORBIDDEN"),
    ],
)
async def test_creates_only_within_the_organization_of_the_key(
    node: Node, database: Database, organization_id: str | None, given: str | None, code: str | None
) -> None:
    key, _ = await make_key(database, Scope.CREATE, organization_id=organization_id)
    document = "mutation ($input: CreateSessionInput!) { createSession(input: $input) { created } }"
    async with node.acting(key) as creating:
        answer = await creating.post(
            document, input={"userId": ALICE, "expiresAt": FUTURE, "organizationId": given}
        )
    codes = [error["extensions"]["code"] for error in answer.get("errors", [])]
    assert codes == ([] if code is None else [code])
    assert len(await statuses(database)) == len(SESSIONS) + (code is None)


async def test_answers_for_the_unseen_as_for_the_unknown(node: Node) -> None:
    """The same text for what another organization has and for what nobody has."""
    document = """mutation ($id: ID!) { endSession(input: {id: $id}) { outcome session { id } } }"""
    async with node.acting(user_token(sub=ALICE, sid=IDS["alice"], org_id="org_1")) as user:
        unseen = await user.post(document, id=IDS["carol"])
        unknown = await user.post(document, id="session_01H93ZY4F80QPBEZ1R5B2SHQZZ")
    assert unseen == unknown == {"data": {"endSession": {"outcome": "NOT_FOUND", "session": None}}}


async def test_puts_an_end_down_to_whom_it_belongs(node: Node, database: Database) -> None:
    document = "mutation ($id: ID!) { endSession(input: {id: $id}) { session { endedBy } } }"
    administrator: dict[str, Any] = {
        "sub": ALICE,
        "sid": IDS["alice"],
        "org_id": "org_1",
        "permissions": ["sessions:read", "sessions:end"],
    }
    key, _ = await make_key(database, Scope.READ, Scope.WRITE)
    impersonated = user_token(sub=CAROL, sid=IDS["dave"], act={"sub": "admin@example.com"})
    by = {}
    for name, credential in [
        ("bob", user_token(**administrator)),
        ("alice_alone", user_token(**administrator)),
        ("carol", impersonated),
        ("dave", key),
    ]:
        async with node.acting(credential) as acting:
            by[name] = (await acting.query(document, id=IDS[name]))["endSession"]["session"]["endedBy"]
    assert by == {"bob": "ADMIN", "alice_alone": "USER", "carol": "ADMIN", "dave": "SYSTEM"}


async def test_spares_the_current_session_when_signing_out_everywhere_else(
    node: Node, database: Database
) -> None:
    document = "mutation ($input: EndSessionsInput!) { endSessions(input: $input) { endedCount hasMore } }"
    async with node.acting(user_token(sub=ALICE, sid=IDS["alice"])) as user:
        given = {"filter": {"userId": ALICE}, "exceptCurrent": True}
        assert (await user.query(document, input=given))["endSessions"] == {"endedCount": 1, "hasMore": False}
    after = await statuses(database)
    assert {name for name, status in after.items() if status != "active"} == {"alice_alone"}


def names(ids: Any) -> set[str]:
    by_id = {id_: name for name, id_ in IDS.items()}
    return {by_id[id_] for id_ in ids}


async def statuses(database: Database) -> dict[str, str]:
    by_id = {id_: name for name, id_ in IDS.items()}
    async with database.read() as tx:
        rows = await tx.fetch(select(col(SessionRow.id), col(SessionRow.status)))
    return {by_id.get(row.id, row.id): row.status for row in rows}


async def test_shares_the_answers_to_a_subscription_but_for_whose_session_it_is(
    node: Node, database: Database
) -> None:
    """One text for all who see an event, and another for the session that asks."""
    key, _ = await make_key(database, Scope.READ)
    document = """subscription ($filter: SessionFilter, $after: Cursor) {
      sessionStatusChanged(filter: $filter, after: $after) { session { id isCurrent } }
    }"""
    async with database.read() as tx:
        start = encode_position(Position((await log_state(tx)).epoch, 0))
    for credential, is_current in [
        (key, False),
        (user_token(sub=ALICE, sid=IDS["alice"], org_id="org_1"), True),
        (user_token(sub=ALICE, sid=IDS["alice_alone"]), False),
        (key, False),
    ]:
        async with node.acting(credential) as acting, acting.socket() as socket:
            await socket.subscribe(document, filter={"ids": [IDS["alice"]]}, after=start)
            session = (await socket.next())["sessionStatusChanged"]["session"]
            assert session == {"id": IDS["alice"], "isCurrent": is_current}
