"""SQLite: connections in threads of their own, one that writes and some that read, one for short reads."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Dialect
from sqlalchemy.dialects.sqlite import aiosqlite
from sqlmodel import SQLModel

from models.bulk import insert_absent
from models.engine import SQLITE_BUSY_SECONDS
from models.instant import StoredInstant, to_text
from models.short_reads import ShortReads
from models.statement import Compiled, Record

T = TypeVar("T")

AT_LEAST = (3, 35, 0)
"""The first that knows RETURNING."""

READERS = 4
OPENING_PAUSE_SECONDS = 0.01
PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    # An acknowledged end must survive a power cut, so every commit is synced.
    "PRAGMA synchronous = FULL",
    f"PRAGMA busy_timeout = {SQLITE_BUSY_SECONDS * 1000}",
    "PRAGMA cache_size = -32768",
    "PRAGMA temp_store = MEMORY",
    # 64 MB: a page of an index that changes often is written back once, not every 4 MB.
    "PRAGMA wal_autocheckpoint = 16000",
)
QUERY_ONLY = "PRAGMA query_only = ON"
BULK_PRAGMAS = (
    # What comes in bulk changes pages all over the indexes, most of them again in the next transactions: more
    # of them are kept at hand, and one is written back once in 256 MB. Commits are synced all the same.
    "PRAGMA cache_size = -40960",
    "PRAGMA wal_autocheckpoint = 64000",
)
PASSING_CODES = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
}


class SQLite:
    """The driver: transactions, and statements alone. There is one writer at a time."""

    dialect: Dialect = aiosqlite.dialect()

    def __init__(self, path: str, *, is_bulk: bool) -> None:
        if sqlite3.sqlite_version_info < AT_LEAST:
            raise ValueError(
                f"This Python has SQLite {sqlite3.sqlite_version}, and {'.'.join(map(str, AT_LEAST))} is "
                "needed. Use another Python, or PostgreSQL."
            )
        writing = PRAGMAS + BULK_PRAGMAS if is_bulk else PRAGMAS
        self._connections = [_Connection(path, (*PRAGMAS, QUERY_ONLY), readonly=True) for _ in range(READERS)]
        self._connections.append(_Connection(path, writing, readonly=False))
        self._short = ShortReads(lambda: _opened(path, (*PRAGMAS, QUERY_ONLY)))
        self._readers: asyncio.LifoQueue[_Connection] = asyncio.LifoQueue()
        self._writers: asyncio.LifoQueue[_Connection] = asyncio.LifoQueue()
        for connection in self._connections:
            (self._readers if connection.readonly else self._writers).put_nowait(connection)

    async def fetch(self, statement: Compiled, arguments: Sequence[Any]) -> list[Record]:
        """Run one reading statement; it is a snapshot of its own."""
        if statement.is_short:
            # Others first: one operation can have many reads, and none of them would wait for anything.
            await asyncio.sleep(0)
            rows = self._short.fetch(statement, arguments)
            if rows is not None:
                return rows
        connection = await _taken(self._readers)
        try:
            if not self._short.is_open:
                await connection.run(lambda _: self._short.open())
            return await connection.fetch(statement, arguments)
        finally:
            self._readers.put_nowait(connection)

    async def change(self, statement: Compiled, arguments: Sequence[Any]) -> list[Record]:
        """Run one writing statement, which is a transaction of its own."""
        async with self.writing() as connection:
            return await connection.fetch(statement, arguments)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator["_Connection"]:
        async with self._transaction(self._readers, "BEGIN") as connection:
            yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator["_Connection"]:
        # A deferred transaction that reads and then writes fails at once, whatever the timeout.
        async with self._transaction(self._writers, "BEGIN IMMEDIATE") as connection:
            yield connection

    @staticmethod
    def is_passing(error: Exception) -> bool:
        """Tell whether the same statement can succeed later."""
        code = getattr(error, "sqlite_errorcode", None)
        return isinstance(error, TimeoutError) or (code is not None and code & 0xFF in PASSING_CODES)

    @staticmethod
    def stored(instant: datetime) -> StoredInstant:
        return StoredInstant(to_text(instant))

    async def close(self) -> None:
        self._short.close()
        for connection in self._connections:
            await connection.close()

    @asynccontextmanager
    async def _transaction(
        self, connections: "asyncio.LifoQueue[_Connection]", begin: str
    ) -> AsyncIterator["_Connection"]:
        connection = await _taken(connections)
        try:
            await connection.run(lambda raw: raw.execute(begin))
            yield connection
            await connection.run(sqlite3.Connection.commit)
        except BaseException:
            await connection.run(_rollback)
            raise
        finally:
            connections.put_nowait(connection)


class _Connection:
    """One connection, which only its own thread uses."""

    def __init__(self, path: str, pragmas: Sequence[str], *, readonly: bool) -> None:
        self.readonly = readonly
        self._path = path
        self._pragmas = pragmas
        self._thread: ThreadPoolExecutor | None = None
        self._raw: sqlite3.Connection | None = None

    async def fetch(self, statement: Compiled, arguments: Sequence[Any]) -> list[Record]:
        return await self.run(lambda raw: _records(raw, statement, arguments))

    async def fetch_each(self, statement: Compiled, rows: Sequence[Sequence[Any]]) -> list[Record]:
        """Run the statement once for each row of arguments; return all that it returns."""

        def work(raw: sqlite3.Connection) -> list[Record]:
            return [found for row in rows for found in _records(raw, statement, row)]

        return await self.run(work)

    async def execute(self, statement: Compiled, arguments: Sequence[Any]) -> int:
        """Run the statement; return how many rows it changed."""
        return await self.run(lambda raw: raw.execute(statement.sql, arguments).rowcount)

    async def execute_each(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        await self.run(lambda raw: raw.executemany(sql, rows))

    async def insert_absent(
        self, table: type[SQLModel], columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
    ) -> list[Any]:
        """Insert the rows whose key, the first column, is free; return these keys."""
        return await self.run(lambda raw: insert_absent(raw, table, columns, rows))

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Work on the connection in its thread; whoever is cancelled cuts the work short and waits for it."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite")
        future = asyncio.get_running_loop().run_in_executor(self._thread, self._work, work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            while not future.done():
                if self._raw is not None:
                    self._raw.interrupt()
                with suppress(asyncio.CancelledError):
                    await asyncio.wait([future], timeout=0.01)
            if not future.cancelled():
                future.exception()  # read, or asyncio complains of it
            raise

    async def close(self) -> None:
        if self._raw is not None:
            await self.run(sqlite3.Connection.close)
            self._raw = None
        if self._thread is not None:
            self._thread.shutdown(wait=False)
            self._thread = None

    def _work(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._raw is None:
            self._raw = _opened(self._path, self._pragmas)
        return work(self._raw)


def _opened(path: str, pragmas: Sequence[str]) -> sqlite3.Connection:
    # Transactions are begun by statements of our own: the driver's implicit BEGIN comes too late.
    raw = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        _set(raw, pragmas)
    except BaseException:
        raw.close()
        raise
    return raw


def _set(raw: sqlite3.Connection, pragmas: Sequence[str]) -> None:
    deadline = time.monotonic() + SQLITE_BUSY_SECONDS
    for pragma in pragmas:
        while True:
            try:
                raw.execute(pragma)
                break
            except sqlite3.OperationalError as error:
                # Of two that turn the journal of a new file at the same moment, SQLite lets none wait.
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(OPENING_PAUSE_SECONDS)  # in the connection's own thread


def _records(raw: sqlite3.Connection, statement: Compiled, arguments: Sequence[Any]) -> list[Record]:
    return statement.records(raw.execute(statement.sql, arguments).fetchall())


def _rollback(raw: sqlite3.Connection) -> None:
    if raw.in_transaction:  # SQLite ends it by itself after some errors
        raw.rollback()


async def _taken(connections: "asyncio.LifoQueue[_Connection]") -> _Connection:
    """Take a connection, or give up waiting for one with a TimeoutError."""
    with suppress(asyncio.QueueEmpty):
        return connections.get_nowait()
    async with asyncio.timeout(SQLITE_BUSY_SECONDS):
        return await connections.get()
