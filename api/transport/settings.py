"""The settings of the transports: what may be sent, how much of it, how fast and by which pages."""

from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode
from strawberry.http.websocket_origin import normalize_allowed_origins


class TransportSettings(BaseSettings):
    """A part of `Settings`, which reads them."""

    queries_over_get: bool = Field(
        default=False,
        description="Whether queries are also answered to GET, and streams begun by it; mutations never are.",
    )
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="The origins of other web pages that may call, separated by commas, such as "
        "https://admin.example.com; `*` is all. Pages of this server always may.",
    )
    trusted_proxies: str = Field(
        default="127.0.0.1",
        description="The addresses of the proxies whose X-Forwarded-For says who is calling, separated by "
        "commas; `*` is all. Those who come through another proxy count as one address.",
    )
    head_limit: int = Field(
        default=65_536,
        ge=8192,
        description="How much of the head of a request is read without its end coming, in bytes.",
    )
    idle_seconds: int = Field(
        default=5,
        ge=1,
        description="How long a connection is kept between two requests, and how long the head of one may "
        "take.",
    )
    body_limit: int = Field(
        default=100_000, ge=1000, description="The largest request body that is read, in bytes."
    )
    body_seconds: float = Field(
        default=10, gt=0, description="How long a request may take to send its body before it gets 408."
    )
    send_seconds: float = Field(
        default=30,
        gt=0,
        description="How long a client may take nothing of what is sent to it before it is cut off.",
    )
    json_depth_limit: int = Field(
        default=64,
        ge=8,
        le=500,
        description="How deep the arrays and objects of a body or a frame may be nested.",
    )
    frame_limit: int = Field(
        default=100_000,
        ge=1000,
        description="The largest message that a WebSocket may send, in bytes; a larger one closes it with "
        "1009.",
    )
    message_rate_limit: int = Field(
        default=100,
        ge=10,
        description="How many messages a WebSocket may send in a second; one more closes it with 4429.",
    )
    operation_id_limit: int = Field(
        default=128,
        ge=36,
        description="How long the id of an operation on a WebSocket may be, in characters.",
    )
    operations_per_socket_limit: int = Field(
        default=100, ge=1, description="How many operations may run at once on one WebSocket."
    )
    sockets_per_address_limit: int = Field(
        default=1000,
        ge=1,
        description="How many WebSockets one address (of IPv6, one /64) may have open on a node; one more is "
        "closed with 1013.",
    )
    streams_per_viewer_limit: int = Field(
        default=100,
        ge=1,
        description="How many subscriptions one user or API key may have running on a node, over all "
        "transports.",
    )
    streams_per_address_limit: int = Field(
        default=1000,
        ge=1,
        description="How many subscriptions one address (of IPv6, one /64) may have running on a node, over "
        "all transports.",
    )
    connection_init_seconds: float = Field(
        default=5,
        gt=0,
        description="How long a WebSocket may take to send `connection_init` before it is closed with 4408.",
    )
    keep_alive_seconds: float = Field(
        default=15,
        gt=0,
        description="How often a quiet stream of server-sent events gets a comment, so that proxies keep it.",
    )
    graceful_seconds: int = Field(
        default=5, ge=0, description="How long a shutdown waits for answers that are under way."
    )

    @field_validator("allowed_origins", mode="before")
    @classmethod
    def _origins_are_listed(cls, value: object) -> object:
        return [one.strip() for one in value.split(",") if one.strip()] if isinstance(value, str) else value

    @field_validator("allowed_origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(normalize_allowed_origins(value)))
