"""The transports: what they accept, what they answer, and how they refuse."""

import json
from typing import Any

import pytest
import websockets
from conftest import StartNode
from node import Node

from api.settings import Settings


# What is served does not depend on the engine.
@pytest.fixture
def engine() -> str:
    return "sqlite"


GRAPHQL_RESPONSE = "application/graphql-response+json"


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("application/json", "application/json"),
        (GRAPHQL_RESPONSE, GRAPHQL_RESPONSE),
        (f"{GRAPHQL_RESPONSE}, application/json;q=0.9", GRAPHQL_RESPONSE),
        ("application/json, text/event-stream", "application/json"),
        ("*/*", "application/json"),
    ],
)
async def test_answers_in_the_media_type_that_is_preferred(node: Node, accept: str, media_type: str) -> None:
    body = {"query": "{ __typename }"}
    answer = await node.http.post("/graphql", json=body, headers={"accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
    assert answer.json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "{ nothing }"}, "GRAPHQL_VALIDATION_FAILED"),
        (
            {"query": "query ($id: ID!) { session(id: $id) { id } }", "variables": {"id": {}}},
            "BAD_USER_INPUT",
        ),
        ({"query": "query ($id: ID!) { session(id: $id) { id } }"}, "BAD_USER_INPUT"),
    ],
)
async def test_answers_400_where_nothing_was_executed(node: Node, body: dict[str, Any], code: str) -> None:
    answer = await node.http.post("/graphql", json=body, headers={"accept": GRAPHQL_RESPONSE})
    assert answer.status_code == 400
    assert "data" not in answer.json()
    assert [error["extensions"]["code"] for error in answer.json()["errors"]] == [code]
    # Clients of the older media type take anything but 200 for a broken network.
    assert (await node.http.post("/graphql", json=body)).status_code == 200


@pytest.mark.parametrize(
    "content",
    [
        b"null",
        b"1",
        b"[]",
        b"{",
        b"",
        b"[" * 100_000,
        b'{"query": NaN}',
        b'{"query": 1}',
        b'"\\ud800"',
        b"\xff",
    ],
)
async def test_answers_400_to_a_body_that_is_not_a_request(node: Node, content: bytes) -> None:
    headers = {"content-type": "application/json"}
    answer = await node.http.post("/graphql", content=content, headers=headers)
    assert answer.status_code in {400, 413}
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    "body",
    [
        {"query": "{ viewer { kind } sessions { totalCount nodes { id } } }"},
        {"query": "query ($id: ID!) { session(id: $id) { id } }", "variables": {"id": "1"}},
        {"query": "query A { viewer { kind } } query B { __typename }", "operationName": "A"},
        {"query": 'mutation { endSession(input: {id: "1"}) { outcome } }'},
        {"query": "subscription { sessionStatusChanged { cursor } }"},
        {"query": "{ sessions(first: 0) { totalCount } }"},
        {"query": "{ nothing }"},
        {"query": ""},
        {},
        {"query": "{ __typename }", "variables": []},
        {"query": "{ __typename }", "extensions": []},
        {"query": "{ __typename }", "operationName": 1},
    ],
)
async def test_answers_alike_with_and_without_the_view_of_strawberry(node: Node, body: Any) -> None:
    answers = []
    for content_type in ("application/json", "application/json;charset=UTF-8"):
        headers = {"content-type": content_type}
        answer = await node.http.post("/graphql", content=json.dumps(body), headers=headers)
        shown = answer.json()
        codes = [error["extensions"]["code"] for error in shown.get("errors", [])]
        answers.append((answer.status_code, answer.headers["content-type"], shown.get("data"), codes))
    assert answers[0] == answers[1]


async def test_answers_413_to_a_body_over_the_limit(start_node: StartNode) -> None:
    node = await start_node(body_limit=1000)
    padding = "#" * (1000 - len(json.dumps({"query": "{ __typename }"})))
    headers = {"content-type": "application/json"}
    at_limit = json.dumps({"query": "{ __typename }" + padding})
    over_limit = json.dumps({"query": "{ __typename }" + padding + "#"})
    assert (await node.http.post("/graphql", content=at_limit, headers=headers)).status_code == 200
    answer = await node.http.post("/graphql", content=over_limit, headers=headers)
    assert answer.status_code == 413
    assert answer.json()["errors"][0]["message"] == "The body is larger than 1,000 bytes."


async def test_runs_nothing_over_get(node: Node) -> None:
    answer = await node.http.get("/graphql", params={"query": "{ __typename }"})
    assert answer.status_code in {400, 405}
    assert "data" not in answer.json()


async def test_shows_graphiql_to_browsers_only_where_it_is_on(start_node: StartNode) -> None:
    headers = {"accept": "text/html"}
    shown = await (await start_node()).http.get("/graphql", headers=headers)
    assert (shown.status_code, shown.headers["content-type"]) == (200, "text/html; charset=utf-8")
    hidden = await (await start_node(graphiql=False)).http.get("/graphql", headers=headers)
    assert hidden.status_code == 404


