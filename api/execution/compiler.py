"""The compiler: it writes functions that turn an object into its part of the answer.

A selection set is compiled for one object type: its plain fields become one expression, and the others are
left for graphql-core. Which the fields are, by fragments, conditions, aliases and merging, is what its own
`collect_subfields` says. `{ id kind: object ended: endedAt }` of a session becomes

    def complete(o):
        if type(o) is not c0 or getattr(o, '__as_strawberry_type__', None) is not None:
            raise c1
        r = o.row
        v1 = o.object
        return {'id': r[0], 'kind': v1 if type(v1) is str else c2(v1),
                'ended': None if (v2 := r[10]) is None else c3(v2)}

What enters the source is Python's syntax, names that are made here, names of attributes of our own classes,
and literals made by `repr`: a response key, even a hostile one, can be nothing but a string.

An exception out of such a function is a surprise: null where none may be, a value that does not serialize
or is of another class, an attribute or a method that raises, something to wait for. Then graphql-core
completes the same value from the start. So reading must have no effects: it may happen twice, and it happens
before the resolvers of the same selection set are called.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

from graphql import (
    GraphQLAbstractType,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLID,
    GraphQLInt,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLString,
    TypeNameMetaFieldDef,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet
from strawberry.types.cast import TYPE_CAST_ATTRIBUTE

from api.columns import Column
from api.execution.function import Function
from api.execution.plain import NotPlain, check_directives, class_of, classes_of, source_of
from api.execution.values import SETTLED, Complete, Surprise, Words, as_list, enum_names, scalar

COMPILED_LIMIT = 200
"""How many selection sets of one operation are compiled: fragments can be nested into very many."""

AS_IS: dict[GraphQLNamedType, str] = {
    GraphQLString: "type({0}) is str",
    GraphQLID: "type({0}) is str",
    GraphQLBoolean: "type({0}) is bool",
    GraphQLInt: "type({0}) is int and -0x80000000 <= {0} <= 0x7FFFFFFF",
}
"""When a value of a built-in scalar is its own part of the answer."""

Key: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Selection:
    """A selection set of one object type.

    `complete` answers its plain fields, with None in the place of each field in `rest`.
    """

    complete: Complete
    rest: GroupedFieldSet


class Compiler:
    """Compiles for one executor; `known` is what has been compiled before for the same nodes."""

    def __init__(self, executor: Executor[Any], known: dict[Key, Selection | None]) -> None:
        self._executor = executor
        self._schema = executor.schema
        self._known = known

    def completer(self, type_: GraphQLOutputType, details: FieldDetailsList) -> Complete:
        """Return what completes a value of the fields.

        Raises:
            NotPlain: Something in it is not plain, or it is a leaf, which needs no function of its own.
        """
        if is_leaf_type(get_nullable_type(type_)):
            raise NotPlain
        function = Function("value")
        return function.returning(self._completed(function, type_, details, "value"))

    def selection(self, type_: GraphQLObjectType, details: FieldDetailsList) -> Selection:
        """Return the selection set that the fields have together for an object type.

        Raises:
            NotPlain: Nothing in it is plain.
        """
        key = key_of(type_, details)
        if key not in self._known:
            if len(self._known) >= COMPILED_LIMIT:
                raise NotPlain
            self._known[key] = None
            self._known[key] = self._compiled(type_, details)
        found = self._known[key]
        if found is None:
            raise NotPlain
        return found

    def _compiled(self, type_: GraphQLObjectType, details: FieldDetailsList) -> Selection:
        fields = self._executor.collect_subfields(type_, details).grouped_field_set
        function = Function("o")
        class_ = function.name(class_of(type_))
        is_cast = f"getattr(o, {TYPE_CAST_ATTRIBUTE!r}, None) is not None"
        function.write(f"if type(o) is not {class_} or {is_cast}:", f"    raise {function.name(Surprise)}")
        rest: GroupedFieldSet = {}
        entries: list[str] = []
        for key, nodes in fields.items():
            try:
                entries.append(f"{key!r}: {self._field(function, type_, nodes)}")
            except NotPlain:
                entries.append(f"{key!r}: None")
                rest[key] = nodes
        if fields and len(rest) == len(fields):
            raise NotPlain
        return Selection(function.returning(f"{{{', '.join(entries)}}}"), rest)

    def _field(self, function: Function, type_: GraphQLObjectType, details: FieldDetailsList) -> str:
        """Return the expression for a field of `o`."""
        check_directives(details)
        field = self._schema.get_field(type_, details[0].node.name.value)
        if field is TypeNameMetaFieldDef:
            return repr(type_.name)
        if field is None:
            raise NotPlain
        source = source_of(type_, field)
        if isinstance(source, Column):
            return _column(function, source, field.type)
        value = function.variable()
        completed = self._completed(function, field.type, details, value)
        is_name = isinstance(source, str)
        function.write(f"{value} = o.{source}" if is_name else f"{value} = {function.name(source)}(o)")
        return completed

    def _completed(
        self,
        function: Function,
        type_: GraphQLOutputType,
        details: FieldDetailsList,
        value: str,
        *,
        is_nullable: bool = True,
    ) -> str:
        """Return the expression for a value, which is the name of a variable."""
        if is_non_null_type(type_):
            return self._completed(function, type_.of_type, details, value, is_nullable=False)
        if is_list_type(type_):
            item = function.variable()
            items = f"{function.name(as_list)}({value})"
            completed = f"[{self._completed(function, type_.of_type, details, item)} for {item} in {items}]"
        elif is_leaf_type(type_):
            completed = _leaf(function, type_, value)
        elif is_abstract_type(type_):
            completed = f"{function.name(self._by_class(type_, details))}[type({value})]({value})"
        else:
            assert is_object_type(type_), "there are no other types"  # noqa: S101
            completed = f"{function.name(self._whole(type_, details))}({value})"
        return f"None if {value} is None else {completed}" if is_nullable else completed

    def _whole(self, type_: GraphQLObjectType, details: FieldDetailsList) -> Complete:
        selection = self.selection(type_, details)
        if selection.rest:
            raise NotPlain
        return selection.complete

    def _by_class(self, type_: GraphQLAbstractType, details: FieldDetailsList) -> dict[type, Complete]:
        """Return what completes the classes that stand for an abstract type; others are a surprise."""
        found: dict[type, Complete] = {}
        for class_, possible in classes_of(type_, self._schema):
            with suppress(NotPlain):
                found[class_] = self._whole(possible, details)
        if not found:
            raise NotPlain
        return found


def key_of(type_: GraphQLOutputType, details: FieldDetailsList) -> Key:
    """Return what tells a selection set from others of its operation; the nodes live as long as that."""
    return (id(type_), *[id(one.node) for one in details])


def _column(function: Function, column: Column, type_: GraphQLOutputType) -> str:
    """Return the expression for a value of the row, which is what its table declares and needs no check."""
    leaf, stored = get_nullable_type(type_), f"{function.row()}[{column.place}]"
    if isinstance(leaf, GraphQLEnumType):
        return f"{function.name(Words(column.meanings, enum_names(leaf)))}[{stored}]"
    if not isinstance(leaf, GraphQLScalarType) or column.meanings is not None:
        raise NotPlain
    if leaf in AS_IS:
        return stored
    coerce = function.name(leaf.coerce_output_value)
    if is_non_null_type(type_):
        return f"{coerce}({stored})"
    value = function.variable()
    return f"None if ({value} := {stored}) is None else {coerce}({value})"


def _leaf(function: Function, type_: GraphQLScalarType | GraphQLEnumType, value: str) -> str:
    if isinstance(type_, GraphQLEnumType):
        return f"{function.name(enum_names(type_))}[{value}]"
    completed = f"{function.name(scalar(type_))}({value})"
    as_is = AS_IS.get(type_)
    if as_is is not None:
        return f"{value} if {as_is.format(value)} else {completed}"
    coerced, coerce = function.variable(), function.name(type_.coerce_output_value)
    settled = function.name(SETTLED)
    is_text = f"type({coerced} := {coerce}({value})) is str"
    return (
        f"{coerced} if type({value}) in {settled} and ({is_text} or type({coerced}) in {settled}) "
        f"else {completed}"
    )
