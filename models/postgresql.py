"""PostgreSQL: transactions, and statements alone, on connections of asyncpg."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from operator import itemgetter
from typing import Any

import asyncpg
from sqlalchemy import URL, Dialect
from sqlalchemy.dialects.postgresql import asyncpg as asyncpg_dialect
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import SQLModel, col

from models.engine import Connections, dsn, postgresql_options
from models.instant import StoredInstant, to_microseconds
from models.pool import Pool
from models.statement import Compiled, Record, compiled

PASSING_STATES = ("08", "25P03", "40", "53", "55", "57")
"""SQLSTATE classes and codes that say "not now": connection, serialization, resources, locks, shutdown."""


class PostgreSQL:
    """The driver: transactions, and statements alone."""

    dialect: Dialect = asyncpg_dialect.dialect()  # type: ignore[no-untyped-call]

    def __init__(self, url: URL, connections: Connections) -> None:
        self._is_pooled = connections.direct_url is not None
        self._options = {
            "dsn": dsn(url),
            "max_cached_statement_lifetime": 0,
            **postgresql_options(url, connections),
        }
        self._pool = Pool(self._connected, size=connections.pool_size, wait_seconds=connections.pool_seconds)

    async def fetch(self, statement: Compiled, arguments: Sequence[Any]) -> list[Record]:
        """Run one reading statement; it is a snapshot of its own."""
        return await self._alone(self.reading, statement, arguments)

    async def change(self, statement: Compiled, arguments: Sequence[Any]) -> list[Record]:
        """Run one writing statement, which is a transaction of its own."""
        return await self._alone(self.writing, statement, arguments)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator["_Transaction"]:
        async with self._transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;") as tx:
            yield tx

    @asynccontextmanager
    async def writing(self) -> AsyncIterator["_Transaction"]:
        async with self._transaction("BEGIN ISOLATION LEVEL READ COMMITTED;") as tx:
            yield tx

    @staticmethod
    def is_passing(error: Exception) -> bool:
        """Tell whether the same statement can succeed later."""
        if isinstance(error, asyncpg.PostgresError):
            return (error.sqlstate or "").startswith(PASSING_STATES)
        if isinstance(error, asyncpg.InterfaceError):
            return not isinstance(error, ValueError)  # which says that an argument is wrong
        return isinstance(error, OSError | asyncpg.InternalClientError)  # TimeoutError is an OSError

    @staticmethod
    def stored(instant: datetime) -> StoredInstant:
        return StoredInstant(to_microseconds(instant))

    async def close(self) -> None:
        self._pool.terminate()

    async def _connected(self) -> Any:  # noqa: ANN401  asyncpg ships no types
        """Return a connection that leaves instants numbers.

        asyncpg would make a `datetime` of each in half a microsecond, and a page has two hundred.
        """
        raw = await asyncpg.connect(**self._options)
        await raw.set_type_codec(
            "timestamptz", schema="pg_catalog", encoder=_encoded, decoder=itemgetter(0), format="tuple"
        )
        return raw

    async def _alone(
        self,
        transaction: Callable[[], AbstractAsyncContextManager["_Transaction"]],
        statement: Compiled,
        arguments: Sequence[Any],
    ) -> list[Record]:
        if self._is_pooled:
            # Behind a pooler only a transaction keeps its server and has limits.
            async with transaction() as tx:
                return await tx.fetch(statement, arguments)
        async with self._pool.connection() as raw:
            return await _fetched(raw, statement, arguments)

    @asynccontextmanager
    async def _transaction(self, begin: str) -> AsyncIterator["_Transaction"]:
        async with self._pool.connection() as raw:
            await raw.execute(begin)
            try:
                yield _Transaction(raw)
            except Exception:
                # Not when cancelled: the pool closes the connection, which rolls back, and an error of a
                # rollback must not take the place of the cancellation.
                await raw.execute("ROLLBACK")
                raise
            await raw.execute("COMMIT")


class _Transaction:
    """The connection of one transaction."""

    def __init__(self, raw: Any) -> None:  # noqa: ANN401  asyncpg ships no types
        self._raw = raw

    async def fetch(self, statement: Compiled, arguments: Sequence[Any]) -> list[Record]:
        return await _fetched(self._raw, statement, arguments)

    async def fetch_each(self, statement: Compiled, rows: Sequence[Sequence[Any]]) -> list[Record]:
        """Run the statement once for each row of arguments; return all that it returns."""
        return statement.records(await self._raw.fetchmany(statement.sql, rows))

    async def execute(self, statement: Compiled, arguments: Sequence[Any]) -> int:
        """Run the statement; return how many rows it changed."""
        # The tag of the command, as in "UPDATE 3" or "INSERT 0 3"
        count = (await self._raw.execute(statement.sql, *arguments)).rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    async def execute_each(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        await self._raw.executemany(sql, rows)

    async def insert_absent(
        self, table: type[SQLModel], columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
    ) -> list[Any]:
        """Insert the rows whose key, the first column, is free; return these keys."""
        key = col(getattr(table, columns[0]))
        insertion = insert(table).on_conflict_do_nothing().returning(key)
        statement = compiled(insertion, PostgreSQL.dialect, columns)
        places = [columns.index(place.name) for place in statement.places]
        arranged = [[row[place] for place in places] for row in rows]
        return [row[0] for row in await self.fetch_each(statement, arranged)]


async def _fetched(raw: Any, statement: Compiled, arguments: Sequence[Any]) -> list[Record]:  # noqa: ANN401
    return statement.records(await raw.fetch(statement.sql, *arguments))


def _encoded(instant: datetime) -> tuple[int]:
    return (to_microseconds(instant),)
