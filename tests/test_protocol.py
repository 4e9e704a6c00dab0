"""The transports: what they accept, what they answer, and how they refuse."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import websockets
from conftest import StartNode
from node import Node

from api.settings import Settings

GRAPHQL_RESPONSE = "application/graphql-response+json"
JSON = "application/json"
HEAD = f"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: {JSON}\r\n"


def refusal(message: str, code: str = "BAD_USER_INPUT") -> dict[str, object]:
    return {"errors": [{"message": message, "extensions": {"code": code}}]}


async def raw_answer(node: Node, request: str) -> tuple[int, Any]:
    """Send just this, and return the status and the body of an answer after which the server hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", node.server.port)
    writer.write(request.encode())
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"connection: close" in head
    return int(head.split()[1]), json.loads(body)


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("application/json", "application/json"),
        (GRAPHQL_RESPONSE, GRAPHQL_RESPONSE),
        (f"{GRAPHQL_RESPONSE}, application/json;q=0.9", GRAPHQL_RESPONSE),
        ("application/json, text/event-stream", "application/json"),
        ("*/*", "application/json"),
        ("", "application/json"),
        (f"{GRAPHQL_RESPONSE};q=0.5, application/json;q=0.4", GRAPHQL_RESPONSE),
        (f"{GRAPHQL_RESPONSE};q=0.4, application/json;q=0.5", "application/json"),
        (f"{GRAPHQL_RESPONSE};q=0, */*", "application/json"),
        (f"*/*;q=0.1, {GRAPHQL_RESPONSE}", GRAPHQL_RESPONSE),
        (f"*/*, {GRAPHQL_RESPONSE}", GRAPHQL_RESPONSE),
        (f"application/json;q=0, application/*{50 * ', text/html'}", GRAPHQL_RESPONSE),
        ("APPLICATION/JSON; charset=UTF-8", "application/json"),
        (f"application/json; charset=utf-7, {GRAPHQL_RESPONSE};q=0.1", GRAPHQL_RESPONSE),
        (f"application/json;q=high, {GRAPHQL_RESPONSE};q=0.1", GRAPHQL_RESPONSE),
        ("text/html, image/png, */*;q=0.8", "application/json"),
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
        b'{"query": "{ __typename }", "query": "{ __typename }"}',
        b'{"query": "{ __typename }", "operationName": "\\ud800"}',
        b'{"query": 1}',
        b'"\\ud800"',
        b"\xff",
    ],
)
async def test_answers_400_to_a_body_that_is_not_a_request(node: Node, content: bytes) -> None:
    headers = {"content-type": "application/json"}
    answer = await node.http.post("/graphql", content=content, headers=headers)
    assert answer.status_code == 400
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
async def test_answers_alike_however_the_type_of_json_is_written(node: Node, body: Any) -> None:
    answers = []
    for content_type in ("application/json", "application/json;charset=UTF-8"):
        headers = {"content-type": content_type}
        answer = await node.http.post("/graphql", content=json.dumps(body), headers=headers)
        shown = answer.json()
        codes = [error["extensions"]["code"] for error in shown.get("errors", [])]
        answers.append((answer.status_code, answer.headers["content-type"], shown.get("data"), codes))
    assert answers[0] == answers[1]


async def test_says_what_is_wrong_with_a_body(node: Node) -> None:
    reasons = {
        b"null": "The body must be a JSON object with `query`.",
        b'{"query": "{ __typename }", "\\u0071uery": 1}': "The member 'query' comes twice in one object.",
        b'{"query": "#", "variables": {"a": {"b": 1, "b": 2}}}': "The member 'b' comes twice in one object.",
        b"{}": "The request has no `query`.",
        b'{"query": 1}': "`query` must be a string.",
        b'{"query": "#", "variables": []}': "`variables` must be an object.",
    }
    for content, reason in reasons.items():
        answer = await node.http.post("/graphql", content=content, headers={"content-type": JSON})
        assert (answer.status_code, answer.json()["errors"][0]["message"]) == (400, reason)


