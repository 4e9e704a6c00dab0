"""What the URL of a database means, and the engine with which SQLAlchemy and Alembic administer it."""

from typing import Any

from sqlalchemy import URL, Connection, NullPool, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

TIMEOUT_SECONDS = 5


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


def administration_engine(url: URL) -> AsyncEngine:
    """Return an engine for a single transaction that writes."""
    engine = create_async_engine(url, poolclass=NullPool, connect_args={"timeout": TIMEOUT_SECONDS})
    if url.get_backend_name() == "sqlite":

        @event.listens_for(engine.sync_engine, "connect")
        def prepare(connection: Any, _record: object) -> None:  # noqa: ANN401  the driver's own
            connection.isolation_level = None  # the driver's implicit BEGIN comes too late

        @event.listens_for(engine.sync_engine, "begin")
        def begin(connection: Connection) -> None:
            # A deferred transaction that reads and then writes fails at once, whatever the timeout.
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
