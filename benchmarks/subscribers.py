"""How long one event takes to reach 1,000 subscribers, beside a plain server that sends all one text.

Run it with `python benchmarks/subscribers.py`. Each subscriber has a WebSocket of its own and selects the
same fields. The time is from when the request that ends a session is sent until the last of them has the
event; the plain server, the floor, encodes its message once and is told to send it by a request as well.
"""

import asyncio
import base64
import os
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import orjson
import typer
import uvicorn
import uvloop
from load import Connection, request
from questions import END, graphql
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from servers import free_port, leave_the_first_processor, resident_megabytes, running, serve
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

FIELDS = "cursor status previousStatus occurredAt session { id userId organizationId status endedAt endedBy }"
SUBSCRIBE = [
    {"type": "connection_init"},
    {
        "type": "subscribe",
        "id": "1",
        "payload": {"query": f"subscription {{ sessionStatusChanged {{ {FIELDS} }} }}"},
    },
    {"type": "ping"},
]
CREATE = "mutation ($input: CreateSessionInput!) { createSession(input: $input) { session { id } } }"
EVENT = orjson.dumps(
    {"id": "1", "type": "next", "payload": {"data": {"sessionStatusChanged": {"cursor": "x" * 350}}}}
)


class Subscriber(asyncio.Protocol):
    """A WebSocket that looks for one word in what comes."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.found: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._wanted = b""
        self._seen = b""

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401  uvloop's are of no class of asyncio
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._seen += data
        if self._wanted in self._seen and not self.found.done():
            self.found.set_result(time.perf_counter())

    def wait_for(self, wanted: bytes) -> "asyncio.Future[float]":
        """Return when this comes next."""
        self._wanted, self._seen = wanted, b""
        self.found = asyncio.get_running_loop().create_future()
        return self.found

    def send(self, message: object) -> None:
        """Send a frame; a mask of zeros changes nothing."""
        body = orjson.dumps(message)
        self.transport.write(b"\x81\xfe" + len(body).to_bytes(2, "big") + bytes(4) + body)


def main(
    count: Annotated[int, typer.Option(help="How many subscribers there are.")] = 1_000,
    events: Annotated[int, typer.Option(help="How many events each of them gets.")] = 30,
) -> None:
    """Measure how one event reaches many subscribers."""
    os.environ |= {
        f"SESSIONGRAPH_{name}": str(2 * count)
        for name in ("SOCKETS_PER_ADDRESS_LIMIT", "STREAMS_PER_ADDRESS_LIMIT", "STREAMS_PER_VIEWER_LIMIT")
    }
    leave_the_first_processor()
    ours, floor = free_port(), free_port()
    with ExitStack() as stack:
        directory = stack.enter_context(TemporaryDirectory())
        commands = {
            ours: serve(f"sqlite:///{directory}/sessiongraph.db", ours),
            floor: [sys.executable, __file__, "--floor", str(floor)],
        }
        pids = stack.enter_context(running(commands))
        uvloop.run(_main(Console(), (ours, floor), pids, count, events))


async def _main(
    console: Console, ports: tuple[int, int], pids: Sequence[int], count: int, events: int
) -> None:
    table = Table(box=SIMPLE, title=f"one event to {count:,} subscribers, {events} events")
    for heading in ("", "to the last, median ms", "worst ms", "kB a socket"):
        table.add_column(heading, justify="right" if heading else "left")
    medians = []
    for name, port, pid in zip(("ours", "floor"), ports, pids, strict=True):
        before = resident_megabytes(pid)
        subscribers = [await subscribed(port) for _ in range(count)]
        memory = (resident_megabytes(pid) - before) * 1024 / count
        connection = await Connection.open(port)
        seconds = [await _event(connection, subscribers, is_ours=name == "ours") for _ in range(events)]
        for one in subscribers:
            one.transport.close()
        medians.append(median(seconds))
        table.add_row(name, f"{median(seconds) * 1e3:.1f}", f"{max(seconds) * 1e3:.1f}", f"{memory:.0f}")
    console.print(table)
    console.print(f"ours takes {medians[0] / medians[1]:.2f} times as long as the floor")


async def subscribed(port: int) -> Subscriber:
    """Return a subscriber that gets what happens from here on."""
    _, one = await asyncio.get_running_loop().create_connection(Subscriber, "127.0.0.1", port)
    is_open = one.wait_for(b"\r\n\r\n")
    key = base64.b64encode(os.urandom(16)).decode()
    one.transport.write(
        f"GET /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
        f"sec-websocket-version: 13\r\nsec-websocket-key: {key}\r\n"
        "sec-websocket-protocol: graphql-transport-ws\r\n\r\n".encode()
    )
    await is_open
    is_live = one.wait_for(b'"pong"')
    for message in SUBSCRIBE:
        one.send(message)
    await is_live
    return one


async def _event(connection: Connection, subscribers: Sequence[Subscriber], *, is_ours: bool) -> float:
    """Return how long the last subscriber waits for an event from when it is caused."""
    if is_ours:
        created = [one.wait_for(b'"ACTIVE"') for one in subscribers]
        new = {"userId": "user_1", "expiresAt": "2099-01-01T00:00:00Z"}
        answer = orjson.loads(await connection.send(graphql(CREATE, input=new)))
        await asyncio.gather(*created)
        cause = graphql(END, input={"id": answer["data"]["createSession"]["session"]["id"]})
        wanted = b'"REVOKED"'
    else:
        cause, wanted = request("POST", "/send", b"{}"), b'"next"'
    found = [one.wait_for(wanted) for one in subscribers]
    start = time.perf_counter()
    await connection.send(cause)
    return max(await asyncio.gather(*found)) - start


def create_floor() -> Starlette:
    """Return an application that sends every socket one text when it is told to."""
    sockets: set[WebSocket] = set()

    async def watch(socket: WebSocket) -> None:
        await socket.accept("graphql-transport-ws")
        sockets.add(socket)
        try:
            while True:
                if orjson.loads(await socket.receive_text())["type"] == "ping":
                    await socket.send_text('{"type":"pong"}')
        except WebSocketDisconnect:
            sockets.discard(socket)

    async def send(_request: Request) -> Response:
        text = EVENT.decode()
        for socket in sockets:
            await socket.send_text(text)
        return PlainTextResponse("sent")

    return Starlette(routes=[WebSocketRoute("/graphql", watch), Route("/send", send, methods=["POST"])])


if __name__ == "__main__":
    if sys.argv[1:2] == ["--floor"]:
        uvicorn.run(
            create_floor(),
            port=int(sys.argv[2]),
            loop="uvloop",
            http="httptools",
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            log_level="warning",
        )
    else:
        typer.run(main)
