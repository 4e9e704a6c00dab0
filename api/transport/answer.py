"""Answers over HTTP: their media type, their status and their bytes."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from strawberry.types import ExecutionResult

from api.errors import ErrorCode
from api.transport.accept import GRAPHQL_RESPONSE, JSON, preferred_media_type

STATUS_CODES = {
    ErrorCode.UNAUTHENTICATED: 401,
    ErrorCode.LIMIT_EXCEEDED: 429,
    ErrorCode.UNAVAILABLE: 503,
}
"""The codes that decide the status of an answer without data; any other is 400."""


LIMIT_STATUSES = frozenset({413, 414, 429})


def answer_of(result: ExecutionResult) -> dict[str, Any]:
    """Return the answer, without data where nothing was executed, or where the database was away."""
    errors = result.errors
    shown: dict[str, Any] = {"data": result.data}
    if result.extensions:
        shown["extensions"] = result.extensions
    if not errors:
        return shown
    shown["errors"] = [error.formatted for error in errors]
    was_executed = result.data is not None or any(error.path is not None for error in errors)
    if not was_executed or any((error.extensions or {})["code"] == ErrorCode.UNAVAILABLE for error in errors):
        del shown["data"]
    return shown


class JSONAnswer:
    """Sends an answer as it is; Starlette's response takes the headers through text and back."""

    def __init__(self, status: int, media_type: str, body: bytes) -> None:
        self.headers = [(b"content-type", media_type.encode()), (b"content-length", b"%d" % len(body))]
        self._status = status
        self._body = body

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self._status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self._body})


def response_to(answer: dict[str, Any], media_type: str) -> JSONAnswer:
    status = _status(answer, media_type)
    response = JSONAnswer(status, media_type, orjson.dumps(answer))
    if status == STATUS_CODES[ErrorCode.LIMIT_EXCEEDED]:
        seconds = answer["errors"][0]["extensions"].get("retryAfter", 1)
        response.headers.append((b"retry-after", b"%d" % seconds))
    return response


def refusal_response(
    status: int,
    message: str,
    code: ErrorCode | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    accept: str = "",
) -> Response:
    """Answer a request that is not GraphQL in the form of an answer that is, which clients look into.

    Some do so only where it has the media type for it; `accept` is what the client takes.
    """
    if code is None:
        code = ErrorCode.LIMIT_EXCEEDED if status in LIMIT_STATUSES else ErrorCode.BAD_USER_INPUT
    body = {"errors": [{"message": message, "extensions": {"code": code}}]}
    given = dict(headers or {})
    if code is ErrorCode.UNAUTHENTICATED:
        given["WWW-Authenticate"] = "Bearer"
    is_preferred = preferred_media_type(accept) == GRAPHQL_RESPONSE
    media_type = GRAPHQL_RESPONSE if is_preferred else JSON
    return Response(orjson.dumps(body), status_code=status, media_type=media_type, headers=given)


def _status(answer: dict[str, Any], media_type: str) -> int:
    if "data" in answer:
        return 200
    extensions = answer["errors"][0]["extensions"]
    status = STATUS_CODES.get(extensions["code"], 400)
    if "bound" in extensions and "retryAfter" not in extensions:
        status = 400  # the same document is over the same bound at any time
    # Over application/json a well-formed request is answered with 200, or old clients take it for noise.
    return status if media_type == GRAPHQL_RESPONSE or status != 400 else 200  # noqa: PLR2004
