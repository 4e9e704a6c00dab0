"""The bounds of documents: each is kept to, one over it is refused, and no document makes much work."""

from typing import Any

import pytest
from conftest import StartNode
from graphql import DocumentNode, get_introspection_query, parse
from node import Node

from api.limits.bounds import Bounds
from api.limits.measure import Measurement
from api.limits.merging import Merging
from api.limits.prices import Prices
from api.preparation import Preparation
from api.schema import build_schema

SCHEMA = build_schema().core
PRICES = Prices(SCHEMA)


WITHIN = "{ viewer { kind } }"
BOUNDS: list[tuple[str, int, str, str, str]] = [
    ("document_limit", 100, WITHIN.ljust(100), WITHIN.ljust(101), "The document has 101 characters"),
    (
        "token_limit",
        11,
        "{ viewer { kind kind kind kind kind kind } }",
        "{ viewer { kind kind kind kind kind kind kind } }",
        "The document has more tokens than are read",
    ),
    (
        "token_limit",
        10,
        "{ viewer { kind } }" + "#\n" * 4,
        "{ viewer { kind } }" + "#\n" * 5,
        "The document has more tokens than are read",
    ),
    (
        "operation_limit",
        1,
        WITHIN,
        "query A { viewer { kind } } query B { __typename }",
        "The document has 2 operations",
    ),
    (
        "depth_limit",
        3,
        "{ viewer { sessions { asOf } } }",
        "{ viewer { ...V } } fragment V on Viewer { ... { sessions { nodes { id } } } }",
        "The operation nests fields 4 deep",
    ),
    (
        "depth_limit",
        2,
        "{ sessions(filter: {status: [ACTIVE]}) { asOf } }",
        "{ sessions(filter: {ids: [[1]]}) { asOf } }",
        "A value is nested 3 deep",
    ),
    (
        "depth_limit",
        2,
        "query ($a: [ID!] = [1]) { sessions(filter: {ids: $a}) { asOf } }",
        "query ($a: [ID!] = [[[1]]]) { sessions(filter: {ids: $a}) { asOf } }",
        "A value is nested 3 deep",
    ),
    (
        "depth_limit",
        3,
        "query ($a: [ID!]) { sessions(filter: {ids: $a}) { asOf } }",
        "query ($a: [[[[ID!]]]]) { sessions(filter: {ids: $a}) { asOf } }",
        "A value is nested 4 deep",
    ),
    (
        "field_limit",
        5,
        "{ viewer { ...F ...F } } fragment F on Viewer { kind userId }",
        "{ viewer { ...F ...F kind } } fragment F on Viewer { kind userId }",
        "The document selects 6 fields",
    ),
    (
        "field_limit",
        3,
        "query A { viewer { kind } } query B { __typename }",
        "query A { viewer { kind } } query B { viewer { kind } }",
        "The document selects 4 fields",
    ),
    (
        "alias_limit",
        2,
        "{ viewer { a: kind ...F } } fragment F on Viewer { b: kind }",
        "{ viewer { a: kind ...F ...F } } fragment F on Viewer { b: kind }",
        "The operation has 3 aliases",
    ),
    (
        "root_field_limit",
        2,
        "{ viewer { kind userId } ...Q } fragment Q on Query { __typename }",
        "{ viewer { kind userId } ...Q ... { __typename } } fragment Q on Query { __typename }",
        "The operation selects 3 fields of its root",
    ),
    (
        "directive_limit",
        2,
        "{ viewer { kind @skip(if: false) ... @include(if: true) { kind } } }",
        (
            "{ viewer { ...F @skip(if: false) } } fragment F on Viewer { kind @skip(if: true) ... { ...G } } "
            "fragment G on Viewer { kind @skip(if: true) }"
        ),
        "The operation has 3 directives",
    ),
    (
        "directive_limit",
        1,
        "{ viewer { kind @skip(if: false) } }",
        "query ($n: Int @a) @b { viewer { ...F } } fragment F on Viewer @c { kind }",
        "The operation has 3 directives",
    ),
    (
        "value_limit",
        3,
        "{ sessions(filter: {ids: [1, 2]}) { asOf } }",
        "{ sessions(filter: {ids: [1, 2, 3]}) { asOf } }",
        "An argument has 4 values in it",
    ),
    (
        "cost_limit",
        12,
        "{ sessions(first: 10) { nodes { id } } }",
        "{ sessions(first: 11) { nodes { id } } }",
        "The operation may cost 13 nodes",
    ),
]


