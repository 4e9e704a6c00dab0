"""Generated documents over any schema, and generated values for its types, faults included."""

from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from inspect import getattr_static
from random import Random
from types import SimpleNamespace
from typing import Any, TypeAlias

from graphql import (
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    Undefined,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_enum_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
    is_union_type,
)
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from api.columns import Column
from api.execution.plain import NotPlain, parent_of
from models.instant import to_microseconds, to_text

Make: TypeAlias = Callable[[], Any]
"""Makes a value anew for each execution, since some can be used only once."""

CONDITIONS = ("a", "b", "c")
"""The variables of `@skip` and `@include`; an operation declares those that it uses."""
ALIASES = ("", "", "", "x_{0}: ", "__{0}__: ")
ARGUMENTS = {
    "shout": "(times: 2)",
    "session": '(id: "1")',
    "node": '(id: "1")',
    "nodes": '(ids: ["1", "2"])',
    "sessions": "(first: 5)",
    "sessionStatusChanges": "",
    "sessionStatusChanged": "",
    "sessionCounts": "(by: [STATUS])",
    "createSession": '(input: {userId: "1", expiresAt: "2099-01-01T00:00:00Z"})',
    "endSession": '(input: {id: "1"})',
    "endSessions": "(input: {filter: {}})",
}
NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
STORED_NOON = [to_microseconds(NOON), to_text(NOON)]
SCALARS: dict[str, list[Any]] = {
    "ID": ["1", 1],
    "String": ["", "text", "\N{SNOWMAN}", 5, 1.5, True],
    "Int": [0, -5, 2**31 - 1, True, 1.0, "7"],
    "Float": [0.0, -1.5, 3, "2.5"],
    "Boolean": [True, False, 0, 1.0],
    "DateTime": [NOON, *STORED_NOON],
    "Date": [date(2026, 1, 15)],
    "Cursor": ["cursor"],
    "Odd": [1, 3],
}
"""Values that each scalar can show, not all of them as they are."""
NEAR: dict[str, list[Any]] = {
    "ID": [True, 1.5],
    "String": [b"", ["text"]],
    "Int": [2**31, -(2**31) - 1, 0.5, "one"],
    "Float": [float("nan"), "one"],
    "Boolean": ["true", None],
    "DateTime": ["2026-01-15", 0.5],
    "Date": [0],
    "Odd": [0, 13],
}
"""Values that a scalar cannot show."""
FAULTY: list[Any] = [None, Undefined, "wrong", 1, {}, ValueError("shown"), object]


class Raised(Exception):  # noqa: N818  a mark in the data
    """Stands for an attribute that raises when it is read: see `Guarded`."""


class Later:
    """Something to wait for."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __str__(self) -> str:  # its address would be another in each execution
        return "later"

    def __await__(self) -> Generator[Any, None, Any]:
        yield
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


class Guarded:
    """An attribute that raises where a mark was put into it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type) -> Any:
        value = vars(instance)[self._name]
        if isinstance(value, Raised):
            raise value
        return value

    def __set__(self, instance: object, value: object) -> None:
        vars(instance)[self._name] = value


@st.composite
def documents(draw: DrawFn, schema: GraphQLSchema, root: GraphQLObjectType) -> str:
    """The text of a document with one operation on a root; most are valid."""
    writer = _Writer(draw, schema)
    if root is schema.subscription_type:  # of which only one field can be selected
        ((name, field),) = root.fields.items()
        selected = f" {{ {name}{writer.selection_set(get_named_type(field.type), depth=3)} }}"
    else:
        selected = writer.selection_set(root, depth=4)
    kind = {schema.mutation_type: "mutation", schema.subscription_type: "subscription"}.get(root, "query")
    variables = ", ".join(f"${name}: Boolean!" for name in sorted(writer.conditions))
    return "\n".join([f"{kind} N({variables}){selected}".replace("N()", "N"), *writer.fragments.values()])


class _Writer:
    def __init__(self, draw: DrawFn, schema: GraphQLSchema) -> None:
        self._draw = draw
        self._schema = schema
        self.fragments: dict[str, str] = {}
        self.conditions: set[str] = set()

    def selection_set(self, type_: GraphQLNamedType, depth: int) -> str:
        count = self._draw(st.integers(1, 3))
        return " { " + " ".join(self._selection(type_, depth) for _ in range(count)) + " }"

    def _selection(self, type_: GraphQLNamedType, depth: int) -> str:
        kind = self._draw(st.sampled_from(["field"] * 6 + ["inline", "spread"]))
        if kind == "field" or depth == 0:
            return self._field(type_, depth)
        if kind == "spread" and self._draw(st.booleans()):
            for name, text in self.fragments.items():
                if f" on {type_.name} " in text:
                    return f"...{name}{self._directives()}"
        condition = self._draw(st.sampled_from(self._overlapping(type_)))
        selected = self.selection_set(condition, depth - 1)
        if kind == "inline":
            on = "" if condition is type_ and self._draw(st.booleans()) else f" on {condition.name}"
            return f"...{on}{self._directives()}{selected}"
        name = f"F{len(self.fragments)}"
        self.fragments[name] = f"fragment {name} on {condition.name}{selected}"
        return f"...{name}{self._directives()}"

    def _field(self, type_: GraphQLNamedType, depth: int) -> str:
        fields: dict[str, GraphQLField] = {} if is_union_type(type_) else type_.fields  # type: ignore[attr-defined]
        leaves = {name for name, one in fields.items() if not is_composite_type(get_named_type(one.type))}
        name = self._draw(st.sampled_from([*(fields if depth else leaves), "__typename"]))
        text: str = self._draw(st.sampled_from(ALIASES)).format(name) + name
        if name in fields and fields[name].args:
            text += ARGUMENTS[name]
        text += self._directives()
        if name == "__typename" or name in leaves:
            return text
        return text + self.selection_set(get_named_type(fields[name].type), depth - 1)

    def _directives(self) -> str:
        if self._draw(st.integers(0, 4)):
            return ""
        text = ""
        for name in self._draw(st.sampled_from([("skip",), ("include",), ("include", "skip")])):
            condition = self._draw(st.sampled_from([*CONDITIONS, "true", "false"]))
            if condition in CONDITIONS:
                self.conditions.add(condition)
                condition = f"${condition}"
            text += f" @{name}(if: {condition})"
        return text

    def _overlapping(self, type_: GraphQLNamedType) -> list[GraphQLNamedType]:
        """Return the types that a fragment within this type can be on."""
        possible = set(self._possible(type_))
        types = (one for one in self._schema.type_map.values() if is_composite_type(one))
        return [one for one in types if one.name[:2] != "__" and possible & set(self._possible(one))]

    def _possible(self, type_: GraphQLNamedType) -> Sequence[GraphQLObjectType]:
        if is_abstract_type(type_):
            return self._schema.get_possible_types(type_)
        assert is_object_type(type_)
        return [type_]


