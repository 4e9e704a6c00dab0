"""Exceptions as errors on the wire: each has a code, and a fault shows nothing of itself."""

import logging
import secrets
from typing import Any

from graphql import GraphQLError, GraphQLSyntaxError, VariableDefinitionNode

from api.errors import ErrorCode
from models import refusals

logger = logging.getLogger(__name__)

CODES: dict[type[refusals.Refusal], ErrorCode] = {
    refusals.BadUserInput: ErrorCode.BAD_USER_INPUT,
    refusals.BadCursor: ErrorCode.BAD_CURSOR,
    refusals.CursorExpired: ErrorCode.CURSOR_EXPIRED,
    refusals.Forbidden: ErrorCode.FORBIDDEN,
    refusals.Unauthenticated: ErrorCode.UNAUTHENTICATED,
    refusals.LimitExceeded: ErrorCode.LIMIT_EXCEEDED,
    refusals.Unavailable: ErrorCode.UNAVAILABLE,
}


def as_error(error: Exception) -> GraphQLError:
    return GraphQLError(str(error), original_error=error)


def on_the_wire(error: GraphQLError) -> GraphQLError:
    """Return the error with its code; a fault is logged under an id, and only the id is shown."""
    if "code" in (error.extensions or {}):
        return error
    cause = _cause(error)
    extra: dict[str, Any] = {}
    message = error.message
    if isinstance(cause, refusals.Refusal):
        code = CODES[type(cause)]
    elif isinstance(error, GraphQLSyntaxError):
        code = ErrorCode.GRAPHQL_PARSE_FAILED
    elif cause is not None:
        code, extra["id"] = ErrorCode.INTERNAL, secrets.token_hex(8)
        message = "Something went wrong on our side."
        logger.error("Fault %s at %s", extra["id"], error.path, exc_info=cause)
    elif error.path is not None or isinstance(next(iter(error.nodes or ()), None), VariableDefinitionNode):
        code = ErrorCode.BAD_USER_INPUT
    else:
        code = ErrorCode.GRAPHQL_VALIDATION_FAILED
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions={**(error.extensions or {}), "code": code.value, **extra},
    )


def _cause(error: BaseException) -> Exception | None:
    """Return what was raised first, where it was not GraphQL's own error."""
    original = error.original_error if isinstance(error, GraphQLError) else None
    if isinstance(original, GraphQLError):
        return _cause(original)
    return original