@pytest.mark.parametrize(
    ("bound", "limit", "within", "beyond", "found"),
    BOUNDS,
    ids=[f"{one[0]}-{one[4][-20:]}" for one in BOUNDS],
)
async def test_refuses_what_is_one_over_a_bound(
    start_node: StartNode, bound: str, limit: int, within: str, beyond: str, found: str
) -> None:
    node = await start_node(**{bound: limit})
    for _ in range(2):  # the second time it is known
        body = {"query": within, "operationName": "A" if "query A" in within else None}
        assert "errors" not in (await node.http.post("/graphql", json=body)).json()
    body = {"query": beyond, "operationName": "A" if "query A" in beyond else None}
    expected = {
        "message": f"{found}; `{bound}` is {limit}.",
        "extensions": {"code": "LIMIT_EXCEEDED", "bound": bound, "limit": limit},
    }
    for media_type, status in (("application/json", 200), ("application/graphql-response+json", 400)):
        answer = await node.http.post("/graphql", json=body, headers={"accept": media_type})
        assert (answer.status_code, answer.json()) == (status, {"errors": [expected]})
        assert "retry-after" not in answer.headers


def test_has_a_test_of_every_bound() -> None:
    tested_below = {"variable_limit", "error_limit"}
    assert {one[0] for one in BOUNDS} == set(Bounds.model_fields) - tested_below


async def test_looks_at_no_more_variables_than_its_limit(start_node: StartNode) -> None:
    node = await start_node(variable_limit=5)
    document = "query ($n: Int, $filter: SessionFilter) { sessions(first: $n, filter: $filter) { asOf } }"
    await node.query(document, n=5, filter={"ids": ["1", "2"]})
    for variables in (
        {"n": 5, "filter": {"ids": ["1", "2", "3"]}},
        {"n": 5, "filter": {"ids": ["1"], "userId": "1", "status": []}},
        {"n": 5, "filter": {"ids": [[[["1"]]]]}},
        dict.fromkeys("abcdef"),
    ):
        assert await node.refusal(document, **variables) == (
            "LIMIT_EXCEEDED",
            "The variables have more values than are read; `variable_limit` is 5.",
        )


async def test_keeps_to_its_bounds_on_all_transports(node: Node) -> None:
    document = "subscription { sessionStatusChanged { session { " + "a: id " * 1 + "} } }"
    beyond = document.replace("a: id", " ".join(f"a{number}: id" for number in range(31)))
    message = "The operation has 31 aliases; `alias_limit` is 30."
    headers = {"accept": "text/event-stream"}
    answer = await node.http.post("/graphql", json={"query": beyond}, headers=headers)
    assert message in answer.text
    async with node.socket() as socket:
        await socket.send({"type": "subscribe", "id": "1", "payload": {"query": beyond}})
        refused = await socket.receive()
        assert (refused["type"], [one["message"] for one in refused["payload"]]) == ("error", [message])


async def test_lets_the_usual_introspection_through(node: Node) -> None:
    options = {"specified_by_url": True, "schema_description": True, "input_value_deprecation": True}
    assert (await node.query(get_introspection_query(**options)))["__schema"]["types"]
    aliases = " ".join(f"a{number}: fields {{ name }}" for number in range(30))
    code, message = await node.refusal(f"{{ __schema {{ types {{ {aliases} }} }} }}")
    assert (code, message[-25:]) == ("LIMIT_EXCEEDED", "; `cost_limit` is 10,000.")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (
            "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
            "Cannot spread fragment 'A' within itself.",
        ),
        ("{ viewer { kind } } fragment A on Query { ...A }", "Cannot spread fragment 'A' within itself."),
        ("{ ...A }", "Unknown fragment 'A'."),
        ("{ viewer { ...A } } fragment A on Viewer { ...B }", "Unknown fragment 'B'."),
    ],
)
async def test_finds_spreads_that_lead_nowhere_before_it_validates(
    node: Node, document: str, message: str
) -> None:
    assert await node.refusal(document) == ("GRAPHQL_VALIDATION_FAILED", message)