class Values:
    """Makes what attributes hold, of those whose fields are in a document.

    A seed chooses them, since drawing each value would take most of a test's time. About one in fifteen is a
    fault where `faulty`.
    """

    def __init__(self, schema: GraphQLSchema, document: str, seed: int, *, faulty: bool) -> None:
        self._schema = schema
        self._document = document
        self._random = Random(seed)
        self._faulty = faulty

    def is_read(self, name: str) -> bool:
        return name in self._document

    def of(self, type_: GraphQLOutputType, depth: int = 4) -> Make:
        make = self._right(type_, depth)
        if not self._faulty or self._random.randrange(15):
            return make
        near = NEAR.get(get_named_type(type_).name)
        if near is not None and self._random.randrange(2):
            return _making(self._random.choice(near))
        faults = [
            *map(_making, FAULTY),
            _making(Raised("read")),
            lambda: Later(make()),
            lambda: Later(ValueError("later")),
        ]
        return self._random.choice(faults)

    def _right(self, type_: GraphQLOutputType, depth: int) -> Make:
        if is_non_null_type(type_):
            type_ = type_.of_type
        elif depth <= 0 or self._random.randrange(4) == 0:
            return _making(None)
        if is_list_type(type_):
            return self._list(type_.of_type, depth)
        if is_enum_type(type_):
            members: list[Any] = list(type_.wrapped_cls)  # type: ignore[attr-defined]
            return _making(self._random.choice([*members, members[0].value]))
        if is_abstract_type(type_):
            type_ = self._random.choice(self._schema.get_possible_types(type_))
        if is_object_type(type_):
            return self._object(type_, depth)
        return _making(self._random.choice(SCALARS[get_named_type(type_).name]))

    def _list(self, type_: GraphQLOutputType, depth: int) -> Make:
        makes = [self.of(type_, depth - 1) for _ in range(self._random.randrange(4) if depth > 0 else 0)]
        rare: list[Any] = [deque, iter] if self._faulty else []
        collect = self._random.choice([list, list, list, list, tuple, *rare])
        return lambda: collect([make() for make in makes])

    def _object(self, type_: GraphQLObjectType, depth: int) -> Make:
        definition = type_.extensions["strawberry-definition"]
        definition = definition.concrete_of or definition
        class_ = parent = definition.origin
        with suppress(NotPlain):
            parent = parent_of(definition)
        if not issubclass(class_, parent):  # something else stands for it
            shown = self._schema.get_type(parent.__strawberry_definition__.name)
            assert is_object_type(shown)
            return self._object(shown, depth)
        if self._faulty and self._random.randrange(15) == 0:
            class_ = self._random.choice([SimpleNamespace, type(class_.__name__, (class_,), {})])
        attributes: dict[str, Make] = {}
        row: dict[int, Any] = {}
        for name, one in type_.fields.items():
            definition = one.extensions["strawberry-definition"]
            if not definition.is_basic_field:
                continue
            column = getattr_static(class_, definition.python_name, None)
            if isinstance(column, Column):
                row[column.place] = self._stored(one.type, column)
            elif self.is_read(name):
                attributes[definition.python_name] = self.of(one.type, depth - 1)

        def make() -> object:
            made = class_.__new__(class_)
            vars(made).update({name: make() for name, make in attributes.items()}, row=row, answers={})
            return made

        return make

    def _stored(self, type_: GraphQLOutputType, column: Column) -> Any:
        """Return a value that a table can have: never another than it declares."""
        if not is_non_null_type(type_) and self._random.randrange(4) == 0:
            return None
        name = get_named_type(type_).name
        if column.meanings is not None:
            return self._random.choice(
                [*column.meanings] if name != "AuthMethod" else [*column.meanings, "new"]
            )
        if name == "DateTime":
            return self._random.choice(STORED_NOON)
        return self._random.choice([one for one in SCALARS[name] if not isinstance(one, int | float)])


def _making(value: object) -> Make:
    return lambda: value
