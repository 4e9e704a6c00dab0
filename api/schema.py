"""The assembly of the schema, and the execution of operations on behalf of every transport."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from datetime import date, datetime
from typing import Any, cast

import strawberry
from graphql import (
    GraphQLArgument,
    GraphQLError,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    Undefined,
)
from strawberry.exceptions import MissingQueryError
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from api.admission import Admission, Admitted
from api.auth.refusal_log import log_refusal
from api.context import Context
from api.errors import ErrorCode
from api.limits.settings import Limits
from api.mutation import Mutation
from api.names import Names
from api.query import Query
from api.scalars import CURSOR, DATE, DATE_TIME, Cursor
from api.subscription import Subscription
from api.trusted import requested_id
from api.wire_errors import as_error, on_the_wire
from models import refusals
from models.instant import StoredInstant

HOW_TO_SUBSCRIBE = "A subscription is a stream: ask for `text/event-stream`, or use a WebSocket."


class Schema(strawberry.Schema):
    """Strawberry's schema, which keeps documents, gives errors their codes and masks faults.

    Every transport comes through `execute` or `stream`; Strawberry's extensions are not on that way.
    """

    def __init__(
        self,
        *,
        limits: Limits,
        introspection: bool,
        **options: Any,  # noqa: ANN401  as the base
    ) -> None:
        super().__init__(**options)
        self._admission = Admission(self.core, limits, is_open=introspection)
        self._error_limit = limits.error_limit

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
        if not query and requested_id(operation_extensions) is None:
            raise MissingQueryError
        admitted = self._admission.admitted(
            query, operation_name, variable_values, operation_extensions, cast("Context", context_value)
        )
        if isinstance(admitted, list):
            return self._refused(admitted)
        operation = admitted.operation
        if allowed_operation_types is not None and operation.type not in allowed_operation_types:
            raise InvalidOperationTypeError(operation.type)
        if operation.type is OperationType.SUBSCRIPTION:
            return self._refused([as_error(refusals.BadUserInput(HOW_TO_SUBSCRIBE))])
        return await self._executed(admitted, variable_values, context_value)

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
        admitted = self._admission.admitted(
            query, operation_name, variable_values, operation_extensions, cast("Context", context_value)
        )
        if (
            isinstance(admitted, Admitted)
            and allowed_operation_types is not None
            and admitted.operation.type not in allowed_operation_types
        ):
            raise InvalidOperationTypeError(admitted.operation.type)
        return self._results(admitted, variable_values, context_value)

    async def _executed(
        self, admitted: Admitted, variables: dict[str, Any] | None, context: object
    ) -> ExecutionResult:
        if admitted.is_prepared:
            await asyncio.sleep(0)  # others have waited for that
        try:
            result = self._answer(await admitted.operation.execute(variables, context), context)
        except Exception as error:  # noqa: BLE001  masked and logged like any fault
            return self._refused([as_error(error)])
        result.extensions = admitted.report
        return result

    async def _results(
        self, admitted: Admitted | list[GraphQLError], variables: dict[str, Any] | None, context: object
    ) -> AsyncGenerator[ExecutionResult, None]:
        if isinstance(admitted, list):
            yield self._refused(admitted)
            return
        if admitted.operation.type is not OperationType.SUBSCRIPTION:
            yield await self._executed(admitted, variables, context)
            return
        report = admitted.report
        try:
            async with aclosing(admitted.operation.subscribe(variables, context)) as results:
                async for result in results:
                    result.extensions, report = report, None  # the first one tells what was charged
                    yield self._answer(result, context)
        except Exception as error:  # noqa: BLE001  masked and logged like any fault
            yield self._answer(ExecutionResult(data=None, errors=[as_error(error)]), context)

    def _refused(self, errors: list[GraphQLError]) -> ExecutionResult:
        """Return the result of an operation of which nothing was executed."""
        return PreExecutionError(data=None, errors=self._shown(errors))

    def _answer(self, result: ExecutionResult, context: object) -> ExecutionResult:
        """Put the errors for the wire into a result; what is forbidden is written to the log."""
        if result.errors:
            result.errors = self._shown(result.errors)
            for error in result.errors:
                if (error.extensions or {})["code"] == ErrorCode.FORBIDDEN:
                    where = ".".join(map(str, error.path or ()))
                    log_refusal(ErrorCode.FORBIDDEN, getattr(context, "viewer", None), where)
        return result

    def _shown(self, errors: list[GraphQLError]) -> list[GraphQLError]:
        """Return the first errors for the wire, and at last how many more there are."""
        limit = self._error_limit
        if len(errors) <= limit:
            return [on_the_wire(error) for error in errors]
        shown = [on_the_wire(error) for error in errors[: limit - 1]]
        rest = f"And {len(errors) - len(shown):,} more errors; `error_limit` is {limit}."
        return [*shown, on_the_wire(as_error(refusals.LimitExceeded(rest)))]


def build_schema(limits: Limits | None = None, *, introspection: bool = True) -> Schema:
    """Return the schema; without `introspection` it tells nothing of itself, and errors suggest no names.

    Raises:
        BadManifest: The limits name a manifest of trusted documents that cannot be used.
    """
    schema = Schema(
        limits=limits or Limits(),
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        introspection=introspection,
        config=StrawberryConfig(
            name_converter=Names(),
            scalar_map={datetime: DATE_TIME, StoredInstant: DATE_TIME, date: DATE, Cursor: CURSOR},
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
