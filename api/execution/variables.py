"""The variables of an operation: coerced by graphql-core, with signatures that are made only once."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from graphql import (
    GraphQLBoolean,
    GraphQLError,
    GraphQLID,
    GraphQLInputType,
    GraphQLSchema,
    GraphQLString,
    Undefined,
    VariableDefinitionNode,
    coerce_input_value,
    get_nullable_type,
    is_non_null_type,
)
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values

from api.execution.values import Surprise

ERRORS_LIMIT = 9
"""How many errors in variables are reported, before one that says that there are more."""

AS_IS = {GraphQLString: str, GraphQLID: str, GraphQLBoolean: bool}
"""The Python type whose values a built-in scalar takes as they are."""


class _Variable(NamedTuple):
    """A variable whose value is `as_is` when it is of that type; a default is for graphql-core."""

    name: str
    type_: GraphQLInputType
    as_is: type | None
    may_be_missing: bool
    missing: VariableValueSource


class Variables:
    """Those of one operation."""

    def __init__(
        self, schema: GraphQLSchema, definitions: Sequence[VariableDefinitionNode], *, hide_suggestions: bool
    ) -> None:
        self._schema = schema
        self._definitions = definitions
        self._hide_suggestions = hide_suggestions
        self._known = [_known(schema, one) for one in definitions]

    def values(self, given: dict[str, Any]) -> VariableValues | list[GraphQLError]:
        """Return the values of the variables, or what is wrong with them, as graphql-core does."""
        try:
            return self._coerced(given)
        except (Surprise, RecursionError):
            return get_variable_values(
                self._schema,
                self._definitions,
                given,
                max_errors=ERRORS_LIMIT,
                hide_suggestions=self._hide_suggestions,
            )

    def _coerced(self, given: dict[str, Any]) -> VariableValues:
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        for known in self._known:
            if known is None:
                raise Surprise
            name, type_, as_is, may_be_missing, missing = known
            value = given.get(name, Undefined)
            if value is Undefined:
                if not may_be_missing:
                    raise Surprise
                sources[name] = missing
                continue
            sources[name] = VariableValueSource(missing.signature, value)
            if type(value) is not as_is:
                value = coerce_input_value(value, type_)
                if value is Undefined:
                    raise Surprise
            coerced[name] = value
        return VariableValues(sources, coerced)


def _known(schema: GraphQLSchema, definition: VariableDefinitionNode) -> _Variable | None:
    signature = get_variable_signature(schema, definition)
    if isinstance(signature, GraphQLError):
        return None
    type_ = signature.type
    may_be_missing = definition.default_value is None and not is_non_null_type(type_)
    nullable: Any = get_nullable_type(type_)
    return _Variable(
        signature.name, type_, AS_IS.get(nullable), may_be_missing, VariableValueSource(signature)
    )
