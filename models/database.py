"""The database and its transactions; the only module that knows which engine runs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Any, Protocol, TypeAlias
from uuid import uuid4

from sqlalchemy import Dialect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import ClauseElement
from sqlmodel import SQLModel

from models.engine import Connections, administration_engine, engine_url
from models.instant import StoredInstant
from models.postgresql import PostgreSQL
from models.refusals import Unavailable
from models.sqlite import SQLite
from models.statement import Compiled, Record, Statement, Values, compiled

__all__ = ["Database", "ReadTx", "Record", "Source", "Statement", "WriteTx"]

Runnable: TypeAlias = Statement | ClauseElement
"""What can be run: compiled once, or whenever it is run."""

Run: TypeAlias = Callable[[Compiled, Sequence[Any]], Awaitable[list[Record]]]

NO_VALUES: Values = {}


class Connection(Protocol):
    """What a driver gives to a transaction."""

    async def fetch(self, statement: Compiled, arguments: Sequence[Any]) -> list[Record]: ...
    async def fetch_each(self, statement: Compiled, rows: Sequence[Sequence[Any]]) -> list[Record]: ...
    async def execute(self, statement: Compiled, arguments: Sequence[Any]) -> int: ...
    async def execute_each(self, sql: str, rows: Sequence[Sequence[Any]]) -> None: ...
    async def insert_absent(
        self, table: type[SQLModel], columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
    ) -> list[Any]: ...


class Driver(Protocol):
    """One of the two engines."""

    dialect: Dialect

    @staticmethod
    def is_passing(error: Exception) -> bool: ...
    @staticmethod
    def stored(instant: datetime) -> StoredInstant: ...
    async def fetch(self, statement: Compiled, arguments: Sequence[Any]) -> list[Record]: ...
    async def change(self, statement: Compiled, arguments: Sequence[Any]) -> list[Record]: ...
    def reading(self) -> AbstractAsyncContextManager[Connection]: ...
    def writing(self) -> AbstractAsyncContextManager[Connection]: ...
    async def close(self) -> None: ...


class Source(Protocol):
    """Where rows are read: a database, each statement alone, or a transaction."""

    async def fetch(self, statement: Statement, values: Values) -> list[Record]: ...


class ReadTx:
    """A short transaction in which every statement sees the same snapshot.

    Values are by name; those that are not given are the statement's own.
    """

    def __init__(self, connection: Connection, dialect: Dialect) -> None:
        self._connection = connection
        self._dialect = dialect

    async def fetch(self, statement: Runnable, values: Values = NO_VALUES) -> list[Record]:
        """Run the statement and return its rows, also those that an INSERT or UPDATE returns."""
        translated = self._translated(statement)
        return await self._connection.fetch(translated, translated.arguments(values))

    async def first(self, statement: Runnable, values: Values = NO_VALUES) -> Record | None:
        rows = await self.fetch(statement, values)
        return rows[0] if rows else None

    async def scalar(self, statement: Runnable, values: Values = NO_VALUES) -> Any:  # noqa: ANN401  any column's
        rows = await self.fetch(statement, values)
        return rows[0][0] if rows else None

    def _translated(self, statement: Runnable) -> Compiled:
        if isinstance(statement, Statement):
            return statement.compiled(self._dialect)
        return compiled(statement, self._dialect)


class WriteTx(ReadTx):
    """A short transaction that is committed when its block ends and rolled back when it raises.

    `numbers_at_once` says whether there is only one writer, so that the log can number an event when it is
    inserted. Set `has_events` after appending to the log; readers are woken after the commit.
    """

    def __init__(self, connection: Connection, dialect: Dialect, *, numbers_at_once: bool) -> None:
        super().__init__(connection, dialect)
        self.numbers_at_once = numbers_at_once
        self.has_events = False

    async def execute(self, statement: Runnable, values: Values = NO_VALUES) -> int:
        """Run the statement and return how many rows it changed."""
        translated = self._translated(statement)
        return await self._connection.execute(translated, translated.arguments(values))

    async def execute_each(self, statement: ClauseElement, rows: Sequence[Values]) -> None:
        """Run the statement once for each of the rows, which have the same names."""
        translated = compiled(statement, self._dialect, list(rows[0]))
        await self._connection.execute_each(translated.sql, [translated.arguments(row) for row in rows])

    async def insert_absent(
        self, table: type[SQLModel], columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
    ) -> list[Any]:
        """Insert many rows, those whose key is free; return these keys. The first column is the primary key.

        No two rows may have one key, and all instants are in UTC. On PostgreSQL rows are locked in the order
        in which they are given.
        """
        return await self._connection.insert_absent(table, columns, rows)

    async def insert_unless_present(
        self, table: type[SQLModel], rows: Sequence[Mapping[str, Any]]
    ) -> list[Any]:
        """Insert the rows whose primary key is free; return these keys. All rows have the same columns."""
        insert = sqlite.insert if self.numbers_at_once else postgresql.insert
        (key,) = table.__table__.primary_key  # type: ignore[attr-defined]
        statement = insert(table).on_conflict_do_nothing().returning(key)
        translated = compiled(statement, self._dialect, list(rows[0]))
        inserted = await self._connection.fetch_each(translated, [translated.arguments(row) for row in rows])
        return [row[0] for row in inserted]


class Database:
    """Two ways in: `read()` and `write()`; `fetch()` and `change()` are short cuts for one statement.

    Close it after use; it opens again when it is used once more.

    `wake_up` is set after each commit that appended to the log: a hint that there is something to read. With
    `has_pending` it is to be numbered first. `name` is what other nodes know this one by. With `is_bulk` more
    memory and disk is taken for changes that come by the thousand.
    """

    def __init__(self, url: str, connections: Connections | None = None, *, is_bulk: bool = False) -> None:
        self._connections = connections or Connections()
        self.url = engine_url(url)
        direct_url = self._connections.direct_url
        self.direct_url = engine_url(direct_url) if direct_url else self.url
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.name = uuid4().hex
        self.wake_up = asyncio.Event()
        self.has_pending = False
        self._driver: Driver = (
            SQLite(str(self.url.database), is_bulk=is_bulk)
            if self.is_sqlite
            else PostgreSQL(self.url, self._connections)
        )

    async def fetch(self, statement: Statement, values: Values) -> list[Record]:
        """Run one reading statement outside of any transaction: it sees a snapshot of its own.

        Raises:
            Unavailable: The database is away or busy.
        """
        return await self._alone(self._driver.fetch, statement, values)

    async def change(self, statement: Statement, values: Values) -> list[Record]:
        """Run one statement as a transaction of its own; where it returns rows, it appended to the log.

        Raises:
            Unavailable: The database is away or busy; what was written may have been committed or not.
        """
        changed = await self._alone(self._driver.change, statement, values)
        if changed:
            self._has_appended()
        return changed

    def stored(self, instant: datetime) -> StoredInstant:
        """Return an instant in UTC as it is in the rows of bare statements."""
        return self._driver.stored(instant)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadTx]:
        """Open one snapshot for reading.

        Raises:
            Unavailable: The database is away or busy.
        """
        async with self._available(), self._driver.reading() as connection:
            yield ReadTx(connection, self._driver.dialect)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[WriteTx]:
        """Open one transaction for writing and commit it when the block ends.

        Raises:
            Unavailable: The database is away or busy; what was written may have been committed or not.
        """
        async with self._available():
            async with self._driver.writing() as connection:
                tx = WriteTx(connection, self._driver.dialect, numbers_at_once=self.is_sqlite)
                yield tx
            if tx.has_events:
                self._has_appended()

    @asynccontextmanager
    async def administer(self) -> AsyncIterator[AsyncConnection]:
        """Open one writing transaction of SQLAlchemy's own, for migrations, which may take their time."""
        engine = administration_engine(self.direct_url, self._connections)
        try:
            async with self._available(), engine.begin() as connection:
                yield connection
        finally:
            await engine.dispose()

    async def close(self) -> None:
        await self._driver.close()

    async def _alone(self, run: Run, statement: Statement, values: Values) -> list[Record]:
        translated = statement.compiled(self._driver.dialect)
        # As `_available` does, which would be a tenth of the time of a statement.
        try:
            return await run(translated, translated.arguments(values))
        except Exception as error:
            if self._driver.is_passing(error):
                raise Unavailable from error
            raise

    def _has_appended(self) -> None:
        self.has_pending = True
        self.wake_up.set()

    @asynccontextmanager
    async def _available(self) -> AsyncIterator[None]:
        """Turn the many ways in which a database is away or busy into one refusal; other faults pass."""
        try:
            yield
        except Exception as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            if isinstance(cause, Exception) and self._driver.is_passing(cause):
                raise Unavailable from error
            raise
