"""Whatever is sent, the answer is one of ours: no fault, no traceback, no socket without a close frame."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from functools import cache
from typing import Any

import pytest
import websockets
from complaints import no_complaints
from conftest import StartNode
from credentials import jwks_settings, make_key
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from issuer import user_token
from node import Node

from api.auth.keys import PREFIX
from api.cursor import encode_position
from models.database import Database
from models.key import Scope
from models.log import Position

# The server lives through all examples of a test: whatever one leaves behind, the next ones meet.
bounded = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])

DOCUMENTS = [
    "{ __typename }",
    "query ($id: ID!, $after: String) { session(id: $id) { id } sessions(after: $after) { totalCount } }",
    "query ($filter: SessionFilter, $first: Int) { sessions(filter: $filter, first: $first) { totalCount } }",
    "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }",
    "mutation ($input: EndSessionInput!) { endSession(input: $input) { outcome } }",
    "subscription ($after: Cursor) { sessionStatusChanged(after: $after) { cursor } }",
]
NAMES = [
    "id",
    "ids",
    "after",
    "first",
    "filter",
    "input",
    "userId",
    "status",
    "createdAt",
    "from",
    "reason",
    "limit",
]

leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["ACTIVE", "session_01", "2026-01-15T12:00:00Z", "0001-01-01T00:00:00+14:00", "\x00"])
)
anything = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)
documents = st.sampled_from(DOCUMENTS) | st.text(max_size=50)
requests = st.fixed_dictionaries(
    {},
    optional={
        "query": documents | anything,
        "variables": st.dictionaries(st.sampled_from(NAMES), anything, max_size=5) | anything,
        "operationName": st.text(max_size=5) | anything,
        "extensions": st.dictionaries(st.text(max_size=5), anything, max_size=2) | anything,
    },
)


def spoiled(text: bytes) -> st.SearchStrategy[bytes]:
    """Cut a piece out, put one in, or leave it."""
    places = st.integers(0, len(text))
    return st.builds(
        lambda start, end, between: text[: min(start, end)] + between + text[max(start, end) :],
        places,
        places,
        st.binary(max_size=6)
        | st.sampled_from([b"", b'"', b"NaN", b"\\ud800", b"[" * 100, b"1e999", b"\xff"]),
    )


def texts(values: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    encoded = values.map(lambda value: json.dumps(value).encode())
    return encoded | encoded.flatmap(spoiled) | st.binary(max_size=100)


HANDSHAKE = (
    b"GET /graphql HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
PING = b'{"type":"ping"}'
FRAMES = (b"\x81" + bytes([0x80 | len(PING)]) + bytes(4) + PING) * 3
BODY = b'{"query": "{ __typename }"}'
POST = (
    b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
)


def wire_bytes(whole: bytes) -> st.SearchStrategy[bytes]:
    return spoiled(whole) | st.binary(max_size=100).map(lambda more: whole + more)


types = st.sampled_from(["connection_init", "ping", "pong", "subscribe", "complete", "next", "error"])
messages = st.fixed_dictionaries(
    {"type": types | anything},
    optional={"id": st.sampled_from(["1", "2"]) | anything, "payload": requests | anything},
)
frames = texts(messages) | texts(anything)

epochs = st.binary(min_size=8, max_size=8).map(bytes.hex)
positions = st.builds(Position, epochs, st.integers(0, (1 << 64) - 1))
cursors = (
    positions.map(encode_position)
    | st.binary(max_size=40).map(lambda raw: base64.urlsafe_b64encode(raw).decode().rstrip("="))
    | st.text(max_size=40)
)

CODES = {
    "UNAUTHENTICATED",
    "FORBIDDEN",
    "BAD_USER_INPUT",
    "BAD_CURSOR",
    "CURSOR_EXPIRED",
    "LIMIT_EXCEEDED",
    "GRAPHQL_PARSE_FAILED",
    "GRAPHQL_VALIDATION_FAILED",
}


@pytest.fixture
async def node(start_node: StartNode) -> AsyncIterator[Node]:
    node = await start_node()
    with no_complaints():
        yield node


def require_ours(answer: Any) -> None:
    """Check that all errors of an answer are refusals."""
    assert {error["extensions"]["code"] for error in answer.get("errors", [])} <= CODES, answer


@given(
    body=texts(requests) | texts(anything),
    accept=st.sampled_from(["application/json", "*/*", "text/event-stream"]),
)
@example(body=b'{"query": "{ __typename }", "variables": {"a": 1e400}}', accept="*/*")
@bounded
async def test_answers_any_body(node: Node, body: bytes, accept: str) -> None:
    headers = {"content-type": "application/json", "accept": accept}
    async with node.http.stream("POST", "/graphql", content=body, headers=headers) as answer:
        assert answer.status_code in {200, 400, 401}
        if answer.headers["content-type"] == "text/event-stream":
            return  # it may well be one that goes on for ever
        require_ours(json.loads(await answer.aread()))


@given(sent=st.lists(frames, max_size=8), init=st.booleans())
@bounded
async def test_answers_any_frames_or_closes_with_a_code(node: Node, sent: list[bytes], *, init: bool) -> None:
    async with node.socket(init=init) as socket:
        with_reason = None
        try:
            for frame in sent:
                await socket.connection.send(frame, text=True)
            await socket.send({"type": "ping"})
            while (message := await socket.receive()) != {"type": "pong"}:
                if message["type"] == "next":
                    require_ours(message["payload"])
                elif message["type"] == "error":
                    require_ours({"errors": message["payload"]})
                else:
                    assert message["type"] in {"complete", "connection_ack"}
        except websockets.ConnectionClosed as closed:
            with_reason = closed
        if with_reason is not None:
            assert with_reason.rcvd is not None, "it was dropped without a close frame"
            assert with_reason.rcvd.code in {1007, 4400, 4401, 4409, 4429}


async def answer_to(node: Node, head: bytes, sent: bytes) -> bytes:
    """Send these bytes, the second once the first are answered, and return what comes then."""
    reader, writer = await asyncio.open_connection("127.0.0.1", node.server.port)
    try:
        async with asyncio.timeout(10):
            if head:
                writer.write(head)
                assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
            writer.write(sent)
            await node.http.post("/graphql", json={"query": "{ __typename }"})  # by then they are dealt with
            writer.write_eof()
            return await reader.read()
    finally:
        writer.close()


on_the_wire = st.tuples(st.just(b""), wire_bytes(HANDSHAKE) | wire_bytes(POST)) | st.tuples(
    st.just(HANDSHAKE), wire_bytes(FRAMES)
)


@given(sent=on_the_wire)
@bounded
async def test_hangs_up_on_any_bytes_in_peace(node: Node, sent: tuple[bytes, bytes]) -> None:
    await answer_to(node, *sent)


async def test_answers_the_bytes_that_were_not_spoiled(node: Node) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", node.server.port)
    writer.write(HANDSHAKE)
    await reader.readuntil(b"\r\n\r\n")
    writer.write(FRAMES)
    pong = b'\x81\x0f{"type":"pong"}'
    assert await asyncio.wait_for(reader.readexactly(3 * len(pong)), 10) == 3 * pong
    writer.close()
    assert b'{"data":{"__typename":"Query"}}' in await answer_to(node, b"", POST)


@given(cursor=cursors)
@bounded
async def test_takes_or_refuses_any_cursor(node: Node, cursor: str) -> None:
    document = """query ($before: String, $after: String, $position: Cursor) {
      a: sessions(after: $after) { totalCount }
      b: sessions(last: 1, before: $before) { totalCount }
      c: sessionStatusChanges(after: $position) { nodes { cursor } }
    }"""
    for variables in ({"after": cursor}, {"before": cursor}, {"position": cursor}):
        require_ours(await node.post(document, **variables))


@pytest.fixture
async def guarded(
    start_node: StartNode, database: Database, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Node]:
    """A server that believes tokens and has a key."""
    await make_key(database, Scope.READ)
    node = await start_node(**jwks_settings(tmp_path_factory.mktemp("keys")))
    with no_complaints():
        yield node


@cache
def token() -> bytes:
    return user_token().encode()


def sendable(credential: bytes) -> bytes:
    """Return what of it can be in a header."""
    return bytes(byte for byte in credential if byte > 32 and byte != 127)


credentials = st.deferred(
    lambda: (
        (
            spoiled(token())
            | st.binary(max_size=60)
            | st.text(max_size=60).map(lambda text: f"{PREFIX}{text}".encode())
        )
        .map(sendable)
        .filter(lambda one: one not in {b"", token()})
    )
)


@given(credential=credentials)
@bounded
async def test_refuses_any_credential_that_is_not_one(guarded: Node, credential: bytes) -> None:
    headers: Any = {b"authorization": b"Bearer " + credential}
    answer = await guarded.http.post("/graphql", json={"query": "{ __typename }"}, headers=headers)
    assert answer.status_code == 401
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    async with guarded.socket(init=False) as socket:
        text = credential.decode("latin-1")
        await socket.send({"type": "connection_init", "payload": {"authorization": f"Bearer {text}"}})
        assert await socket.close_code() in {4401, 4403}
