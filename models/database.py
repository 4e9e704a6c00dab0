"""The engine and its transactions; the only module that knows which engine runs."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import asyncpg
from sqlalchemy import Connection, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, CursorResult, Row, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.sql import Executable
from sqlmodel import SQLModel

from models.refusals import Unavailable

Record: TypeAlias = Row[*tuple[Any, ...]]
"""One row of columns; the columns are attributes by name."""

SQLITE_AT_LEAST = (3, 35, 0)
"""The first that knows RETURNING."""

SQLITE_BUSY_SECONDS = 5
SQLITE_READERS = 4
SQLITE_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    # An acknowledged end must survive a power cut, so every commit is synced.
    "PRAGMA synchronous = FULL",
    f"PRAGMA busy_timeout = {SQLITE_BUSY_SECONDS * 1000}",
    "PRAGMA cache_size = -32768",
    "PRAGMA temp_store = MEMORY",
    # 64 MB: a page of an index that changes often is written back once, not every 4 MB.
    "PRAGMA wal_autocheckpoint = 16000",
)
POSTGRESQL_SETTINGS = {
    "application_name": "sessiongraph",
    # A node that was stopped in the middle must not hold a row, the log's least of all.
    "idle_in_transaction_session_timeout": "10s",
    "lock_timeout": "10s",
}

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
        self, statement: Executable, rows: Sequence[dict[str, Any]] | None = None
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

    `wake_up` is set after each commit that appended to the log: a hint that there is something to read.
    """

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url = engine_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.wake_up = asyncio.Event()
        if self.is_sqlite:
            self._reader = _sqlite_engine(self.url, readonly=True)
            self._writer = _sqlite_engine(self.url, readonly=False)
        else:
            self._writer = create_async_engine(
                self.url,
                pool_size=pool_size,
                max_overflow=0,
                pool_timeout=5,
                pool_pre_ping=False,
                connect_args={"server_settings": POSTGRESQL_SETTINGS, "timeout": 5},
            )
            self._reader = self._writer.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )

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
                self.wake_up.set()

    @asynccontextmanager
    async def administer(self) -> AsyncIterator[AsyncConnection]:
        """Open one writing transaction on the bare connection, for migrations."""
        async with _available(), self._writer.begin() as connection:
            yield connection

    async def close(self) -> None:
        await self._reader.dispose()
        await self._writer.dispose()


def engine_url(url: str) -> URL:
    """Parse an SQLAlchemy URL whose driver may be left out.

    Raises:
        ValueError: It is no URL, or of an engine that is not supported.
    """
    drivers = {
        "sqlite": "sqlite+aiosqlite",
        "postgresql": "postgresql+asyncpg",
        "postgres": "postgresql+asyncpg",
    }
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ValueError(
            "The database URL cannot be read; write sqlite:///sessiongraph.db or "
            "postgresql://user:password@host/database."
        ) from None
    name = parsed.drivername
    if name in drivers:
        parsed = parsed.set(drivername=drivers[name])
    elif name not in drivers.values():
        raise ValueError(f"The database URL names `{name}`; only sqlite and postgresql are supported.")
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise ValueError("SQLite needs a file; write sqlite:///sessiongraph.db.")
    return parsed


def _sqlite_engine(url: URL, *, readonly: bool) -> AsyncEngine:
    if sqlite3.sqlite_version_info < SQLITE_AT_LEAST:
        raise ValueError(
            f"This Python has SQLite {sqlite3.sqlite_version}, and {'.'.join(map(str, SQLITE_AT_LEAST))} is "
            "needed. Use another Python, or PostgreSQL."
        )
    engine = create_async_engine(
        url,
        pool_size=SQLITE_READERS if readonly else 1,
        max_overflow=0,
        pool_timeout=SQLITE_BUSY_SECONDS,
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: object) -> None:  # noqa: ANN401  the driver's own
        connection.isolation_level = None  # the driver's implicit BEGIN comes too late
        cursor = connection.cursor()
        for pragma in SQLITE_PRAGMAS:
            cursor.execute(pragma)
        if readonly:
            cursor.execute("PRAGMA query_only = ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        # A deferred transaction that reads and then writes fails at once, whatever the timeout.
        connection.exec_driver_sql("BEGIN" if readonly else "BEGIN IMMEDIATE")

    return engine


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
