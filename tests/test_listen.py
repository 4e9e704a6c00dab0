"""Wake-ups come again after whatever has happened to their connection, and nothing depends on them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from conftest import execute
from sqlalchemy.engine import URL
from stored import row, store

from api.auth.ended import EndedSessions
from api.feed import Feed
from models import listen
from models.database import Database
from models.log import CHANNEL, number_pending

pytestmark = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)


class Wire:
    """A way to PostgreSQL that can go silent: what is connected then hears nothing more, not even an end."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._open: set[asyncio.Event] = set()

    def freeze(self) -> None:
        for gate in self._open:
            gate.clear()

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        gate = asyncio.Event()
        gate.set()
        self._open.add(gate)
        far_reader, far_writer = await self._far()
        await asyncio.gather(pump(reader, far_writer, gate), pump(far_reader, writer, gate))

    async def _far(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, port = self._url.query.get("host", self._url.host), self._url.port or 5432
        if str(host).startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(str(host), port)


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: asyncio.Event) -> None:
    try:
        while data := await reader.read(65_536):
            await gate.wait()
            writer.write(data)
    finally:
        writer.close()


@asynccontextmanager
async def wired(database_url: str) -> AsyncIterator[tuple[Database, Wire]]:
    direct = Database(database_url)
    wire = Wire(direct.url)
    server = await asyncio.start_server(wire.connect, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    url = direct.url.set(host="127.0.0.1", port=port, query={})
    database = Database(url.render_as_string(hide_password=False))
    listening = asyncio.create_task(listen.listen(database))
    yield database, wire
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    server.close()
    await database.close()
    await direct.close()


async def wake_up(database: Database) -> None:
    async with asyncio.timeout(30):
        await database.wake_up.wait()
    database.wake_up.clear()


async def test_is_woken_by_another_node(database_url: str) -> None:
    async with wired(database_url) as (database, _):
        await wake_up(database)  # the connection is made
        for _ in range(3):
            await execute(database_url, f"NOTIFY {CHANNEL}")
            await wake_up(database)


async def test_notices_a_connection_that_went_silent_and_makes_another(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listen, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(listen, "TIMEOUT_SECONDS", 1.0)
    async with wired(database_url) as (database, wire):
        await wake_up(database)
        wire.freeze()
        await wake_up(database)  # what was missed meanwhile is not known, so that is a wake-up too
        await execute(database_url, f"NOTIFY {CHANNEL}")
        await wake_up(database)


async def test_learns_by_polling_what_no_wake_up_told_of(database: Database, database_url: str) -> None:
    feed = Feed(database, EndedSessions(keep_seconds=60), poll_seconds=0.05, ring_size=100)
    await feed.start()
    reading = asyncio.create_task(feed.run())  # and nobody listens
    other = Database(database_url)
    for number in range(1, 4):
        await store(other, row(number))
        await number_pending(other)
        async with asyncio.timeout(30):
            while feed.position < number:
                await asyncio.sleep(0.01)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    await other.close()