@pytest.mark.parametrize(
    "document",
    [
        "{ viewer " * 400 + "}" * 400,
        "{ ... " * 400 + "}" * 400,
        "{ nodes(ids: " + "[" * 400 + "]" * 400 + ") { id } }",
        "query ($a: " + "[" * 400 + "Int" + "]" * 400 + ") { __typename }",
        "{ sessions(filter: " + "{ids: " * 300 + "1" + "}" * 300 + ") { asOf } }",
        "{ ...f0 } " + "".join(f"fragment f{n} on Query {{ ...f{n + 1} }} " for n in range(1100)),
        "{ ...f0 } "
        + "".join(f"fragment f{n} on Query {{ ...f{n + 1} }} " for n in range(1100))
        + "fragment f1100 on Query { __typename }",
    ],
)
async def test_refuses_what_is_nested_too_deep_to_be_read(start_node: StartNode, document: str) -> None:
    node = await start_node(token_limit=100_000, document_limit=1_000_000)
    (error,) = (await node.post(document))["errors"]
    assert (error["extensions"]["code"], error["extensions"]["bound"]) == ("LIMIT_EXCEEDED", "depth_limit")


def measured(text: str) -> Measurement:
    document: DocumentNode = parse(text)
    return Measurement(SCHEMA, PRICES, document, Bounds(depth_limit=100))


def chain(length: int, *, link: str = "...NEXT", on: str = "Query", end: str = "__typename") -> str:
    """Return fragments each of which spreads the next one."""
    links = (f"fragment f{n} on {on} {{ {link.replace('NEXT', f'f{n + 1}')} }} " for n in range(length))
    return "".join(links) + f"fragment f{length} on {on} {{ {end} }}"


@pytest.mark.parametrize("link", ["...NEXT", "...NEXT ...NEXT", "...NEXT ... { ...NEXT } ...NEXT"])
def test_goes_through_each_fragment_once(link: str) -> None:
    per_link = link.count("...")
    for length in (20, 40):
        visits = measured("{ ...f0 } " + chain(length, link=link)).visits
        assert visits == 1 + length * per_link + 1


def test_counts_fields_of_fragments_wherever_they_are_spread_without_going_there() -> None:
    """A document of 938 bytes like this one held the event loop for 243 s."""
    link = "a: history { session { ...NEXT } } b: history { session { ...NEXT } }"
    measurement = measured("{ session(id: 1) { ...f0 } } " + chain(20, link=link, on="Session", end="id"))
    assert measurement.visits == 2 + 20 * 6 + 1
    assert [str(error.message) for error in measurement.errors] == [
        "The operation has 2,097,150 aliases; `alias_limit` is 30.",
        "The document selects 5,242,877 fields; `field_limit` is 500.",
    ]


@pytest.mark.parametrize(
    "selected",
    ["session { id }", "sessions { nodes { id } }", "sessions(first: 5) { pageInfo { endCursor } }"],
)
def test_merges_fields_in_as_many_visits_as_there_are_fields(selected: str) -> None:
    """Without bounds, 14 KB of such a document took 1.8 s to validate."""
    depth = selected.count("{")
    visits = []
    for count in (100, 200, 400):
        document = parse("{ viewer { " + selected * count + " } }")
        merging = Merging(SCHEMA, {})
        (operation,) = document.definitions
        assert merging.conflict(operation) is None  # type: ignore[arg-type]
        visits.append(merging.visits)
    assert visits == [1 + count * (depth + 1) for count in (100, 200, 400)]


def test_holds_the_errors_of_an_answer_to_a_limit() -> None:
    preparation = Preparation(SCHEMA, Bounds(error_limit=3), is_open=True)
    two, more = (preparation.document("{ viewer { " + "nothing " * count + "} }") for count in (2, 400))
    assert isinstance(two, list)
    assert isinstance(more, list)
    assert len(two) == 2
    assert [one.message for one in more][2:] == [
        "Too many validation errors, error limit reached. Validation aborted."
    ]


async def errors(node: Node, document: str, **variables: Any) -> list[str]:
    return [error["message"] for error in (await node.post(document, **variables))["errors"]]


async def test_shows_at_most_ten_errors_of_any_kind(start_node: StartNode) -> None:
    node = await start_node()
    nodes = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    for count, shown in ((9, 9), (10, 10), (30, 10)):
        assert len(await errors(node, nodes, ids=[{}] * count)) == shown
        assert len(await errors(node, "{ viewer { " + "nothing " * count + "} }")) == shown
    few = await start_node(error_limit=3)
    assert len(await errors(few, nodes, ids=[{}] * 3)) == 3
    assert (await errors(few, nodes, ids=[{}] * 4))[2:] == ["And 2 more errors; `error_limit` is 3."]
