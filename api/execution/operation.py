"""An operation of a document, ready to be executed again and again."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, suppress
from typing import Any, TypeVar, cast

from graphql import (
    ExecutionResult as CoreResult,
)
from graphql import (
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    NamedTypeNode,
    NonNullTypeNode,
    OperationDefinitionNode,
    TypeNode,
    create_source_event_stream,
    default_field_resolver,
    default_type_resolver,
    execute_subscription_event,
)
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.values import VariableValues
from strawberry.execution import optimized_is_awaitable
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from api.execution.executor import Executor
from api.execution.plain import NotPlain
from api.execution.root import RootField
from api.execution.selections import Selections
from api.execution.shared import Shared, SharedField
from api.execution.variables import Variables
from api.limits.cost import FREE, OperationCost

T = TypeVar("T")

COMBINATIONS_LIMIT = 8
"""For how many combinations of its conditions an operation is compiled."""


class Operation:
    """One operation of a valid document, with the document's fragments and what was compiled of it."""

    def __init__(
        self,
        schema: GraphQLSchema,
        definition: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
        *,
        cost: OperationCost = FREE,
        hide_suggestions: bool = False,
    ) -> None:
        self.name = None if definition.name is None else definition.name.value
        self.type = OperationType(definition.operation.value)
        self.cost = cost
        self._schema = schema
        self._hide_suggestions = hide_suggestions
        self._definition = definition
        definitions = definition.variable_definitions or ()
        self._variables = Variables(schema, definitions, hide_suggestions=hide_suggestions)
        self._fragment_definitions = dict(fragments)
        self._fragments = {name: FragmentDetails(fragment) for name, fragment in fragments.items()}
        self._conditions = [one.variable.name.value for one in definitions if _is_boolean(one.type)]
        self._selections: dict[tuple[Any, ...], Selections] = {}
        self._roots: dict[Selections, RootField | None] = {}
        self._shared: dict[Selections, SharedField | None] = {}

    async def execute(self, variables: dict[str, Any] | None, context: object) -> ExecutionResult:
        """Execute a query or a mutation."""
        executor = self.executor(variables, context)
        if isinstance(executor, list):
            return PreExecutionError(data=None, errors=executor)
        root = self._kept(self._roots, executor, RootField)
        if root is not None:
            result: Any = await root.execute(executor)
        else:
            result = executor.execute_operation()
            if optimized_is_awaitable(result):
                result = await result
        return ExecutionResult(data=result.data, errors=result.errors)

    async def subscribe(
        self, variables: dict[str, Any] | None, context: object
    ) -> AsyncGenerator[ExecutionResult, None]:
        """Execute a subscription, once for each of its events."""
        executor = self.executor(variables, context)
        if isinstance(executor, list):
            yield PreExecutionError(data=None, errors=executor)
            return
        source: Any = create_source_event_stream(executor)
        if optimized_is_awaitable(source):
            source = await source
        if isinstance(source, CoreResult):
            yield PreExecutionError(data=None, errors=source.errors)
            return
        shared = self._kept(self._shared, executor, SharedField)
        async with aclosing(source) as values:
            async for value in values:
                data = shared.answer(value) if shared is not None and isinstance(value, Shared) else None
                if data is not None:
                    yield ExecutionResult(data=data, errors=None)
                    continue
                result: Any = execute_subscription_event(executor.build_per_event_executor(value))
                if optimized_is_awaitable(result):
                    result = await result
                yield ExecutionResult(data=result.data, errors=result.errors)

    def executor(self, variables: dict[str, Any] | None, context: object) -> Executor | list[GraphQLError]:
        """Return what executes this once, or what is wrong with the variables."""
        values = self._variables.values(variables or {})
        if isinstance(values, list):
            return values
        executor = Executor(
            self._schema,
            self._fragment_definitions,
            self._fragments,
            None,
            context,
            self._definition,
            values,
            default_field_resolver,
            default_type_resolver,
            default_field_resolver,
            is_awaitable=cast("Any", optimized_is_awaitable),  # typed as a plain predicate
            hide_suggestions=self._hide_suggestions,
        )
        executor.selections = self._selections_under(values)
        return executor

    def _kept(
        self, kept: dict[Selections, T | None], executor: Executor, make: Callable[[Executor], T]
    ) -> T | None:
        """Return what was made for the executor's selections, if there are any and they are plain enough."""
        selections = executor.selections
        if selections is None:
            return None
        if selections not in kept:
            kept[selections] = None
            with suppress(NotPlain, GraphQLError, RecursionError):
                kept[selections] = make(executor)
        return kept[selections]

    def _selections_under(self, values: VariableValues) -> Selections | None:
        """Return the compiled selections for what the conditions of `@skip` and `@include` are this time."""
        combination = tuple([values.coerced.get(name) for name in self._conditions])
        found = self._selections.get(combination)
        if found is None and len(self._selections) < COMBINATIONS_LIMIT:
            found = self._selections[combination] = Selections()
        return found


def _is_boolean(type_: TypeNode) -> bool:
    """Tell whether a variable can be a condition; the validation lets no other type be one."""
    inner = type_.type if isinstance(type_, NonNullTypeNode) else type_
    return isinstance(inner, NamedTypeNode) and inner.name.value == "Boolean"
