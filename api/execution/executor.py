"""graphql-core's executor, which runs a compiled function where there is one."""

from collections.abc import Awaitable
from typing import Any

from graphql import GraphQLObjectType, GraphQLOutputType, GraphQLResolveInfo
from graphql.execution import Executor as CoreExecutor
from graphql.execution.collect_fields import FieldDetailsList
from graphql.pyutils import AwaitableOrValue, Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from api.execution.selections import Selections
from api.execution.values import Complete

SURPRISED = object()


class Executor(CoreExecutor[None]):
    """Executes one operation; without `selections` as Strawberry does.

    Its base is not Strawberry's class, which prepares for `@defer` and `@stream` in each request.
    """

    selections: Selections | None = None
    operation_extensions: dict[str, Any] | None = None
    build_resolve_info: Any = StrawberryGraphQLCoreExecutionContext.build_resolve_info

    def complete_value(
        self,
        return_type: GraphQLOutputType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,  # noqa: ANN401  as in the base
        position_context: Any,  # noqa: ANN401  as in the base
    ) -> AwaitableOrValue[Any]:
        """Complete a value by one function where everything in it is plain."""
        if self.selections is not None:
            complete = self.selections.completer(self, return_type, field_details_list)
            completed = SURPRISED if complete is None else attempt(complete, result)
            if completed is not SURPRISED:
                return completed
        return super().complete_value(return_type, field_details_list, info, path, result, position_context)

    def collect_and_execute_subfields(
        self,
        return_type: GraphQLObjectType,
        field_details_list: FieldDetailsList,
        path: Path,
        result: Any,  # noqa: ANN401  as in the base
        position_context: Any,  # noqa: ANN401  as in the base
    ) -> AwaitableOrValue[dict[str, Any]]:
        """Read the plain fields of an object by one function, and execute only the rest."""
        if self.selections is not None:
            selection = self.selections.selection(self, return_type, field_details_list)
            data: Any = SURPRISED if selection is None else attempt(selection.complete, result)
            if selection is not None and data is not SURPRISED:
                rest: Any = self.execute_fields(return_type, result, path, selection.rest, None)
                return _filled(data, rest) if self.is_awaitable(rest) else data | rest
        return super().collect_and_execute_subfields(
            return_type, field_details_list, path, result, position_context
        )


def attempt(complete: Complete, value: object) -> Any:  # noqa: ANN401  part of an answer
    """Return the completed value, or SURPRISED."""
    try:
        return complete(value)
    except Exception:  # noqa: BLE001  whatever it is, graphql-core meets it again and reports it
        return SURPRISED


async def _filled(data: dict[str, Any], rest: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    """Put what was waited for in its place."""
    return data | await rest