async def test_takes_a_name_that_comes_twice_but_in_different_objects_or_in_a_text(node: Node) -> None:
    document = "query ($a: ID!) { b: session(id: $a) { id } }"
    content = json.dumps({"query": f'# "query": "a":\n{document}', "variables": {"a": '"a":'}})
    answer = await node.http.post("/graphql", content=content, headers={"content-type": JSON})
    assert answer.json() == {"data": {"b": None}}


async def test_reads_json_down_to_the_limit_of_its_depth(start_node: StartNode) -> None:
    node = await start_node(json_depth_limit=10)
    for depth, status in ((10, 200), (11, 400)):
        nested = "[" * (depth - 2) + "]" * (depth - 2)
        content = '{"query": "{ __typename }", "variables": {"a": ' + nested + "}}"
        answer = await node.http.post("/graphql", content=content, headers={"content-type": JSON})
        assert answer.status_code == status
    assert answer.json()["errors"][0]["message"] == "It is nested more than 10 levels deep."


async def test_answers_413_to_a_body_over_the_limit(start_node: StartNode) -> None:
    node = await start_node(body_limit=1000)
    padding = "#" * (1000 - len(json.dumps({"query": "{ __typename }"})))
    headers = {"content-type": "application/json"}
    at_limit = json.dumps({"query": "{ __typename }" + padding})
    over_limit = json.dumps({"query": "{ __typename }" + padding + "#"})
    assert (await node.http.post("/graphql", content=at_limit, headers=headers)).status_code == 200
    answer = await node.http.post("/graphql", content=over_limit, headers=headers)
    assert answer.status_code == 413
    assert answer.json() == refusal("The body is larger than 1,000 bytes.", "LIMIT_EXCEEDED")


async def test_refuses_a_long_body_before_it_is_sent(node: Node) -> None:
    status, body = await raw_answer(
        node,
        f"{HEAD}Content-Length: 100001\r\n\r\n",
    )
    assert (status, body) == (413, refusal("The body is larger than 100,000 bytes.", "LIMIT_EXCEEDED"))


async def test_refuses_a_long_body_in_chunks_of_unknown_number(start_node: StartNode) -> None:
    node = await start_node(body_limit=1000)
    head = f"{HEAD}Transfer-Encoding: chunked\r\n\r\n"
    status, body = await raw_answer(node, head + 11 * ("64\r\n" + 100 * " " + "\r\n"))
    assert (status, body) == (413, refusal("The body is larger than 1,000 bytes.", "LIMIT_EXCEEDED"))


async def test_waits_for_the_end_of_a_head_up_to_the_limit(start_node: StartNode) -> None:
    node = await start_node(head_limit=10_000)
    content = json.dumps({"query": "{ __typename }"})
    reader, writer = await asyncio.open_connection("127.0.0.1", node.server.port)
    writer.write(
        f"{HEAD}Connection: close\r\nContent-Length: {len(content)}\r\nX: ".ljust(10_000, "x").encode()
    )
    await node.query("{ __typename }")  # by then they are read
    writer.write(f"\r\n\r\n{content}".encode())
    assert (await asyncio.wait_for(reader.read(), 10)).startswith(b"HTTP/1.1 200 ")
    writer.close()
    status, body = await raw_answer(node, f"{HEAD}X: ".ljust(10_001, "x"))
    assert (status, body) == (
        431,
        refusal("The head of the request is larger than 10,000 bytes.", "LIMIT_EXCEEDED"),
    )


@pytest.mark.parametrize("sent", ["G", f"{HEAD}X: a"])
async def test_hangs_up_on_a_head_that_does_not_come(start_node: StartNode, sent: str) -> None:
    node = await start_node(idle_seconds=1)
    status, body = await raw_answer(node, sent)
    assert (status, body) == (
        408,
        refusal("The head of the request took more than 1 seconds.", "LIMIT_EXCEEDED"),
    )


