"""The settings of the database: where it is, and how a process connects to it."""

from typing import Self

from pydantic import BaseModel, Field, field_validator, model_validator

from models.engine import Connections, engine_url


class DatabaseSettings(BaseModel):
    """The part of the settings that `models` has to know."""

    database_url: str = Field(
        default="sqlite:///sessiongraph.db",
        description="Where sessions are stored: a URL of SQLite or PostgreSQL. That of PostgreSQL takes the "
        "options of libpq, TLS among them: `?sslmode=verify-full&sslrootcert=ca.pem`.",
    )
    database_direct_url: str | None = Field(
        default=None,
        description="Where PostgreSQL itself is, when `database_url` is that of a pooler in transaction "
        "mode, such as PgBouncer: wake-ups need a connection that is not shared.",
    )
    database_pool_size: int = Field(
        default=10,
        ge=1,
        le=1000,
        description="How many PostgreSQL connections a process may hold, besides one for wake-ups.",
    )
    database_pool_seconds: float = Field(
        default=5, gt=0, description="How long a request waits for one of these connections."
    )
    database_connect_seconds: float = Field(
        default=5, gt=0, description="How long PostgreSQL may take to accept a connection."
    )
    database_statement_seconds: float = Field(
        default=30,
        ge=0,
        description="How long PostgreSQL works on one statement before it gives up; 0 is for ever. "
        "Migrations may take longer.",
    )
    database_lock_seconds: float = Field(
        default=5, ge=0, description="How long a statement waits for a lock in PostgreSQL; 0 is for ever."
    )
    database_idle_seconds: float = Field(
        default=5,
        ge=0,
        description="How long PostgreSQL lets a process be silent within a transaction: the longest that a "
        "stopped process can hold up the others; 0 is for ever.",
    )

    @field_validator("database_url", "database_direct_url")
    @classmethod
    def _is_supported(cls, value: str | None) -> str | None:
        if value is not None:
            engine_url(value)
        return value

    @model_validator(mode="after")
    def _is_direct(self) -> Self:
        if self.database_direct_url is not None:
            urls = (self.database_url, self.database_direct_url)
            if any(engine_url(url).get_backend_name() != "postgresql" for url in urls):
                raise ValueError("database_direct_url is for PostgreSQL behind a pooler; leave it out")
        return self

    @property
    def is_on_sqlite(self) -> bool:
        return engine_url(self.database_url).get_backend_name() == "sqlite"

    @property
    def connections(self) -> Connections:
        """How a process connects to PostgreSQL."""
        return Connections(
            direct_url=self.database_direct_url,
            pool_size=self.database_pool_size,
            pool_seconds=self.database_pool_seconds,
            connect_seconds=self.database_connect_seconds,
            statement_seconds=self.database_statement_seconds,
            lock_seconds=self.database_lock_seconds,
            idle_seconds=self.database_idle_seconds,
        )
