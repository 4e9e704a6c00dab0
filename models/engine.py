"""The engines: what the URL of a database means, and how connections to it are made."""

import sqlite3
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

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


def sqlite_engines(url: URL) -> tuple[AsyncEngine, AsyncEngine]:
    """Return an engine for reading and one for writing, which has one connection."""
    return _sqlite_engine(url, readonly=True), _sqlite_engine(url, readonly=False)


def postgresql_engines(url: URL, *, pool_size: int) -> tuple[AsyncEngine, AsyncEngine]:
    """Return an engine for reading and one for writing, which share their connections."""
    writer = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=5,
        pool_pre_ping=False,
        connect_args={"server_settings": POSTGRESQL_SETTINGS, "timeout": 5},
    )
    reader = writer.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return reader, writer


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
