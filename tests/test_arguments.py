"""A root field gets the arguments that graphql-core and Strawberry would give it, whatever they come from."""

from datetime import datetime
from enum import Enum
from typing import Any

import pytest
import strawberry
from graphql import parse, validate
from strawberry.schema.config import StrawberryConfig
from test_execution import by_graphql_core, by_operation, prepared

from api.execution.root import RootField
from api.scalars import DATE_TIME


@strawberry.enum
class Color(Enum):
    RED = "red"
    BLUE = "blue"


@strawberry.input
class Range:
    start: datetime | None = None
    end: datetime | None = None


@strawberry.input
class Where:
    name: str
    colors: list[Color] | None = None
    within: Range | None = None
    not_: list[str] | None = strawberry.field(name="not", default=None)
    size: int | None = strawberry.UNSET
    any_of: list[Range] = strawberry.field(default_factory=list)


@strawberry.input
class Who:
    """Nothing in it has a default, so that it can be taken as it is."""

    name: str
    nick: str | None = strawberry.UNSET
    is_big: bool | None = strawberry.UNSET
    color: Color | None = strawberry.UNSET


@strawberry.type
class Query:
    @strawberry.field
    async def shown(
        self,
        where: Where | None = None,
        color: Color = Color.RED,
        ids: list[strawberry.ID] | None = None,
        first: int = 20,
        *,
        is_big: bool | None = None,
        at: datetime | None = None,
    ) -> str:
        return repr((self, where, color, ids, first, is_big, at))

    @strawberry.field
    def required(self, info: strawberry.Info, id: strawberry.ID, where: Where) -> str:  # noqa: A002
        return repr((id, where, info.field_name, info.variable_values, info.selected_fields))

    @strawberry.field
    def asked(self, info: strawberry.Info, who: Who | None = None) -> str:
        return repr((who, info.variable_values))

    @strawberry.field
    async def refused(self, size: int = 1) -> str:
        raise ValueError(f"{size} is refused")


SCHEMA = strawberry.Schema(Query, config=StrawberryConfig(scalar_map={datetime: DATE_TIME}))._schema  # noqa: SLF001
END = "2026-01-15T12:00:00Z"
VARIABLES = (
    "$who: Who, $where: Where, $color: Color, $ids: [ID!], $first: Int = 7, $big: Boolean, $at: DateTime, "
    '$id: ID!, $needed: Where!, $name: String = "x"'
)
FIELDS = [
    "shown",
    "shown(where: null, color: BLUE, ids: null, first: 3, isBig: true)",
    'shown(ids: ["1", 2], at: "2026-01-15T12:00:00Z")',
    'shown(ids: "1", where: {name: "a", colors: [RED, BLUE], within: {start: "2026-01-15T12:00:00+01:00"}})',
    'shown(where: {name: "a", not: ["b"], size: null, anyOf: [{}, {end: null}]})',
    "shown(where: $where, color: $color, ids: $ids, first: $first, isBig: $big, at: $at)",
    "shown(where: {name: $name, within: {start: $at}}, ids: [$id])",
    "required(id: $id, where: $needed)",
    'required(id: 5, where: {name: "literal"})',
    "asked(who: $who)",
    "refused",
    "refused(size: $first)",
]
WHO: list[Any] = [
    {"name": "n"},
    {"isBig": True, "name": "n", "nick": "m"},
    {"name": "n", "nick": None, "color": "RED"},
    {"nick": "m"},
    {"name": 1},
    {"name": "n", "isBig": 1},
    {"name": "n", "unknown": "x"},
    {},
    [],
    "n",
]
GIVEN: list[dict[str, Any]] = [
    {},
    *({"id": "1", "needed": {"name": "n"}, "first": 5, "name": "y", "who": who} for who in WHO),
    {"id": "1", "needed": {"name": "n"}},
    {
        "id": 1,
        "needed": {"name": "n", "colors": ["RED"], "within": {"end": "2026-01-15T12:00:00Z"}, "not": "b"},
    },
    {
        "id": "1",
        "needed": {"name": "n", "size": 3, "anyOf": [{"start": None}]},
        "where": {"name": "w"},
        "color": "BLUE",
        "ids": ["1", "2"],
        "first": 5,
        "big": False,
        "at": "2026-01-15T12:00:00.123Z",
        "name": "y",
    },
    {
        "id": "1",
        "needed": {"name": "n"},
        "where": None,
        "color": None,
        "ids": None,
        "first": None,
        "big": None,
    },
    {"id": None, "needed": {"name": None}, "color": "GREEN", "first": "many", "at": "never", "name": 1},
    {"id": "1", "needed": {"name": "n", "unknown": 1}, "ids": [None], "first": 2**31, "big": 1},
    {"id": "1", "needed": [], "where": "text", "at": "2026-01-15"},
]


@pytest.mark.parametrize("field", FIELDS)
async def test_gives_a_resolver_its_arguments(field: str) -> None:
    text = f"query ({VARIABLES}) {{ {field} }}"
    assert not [one for one in validate(SCHEMA, parse(text)) if "is never used" not in one.message]
    operation = prepared(SCHEMA, text)
    for given in GIVEN:
        expected = await by_graphql_core(SCHEMA, text, given, None)
        for _ in range(2):
            assert (given, await by_operation(operation, given, None)) == (given, expected)
    assert isinstance(next(iter(operation._roots.values())), RootField)  # noqa: SLF001


async def test_lets_no_request_change_the_arguments_of_another() -> None:
    operation = prepared(SCHEMA, '{ shown(ids: ["1"], where: {name: "a", anyOf: [{}]}) }')
    (first,), (second,) = [await by_operation(operation, {}, None) for _ in range(2)]
    assert first == second
