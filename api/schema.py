"""The assembly of the schema, and the only place where exceptions become errors on the wire."""

import logging
import secrets
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
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
from strawberry.exceptions import MissingQueryError
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from api.auth.refusal_log import log_refusal
from api.documents import Documents
from api.errors import ErrorCode
from api.execution.operation import Operation
from api.mutation import Mutation
from api.names import Names
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

HOW_TO_SUBSCRIBE = "A subscription is a stream: ask for `text/event-stream`, or use a WebSocket."


class Schema(strawberry.Schema):
    """Strawberry's schema, which keeps documents, gives errors their codes and masks faults.

    Every transport comes through `execute` or `stream`; Strawberry's extensions are not on that way.
    """

    def __init__(self, *, introspection: bool = True, **options: Any) -> None:  # noqa: ANN401  as the base
        super().__init__(**options)
        self.documents = Documents(self.core, is_open=introspection)

    @property
    def core(self) -> GraphQLSchema:
        """The schema as graphql-core has it."""
        return self._schema

    async def execute(
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: object = None,
        root_value: object = None,
        operation_name: str | None = None,
        allowed_operation_types: Iterable[OperationType] | None = None,
        operation_extensions: dict[str, Any] | None = None,
    ) -> ExecutionResult:
        """Execute a query or a mutation.

        Raises:
            MissingQueryError: There is no document.
            InvalidOperationTypeError: The operation is of a type that is not allowed.
        """
        if not query:
            raise MissingQueryError
        operation = self.documents.operation(query, operation_name)
        if isinstance(operation, list):
            return _refused(operation)
        if allowed_operation_types is not None and operation.type not in allowed_operation_types:
            raise InvalidOperationTypeError(operation.type)
        if operation.type is OperationType.SUBSCRIPTION:
            return _refused([_as_error(refusals.BadUserInput(HOW_TO_SUBSCRIBE))])
        return await _executed(operation, variable_values, context_value)

    async def stream(
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: object = None,
        root_value: object = None,
        operation_name: str | None = None,
        operation_extensions: dict[str, Any] | None = None,
        allowed_operation_types: Iterable[OperationType] | None = None,
    ) -> AsyncGenerator[ExecutionResult, None]:
        """Return the results of a subscription, or the only one of a query or a mutation.

        Raises:
            InvalidOperationTypeError: The operation is of a type that is not allowed.
        """
        operation = self.documents.operation(query or "", operation_name)
        if (
            isinstance(operation, Operation)
            and allowed_operation_types is not None
            and operation.type not in allowed_operation_types
        ):
            raise InvalidOperationTypeError(operation.type)
        return _results(operation, variable_values, context_value)


async def _executed(
    operation: Operation, variables: dict[str, Any] | None, context: object
) -> ExecutionResult:
    try:
        return _answer(await operation.execute(variables, context), context)
    except Exception as error:  # noqa: BLE001  masked and logged like any fault
        return _refused([_as_error(error)])


async def _results(
    operation: Operation | list[GraphQLError], variables: dict[str, Any] | None, context: object
) -> AsyncGenerator[ExecutionResult, None]:
    if isinstance(operation, list):
        yield _refused(operation)
    elif operation.type is OperationType.SUBSCRIPTION:
        try:
            async with aclosing(operation.subscribe(variables, context)) as results:
                async for result in results:
                    yield _answer(result, context)
        except Exception as error:  # noqa: BLE001  masked and logged like any fault
            yield _answer(ExecutionResult(data=None, errors=[_as_error(error)]), context)
    else:
        yield await _executed(operation, variables, context)


def _refused(errors: list[GraphQLError]) -> ExecutionResult:
    """Return the result of an operation of which nothing was executed."""
    return PreExecutionError(data=None, errors=[on_the_wire(error) for error in errors])


def _answer(result: ExecutionResult, context: object) -> ExecutionResult:
    """Put the errors for the wire into a result; what is forbidden is written to the log."""
    if result.errors:
        result.errors = [on_the_wire(error) for error in result.errors]
        for error in result.errors:
            if (error.extensions or {})["code"] == ErrorCode.FORBIDDEN:
                where = ".".join(map(str, error.path or ()))
                log_refusal(ErrorCode.FORBIDDEN, getattr(context, "viewer", None), where)
    return result


def _as_error(error: Exception) -> GraphQLError:
    return GraphQLError(str(error), original_error=error)


def build_schema(*, introspection: bool = True) -> Schema:
    """Return the schema; without `introspection` it tells nothing of itself, and errors suggest no names."""
    schema = Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        introspection=introspection,
        config=StrawberryConfig(
            name_converter=Names(), scalar_map={datetime: DATE_TIME, date: DATE, Cursor: CURSOR}
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
