"""Requests over HTTP that are an operation in JSON to be answered in JSON, as nearly all are."""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

from cross_web import HTTPException

from api.transport.answer import JSON

T = TypeVar("T")

CONTENT_TYPES = frozenset({JSON.encode(), f"{JSON}; charset=utf-8".encode()})


class OperationRequest(NamedTuple):
    """What a client wants to be executed."""

    query: str
    variables: dict[str, Any] | None
    operation_name: str | None


def is_operation(method: str, headers: Mapping[bytes, bytes]) -> bool:
    """Tell by its head whether a request is of this kind."""
    return (
        method == "POST"
        and headers.get(b"content-type", b"").lower() in CONTENT_TYPES
        and b"text/event-stream" not in headers.get(b"accept", b"")
    )


def operation_request(body: dict[str, Any]) -> OperationRequest:
    """Read the body of a request.

    Raises:
        HTTPException: A part of it is missing, or of the wrong type.
    """
    query = _part(body, "query", str, "a string")
    if not query:
        raise HTTPException(400, "The body has no `query`.")
    _part(body, "extensions", dict, "an object")
    return OperationRequest(
        query, _part(body, "variables", dict, "an object"), _part(body, "operationName", str, "a string")
    )


def _part(body: dict[str, Any], name: str, type_: type[T], wanted: str) -> T | None:
    value = body.get(name)
    if value is not None and not isinstance(value, type_):
        raise HTTPException(400, f"`{name}` must be {wanted}.")
    return value
