"""The variables of an operation: coerced by graphql-core, with signatures that are made only once."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from graphql import (
    GraphQLBoolean,
    GraphQLError,
    GraphQLID,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLSchema,
    GraphQLString,
    Undefined,
    VariableDefinitionNode,
    coerce_input_value,
    get_nullable_type,
    is_input_object_type,
    is_non_null_type,
)
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values
from graphql.utilities.coerce_input_value import coerce_default_value

from api.execution.values import Surprise

ERRORS_LIMIT = 9
"""How many errors in variables are reported, before one that says that there are more."""

AS_IS = {GraphQLString: str, GraphQLID: str, GraphQLBoolean: bool}
"""The Python type whose values a built-in scalar takes as they are."""


class _Variable(NamedTuple):
    """A variable whose value is `as_is` when it is of that type; a default is for graphql-core."""

    name: str
    as_is: type | None
    coerce: Callable[[Any], Any]
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
            name, as_is, coerce, may_be_missing, missing = known
            value = given.get(name, Undefined)
            if value is Undefined:
                if not may_be_missing:
                    raise Surprise
                sources[name] = missing
                continue
            sources[name] = VariableValueSource(missing.signature, value)
            if type(value) is not as_is:
                value = coerce(value)
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
        signature.name, AS_IS.get(nullable), _coercion(type_), may_be_missing, VariableValueSource(signature)
    )


def _coercion(type_: GraphQLInputType) -> Callable[[Any], Any]:
    """Return what coerces a value as `coerce_input_value` does.

    An input object of which only such fields are given as are taken as they are is taken as it is.
    """
    object_ = get_nullable_type(type_)
    if not is_input_object_type(object_) or object_.is_one_of or object_.out_type is not _AS_GIVEN:
        return partial(coerce_input_value, type_=type_)
    if any(field.out_name or _has_default(field) for field in object_.fields.values()):
        return partial(coerce_input_value, type_=type_)
    nullable: dict[str, Any] = {name: get_nullable_type(field.type) for name, field in object_.fields.items()}
    as_is = {name: AS_IS.get(inner) for name, inner in nullable.items()}
    required = {name for name, field in object_.fields.items() if is_non_null_type(field.type)}

    def coerced(value: object) -> Any:  # noqa: ANN401  as `coerce_input_value`
        if type(value) is dict and value.keys() >= required:
            for name, given in value.items():
                if type(given) is not as_is.get(name):
                    break
            else:  # the order is that of the definition
                return value if len(value) == 1 else {name: value[name] for name in as_is if name in value}
        return coerce_input_value(value, type_)

    return coerced


def _has_default(field: GraphQLInputField) -> bool:
    return coerce_default_value(field) is not Undefined


_AS_GIVEN = GraphQLInputObjectType.out_type
"""What graphql-core makes of an input object unless it is told otherwise: the dict that it is."""
