"""A root field, resolved without the layers that graphql-core and Strawberry put around its resolver.

Most operations have one root field. What the layers find out anew in each request, which field it is and
where its arguments come from, is found out once. Its errors and the completion of its value are those of the
executor.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

from graphql import (
    ExecutionResult,
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationType,
)
from graphql.execution.collect_fields import collect_fields
from graphql.execution.values import get_argument_values
from graphql.pyutils import Path
from strawberry import Info
from strawberry.types.field import StrawberryField

from api.execution.arguments import Arguments
from api.execution.executor import Executor
from api.execution.plain import DEFINITION, NotPlain, check_directives, does_more, is_own

Resolve: TypeAlias = Callable[[Executor, GraphQLResolveInfo[Any]], Any]


class RootField:
    """The only field of a query or a mutation."""

    def __init__(self, executor: Executor) -> None:
        """Look at an operation.

        Raises:
            NotPlain: It has more fields, or one without a resolver.
            GraphQLError: It is not valid.
        """
        operation, schema = executor.operation, executor.schema
        type_ = schema.get_root_type(operation.operation)
        if type_ is None or operation.operation is OperationType.SUBSCRIPTION:
            raise NotPlain
        fields = collect_fields(
            schema, executor.fragments, executor.variable_values, type_, operation
        ).grouped_field_set
        if len(fields) != 1:
            raise NotPlain
        ((self._key, self._details),) = fields.items()
        check_directives(self._details)
        self._parent = type_
        self._nodes = [one.node for one in self._details]
        field = schema.get_field(type_, self._nodes[0].name.value)
        if field is None or field.resolve is None:
            raise NotPlain
        self._field = field
        self._resolve = _resolver(schema, field, self._nodes[0])

    async def execute(self, executor: Executor) -> ExecutionResult:
        """Execute the operation."""
        try:
            data = {self._key: await self._completed(executor)}
        except GraphQLError as error:
            executor.collected_errors.add(error, None)
            data = None
        return ExecutionResult(data, executor.collected_errors.errors or None)

    async def _completed(self, executor: Executor) -> Any:  # noqa: ANN401  part of an answer
        """Return the completed value.

        Raises:
            GraphQLError: The field is in error and may not be null.
        """
        field, details, path = self._field, self._details, Path(None, self._key, self._parent.name)
        info = executor.build_resolve_info(field, self._nodes, self._parent, path)
        try:
            value = self._resolve(executor, info)
            if executor.is_awaitable(value):
                value = await value
            completed = executor.complete_value(field.type, details, info, path, value, None)
            return await completed if executor.is_awaitable(completed) else completed
        except Exception as error:  # noqa: BLE001  as graphql-core does
            executor.handle_field_error(error, field.type, details, path)
            return None


def _resolver(schema: GraphQLSchema, field: GraphQLField, node: FieldNode) -> Resolve:
    """Return what calls the resolver of a field, directly if Strawberry would only convert its arguments."""
    resolve = field.resolve
    assert resolve is not None, "it is no attribute"  # noqa: S101
    definition: Any = field.extensions.get(DEFINITION)
    own = definition.base_resolver if type(definition) is StrawberryField else None
    if own is None or not is_own(field) or _needs_more(definition, schema):
        return lambda executor, info: resolve(
            executor.root_value,
            info,
            **get_argument_values(field, node, executor.variable_values, None, executor.hide_suggestions),
        )
    arguments = Arguments(schema.extensions[DEFINITION], field, node, definition)
    named_info: str | None = own.info_parameter.name if own.info_parameter else None

    def resolve_directly(executor: Executor, raw_info: GraphQLResolveInfo[Any]) -> Any:  # noqa: ANN401
        info: Any = Info(_raw_info=raw_info, _field=definition)
        given = arguments.given(executor.variable_values, info, hide_suggestions=executor.hide_suggestions)
        if named_info is not None:
            given[named_info] = info
        return own(executor.root_value, **given) if own.self_parameter else own(**given)

    return resolve_directly


def _needs_more(definition: StrawberryField, schema: GraphQLSchema) -> bool:
    """Tell whether a resolver is to be called otherwise than with its arguments, itself and the info."""
    resolver = definition.base_resolver
    return bool(
        does_more(definition)
        or schema.extensions[DEFINITION].exception_handlers
        or (resolver and (resolver.parent_parameter or resolver.root_parameter))
    )
