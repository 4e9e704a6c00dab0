"""graphql-transport-ws to the letter: each violation has its close code, and each bound its refusal."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest
import websockets
from complaints import no_complaints
from conftest import StartNode
from credentials import make_key
from issuer import ISSUER, Issuer, until, user_token
from node import Node, Socket
from process import free_port, running_process

from models.database import Database
from models.key import Scope

WATCH = "subscription { sessionStatusChanged { session { id } } }"
SUBPROTOCOL = websockets.Subprotocol("graphql-transport-ws")
EVENT_STREAM = {"accept": "text/event-stream"}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """No violation is a fault of ours."""
    with no_complaints():
        yield


async def closed(socket: Socket) -> tuple[int, str | None]:
    return await socket.close_code(), socket.connection.close_reason


async def refused(socket: Socket, id_: str, document: str = WATCH) -> tuple[str, str]:
    """Subscribe in vain, and return the code and the message of the only error."""
    await socket.send({"type": "subscribe", "id": id_, "payload": {"query": document}})
    message = await socket.receive()
    assert (message["type"], message["id"]) == ("error", id_), message
    (error,) = message["payload"]
    return error["extensions"]["code"], error["message"]


@asynccontextmanager
async def event_stream(node: Node) -> AsyncIterator[httpx.Response]:
    async with node.http.stream("POST", "/graphql", json={"query": WATCH}, headers=EVENT_STREAM) as answer:
        yield answer


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ("[]", "A message must be an object with a `type`."),
        ("{", "It is not JSON: "),
        ('{"type": "ping", "type": "ping"}', "The member 'type' comes twice in one object."),
        ('{"type": "ping", "payload": {"a": NaN}}', "It is not JSON: "),
        ('{"type": "ping", "payload": "\\ud800"}', "It is not JSON: "),
        ('{"type": "ping", "payload": 1e999}', "It is not JSON: "),
        ("[" * 65 + "]" * 65, "It is nested more than 64 levels deep."),
        ('{"type": "ping", "payload": 1}', "`payload` must be an object."),
        ('{"type": "pong", "payload": []}', "`payload` must be an object."),
        ('{"type": "connection_init", "payload": "a"}', "`payload` must be an object."),
        ('{"type": "connection_ack"}', "The `type` is none that a client may send."),
        ('{"type": "next", "id": "1", "payload": {}}', "The `type` is none that a client may send."),
        ('{"type": "' + "x" * 1000 + '"}', "The `type` is none that a client may send."),
        ('{"type": "complete"}', "`id` must be a string that is not empty."),
        ('{"type": "subscribe", "id": "1"}', "`payload` must be an object with a `query`."),
        (
            '{"type": "subscribe", "id": "1", "payload": {"query": "{__typename}", "extensions": 1}}',
            "`extensions` must be an object.",
        ),
        (b'{"type": "ping"}', "WebSocket message type must be text"),
    ],
)
@pytest.mark.parametrize("init", [True, False])
async def test_says_why_it_closes_with_4400(
    node: Node, frame: str | bytes, reason: str, *, init: bool
) -> None:
    async with node.socket(init=init) as socket:
        await socket.connection.send(frame)
        code, said = await closed(socket)
    assert code == 4400
    assert said is not None
    assert said == reason or (reason.endswith(": ") and said.startswith(reason))


async def test_closes_with_1007_on_text_that_is_no_text(node: Node) -> None:
    async with node.socket() as socket:
        await socket.connection.send([b'{"type": "ping", ', b'"payload": "\xff"}'], text=True)
        assert await closed(socket) == (1007, "A message must be UTF-8.")


async def test_answers_every_ping_and_leaves_pongs_alone(node: Node) -> None:
    async with node.socket(init=False) as socket:
        await socket.send({"type": "pong", "payload": {}})
        for _ in range(3):
            await socket.send({"type": "ping", "payload": None})
        assert [await socket.receive() for _ in range(3)] == 3 * [{"type": "pong"}]


async def test_does_not_count_the_time_that_it_takes_to_find_out_who_asks(
    start_node: StartNode, issuer: Issuer
) -> None:
    issuer.gate.clear()
    node = await start_node(token_issuers=(ISSUER,), jwks=issuer.url, connection_init_seconds=1)
    async with node.socket(init=False) as socket, node.socket(init=False) as silent:
        payload = {"authorization": f"Bearer {user_token()}"}
        await socket.send({"type": "connection_init", "payload": payload})
        assert await closed(silent) == (4408, "Connection initialisation timeout")
        issuer.gate.set()
        assert await socket.receive() == {"type": "connection_ack"}


async def test_forgets_an_operation_that_is_completed(node: Node) -> None:
    async with node.socket() as socket:
        await socket.subscribe(WATCH)
        await socket.send({"type": "complete", "id": "1"})
        await socket.send({"type": "complete", "id": "never was"})
        await socket.subscribe(WATCH)
        id_ = await node.create()
        assert await socket.next() == {"sessionStatusChanged": {"session": {"id": id_}}}
        await socket.subscribe(WATCH, "last")  # nothing came in between


async def test_bounds_the_size_of_a_message(start_node: StartNode) -> None:
    node = await start_node(frame_limit=1000)
    message = '{"type": "ping"}'
    async with node.socket() as socket:
        await socket.connection.send(message.ljust(1000))
        assert await socket.receive() == {"type": "pong"}
        await socket.connection.send([message.ljust(500), 500 * " "])
        assert await socket.receive() == {"type": "pong"}
        await socket.connection.send([message.ljust(500), 501 * " "])
        assert await socket.close_code() == 1009


async def test_bounds_the_length_of_an_id(start_node: StartNode) -> None:
    node = await start_node(operation_id_limit=40)
    async with node.socket() as socket:
        await socket.subscribe(WATCH, 40 * "ü")
        await socket.send({"type": "subscribe", "id": 41 * "ü", "payload": {"query": WATCH}})
        assert await closed(socket) == (4400, "`id` is longer than 40 characters.")


async def test_cuts_what_says_that_an_id_is_taken_to_what_fits(start_node: StartNode) -> None:
    node = await start_node(operation_id_limit=1000)
    async with node.socket() as socket:
        for _ in range(2):
            await socket.send({"type": "subscribe", "id": 500 * "ü", "payload": {"query": WATCH}})
        assert await closed(socket) == (4409, f"Subscriber for {54 * 'ü'}")


@pytest.mark.parametrize("init", [True, False])
async def test_bounds_how_many_messages_come_in_a_second(start_node: StartNode, *, init: bool) -> None:
    node = await start_node(message_rate_limit=20)
    async with node.socket(init=init) as socket:
        allowed = 19 if init else 20
        for _ in range(allowed):
            await socket.send({"type": "ping"})
        assert [await socket.receive() for _ in range(allowed)] == allowed * [{"type": "pong"}]
    async with node.socket(init=init) as socket:
        for _ in range(allowed + 1):
            await socket.send({"type": "ping"})
        assert await closed(socket) == (4429, "There were more than 20 messages in a second.")


async def test_bounds_the_operations_of_a_socket(start_node: StartNode) -> None:
    node = await start_node(operations_per_socket_limit=2)
    async with node.socket() as socket:
        for id_ in "12":
            await socket.subscribe(WATCH, id_)
        message = "At most 2 operations may run at once on one WebSocket."
        assert await refused(socket, "3") == ("LIMIT_EXCEEDED", message)
        await socket.send({"type": "complete", "id": "1"})
        await socket.subscribe(WATCH, "3")
        await socket.send({"type": "subscribe", "id": "3", "payload": {"query": WATCH}})
        assert await socket.close_code() == 4409


async def test_bounds_the_streams_of_a_viewer_over_all_transports(
    database: Database, start_node: StartNode
) -> None:
    node = await start_node(streams_per_viewer_limit=2)
    key, _ = await make_key(database, Scope.READ)
    other, _ = await make_key(database, Scope.READ)
    message = "At most 2 streams of one viewer may be open at once."
    async with node.acting(key) as viewer, viewer.socket() as socket:
        await socket.subscribe(WATCH, "1")
        async with event_stream(viewer):
            await until(lambda: node.streams == 2)
            assert await refused(socket, "2") == ("LIMIT_EXCEEDED", message)
            answer = await viewer.http.post("/graphql", json={"query": WATCH}, headers=EVENT_STREAM)
            (_, data, *_) = answer.text.split("\n")
            (error,) = json.loads(data.removeprefix("data: "))["errors"]
            assert (error["extensions"]["code"], error["message"]) == ("LIMIT_EXCEEDED", message)
            assert answer.text.endswith("event: complete\ndata: \n\n")
            async with node.acting(other) as another, another.socket() as free:
                await free.subscribe(WATCH, "1")
            # What is no stream takes no place.
            await socket.send({"type": "subscribe", "id": "3", "payload": {"query": "{ __typename }"}})
            assert await socket.next() == {"__typename": "Query"}
        await until(lambda: node.streams == 1)
    await until(lambda: node.streams == 0)


async def test_bounds_the_streams_of_an_address_over_all_transports(start_node: StartNode) -> None:
    node = await start_node(streams_per_address_limit=2)
    message = "At most 2 streams of one address may be open at once."
    async with event_stream(node), node.socket() as socket:
        await until(lambda: node.streams == 1)
        await socket.subscribe(WATCH, "1")
        assert await refused(socket, "2") == ("LIMIT_EXCEEDED", message)
        # Behind a proxy it is the address that the proxy tells.
        forwarded = {"x-forwarded-for": "192.0.2.7"}
        async with node.socket(additional_headers=forwarded) as elsewhere:
            await elsewhere.subscribe(WATCH, "1")
        await socket.send({"type": "complete", "id": "1"})
        await socket.subscribe(WATCH, "2")
    await until(lambda: node.streams == 0)


async def test_takes_the_word_of_trusted_proxies_only(start_node: StartNode) -> None:
    node = await start_node(streams_per_address_limit=1, trusted_proxies="192.0.2.1")
    async with (
        node.socket() as socket,
        node.socket(additional_headers={"x-forwarded-for": "192.0.2.7"}) as forwarded,
    ):
        await socket.subscribe(WATCH, "1")
        assert (await refused(forwarded, "1"))[0] == "LIMIT_EXCEEDED"


async def test_gives_back_the_place_of_a_subscription_that_fails(start_node: StartNode) -> None:
    node = await start_node(streams_per_address_limit=1)
    async with node.socket() as socket:
        for _ in range(3):
            watch = 'subscription { sessionStatusChanged(after: "x") { cursor } }'
            assert (await refused(socket, "1", watch))[0] == "BAD_CURSOR"
        assert node.streams == 0
        await socket.subscribe(WATCH, "1")


async def test_bounds_the_sockets_of_an_address(start_node: StartNode) -> None:
    node = await start_node(sockets_per_address_limit=2)
    async with node.socket(), node.socket(init=False):
        async with node.socket(init=False) as third:
            reason = "At most 2 WebSockets of one address may be open at once."
            assert await closed(third) == (1013, reason)
        async with node.socket(additional_headers={"x-forwarded-for": "2001:db8::1"}):
            pass
    async with node.socket(), node.socket():
        pass


@pytest.mark.parametrize("origin", ["https://evil.example.com", "null", "http://127.0.0.1:1"])
async def test_opens_no_socket_for_pages_from_elsewhere(start_node: StartNode, origin: str) -> None:
    node = await start_node(allowed_origins=("https://admin.example.com",))
    with pytest.raises(websockets.InvalidStatus) as failed:
        async with node.socket(origin=origin):
            pass
    assert failed.value.response.status_code == 403
    for welcome in ("https://admin.example.com", node.url):
        async with node.socket(origin=welcome) as socket:
            await socket.subscribe(WATCH, "1")


async def test_compresses_nothing(node: Node) -> None:
    async with node.socket(compression="deflate") as socket:
        assert socket.connection.response is not None
        assert "sec-websocket-extensions" not in socket.connection.response.headers


async def test_closes_a_thousand_sockets_when_it_is_told_to_stop(tmp_path: Path) -> None:
    port = free_port()
    async with (
        running_process(f"sqlite:///{tmp_path / 'sessiongraph.db'}", port) as process,
        AsyncExitStack() as stack,
    ):
        sockets = [await stack.enter_async_context(_socket(port)) for _ in range(1000)]
        await asyncio.gather(*(socket.subscribe(WATCH) for socket in sockets))
        process.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            codes = await asyncio.gather(*(socket.close_code() for socket in sockets))
            assert await process.process.wait() == 0
        assert codes == 1000 * [1012]


@asynccontextmanager
async def _socket(port: int) -> AsyncIterator[Socket]:
    url = f"ws://127.0.0.1:{port}/graphql"
    async with websockets.connect(url, subprotocols=[SUBPROTOCOL], ping_interval=None) as connection:
        socket = Socket(connection)
        await socket.send({"type": "connection_init"})
        assert await socket.receive() == {"type": "connection_ack"}
        yield socket
