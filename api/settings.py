"""The settings; the only module that reads the environment."""

import os
from functools import cached_property
from ipaddress import ip_address
from typing import Any

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from models.database import engine_url

PREFIX = "SESSIONGRAPH_"


class Settings(BaseSettings):
    """Each setting is the environment variable SESSIONGRAPH_ and its name; unknown ones are refused."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    database_url: str = Field(
        default="sqlite:///sessiongraph.db",
        description="Where sessions are stored: an SQLAlchemy URL of SQLite or PostgreSQL; "
        "the driver may be left out.",
    )
    host: str = Field(default="127.0.0.1", description="The address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="The port to listen on; 0 takes a free one.")
    database_pool_size: int = Field(
        default=10, ge=1, le=1000, description="How many PostgreSQL connections a process may hold."
    )
    feed_poll_seconds: float = Field(
        default=0.2,
        gt=0,
        le=1,
        description="How often the log is read when no wake-up comes: the longest that a change of another "
        "process can stay unnoticed.",
    )
    feed_ring_size: int = Field(
        default=10_000,
        ge=100,
        description="How many recent events are kept in memory for subscriptions; older ones are read from "
        "the database.",
    )
    token_lifetime_limit_seconds: int = Field(
        default=3600,
        ge=1,
        le=86_400,
        description="The longest time that an access token may still be valid for; one that expires later is "
        "refused. Ended sessions are remembered for so long, so that their tokens are refused.",
    )
    graphiql: bool = Field(default=True, description="Whether browsers are shown GraphiQL at /graphql.")
    connection_init_seconds: float = Field(
        default=5,
        gt=0,
        description="How long a WebSocket may take to send `connection_init` before it is closed with 4408.",
    )
    body_limit: int = Field(
        default=100_000, ge=1000, description="The largest request body that is read, in bytes."
    )
    graceful_seconds: int = Field(
        default=5, ge=0, description="How long a shutdown waits for answers that are under way."
    )

    @field_validator("database_url")
    @classmethod
    def _is_supported(cls, value: str) -> str:
        engine_url(value)
        return value

    @cached_property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the address."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False


def load_settings(**flags: Any) -> Settings:  # noqa: ANN401  as pydantic takes them
    """Read the environment; flags that are not None win.

    Raises:
        ValueError: A value is out of bounds, or a variable with our prefix is unknown.
    """
    unknown = sorted(
        name
        for name in os.environ
        if name.startswith(PREFIX)
        and not name.startswith(f"{PREFIX}TEST_")
        and name.removeprefix(PREFIX).lower() not in Settings.model_fields
    )
    if unknown:
        raise ValueError(f"{', '.join(unknown)} is not a setting; the README lists them.")
    return Settings(**{name: value for name, value in flags.items() if value is not None})
