"""The database and its transactions; with `models.engine` the only module that knows which engine runs."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias
from uuid import uuid4

import asyncpg
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import CursorResult, Row
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import Executable
from sqlmodel import SQLModel

from models.engine import Connections, engine_url, postgresql_engines, sqlite_engines
from models.refusals import Unavailable

Record: TypeAlias = Row[*tuple[Any, ...]]
"""One row of columns; the columns are attributes by name."""

PASSING_SQLITE_CODES = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
}
PASSING_STATES = ("08", "25P03", "40", "53", "55", "57")
"""SQLSTATE classes and codes that say "not now": connection, serialization, resources, locks, shutdown."""


class ReadTx:
    """A short transaction in which every statement sees the same snapshot."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def all(self, statement: Executable) -> Sequence[Record]:
        return (await self._connection.execute(statement)).all()

    async def first(self, statement: Executable) -> Record | None:
        return (await self._connection.execute(statement)).first()

    async def scalar(self, statement: Executable) -> Any:  # noqa: ANN401  any column's type
        return (await self._connection.execute(statement)).scalar()


class WriteTx(ReadTx):
    """A short transaction that is committed when its block ends and rolled back when it raises.

    `numbers_at_once` says whether there is only one writer, so that the log can number an event when it is
    inserted. Set `has_events` after appending to the log; readers are woken after the commit.
    """

    def __init__(self, connection: AsyncConnection, *, numbers_at_once: bool) -> None:
        super().__init__(connection)
        self.numbers_at_once = numbers_at_once
        self.has_events = False

    async def execute(
        self, statement: Executable, rows: Sequence[dict[str, Any]] | dict[str, Any] | None = None
    ) -> CursorResult[Any]:
        return await self._connection.execute(statement, rows)

    async def execute_in_driver(self, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Execute the driver's own SQL once for each row, whose values it stores as they are."""
        await self._connection.exec_driver_sql(sql, list(rows))

    async def insert_unless_present(
        self, table: type[SQLModel], row: dict[str, Any] | Sequence[dict[str, Any]]
    ) -> int:
        """Insert the rows whose primary key is free; return how many that were."""
        insert = sqlite.insert if self.numbers_at_once else postgresql.insert
        statement = insert(table).on_conflict_do_nothing()
        return (await self._connection.execute(statement, row)).rowcount


class Database:
    """Two ways in: `read()` and `write()`. Close it after use.

    `wake_up` is set after each commit that appended to the log: a hint that there is something to read. With
    `has_pending` it is to be numbered first. `name` is what other nodes know this one by.
    """

    def __init__(self, url: str, connections: Connections | None = None) -> None:
        connections = connections or Connections()
        self.url = engine_url(url)
        self.direct_url = engine_url(connections.direct_url) if connections.direct_url else self.url
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.name = uuid4().hex
        self.wake_up = asyncio.Event()
        self.has_pending = False
        if self.is_sqlite:
            self._reader, self._writer = sqlite_engines(self.url)
        else:
            self._reader, self._writer = postgresql_engines(self.url, connections)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadTx]:
        """Open one snapshot for reading.

        Raises:
            Unavailable: The database is away or busy.
        """
        async with _available(), self._reader.begin() as connection:
            yield ReadTx(connection)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[WriteTx]:
        """Open one transaction for writing and commit it when the block ends.

        Raises:
            Unavailable: The database is away or busy; what was written may have been committed or not.
        """
        async with _available():
            async with self._writer.begin() as connection:
                tx = WriteTx(connection, numbers_at_once=self.is_sqlite)
                yield tx
            if tx.has_events:
                self.has_pending = True
                self.wake_up.set()

    @asynccontextmanager
    async def administer(self) -> AsyncIterator[AsyncConnection]:
        """Open one writing transaction on the bare connection, for migrations, which may take their time."""
        async with _available(), self._writer.begin() as connection:
            if not self.is_sqlite:
                await connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            yield connection

    async def close(self) -> None:
        await self._reader.dispose()
        await self._writer.dispose()


@asynccontextmanager
async def _available() -> AsyncIterator[None]:
    """Turn the many ways in which a database is away or busy into one refusal; other faults pass."""
    try:
        yield
    except DBAPIError as error:
        if _is_passing(error):
            raise Unavailable from error
        raise
    except (
        PoolTimeoutError,
        OSError,
        # While a connection is made or lost, the driver's own errors come through unwrapped.
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
    ) as error:
        raise Unavailable from error


def _is_passing(error: DBAPIError) -> bool:
    """Tell whether the same statement can succeed later."""
    sqlite_code = getattr(error.orig, "sqlite_errorcode", None)
    if sqlite_code is not None:
        return sqlite_code & 0xFF in PASSING_SQLITE_CODES
    state = getattr(error.orig, "sqlstate", None)
    return error.connection_invalidated or state is None or state.startswith(PASSING_STATES)
