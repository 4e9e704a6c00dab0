"""What an operation costs, on all transports, and how that is told."""

from typing import Any

import pytest
from graphql import get_introspection_query, parse
from node import Node
from test_documents import parsed

from api.documents import Documents
from api.execution.operation import Operation
from api.limits.bounds import Bounds
from api.limits.cost import COST_MAX, TERMS_LIMIT
from api.limits.prices import COUNTS, SIZES
from api.schema import build_schema

SCHEMA = build_schema().core


def cost(text: str, **variables: Any) -> int:
    operation = Documents(SCHEMA).operation(text, None)
    assert isinstance(operation, Operation), operation
    return operation.cost.under(variables)


@pytest.mark.parametrize(
    ("text", "nodes"),
    [
        ("{ __typename }", 1),
        ("{ viewer { kind } }", 2),
        ("{ viewer { kind session { id } } }", 3),
        ("{ sessions { asOf } }", 2),
        ("{ sessions { nodes { id } } }", 1 + 1 + 20),
        ("{ sessions(first: 7) { nodes { id } } }", 1 + 1 + 7),
        ("{ sessions(last: 7) { nodes { id } } }", 1 + 1 + 7),
        ("{ sessions(first: null, last: 7) { nodes { id } } }", 1 + 1 + 7),
        ("{ sessions(first: null) { nodes { id } } }", 1 + 1 + 20),
        ("{ sessions(first: 0) { nodes { id } } }", 1 + 1 + 1),
        ("{ sessions(first: -5) { nodes { id } } }", 1 + 1 + 1),
        ("{ sessions(first: 2147483647) { nodes { id } } }", 1 + 1 + 100),
        ("{ sessions(first: 7) { edges { node { id } } pageInfo { endCursor } } }", 1 + 1 + 7 * 2 + 1),
        ("{ sessions(first: 7) { totalCount } }", 1 + 1 + 100),
        ("{ sessions(first: 7) { nodes { history { session { id } } } } }", 1 + 1 + 7 * (1 + 10 * 2)),
        ("{ viewer { sessions(first: 7) { nodes { id } } } }", 1 + 1 + 1 + 7),
        ("{ sessions(first: 7) { ...P } } fragment P on SessionConnection { nodes { id } }", 1 + 1 + 7),
        ("{ sessionStatusChanges(first: 7) { nodes { session { id } } } }", 1 + 1 + 7 * 2),
        ("{ sessionCounts(by: [STATUS]) { count } }", 1 + 10 + 100),
        ("{ nodes(ids: []) { id } }", 1 + 1),
        ('{ nodes(ids: ["a", "b", "c"]) { id } }', 1 + 3),
        ('{ nodes(ids: "a") { id } }', 1 + 1),
        ("{ a: sessions(first: 7) { nodes { id } } b: sessions(first: 8) { nodes { id } } }", 18),
        ("mutation { endSessions(input: {filter: {}}) { endedCount } }", 1 + 1 + 500),
        ("mutation { endSessions(input: {filter: {}, limit: 30}) { endedCount } }", 1 + 1 + 15),
        ("subscription { sessionStatusChanged { session { id } } }", 1 + 2),
    ],
)
def test_costs_as_many_nodes_as_the_answer_can_have(text: str, nodes: int) -> None:
    assert cost(text) == nodes


