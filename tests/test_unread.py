"""Clients that take nothing of what is sent to them are cut off; those that are only slow are not."""

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from complaints import no_complaints
from conftest import StartNode
from issuer import until
from node import Node
from stored import row, store

from models.database import Database

FIELD = "sessions(first: 100) { nodes { userAgent } }"
LONG_ANSWER = f"{{ {' '.join(f'f{number}: {FIELD}' for number in range(20))} }}"
"""Of 100 sessions with 5 kB each, twenty times over: more than the buffers of the system hold."""

WATCH = "subscription { sessionStatusChanged { session { userAgent } } }"
MEGABYTE = 1 << 20


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with no_complaints():
        yield


@contextmanager
def client(node: Node) -> Iterator[socket.socket]:
    """Connect one that takes little at once."""
    with socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.connect(("127.0.0.1", node.server.port))
        raw.settimeout(0)
        yield raw


def post(document: str, accept: str) -> bytes:
    body = json.dumps({"query": document}).encode()
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\nContent-Type: application/json\r\n"
    )
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def long_sessions(database: Database, count: int) -> None:
    await store(database, *(row(number, user_agent="x" * 5000) for number in range(count)))


def connections(node: Node) -> list[Any]:
    return [*node.server.server_state.connections]


def unsent(connection: Any) -> int:
    size: int = connection.transport.get_write_buffer_size()
    return size


async def test_cuts_off_who_takes_no_answer(start_node: StartNode, database: Database) -> None:
    node = await start_node(send_seconds=0.1)
    await long_sessions(database, 100)
    with client(node) as raw:
        raw.sendall(post(LONG_ANSWER, "application/json"))
        await until(lambda: bool(connections(node)))
        await until(lambda: not connections(node))


async def test_leaves_alone_who_is_slow(start_node: StartNode, database: Database) -> None:
    node = await start_node(send_seconds=1)
    await long_sessions(database, 100)
    loop = asyncio.get_running_loop()
    with client(node) as raw:
        raw.sendall(post(LONG_ANSWER, "application/json"))
        await until(lambda: bool(connections(node)) and unsent(connections(node)[0]) > MEGABYTE)
        (connection,) = connections(node)
        for _ in range(3):
            look, size = connection._look, unsent(connection)  # noqa: SLF001  when it is looked at next
            while unsent(connection) == size:
                await loop.sock_recv(raw, 4096)
                await asyncio.sleep(0)  # the server writes on
            await until(lambda: connection._look is not look)  # noqa: B023, SLF001
        assert connections(node) == [connection]
        await until(lambda: not connections(node))


async def test_cuts_off_a_stream_that_nobody_reads(start_node: StartNode, database: Database) -> None:
    node = await start_node(send_seconds=0.1)
    with client(node) as raw:
        raw.sendall(post(WATCH, "text/event-stream"))
        await until(lambda: node.streams == 1)
        await long_sessions(database, 2000)
        await until(lambda: node.streams == 0)
        assert connections(node) == []


async def test_cuts_off_a_socket_that_nobody_reads(start_node: StartNode, database: Database) -> None:
    node = await start_node(send_seconds=0.1)
    with client(node) as raw:
        async with node.socket(sock=raw, max_queue=1, close_timeout=0) as opened:
            await opened.subscribe(WATCH)
            assert node.streams == 1
            await long_sessions(database, 2000)
            await until(lambda: node.streams == 0)
            assert connections(node) == []
