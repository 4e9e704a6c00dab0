"""The settings; the only module that reads the environment."""

import os
from datetime import timedelta
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Self

import httpx
from pydantic import Field, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from api.client import variables
from api.database_settings import DatabaseSettings
from api.limits.settings import Limits
from api.transport.settings import TransportSettings

PREFIX = "SESSIONGRAPH_"


class ServiceSettings(DatabaseSettings, TransportSettings):
    """The settings but for those of limits."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

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
    key_poll_seconds: float = Field(
        default=0.25,
        gt=0,
        le=0.5,
        description="How often the API keys are looked at: about how long a revoked key can go on working.",
    )
    token_issuers: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Whose access tokens are accepted: the `iss` claims, separated by commas, with or "
        "without a trailing slash. WorkOS uses https://api.workos.com, or that and /user_management/ and the "
        "client id, or a domain of your own. Needs `jwks`.",
    )
    token_audience: str | None = Field(
        default=None,
        min_length=1,
        description="What the `aud` claim of an access token must have; left out, `aud` is not looked at.",
    )
    jwks: str | None = Field(
        default=None,
        description="Where the issuers' signing keys are: the URL of a JSON Web Key Set (https, or http on "
        "this machine) or the path of a file. For WorkOS, https://api.workos.com/sso/jwks/ and the client "
        "id. Needs `token_issuers`.",
    )
    jwks_cool_down_seconds: float = Field(
        default=30,
        gt=0,
        le=30,
        description="How long the issuer is left alone after it was asked for keys: the longest that a new "
        "key can stay unknown.",
    )
    jwks_refresh_seconds: float = Field(
        default=300,
        gt=0,
        le=3600,
        description="How often the issuer is asked for keys while no new one is needed: the longest that a "
        "key holds which the issuer has removed.",
    )
    jwks_stale_seconds: float = Field(
        default=86_400,
        gt=0,
        le=604_800,
        description="How long the known keys hold while the issuer does not answer.",
    )
    token_leeway_seconds: float = Field(
        default=10,
        ge=0,
        le=60,
        description="By how much the clocks of the issuer and of this server may differ: an access token is "
        "accepted for so long before its `nbf` and `iat` and after its `exp`.",
    )
    read_permission: str = Field(
        default="sessions:read",
        min_length=1,
        description="The permission in an access token with which a user sees the sessions of the "
        "token's organization.",
    )
    end_permission: str = Field(
        default="sessions:end",
        min_length=1,
        description="The permission in an access token with which a user ends the sessions of the token's "
        "organization.",
    )
    token_lifetime_limit_seconds: int = Field(
        default=3600,
        ge=1,
        le=86_400,
        description="The longest time that an access token may still be valid for; one that expires later is "
        "refused. Ended sessions are remembered for so long, so that their tokens are refused.",
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

    @field_validator("token_issuers", mode="before")
    @classmethod
    def _are_listed(cls, value: object) -> object:
        return [one.strip() for one in value.split(",")] if isinstance(value, str) else value

    @field_validator("token_issuers")
    @classmethod
    def _are_issuers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(not issuer or not issuer.isprintable() or " " in issuer for issuer in value):
            raise ValueError("an issuer is a text without spaces, and issuers are separated by one comma")
        return value

    @field_validator("jwks")
    @classmethod
    def _has_keys(cls, value: str | None) -> str | None:
        if value is None or (_is_key_set_url(value) if "://" in value else Path(value).is_file()):
            return value
        raise ValueError(
            "it is neither a file nor an https URL without credentials (or http on this machine)"
        )

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
        if self.token_issuers and self.jwks is None:
            raise ValueError("token_issuers needs jwks: say where the issuers publish their keys")
        if not self.token_issuers and self.jwks is not None:
            raise ValueError("jwks needs token_issuers: say whose access tokens are accepted")
        if not self.token_issuers and self.token_audience is not None:
            raise ValueError("token_audience needs token_issuers: say whose access tokens are accepted")
        if self.retention is not None:
            self.check_retention(self.retention, name="retention_days")
        return self

    @property
    def ended_memory_seconds(self) -> float:
        """How long the end of a session is remembered: for as long as its tokens may be accepted."""
        return self.token_lifetime_limit_seconds + 2 * self.token_leeway_seconds

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
        return _is_loopback(self.host)


class Settings(Limits, ServiceSettings):
    """Each setting is the environment variable SESSIONGRAPH_ and its name; unknown ones are refused."""

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


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _is_key_set_url(location: str) -> bool:
    try:
        url = httpx.URL(location)
    except httpx.InvalidURL:
        return False
    if not url.host or url.userinfo:
        return False
    return url.scheme == "https" or (url.scheme == "http" and _is_loopback(url.host))


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