@pytest.mark.parametrize(
    ("text", "variables", "nodes"),
    [
        ("query ($n: Int) { sessions(first: $n) { nodes { id } } }", {}, 22),
        ("query ($n: Int) { sessions(first: $n) { nodes { id } } }", {"n": None}, 22),
        ("query ($n: Int) { sessions(first: $n) { nodes { id } } }", {"n": 7}, 9),
        ("query ($n: Int) { sessions(first: $n) { nodes { id } } }", {"n": 7.0}, 9),
        ("query ($n: Int) { sessions(first: $n) { nodes { id } } }", {"n": 10**9}, 102),
        ("query ($n: Int) { sessions(first: $n) { nodes { id } } }", {"n": "7"}, 22),
        ("query ($n: Int) { sessions(first: $n) { nodes { id } } }", {"n": {}}, 22),
        ("query ($n: Int = 5) { sessions(first: $n) { nodes { id } } }", {}, 7),
        ("query ($n: Int = 5) { sessions(first: $n) { nodes { id } } }", {"n": None}, 22),
        ("query ($n: Int = 5) { sessions(first: $n) { nodes { id } } }", {"n": 9}, 11),
        ("query ($l: Int, $f: Int) { sessions(last: $l, first: $f) { nodes { id } } }", {"l": 3, "f": 9}, 5),
        ("query ($l: Int, $f: Int) { sessions(last: $l, first: $f) { nodes { id } } }", {"f": 9}, 11),
        ("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ["a", "b", "c"]}, 4),
        ("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ["a"] * 1000}, 101),
        ("query ($id: ID!) { nodes(ids: [$id, $id]) { id } }", {"id": "a"}, 3),
        (
            "mutation ($input: EndSessionsInput!) { endSessions(input: $input) { endedCount } }",
            {"input": {"filter": {}, "limit": 30}},
            17,
        ),
        (
            "mutation ($limit: Int!) { endSessions(input: {filter: {}, limit: $limit}) { endedCount } }",
            {"limit": 30},
            17,
        ),
        (
            (
                "query ($n: Int) { a: sessions(first: $n) { ...P } b: sessions(first: 5) { ...P } } "
                "fragment P on SessionConnection { nodes { history { cursor } } pageInfo { endCursor } }"
            ),
            {"n": 7},
            1 + (1 + 7 * 11 + 1) + (1 + 5 * 11 + 1),
        ),
    ],
)
def test_takes_sizes_from_variables(text: str, variables: dict[str, Any], nodes: int) -> None:
    assert cost(text, **variables) == nodes


def test_takes_sizes_for_their_greatest_where_there_are_too_many_variables() -> None:
    def paged(count: int) -> str:
        declared = " ".join(f"$n{number}: Int" for number in range(count))
        fields = " ".join(
            f"a{number}: sessions(first: $n{number}) {{ nodes {{ id }} }}" for number in range(count)
        )
        return f"query ({declared}) {{ viewer {{ {fields} }} }}"

    bounds = Bounds(alias_limit=100)
    for count, nodes in ((TERMS_LIMIT - 1, 2), (TERMS_LIMIT, 101)):
        operation = Documents(SCHEMA, bounds).operation(paged(count), None)
        assert isinstance(operation, Operation), operation
        smallest = operation.cost.under({f"n{number}": 1 for number in range(count)})
        assert smallest == 2 + count * nodes


def test_costs_no_more_than_can_be_told() -> None:
    link = "history { session { ...F{next} } }"
    fragments = " ".join(
        f"fragment F{n} on Session {{ {link.replace('{next}', str(n + 1))} }}" for n in range(9)
    )
    text = f"{{ session(id: 1) {{ ...F0 }} }} {fragments} fragment F9 on Session {{ id }}"
    assert cost(text) == COST_MAX


def test_knows_only_fields_that_there_are() -> None:
    for coordinate in (*COUNTS, *SIZES):
        type_name, _, field_name = coordinate.partition(".")
        type_: Any = SCHEMA.type_map[type_name]
        field = type_.fields[field_name]
        if coordinate in SIZES:
            (argument, *inner), _, _ = SIZES[coordinate]
            given = field.args[argument]
            for name in inner:
                given = given.type.of_type.fields[name]


def test_affords_the_usual_introspection_once() -> None:
    text = get_introspection_query()
    assert 5_000 < cost(text) <= 10_000
    assert len(parse(text).definitions) == 4


ASKING = {"extensions": {"cost": True}}


async def test_tells_the_cost_on_all_transports_when_asked(node: Node) -> None:
    body = {"query": "{ sessions(first: 7) { totalCount } }"}
    data = {"sessions": {"totalCount": 0}}
    told = {"nodes": 102, "limit": 10_000}
    assert (await node.http.post("/graphql", json=body)).json() == {"data": data}
    answers = [(await node.http.post("/graphql", json=body | ASKING)).json()]
    headers = {"accept": "text/event-stream"}
    answers += parsed((await node.http.post("/graphql", json=body | ASKING, headers=headers)).text)
    async with node.socket() as socket:
        await socket.send({"type": "subscribe", "id": "1", "payload": body | ASKING})
        answers.append((await socket.receive())["payload"])
        assert (await socket.receive())["type"] == "complete"
        await socket.send({"type": "subscribe", "id": "2", "payload": body})
        assert (await socket.receive())["payload"] == {"data": data}
    assert len(answers) == 3
    for answer in answers:
        left = answer["extensions"]["cost"].pop("left")
        assert answer == {"data": data, "extensions": {"cost": told}}
        assert 190_000 < left < 200_000


async def test_tells_the_cost_of_a_subscription_with_its_first_event(node: Node) -> None:
    document = "subscription { sessionStatusChanged { session { id } } }"
    async with node.socket() as socket:
        payload = {"query": document, "extensions": {"cost": True}}
        await socket.send({"type": "subscribe", "id": "1", "payload": payload})
        await socket.send({"type": "ping"})
        assert await socket.receive() == {"type": "pong"}
        for expected in ([3], []):
            await node.create()
            payload = (await socket.receive())["payload"]
            assert [told["nodes"] for told in payload.get("extensions", {}).values()] == expected


@pytest.mark.parametrize("extensions", [{"cost": False}, {"cost": 1}, {"cost": "true"}, {}, None])
async def test_tells_nothing_unasked(node: Node, extensions: Any) -> None:
    body = {"query": "{ __typename }", "extensions": extensions}
    assert (await node.http.post("/graphql", json=body)).json() == {"data": {"__typename": "Query"}}
