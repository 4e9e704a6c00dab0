"""The arguments of a root field: known beforehand or given by variables, and converted as by Strawberry."""

from collections.abc import Callable
from dataclasses import MISSING
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLField,
    Undefined,
    ValueNode,
    VariableNode,
    Visitor,
    is_non_null_type,
    is_required_argument,
    visit,
)
from graphql.execution.values import VariableValues, get_argument_values
from graphql.utilities.coerce_input_value import coerce_default_value, coerce_input_literal
from strawberry import ID, UNSET, Info
from strawberry.schema.base import BaseSchema
from strawberry.types.arguments import StrawberryArgument, convert_argument
from strawberry.types.base import StrawberryObjectDefinition, StrawberryOptional, get_object_definition
from strawberry.types.field import StrawberryField

Convert: TypeAlias = Callable[..., Any]

IMMEDIATE = (str, int, float, bool, ID)
"""Types of which Strawberry takes a coerced value as it is."""


class _Source(NamedTuple):
    """Where an argument has its value from: a variable, or else a value; Undefined is left out."""

    name: str
    variable: str | None
    otherwise: Any
    is_nullable: bool


class _Conversion(NamedTuple):
    """How Strawberry wants an argument: by which name, and as what."""

    name: str
    python_name: str
    convert: Convert | None


class Arguments:
    """Those of one field of an operation."""

    def __init__(
        self, schema: BaseSchema, field: GraphQLField, node: FieldNode, definition: StrawberryField
    ) -> None:
        self._field = field
        self._node = node
        self._sources = _sources(field, node)
        self._conversions = [_conversion(schema, one) for one in definition.arguments]

    def given(
        self, values: VariableValues, info: Info[Any, Any], *, hide_suggestions: bool
    ) -> dict[str, Any]:
        """Return the arguments by their names in Python.

        Raises:
            GraphQLError: One of them is not valid, as graphql-core has it.
        """
        coerced = self._coerced(values)
        if coerced is None:
            coerced = get_argument_values(self._field, self._node, values, None, hide_suggestions)
        return {
            python_name: coerced[name] if convert is None else convert(coerced[name], info=info)
            for name, python_name, convert in self._conversions
            if name in coerced
        }

    def _coerced(self, values: VariableValues) -> dict[str, Any] | None:
        """Return the arguments by their names; None when graphql-core must find them."""
        if self._sources is None:
            return None
        found = {}
        for name, variable, otherwise, is_nullable in self._sources:
            value = otherwise if variable is None else values.coerced.get(variable, otherwise)
            if value is None and not is_nullable:
                return None
            if value is not Undefined:
                found[name] = value
        return found


def _sources(field: GraphQLField, node: FieldNode) -> list[_Source] | None:
    nodes = {one.name.value: one.value for one in node.arguments or ()}
    found = [_source(name, argument, nodes.get(name)) for name, argument in field.args.items()]
    return None if None in found else [one for one in found if one is not None]


def _source(name: str, argument: GraphQLArgument, node: ValueNode | None) -> _Source | None:
    """Return where an argument has its value from; None for what depends on variables and is none."""
    is_nullable = not is_non_null_type(argument.type)
    variable = node.name.value if isinstance(node, VariableNode) else None
    if node is not None and variable is None:
        if _has_variables(node):
            return None
        literal = coerce_input_literal(node, argument.type)
        return None if literal is Undefined else _Source(name, None, literal, is_nullable)
    if is_required_argument(argument):
        # Without a value the variable is null here, and that is for graphql-core to refuse.
        return None if variable is None else _Source(name, variable, None, is_nullable)
    return _Source(name, variable, coerce_default_value(argument), is_nullable)


def _has_variables(node: ValueNode) -> bool:
    class Finder(Visitor):
        found = False

        def enter_variable(self, *_: object) -> None:
            self.found = True

    finder = Finder()
    visit(node, finder)
    return finder.found


def _conversion(schema: BaseSchema, argument: StrawberryArgument) -> _Conversion:
    name = schema.config.name_converter.from_argument(argument)
    return _Conversion(name, argument.python_name, _converter(schema, argument.type))


def _converter(schema: BaseSchema, type_: Any) -> Convert | None:  # noqa: ANN401  as Strawberry has types
    """Return what converts a coerced value as `convert_argument` does; None when it is left as it is."""
    inner = type_.of_type if type(type_) is StrawberryOptional else type_
    if inner in IMMEDIATE:
        return None
    definition = get_object_definition(inner) if isinstance(inner, type) else None
    if definition is not None and definition.is_input and definition.from_input is None:
        return _maker(schema, definition.origin, definition)
    return partial(
        convert_argument,
        type_=type_,
        scalar_registry=schema.schema_converter.scalar_registry,
        config=schema.config,
    )


def _maker(schema: BaseSchema, class_: type, definition: StrawberryObjectDefinition) -> Convert:
    """Return what makes an input object, with the names of its fields and their converters found out once."""
    absent = {
        field.python_name: None
        for field in definition.fields
        if field.default_value is MISSING and field.default_factory is MISSING
    }
    fields = {
        schema.config.name_converter.from_field(field): (
            field.python_name,
            _converter(schema, field.resolve_type(type_definition=definition)),
        )
        for field in definition.fields
    }

    def make(value: dict[str, Any] | None, *, info: Info[Any, Any]) -> Any:  # noqa: ANN401  of the class
        if value is None or value is UNSET:
            return value
        given = dict(absent)
        for name, one in value.items():
            python_name, convert = fields[name]
            given[python_name] = one if convert is None else convert(one, info=info)
        return class_(**given)

    return make