def test_shows_graphiql_of_itself_only_where_nobody_else_can_reach_it() -> None:
    shown = {
        host: Settings(host=host).shows_graphiql for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0")
    }
    assert shown == {"127.0.0.1": True, "::1": True, "localhost": True, "0.0.0.0": False}
    assert Settings(host="0.0.0.0", graphiql=True).shows_graphiql


async def test_tells_nothing_of_the_schema_where_introspection_is_off(start_node: StartNode) -> None:
    document = "{ __schema { types { name } } }"
    assert (await (await start_node()).query(document))["__schema"]["types"]
    closed = await start_node(introspection=False)
    answer = await closed.post(document)
    assert "data" not in answer
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"GRAPHQL_VALIDATION_FAILED"}
    assert await closed.refusal("{ sesions { totalCount } }") == (
        "GRAPHQL_VALIDATION_FAILED",
        "Cannot query field 'sesions' on type 'Query'.",
    )


@pytest.mark.parametrize(
    "frame",
    [
        "[]",
        "1",
        "null",
        "{",
        "[" * 50_000,
        '{"type": 1}',
        '{"type": "nonsense"}',
        '{"type": "subscribe"}',
        '{"type": "subscribe", "id": []}',
        '{"type": "subscribe", "id": "", "payload": {"query": "{ __typename }"}}',
        '{"type": "subscribe", "id": "1", "payload": null}',
        '{"type": "subscribe", "id": "1", "payload": {"query": 1}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }", "variables": []}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }", "operationName": 1}}',
        '{"type": "complete", "id": {}}',
        b"{}",
    ],
)
async def test_closes_with_4400_on_what_is_not_a_message(node: Node, frame: str | bytes) -> None:
    async with node.socket() as socket:
        await socket.connection.send(frame)
        assert await socket.close_code() == 4400


async def test_closes_with_the_codes_of_the_protocol(start_node: StartNode) -> None:
    node = await start_node(connection_init_seconds=0.1)
    watch = {"query": "subscription { sessionStatusChanged { cursor } }"}
    async with node.socket(init=False) as socket:
        await socket.send({"type": "subscribe", "id": "1", "payload": watch})
        assert await socket.close_code() == 4401
    async with node.socket(init=False) as socket:
        assert await socket.close_code() == 4408
    async with node.socket() as socket:
        await socket.send({"type": "connection_init"})
        assert await socket.close_code() == 4429
    async with node.socket() as socket:
        for _ in range(2):
            await socket.send({"type": "subscribe", "id": "1", "payload": watch})
        assert await socket.close_code() == 4409


async def test_speaks_only_the_current_subprotocol(node: Node) -> None:
    url = f"ws://127.0.0.1:{node.server.port}/graphql"
    async with websockets.connect(url, subprotocols=[websockets.Subprotocol("graphql-ws")]) as connection:
        with pytest.raises(websockets.ConnectionClosed):
            await connection.recv()
        assert connection.close_code == 4406


async def test_keeps_a_socket_whose_one_operation_is_wrong(node: Node) -> None:
    async with node.socket() as socket:
        await socket.subscribe("subscription { sessionStatusChanged { session { id } } }")
        await socket.send({"type": "subscribe", "id": "2", "payload": {"query": "{"}})
        message = await socket.receive()
        assert (message["type"], message["id"]) == ("error", "2")
        assert message["payload"][0]["extensions"]["code"] == "GRAPHQL_PARSE_FAILED"
        session_id = await node.create()
        assert await socket.next() == {"sessionStatusChanged": {"session": {"id": session_id}}}


async def test_runs_queries_over_a_socket(node: Node) -> None:
    async with node.socket() as socket:
        payload = {"query": "{ sessions { totalCount } }"}
        await socket.send({"type": "subscribe", "id": "1", "payload": payload})
        assert await socket.next() == {"sessions": {"totalCount": 0}}
        assert await socket.receive() == {"id": "1", "type": "complete"}


async def test_closes_every_stream_at_a_shutdown_so_that_clients_come_back(start_node: StartNode) -> None:
    node = await start_node()
    watch = "subscription { sessionStatusChanged { cursor } }"
    headers = {"accept": "text/event-stream"}
    stream = node.http.stream("POST", "/graphql", json={"query": watch}, headers=headers)
    async with node.socket() as socket, stream as answer:
        await socket.subscribe(watch)
        node.server.should_exit = True
        assert await socket.close_code() == 1012
        text = "".join([part async for part in answer.aiter_text()])
        assert "complete" not in text


async def test_tells_whether_it_lives_and_whether_it_can_answer(node: Node) -> None:
    alive, ready = await node.http.get("/healthz"), await node.http.get("/readyz")
    assert (alive.status_code, alive.json()) == (200, {"status": "alive"})
    assert (ready.status_code, ready.json()) == (200, {"status": "ready", "position": 0})


async def test_leads_browsers_from_the_root_to_graphql(node: Node) -> None:
    answer = await node.http.get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/graphql")
