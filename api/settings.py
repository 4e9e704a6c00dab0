"""The settings; the only module that reads the environment."""

import os
from datetime import timedelta
from functools import cached_property
from typing import Any, Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from api.auth.settings import AuthSettings, is_loopback
from api.client import variables
from api.database_settings import DatabaseSettings
from api.limits.settings import Limits
from api.transport.settings import TransportSettings

PREFIX = "SESSIONGRAPH_"


class ServiceSettings(TransportSettings, DatabaseSettings):
    """A part of `Settings`, which reads them."""

    demo: bool = Field(
        default=False,
        description="Whether an empty database is filled with a believable population that goes on living, "
        "with credentials that are printed. Only on a loopback address.",
    )
    host: str = Field(default="127.0.0.1", description="The address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="The port to listen on; 0 takes a free one.")
    workers: int = Field(
        default=1,
        ge=1,
        le=256,
        description="How many processes serve the port; more than one needs PostgreSQL.",
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
    retention_days: int | None = Field(
        default=None,
        ge=1,
        le=36_500,
        description="How long ended sessions and changes of status are kept; older ones are removed all the "
        "time. Left out, they are kept until `sessiongraph prune` removes them.",
    )
    graphiql: bool | None = Field(
        default=None,
        description="Whether browsers are shown GraphiQL at /graphql; left out, only where nobody but this "
        "machine can reach it.",
    )
    console: bool | None = Field(
        default=None,
        description="Whether browsers are shown the console at /console; left out, only where nobody but "
        "this machine can reach it. With `trusted_documents` its own, api/console/operations.graphql, has to "
        "be among them.",
    )
    introspection: bool = Field(
        default=True,
        description="Whether those who are authenticated may ask for the schema; nobody else ever may.",
    )


class Settings(Limits, AuthSettings, ServiceSettings):
    """Each setting is the environment variable SESSIONGRAPH_ and its name; unknown ones are refused."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        if self.demo and not self.is_loopback:
            raise ValueError(f"the demo is for this machine alone; {self.host} can be reached from elsewhere")
        if self.demo and self.workers > 1:
            raise ValueError("the demo is one process; leave out workers")
        if self.workers > 1 and self.is_on_sqlite:
            raise ValueError("the processes of one SQLite file only wait for each other; use PostgreSQL")
        if self.demo and self.token_issuers:
            raise ValueError("the demo brings an issuer of its own; leave out token_issuers and jwks")
        if self.retention is not None:
            self.check_retention(self.retention, name="retention_days")
        return self

    @property
    def retention(self) -> timedelta | None:
        return None if self.retention_days is None else timedelta(days=self.retention_days)

    def check_retention(self, age: timedelta, *, name: str) -> None:
        """Make sure that no event is removed from which a starting server has to learn whom to refuse.

        Raises:
            ValueError: A token of a session that ended so long ago may still be unexpired.
        """
        if age.total_seconds() < self.ended_memory_seconds:
            raise ValueError(
                f"{name} is too short: the tokens of a session may live for {self.ended_memory_seconds:g} "
                "seconds (token_lifetime_limit_seconds, and twice token_leeway_seconds), and its end is "
                "remembered for so long"
            )

    @cached_property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the address."""
        return is_loopback(self.host)

    @model_validator(mode="after")
    def _leave_documents_free(self) -> Self:
        if self.trusted_documents is not None and (self.graphiql or self.demo):
            raise ValueError(
                "with trusted_documents nothing else is executed; leave out graphiql and the demo, which are "
                "for documents of one's own"
            )
        return self

    @property
    def shows_graphiql(self) -> bool:
        return self._shows(is_asked_for=self.graphiql)

    @property
    def shows_console(self) -> bool:
        return self._shows(is_asked_for=self.console)

    def _shows(self, *, is_asked_for: bool | None) -> bool:
        if is_asked_for is None:
            return self.is_loopback and self.trusted_documents is None
        return is_asked_for


def load_settings(**flags: Any) -> Settings:  # noqa: ANN401  as pydantic takes them
    """Read the environment; flags that are not None win.

    Raises:
        ValueError: A value is out of bounds, or a variable with our prefix is unknown.
    """
    unknown = sorted(
        name
        for name in os.environ
        if name.startswith(PREFIX)
        and name not in {variables.URL, variables.KEY}
        and not name.startswith(f"{PREFIX}TEST_")
        and name.removeprefix(PREFIX).lower() not in Settings.model_fields
    )
    if unknown:
        raise ValueError(f"{', '.join(unknown)} is not a setting; the README lists them.")
    return Settings(**{name: value for name, value in flags.items() if value is not None})
