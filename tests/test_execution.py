"""What is compiled answers exactly as graphql-core does, whatever the document and the data are."""

import asyncio
from collections.abc import Iterator
from enum import Enum, IntEnum
from functools import partial
from typing import Annotated, Any, NewType

import pytest
import strawberry
from generated import CONDITIONS, Guarded, Make, Raised, Values, documents
from graphql import (
    ExecutionResult,
    FragmentDefinitionNode,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    execute,
    is_object_type,
    parse,
    validate,
)
from hypothesis import assume, event, given
from hypothesis import strategies as st
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types import ExecutionResult as StrawberryResult

from api.execution.operation import Operation
from api.schema import build_schema

Odd = NewType("Odd", int)


@strawberry.enum
class Color(Enum):
    RED = "red"
    GREEN = strawberry.enum_value("green", name="LEAF_GREEN")


@strawberry.enum
class Size(IntEnum):
    SMALL = 1
    LARGE = 2


@strawberry.interface
class Named:
    name: str
    nick: str | None


@strawberry.type
class Leaf(Named):
    id: strawberry.ID
    color: Color
    color_or_none: Color | None
    size: Size | None
    odd: Odd
    odd_or_none: Odd | None
    count: int
    weight: float | None
    is_green: bool
    class_: str = strawberry.field(name="class")


@strawberry.type
class Stone:
    shade: str
    leaf: Leaf | None


Either = Annotated[Leaf | Stone, strawberry.union("Either")]


@strawberry.type
class Tree(Named):
    leaf: Leaf
    leaf_or_none: Leaf | None
    leaves: list[Leaf]
    leaves_or_none: list[Leaf | None] | None
    grid: list[list[int]]
    grid_or_none: list[list[int | None] | None] | None
    groves: list[list[Leaf | None]] | None
    named: Named | None
    all_named: list[Named]
    either: Either
    eithers: list[Either | None] | None
    tree: "Tree | None"

    @strawberry.field
    def shout(self, times: int = 1) -> str:
        return "!" * times

    @strawberry.field
    async def later(self) -> Leaf | None:
        await asyncio.sleep(0)
        return self.leaf_or_none

    @strawberry.field
    def broken(self) -> int:
        raise ValueError("broken")


@strawberry.type
class Query:
    tree: Tree | None = strawberry.field(resolver=lambda: None)
    trees: list[Tree] = strawberry.field(resolver=lambda: [])
    named: Named | None = strawberry.field(resolver=lambda: None)
    eithers: list[Either | None] | None = strawberry.field(resolver=lambda: None)
    grid: list[list[int | None]] = strawberry.field(resolver=lambda: [])


def odd(value: int) -> object:
    if value == 13:
        raise ValueError("13 brings bad luck")
    return {"odd": value} if value else None


def kinds() -> GraphQLSchema:
    """Return a schema with every kind of type, each nullable and not; its attributes can be made to raise."""
    config = StrawberryConfig(scalar_map={Odd: strawberry.scalar(name="Odd", serialize=odd, parse_value=int)})
    schema = strawberry.Schema(query=Query, types=[Leaf], config=config)._schema  # noqa: SLF001  only it has it
    for class_ in (Leaf, Stone, Tree):
        for field in class_.__strawberry_definition__.fields:
            if field.is_basic_field:
                setattr(class_, field.python_name, Guarded(field.python_name))
    _resolve_from_context(schema.type_map["Query"])
    return schema


def sessions() -> GraphQLSchema:
    """Return our own schema, with data instead of its resolvers."""
    schema = build_schema().core
    for type_ in schema.type_map.values():
        if is_object_type(type_) and not type_.name.startswith("__"):
            _resolve_from_context(type_)
    return schema


def _resolve_from_context(type_: Any) -> None:
    for name, field in type_.fields.items():
        if not field.extensions["strawberry-definition"].is_basic_field:
            field.resolve = partial(_from_context, key=(type_.name, name))


def _from_context(_source: object, info: GraphQLResolveInfo[Any], key: Any, **_arguments: object) -> Any:
    value = info.context[key]()
    if isinstance(value, Raised):
        raise value
    return value


SCHEMAS = {"kinds": kinds(), "sessions": sessions()}
ROOTS = [("kinds", "Query"), ("sessions", "Query"), ("sessions", "Mutation"), ("sessions", "Subscription")]


def given_values(schema: GraphQLSchema, text: str, seed: int, *, faulty: bool) -> dict[Any, Make]:
    """Return what the resolvers of a schema return for a document."""
    values = Values(schema, text, seed, faulty=faulty)
    return {
        field.resolve.keywords["key"]: values.of(field.type)
        for type_ in schema.type_map.values()
        if is_object_type(type_)
        for name, field in type_.fields.items()
        if isinstance(field.resolve, partial) and values.is_read(name)
    }


def prepared(schema: GraphQLSchema, text: str) -> Operation:
    node = parse(text)
    fragments = {one.name.value: one for one in node.definitions if isinstance(one, FragmentDefinitionNode)}
    (operation,) = (one for one in node.definitions if isinstance(one, OperationDefinitionNode))
    return Operation(schema, operation, fragments)


async def by_graphql_core(schema: GraphQLSchema, text: str, variables: Any, context: Any) -> Any:
    result = execute(
        schema,
        parse(text),
        variable_values=variables,
        context_value=context,
        executor_class=StrawberryGraphQLCoreExecutionContext,
        is_awaitable=optimized_is_awaitable,
    )
    return result if isinstance(result, ExecutionResult) else await result


def shown(result: Any) -> Any:
    """Return all that can be seen of a result, the order of keys included."""
    errors = [
        (one.message, one.path, one.locations, one.extensions, type(one.original_error))
        for one in result.errors or ()
    ]
    return repr(result.data), errors


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.mark.parametrize("faulty", [False, True])
@pytest.mark.parametrize(("name", "root"), ROOTS)
@given(data=st.data())
def test_answers_as_graphql_core_does(
    runner: asyncio.Runner, name: str, root: str, faulty: bool, data: st.DataObject
) -> None:
    schema = SCHEMAS[name]
    type_ = schema.type_map[root]
    assert is_object_type(type_)
    text = data.draw(documents(schema, type_))
    assume(not validate(schema, parse(text)))
    operation = prepared(schema, text)
    for _ in range(2):
        variables = {one: data.draw(st.booleans()) for one in CONDITIONS}
        context = given_values(schema, text, data.draw(st.integers(0, 2**32)), faulty=faulty)
        expected = runner.run(by_graphql_core(schema, text, variables, context))
        assert shown(runner.run(operation.execute(variables, context))) == shown(expected)
        event("with errors" if expected.errors else "without errors")
