"""What a client wants to be executed, as a request over HTTP says it."""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from strawberry.http.parse_content_type import parse_content_type

from api.transport.accept import JSON
from api.transport.strict_json import MalformedJSONError, read_json
from api.trusted import requested_id, with_document_id

T = TypeVar("T")

CONTENT_TYPES = frozenset({JSON.encode(), f"{JSON}; charset=utf-8".encode()})
"""Those of nearly all requests, so that they need not be taken apart."""


class OperationRequest(NamedTuple):
    """What a client wants to be executed: a document, or one that the extensions name."""

    query: str | None
    variables: dict[str, Any] | None
    operation_name: str | None
    extensions: dict[str, Any] | None


def require_json(headers: Mapping[bytes, bytes]) -> None:
    """Check the type of a body, which no page from elsewhere can send without having been let in.

    Raises:
        HTTPException: It is not JSON in UTF-8.
    """
    content_type = headers.get(b"content-type", b"").lower()
    if content_type in CONTENT_TYPES:
        return
    media_type, parameters = parse_content_type(content_type.decode("latin-1"))
    if media_type != JSON or parameters.get("charset", "utf-8").strip('"') not in {"utf-8", "utf8"}:
        raise HTTPException(415, f"The body must be of the type `{JSON}`, in UTF-8.")


def posted_request(body: bytes, *, depth_limit: int) -> OperationRequest:
    """Read the body of a POST.

    Raises:
        HTTPException: It is not JSON, a part is missing, or of the wrong type.
    """
    members = _read(body, depth_limit)
    if not isinstance(members, dict):
        raise HTTPException(400, "The body must be a JSON object with `query`.")
    return _operation_request(members)


def got_request(query_string: bytes, *, depth_limit: int) -> OperationRequest:
    """Read the parameters of a GET.

    Raises:
        HTTPException: One is missing, of the wrong type, or there twice.
    """
    members: dict[str, object] = {}
    for name, value in QueryParams(query_string).multi_items():
        if name in members:
            raise HTTPException(400, f"The parameter {name[:50]!r} comes twice.")
        if name in {"variables", "extensions"} and value:
            members[name] = _read(value.encode(), depth_limit)
        else:
            members[name] = value or None
    return _operation_request(members)


def _operation_request(members: dict[str, Any]) -> OperationRequest:
    members = with_document_id(members)
    query = _part(members, "query", str, "a string")
    extensions = _part(members, "extensions", dict, "an object")
    if not query and requested_id(extensions) is None:
        raise HTTPException(400, "The request has no `query`.")
    return OperationRequest(
        query,
        _part(members, "variables", dict, "an object"),
        _part(members, "operationName", str, "a string"),
        extensions,
    )


def _read(text: bytes, depth_limit: int) -> object:
    try:
        return read_json(text, depth_limit=depth_limit)
    except MalformedJSONError as fault:
        raise HTTPException(400, str(fault)) from None


def _part(members: dict[str, Any], name: str, type_: type[T], wanted: str) -> T | None:
    value = members.get(name)
    if value is not None and not isinstance(value, type_):
        raise HTTPException(400, f"`{name}` must be {wanted}.")
    return value
