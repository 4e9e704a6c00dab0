"""What is kept of documents, and which operation of one is executed."""

import json
from typing import Any

import pytest
from node import Node

from api.documents import Documents
from api.limits.bounds import Bounds
from api.schema import build_schema

SCHEMA = build_schema().core
SCOPES = ["sessions:create", "sessions:read", "sessions:write"]
TWO = "query A { viewer { kind } } query B { viewer { scopes } }"


def is_kept(documents: Documents, text: str) -> bool:
    return documents.operation(text, None) is documents.operation(text, None)


def test_keeps_a_document_until_it_is_the_least_recently_used_of_too_many() -> None:
    documents = Documents(SCHEMA, documents_limit=2)
    first, second, third = (f"{{ {name}: __typename }}" for name in "abc")
    operations = [documents.operation(text, None) for text in (first, second, first, third)]
    assert operations[0] is operations[2]
    assert documents.operation(first, None) is operations[0]
    assert documents.operation(third, None) is operations[3]
    assert documents.operation(second, None) is not operations[1]


def test_keeps_no_more_characters_than_its_limit() -> None:
    short, long = "{ a: __typename }", "{ __typename }" + " " * 86
    documents = Documents(SCHEMA, characters_limit=len(short) + len(long) - 1)
    operation = documents.operation(short, None)
    assert documents.operation(long, None) is documents.operation(long, None)
    assert documents.operation(short, None) is not operation


def test_keeps_no_document_that_is_too_long() -> None:
    documents = Documents(SCHEMA, length_limit=20)
    assert is_kept(documents, "{ __typename }".ljust(20))
    assert not is_kept(documents, "{ __typename }".ljust(21))


def test_keeps_nothing_of_what_is_wrong() -> None:
    documents = Documents(SCHEMA, Bounds(alias_limit=0))
    for text in ("{", "{ nothing }", "{ a: __typename }", "#" * 20_000):
        assert isinstance(documents.operation(text, None), list)
        assert not documents.has(text)


async def test_executes_the_operation_that_is_named(node: Node) -> None:
    for name, data in (("A", {"viewer": {"kind": "SERVICE"}}), ("B", {"viewer": {"scopes": SCOPES}})):
        answer = await node.http.post("/graphql", json={"query": TWO, "operationName": name})
        assert answer.json() == {"data": data}


@pytest.mark.parametrize(
    ("document", "name", "message"),
    [
        (TWO, None, "The document has several operations; say which by `operationName`."),
        (TWO, "C", "`operationName` is 'C'; the document has no such operation."),
        (TWO, "", "`operationName` is ''; the document has no such operation."),
        ("{ viewer { kind } }", "C", "`operationName` is 'C'; the document has no such operation."),
    ],
)
async def test_executes_nothing_where_no_one_operation_is_meant(
    node: Node, document: str, name: str | None, message: str
) -> None:
    body = {"query": document, "operationName": name}
    expected = [{"message": message, "extensions": {"code": "BAD_USER_INPUT"}}]
    assert (await node.http.post("/graphql", json=body)).json() == {"errors": expected}
    async with node.socket() as socket:
        await socket.send({"type": "subscribe", "id": "1", "payload": body})
        assert await socket.receive() == {"type": "error", "id": "1", "payload": expected}
    assert await events(node, body) == [{"errors": expected}]


async def test_reports_over_a_stream_what_is_wrong_with_a_document(node: Node) -> None:
    (answer,) = await events(node, {"query": "subscription {"})
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["GRAPHQL_PARSE_FAILED"]


async def test_tells_how_to_subscribe_to_whoever_asks_for_one_answer(node: Node) -> None:
    assert await node.refusal("subscription { sessionStatusChanged { cursor } }") == (
        "BAD_USER_INPUT",
        "A subscription is a stream: ask for `text/event-stream`, or use a WebSocket.",
    )


async def events(node: Node, body: dict[str, Any]) -> list[Any]:
    """Return the results that a stream of events has until it is complete."""
    answer = await node.http.post("/graphql", json=body, headers={"accept": "text/event-stream"})
    return parsed(answer.text)


def parsed(stream: str) -> list[Any]:
    *results, end, rest = stream.split("\n\n")
    assert (end, rest) == ("event: complete\ndata: ", "")
    prefix = "event: next\ndata: "
    assert all(result.startswith(prefix) for result in results), stream
    return [json.loads(result.removeprefix(prefix)) for result in results]
