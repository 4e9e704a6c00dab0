"""What the URL of a database means, how connections to it are made, and the engine that Alembic is given."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import URL, Connection, NullPool, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

SQLITE_BUSY_SECONDS = 5
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
SSL_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
ELSEWHERE = {
    "connect_timeout": "it is a setting",
    "statement_timeout": "it is a setting",
    "lock_timeout": "it is a setting",
    "idle_in_transaction_session_timeout": "it is a setting",
    "ssl": "PostgreSQL calls it `sslmode`",
}
"""What is often written into a URL and would be misunderstood there, and why not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connections:
    """How a process connects to PostgreSQL; SQLite has no use for it. A limit of 0 is none.

    With a `direct_url` the database's own URL is that of a pooler in transaction mode, which keeps neither
    statements nor settings of a connection.
    """

    direct_url: str | None = None
    pool_size: int = 10
    pool_seconds: float = 5
    connect_seconds: float = 5
    statement_seconds: float = 30
    lock_seconds: float = 5
    idle_seconds: float = 5

    @property
    def server_settings(self) -> dict[str, str]:
        """What PostgreSQL is told, by the names that it has for it."""
        return {
            # Its default is that of a disk with a head, which makes it read whole tables and sort them.
            "random_page_cost": "1.1",
            "statement_timeout": _milliseconds(self.statement_seconds),
            "lock_timeout": _milliseconds(self.lock_seconds),
            # A node that was stopped in the middle must not hold a row, the log's least of all.
            "idle_in_transaction_session_timeout": _milliseconds(self.idle_seconds),
        }


def engine_url(url: str) -> URL:
    """Parse an SQLAlchemy URL whose driver may be left out; the query of PostgreSQL's is libpq's.

    Raises:
        ValueError: It is no URL, or of an engine or with an option that is not supported.
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
    if parsed.get_backend_name() == "postgresql":
        _check_options(parsed)
    return parsed


def dsn(url: URL) -> str:
    """Return the URL as asyncpg and libpq read it, with its password."""
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def administration_engine(url: URL, connections: Connections) -> AsyncEngine:
    """Return an engine for a single transaction that writes; PostgreSQL lets it take its time."""
    if url.get_backend_name() == "postgresql":
        unlimited = replace(connections, direct_url=None, statement_seconds=0)
        options = {"dsn": dsn(url), **postgresql_options(url, unlimited)}
        return create_async_engine("postgresql+asyncpg://", poolclass=NullPool, connect_args=options)
    engine = create_async_engine(url, poolclass=NullPool, connect_args={"timeout": SQLITE_BUSY_SECONDS})

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: object) -> None:  # noqa: ANN401  the driver's own
        connection.isolation_level = None  # the driver's implicit BEGIN comes too late

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        # A deferred transaction that reads and then writes fails at once, whatever the timeout.
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def postgresql_options(url: URL, connections: Connections) -> dict[str, Any]:
    """Return how asyncpg is to connect, besides where."""
    options = _as_pooled(connections) if connections.direct_url else _as_own(url, connections)
    return {"timeout": connections.connect_seconds, **options}


def _as_own(url: URL, connections: Connections) -> dict[str, Any]:
    """Return how to connect to PostgreSQL itself: a connection keeps what it is told."""
    name = {} if "application_name" in url.query else {"application_name": "sessiongraph"}
    return {"server_settings": {**name, **connections.server_settings}}


def _as_pooled(connections: Connections) -> dict[str, Any]:
    """Return how to connect to a pooler: it refuses settings, and each transaction may meet another server.

    So these are part of the message that begins a transaction, and no statement outlives its own.
    """
    told = connections.server_settings.items()
    settings = "".join(f" SET LOCAL {name} = '{value}';" for name, value in told)

    class Pooled(asyncpg.Connection):  # type: ignore[misc]  # it ships no types
        async def execute(self, query: str, *arguments: object, **options: object) -> str:
            if query.startswith("BEGIN"):
                query += settings
            status: str = await super().execute(query, *arguments, **options)
            return status

    return {"connection_class": Pooled, "statement_cache_size": 0}


def _check_options(url: URL) -> None:
    for name, value in url.query.items():
        if name in ELSEWHERE:
            raise ValueError(f"Leave `{name}` out of the database URL: {ELSEWHERE[name]}.")
        if name == "sslmode" and value not in SSL_MODES:
            raise ValueError(f"`sslmode` in the database URL is one of {', '.join(SSL_MODES)}.")
        if name in SSL_FILES and not Path(str(value)).is_file():
            raise ValueError(f"`{name}` in the database URL names {value}, which is no file.")


def _milliseconds(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"