async def test_hangs_up_on_a_connection_over_which_nothing_comes(start_node: StartNode) -> None:
    node = await start_node(idle_seconds=1)
    reader, writer = await asyncio.open_connection("127.0.0.1", node.server.port)
    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()


async def first_event(answer: httpx.Response) -> AsyncIterator[str]:
    """Yield the lines of a stream up to the end of its first event."""
    is_event = False
    async for line in answer.aiter_lines():
        yield line
        is_event = is_event or line.startswith("event: next")
        if is_event and not line:
            return


async def test_leaves_sockets_and_streams_alone_however_long_they_are_silent(start_node: StartNode) -> None:
    node = await start_node(idle_seconds=1)
    watch = "subscription { sessionStatusChanged { session { id } } }"
    accept = {"accept": "text/event-stream"}
    async with (
        node.socket() as socket,
        node.http.stream("POST", "/graphql", json={"query": watch}, headers=accept) as answer,
    ):
        await socket.subscribe(watch)
        # One that came later is hung up on, so that their time is over.
        reader, writer = await asyncio.open_connection("127.0.0.1", node.server.port)
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()
        id_ = await node.create()
        assert await socket.next() == {"sessionStatusChanged": {"session": {"id": id_}}}
        async with asyncio.timeout(10):
            assert id_ in "".join([line async for line in first_event(answer)])


async def test_waits_no_longer_for_the_head_of_a_second_request(start_node: StartNode) -> None:
    node = await start_node(idle_seconds=1)
    content = json.dumps({"query": "{ __typename }"})
    reader, writer = await asyncio.open_connection("127.0.0.1", node.server.port)
    writer.write(f"{HEAD}Content-Length: {len(content)}\r\n\r\n{content}".encode())
    assert (await reader.readuntil(b'"Query"}}')).startswith(b"HTTP/1.1 200")
    writer.write(b"POST")
    assert (await asyncio.wait_for(reader.read(), 10)).startswith(b"HTTP/1.1 408")
    writer.close()


async def test_cuts_a_slow_body(start_node: StartNode) -> None:
    node = await start_node(body_seconds=0.1)
    status, body = await raw_answer(
        node,
        f"{HEAD}Content-Length: 100\r\n\r\n{{",
    )
    assert (status, body) == (
        408,
        refusal("The body of the request took more than 0.1 seconds.", "LIMIT_EXCEEDED"),
    )


async def test_cuts_a_slow_body_without_a_word_while_another_request_is_answered(
    start_node: StartNode,
) -> None:
    node = await start_node(body_seconds=1)
    watch = json.dumps({"query": "subscription { sessionStatusChanged { session { id } } }"})
    reader, writer = await asyncio.open_connection("127.0.0.1", node.server.port)
    stream = HEAD.replace("application/json\r\n", "application/json\r\nAccept: text/event-stream\r\n")
    writer.write(f"{stream}Content-Length: {len(watch)}\r\n\r\n{watch}".encode())
    begun = await reader.readuntil(b"\r\n\r\n")
    writer.write(f"{HEAD}Content-Length: 100\r\n\r\n{{".encode())
    rest = await asyncio.wait_for(reader.read(), 10)
    assert (begun[:12], b"HTTP/1.1" in rest) == (b"HTTP/1.1 200", False)
    writer.close()


async def test_takes_a_body_in_parts_within_its_time(start_node: StartNode) -> None:
    node = await start_node(body_seconds=5)
    content = json.dumps({"query": "{ __typename }"})
    reader, writer = await asyncio.open_connection("127.0.0.1", node.server.port)
    for _ in range(3):
        writer.write(f"{HEAD}Content-Length: {len(content)}\r\n\r\n".encode())
        for part in (content[:3], content[3:9], content[9:]):
            await node.query("{ __typename }")  # by then it is read
            writer.write(part.encode())
        assert (await reader.readuntil(b'"Query"}}')).startswith(b"HTTP/1.1 200")
    writer.close()


async def test_runs_nothing_over_get(node: Node) -> None:
    answer = await node.http.get("/graphql", params={"query": "{ __typename }"})
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json() == refusal("Send POST.")


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
