"""The settings of authentication: whose tokens and keys are believed, and for how long."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Self

import httpx
from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode


class AuthSettings(BaseSettings):
    """A part of `Settings`, which reads them."""

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
    def _belong_together(self) -> Self:
        if self.token_issuers and self.jwks is None:
            raise ValueError("token_issuers needs jwks: say where the issuers publish their keys")
        if not self.token_issuers and self.jwks is not None:
            raise ValueError("jwks needs token_issuers: say whose access tokens are accepted")
        if not self.token_issuers and self.token_audience is not None:
            raise ValueError("token_audience needs token_issuers: say whose access tokens are accepted")
        return self

    @property
    def ended_memory_seconds(self) -> float:
        """How long the end of a session is remembered: for as long as its tokens may be accepted."""
        return self.token_lifetime_limit_seconds + 2 * self.token_leeway_seconds


def is_loopback(host: str) -> bool:
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
    return url.scheme == "https" or (url.scheme == "http" and is_loopback(url.host))
