"""The assembly of the schema, and the only place where exceptions become errors on the wire."""

import logging
import secrets
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import strawberry
from graphql import (
    GraphQLArgument,
    GraphQLError,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSyntaxError,
    Undefined,
    VariableDefinitionNode,
)
from strawberry.extensions import DisableIntrospection
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from api.auth.refusal_log import log_refusal
from api.errors import ErrorCode
from api.mutation import Mutation
from api.query import Query
from api.scalars import CURSOR, DATE, DATE_TIME, Cursor
from api.subscription import Subscription
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


class Schema(strawberry.Schema):
    """Strawberry's schema, whose errors carry a code and whose faults are masked."""

    @property
    def core(self) -> GraphQLSchema:
        """The schema as graphql-core has it."""
        return self._schema

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Replace each error by the one for the wire, in the list that will be sent."""
        errors[:] = [on_the_wire(error) for error in errors]
        viewer = getattr(execution_context and execution_context.context, "viewer", None)
        for error in errors:
            if (error.extensions or {})["code"] == ErrorCode.FORBIDDEN:
                log_refusal(ErrorCode.FORBIDDEN, viewer, ".".join(map(str, error.path or ())))


def build_schema(*, introspection: bool = True) -> Schema:
    """Return the schema; without `introspection` it tells nothing of itself, and errors suggest no names."""
    schema = Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        extensions=[] if introspection else [DisableIntrospection],
        config=StrawberryConfig(
            scalar_map={datetime: DATE_TIME, date: DATE, Cursor: CURSOR},
            disable_field_suggestions=not introspection,
        ),
    )
    for type_ in schema.core.type_map.values():
        if isinstance(type_, GraphQLInputObjectType):
            _leave_out_null(type_.fields.values())
        elif isinstance(type_, GraphQLObjectType):
            for field in type_.fields.values():
                _leave_out_null(field.args.values())
    return schema


def _leave_out_null(inputs: Iterable[GraphQLArgument | GraphQLInputField]) -> None:
    """Take away the default of what is optional: the `None` of a resolver is no default of the contract."""
    for given in inputs:
        if given.default_value is None:
            given.default_value = Undefined


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
