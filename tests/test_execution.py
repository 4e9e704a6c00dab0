"""What is compiled answers exactly as graphql-core does, whatever the document and the data are."""

import asyncio
import dataclasses
import gc
from collections.abc import AsyncGenerator, Generator, Iterator
from enum import Enum, IntEnum
from functools import partial
from itertools import product
from types import FunctionType
from typing import Annotated, Any, Generic, NewType, TypeVar

import orjson
import pytest
import strawberry
from generated import CONDITIONS, FAULTY, NEAR, SCALARS, Guarded, Later, Make, Raised, Values, documents
from graphql import (
    FragmentDefinitionNode,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    execute,
    is_object_type,
    parse,
    subscribe,
    validate,
)
from hypothesis import assume, event, given
from hypothesis import strategies as st
from strawberry.directive import DirectiveLocation
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types import get_object_definition
from strawberry.types.graphql import OperationType

from api.execution.compiler import COMPILED_LIMIT
from api.execution.function import FILENAME
from api.execution.operation import COMBINATIONS_LIMIT, Operation
from api.execution.shared import ANSWERS_LIMIT, Shared
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


@strawberry.enum
class Mood(Enum):
    NONE = None
    GOOD = "good"


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
    mood: Mood
    odd: Odd
    odd_or_none: Odd | None
    count: int
    weight: float | None
    is_green: bool
    class_: str = strawberry.field(name="class")

    @strawberry.field
    def initial(self) -> str:
        return self.name[0]

    @strawberry.field
    async def late(self) -> str:
        return self.name


@strawberry.interface
class Shaded:
    shade: str | None

    @classmethod
    def resolve_type(cls, value: object, _info: object, _type: object) -> str:
        return "Stone" if vars(value).get("shade") else "Shadow"


@strawberry.type
class Stone(Shaded):
    leaf: Leaf | None


@strawberry.type
class Shadow(Shaded):
    @classmethod
    def is_type_of(cls, value: object, _info: object) -> bool:
        return isinstance(value, Shadow) and vars(value).get("shade") is not None


def _mark(leaf: strawberry.Parent[Leaf]) -> str:
    return f"{leaf.name}!"


def _leaf(leaf: strawberry.Parent[Leaf]) -> Leaf:
    return leaf


@strawberry.type
class Edge:
    """Shown of a leaf."""

    mark: str = strawberry.field(resolver=_mark)
    node: Leaf = strawberry.field(resolver=_leaf)


@strawberry.type
class Mixed:
    """Shown of whatever has what it takes."""

    name: str
    mark: str = strawberry.field(resolver=_mark)


T = TypeVar("T")


@strawberry.type
class Box(Generic[T]):
    content: T


@strawberry.type
class Fault(Exception):  # noqa: N818  a value, to be raised when it is shown
    name: str


@strawberry.type
class Promise:
    name: str

    def __await__(self) -> Generator[Any, None, Leaf]:
        yield
        return leaf()


Either = Annotated[Leaf | Stone | Shadow | Box[Leaf] | Box[Stone], strawberry.union("Either")]


@strawberry.directive(locations=[DirectiveLocation.FIELD])
def loud(value: str) -> str:
    return value


@strawberry.type
class Tree(Named):
    leaf: Leaf
    leaf_or_none: Leaf | None
    leaves: list[Leaf]
    leaves_or_none: list[Leaf | None] | None
    grid: list[list[int]]
    grid_or_none: list[list[int | None] | None] | None
    groves: list[list[Leaf | None]] | None

    @strawberry.field
    def first_leaf(self) -> Leaf | None:
        return self.leaves[0]

    @strawberry.field
    def same_leaves(self) -> list[Leaf]:
        return self.leaves

    named: Named | None
    all_named: list[Named]
    either: Either
    eithers: list[Either | None] | None
    tree: "Tree | None"
    shadow: Shadow | None
    shaded: Shaded | None
    box: Box[Leaf] | None
    fault: Fault | None
    promise: Promise | None
    edges: list[Edge]
    mixed: Mixed | None

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


def nothing() -> Any:
    """Stand in for a resolver: see `_resolve_from_context`."""


@strawberry.type
class Query:
    tree: Tree | None = strawberry.field(resolver=nothing)
    trees: list[Tree] = strawberry.field(resolver=nothing)
    named: Named | None = strawberry.field(resolver=nothing)
    eithers: list[Either | None] | None = strawberry.field(resolver=nothing)
    grid: list[list[int | None]] = strawberry.field(resolver=nothing)


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def grown(self) -> AsyncGenerator[Tree, None]:
        yield tree()


@strawberry.type
class Rumor(Shared):
    """Counts how often it is read."""

    times: strawberry.Private[int] = 0
    answers: strawberry.Private[dict[Any, Any]] = dataclasses.field(default_factory=dict)

    @strawberry.field
    def text(self) -> str:
        self.times += 1
        return "well"

    @strawberry.field
    async def source(self) -> str:
        return "nobody"


@strawberry.type
class Gossip:
    @strawberry.subscription
    async def rumors(self, info: strawberry.Info) -> AsyncGenerator[Rumor, None]:
        for rumor in info.context:
            yield rumor


@strawberry.type
class Greeting:
    greeting: str


@strawberry.type
class Greeter:
    @strawberry.field
    def greeted(self) -> Greeting:
        return Greeting(greeting="hello")


def odd(value: int) -> object:
    if value == 13:
        raise ValueError("13 brings bad luck")
    return {"odd": value} if value else None


def kinds() -> GraphQLSchema:
    """Return a schema with every kind of type, each nullable and not; its attributes can be made to raise."""
    config = StrawberryConfig(scalar_map={Odd: strawberry.scalar(name="Odd", serialize=odd, parse_value=int)})
    made = strawberry.Schema(Query, subscription=Subscription, directives=[loud], config=config)
    schema = made._schema  # noqa: SLF001  only it has it
    for class_ in (Leaf, Stone, Shadow, Box, Tree):
        for field in get_object_definition(class_, strict=True).fields:
            if field.is_basic_field:
                setattr(class_, field.python_name, Guarded(field.python_name))
    for root in (schema.query_type, schema.subscription_type):
        _resolve_from_context(root)
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
        key = (type_.name, name)
        if field.subscribe is not None:
            field.subscribe = partial(_events_from_context, key=key)
        elif not field.extensions["strawberry-definition"].is_basic_field:
            field.resolve = partial(_from_context, key=key)


def _from_context(_source: object, info: GraphQLResolveInfo[Any], key: Any, **_arguments: object) -> Any:
    value = info.context[key]()
    if isinstance(value, Raised):
        raise value
    return value


async def _events_from_context(
    _source: object, info: GraphQLResolveInfo[Any], key: Any, **_arguments: object
) -> AsyncGenerator[Any, None]:
    async def events() -> AsyncGenerator[Any, None]:
        for _ in range(2):
            yield _from_context(None, info, key)

    return events()


SCHEMAS = {"kinds": kinds(), "sessions": sessions()}
ROOTS = [
    ("kinds", "Query"),
    ("kinds", "Subscription"),
    ("sessions", "Query"),
    ("sessions", "Mutation"),
    ("sessions", "Subscription"),
]


def given_values(schema: GraphQLSchema, text: str, seed: int, *, faulty: bool) -> dict[Any, Make]:
    """Return what the resolvers of a schema return for a document."""
    values = Values(schema, text, seed, faulty=faulty)
    return {
        (type_.name, name): values.of(field.type)
        for type_ in schema.type_map.values()
        if is_object_type(type_)
        for name, field in type_.fields.items()
        if isinstance(field.subscribe or field.resolve, partial) and values.is_read(name)
    }


def prepared(schema: GraphQLSchema, text: str) -> Operation:
    node = parse(text)
    fragments = {one.name.value: one for one in node.definitions if isinstance(one, FragmentDefinitionNode)}
    (operation,) = (one for one in node.definitions if isinstance(one, OperationDefinitionNode))
    return Operation(schema, operation, fragments)


async def by_graphql_core(schema: GraphQLSchema, text: str, variables: Any, context: Any) -> list[Any]:
    """Return what can be seen of the results that graphql-core gives by itself."""
    given: Any = {
        "variable_values": variables,
        "context_value": context,
        "executor_class": StrawberryGraphQLCoreExecutionContext,
        "is_awaitable": optimized_is_awaitable,
    }
    if text.startswith("subscription"):
        result: Any = subscribe(schema, parse(text), **given)
        result = await result if optimized_is_awaitable(result) else result
        return await all_shown(result) if isinstance(result, AsyncGenerator) else [shown(result)]
    result = execute(schema, parse(text), **given)
    return [shown(await result if optimized_is_awaitable(result) else result)]


async def by_operation(operation: Operation, variables: Any, context: Any) -> list[Any]:
    if operation.type is OperationType.SUBSCRIPTION:
        return await all_shown(operation.subscribe(variables, context))
    return [shown(await operation.execute(variables, context))]


async def all_shown(results: AsyncGenerator[Any, None]) -> list[Any]:
    found: list[Any] = []
    try:
        found.extend([shown(result) async for result in results])
    except Raised as error:
        found.append(("raised", str(error)))
    return found


def shown(result: Any) -> Any:
    """Return all that can be seen of a result, the order of keys included."""
    errors = [
        (one.message, one.path, one.locations, one.extensions, type(one.original_error))
        for one in result.errors or ()
    ]
    data = result.data
    if isinstance(data, orjson.Fragment):  # it is written already
        data = orjson.loads(orjson.dumps(data))
    return repr(data), errors


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.mark.parametrize("faulty", [False, True])
@pytest.mark.parametrize(("name", "root"), ROOTS)
@given(data=st.data())
def test_answers_as_graphql_core_does(
    runner: asyncio.Runner, name: str, root: str, data: st.DataObject, *, faulty: bool
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
        assert runner.run(by_operation(operation, variables, context)) == expected
        event("with errors" if any(seen[1] for seen in expected) else "without errors")


LEAF = {
    "id": "1",
    "name": "leaf",
    "nick": None,
    "color": Color.RED,
    "color_or_none": Color.GREEN,
    "size": Size.LARGE,
    "mood": Mood.GOOD,
    "odd": 3,
    "odd_or_none": None,
    "count": 1,
    "weight": 0.5,
    "is_green": True,
    "class_": "leaf",
}


def leaf(**attributes: object) -> Leaf:
    made: Leaf = object.__new__(Leaf)
    vars(made).update(LEAF | attributes)
    return made


def tree(**attributes: object) -> Tree:
    made: Tree = object.__new__(Tree)
    vars(made).update(attributes)
    return made


NAMES = ["None", "True", "class", "def", "o", "c0", "v1", "type", "complete", "__import__", "__class__", "_"]


async def test_takes_an_alias_for_nothing_but_a_key() -> None:
    schema = SCHEMAS["kinds"]
    text = "{ tree { " + " ".join(f"{name}: nick" for name in NAMES) + " } }"
    context = {("Query", "tree"): lambda: tree(nick="text")}
    answer = await prepared(schema, text).execute(None, context)
    assert answer.errors is None
    assert repr(answer.data) == repr({"tree": dict.fromkeys(NAMES, "text")})


@pytest.mark.parametrize(
    "key", ["'", "\\'", "'}) or exit() #", "\n    exit()\n", "{0}", "\0", "\ud800", "\u2028"]
)
async def test_takes_a_key_that_is_no_name_for_nothing_but_a_key(key: str) -> None:
    """The parser lets none through; if it did, a key would still be no code."""
    schema = SCHEMAS["kinds"]
    node: Any = parse("{ tree { alias: nick } }")
    (definition,) = node.definitions
    alias = definition.selection_set.selections[0].selection_set.selections[0].alias
    object.__setattr__(alias, "value", key)
    answer = await Operation(schema, definition, {}).execute(
        None, {("Query", "tree"): lambda: tree(nick="text")}
    )
    assert answer.data == {"tree": {key: "text"}}


async def test_ignores_a_description() -> None:
    schema = SCHEMAS["kinds"]
    text = '"""\n\'\'\'); exit()\n"""\nquery Q { tree { nick } }'
    answer = await prepared(schema, text).execute(None, {("Query", "tree"): lambda: tree(nick="text")})
    assert answer.data == {"tree": {"nick": "text"}}


@pytest.mark.parametrize(
    "field",
    ["id", "name", "nick", "color", "colorOrNone", "size", "odd", "oddOrNone", "count", "weight", "isGreen"],
)
async def test_completes_any_value_of_a_leaf_as_graphql_core_does(field: str) -> None:
    schema = SCHEMAS["kinds"]
    leaf_type: Any = schema.type_map["Leaf"]
    attribute = leaf_type.fields[field].extensions["strawberry-definition"].python_name
    operation = prepared(schema, text := f"{{ tree {{ leafOrNone {{ {field} }} }} }}")
    near = [value for values in (*SCALARS.values(), *NEAR.values()) for value in values]
    marks = [Raised("read"), Later("text"), Later(None), Later(ValueError("later"))]
    for value in (*FAULTY, *near, *marks, *Color, *Size, *Mood, "red", "RED", leaf()):
        context = {("Query", "tree"): partial(tree, leaf_or_none=leaf(**{attribute: value}))}
        expected = await by_graphql_core(schema, text, {}, context)
        assert await by_operation(operation, {}, context) == expected, value


async def test_tells_selections_apart_that_begin_with_the_same_field() -> None:
    text = "{ tree { ...T leaf { id } tree { ...T } } } fragment T on Tree { leaf { name } }"
    context = {("Query", "tree"): lambda: tree(leaf=leaf(), tree=tree(leaf=leaf()))}
    answer = await prepared(SCHEMAS["kinds"], text).execute(None, context)
    inner = {"leaf": {"name": "leaf"}}
    assert answer.data == {"tree": {"leaf": {"name": "leaf", "id": "1"}, "tree": inner}}


async def executed_fields(text: str, context: Any, **variables: bool) -> list[str]:
    """Return the keys of the fields that graphql-core executed one by one."""
    executor: Any = prepared(SCHEMAS["kinds"], text).executor(variables, context)
    found: list[str] = []
    execute_field = executor.execute_field

    def counted(parent: Any, source: Any, details: Any, path: Any, *rest: Any) -> Any:
        found.append(path.key)
        return execute_field(parent, source, details, path, *rest)

    executor.execute_field = counted
    result = executor.execute_operation()
    result = await result if optimized_is_awaitable(result) else result
    assert not result.errors, result
    return found


async def test_executes_no_plain_field_one_by_one() -> None:
    text = """query ($yes: Boolean!) { tree {
      leaf { id color colorOrNone size mood odd isGreen count } leaves { ...Name @include(if: $yes) }
      grid groves { oddOrNone } named { __typename name } eithers { ... on Stone { shade leaf { count } } }
      edges { mark node { id } }
    } } fragment Name on Named { alias: name nick }"""
    one = leaf()
    stone: Stone = object.__new__(Stone)
    vars(stone).update(shade="grey", leaf=one)
    all_of_it = tree(
        leaf=one,
        leaves=[one],
        grid=[[1]],
        groves=[[one, None]],
        named=one,
        eithers=[stone, None, one],
        edges=[one],
    )
    assert await executed_fields(text, {("Query", "tree"): lambda: all_of_it}, yes=True) == ["tree"]


async def test_executes_only_what_is_not_plain_one_by_one() -> None:
    text = "{ tree { name shout leaf { id } broken @skip(if: true) later { id } } }"
    context = {("Query", "tree"): lambda: tree(name="tree", leaf=leaf(), leaf_or_none=leaf())}
    assert await executed_fields(text, context) == ["tree", "shout", "later"]


async def test_compiles_nothing_for_a_leaf_alone() -> None:
    operation = prepared(SCHEMAS["kinds"], "{ tree { name shout } }")
    before = compiled_functions()
    await operation.execute(None, {("Query", "tree"): lambda: tree(name="tree")})
    assert compiled_functions() - before == 1


async def test_puts_what_is_not_plain_in_its_place() -> None:
    text = "{ tree { name later { id } nick broken shout leaf { id } } }"
    context = {("Query", "tree"): lambda: tree(name="tree", nick=None, leaf=leaf(), leaf_or_none=leaf())}
    expected = await by_graphql_core(SCHEMAS["kinds"], text.replace("broken", ""), {}, context)
    operation = prepared(SCHEMAS["kinds"], text.replace("broken", ""))
    assert await by_operation(operation, {}, context) == expected
    assert expected[0][1] == []
    expected = await by_graphql_core(SCHEMAS["kinds"], text, {}, context)
    assert await by_operation(prepared(SCHEMAS["kinds"], text), {}, context) == expected


async def test_leaves_what_cannot_be_collected_to_graphql_core() -> None:
    text = "query ($a: Boolean = true) { tree { name @include(if: $a) leaf { id } } }"
    context = {("Query", "tree"): lambda: tree(name="tree", leaf=leaf())}
    expected = await by_graphql_core(SCHEMAS["kinds"], text, {"a": None}, context)
    assert expected[0][1] != []
    assert await by_operation(prepared(SCHEMAS["kinds"], text), {"a": None}, context) == expected


async def test_leaves_what_is_nested_too_deep_to_graphql_core() -> None:
    depth = 190
    text = "{ " + "tree { " * depth + "name" + " }" * depth + " }"
    context = {("Query", "tree"): lambda: tree(name="tree", tree=tree(name="tree", tree=None))}
    (answer,) = await by_operation(prepared(SCHEMAS["kinds"], text), {}, context)
    assert answer == ("{'tree': {'tree': {'tree': None}}}", [])


async def test_reads_attributes_as_the_schema_is_told_to() -> None:
    config = StrawberryConfig(default_resolver=lambda source, name: f"{name} of {source.greeting}")
    schema = strawberry.Schema(Greeter, config=config)._schema  # noqa: SLF001  only it has it
    answer = await prepared(schema, "{ greeted { greeting } }").execute(None, None)
    assert answer.data == {"greeted": {"greeting": "greeting of hello"}}


async def test_leaves_a_field_with_another_directive_to_graphql_core() -> None:
    text = "{ tree { name leaf { id nick @loud } } }"
    context = {("Query", "tree"): lambda: tree(name="tree", leaf=leaf())}
    assert await executed_fields(text, context) == ["tree", "leaf", "nick"]


async def test_executes_one_by_one_only_around_a_surprise() -> None:
    def trees() -> list[Tree]:
        right = tree(name="tree", leaves=[leaf(), leaf()])
        return [right, tree(name="tree", leaves=iter([leaf(), leaf()])), right]

    context = {("Query", "trees"): trees}
    assert await executed_fields("{ trees { name leaves { id } } }", context) == ["trees", "name", "leaves"]


async def test_follows_a_cast() -> None:
    schema = SCHEMAS["kinds"]
    text = "{ named { name } eithers { __typename ... on Leaf { id } } }"
    context = {
        ("Query", "named"): lambda: strawberry.cast(Stone, leaf()),
        ("Query", "eithers"): lambda: [strawberry.cast(Stone, leaf()), leaf()],
    }
    operation = prepared(schema, text)
    answer = await operation.execute(None, context)
    assert [one.path for one in answer.errors or ()] == [["named"]]
    eithers = [{"__typename": "Stone"}, {"__typename": "Leaf", "id": "1"}]
    assert answer.data == {"named": None, "eithers": eithers}
    assert [shown(answer)] == await by_graphql_core(schema, text, {}, context)


async def test_compiles_few_combinations_of_conditions_and_answers_all() -> None:
    schema = SCHEMAS["kinds"]
    names = "abcde"
    variables = ", ".join(f"${name}: Boolean!" for name in names)
    fields = " ".join(f"{name}: nick @skip(if: ${name})" for name in names)
    operation = prepared(schema, f"query ({variables}) {{ tree {{ {fields} }} }}")
    before = compiled_functions()
    context = {("Query", "tree"): lambda: tree(nick="text")}
    for combination in product([False, True], repeat=len(names)):
        answer = await operation.execute(dict(zip(names, combination, strict=True)), context)
        kept = [name for name, is_skipped in zip(names, combination, strict=True) if not is_skipped]
        assert answer.data == {"tree": dict.fromkeys(kept, "text")}
    # One is for the type `Tree`, one for what can be null instead.
    assert compiled_functions() - before == 2 * COMBINATIONS_LIMIT


async def test_compiles_a_document_that_explodes_up_to_a_limit() -> None:
    """What a field of it selects depends on which of two names each field above it has."""
    depth = 12
    fragments = [f"fragment S{depth} on Tree {{ nick }}"]
    for level in range(depth):
        below = level + 1
        fragments.append(
            f"fragment S{level} on Tree "
            f"{{ a: tree {{ ...S{below} ...M{below}_1 }} b: tree {{ ...S{below} }} }}"
        )
        fragments += [
            f"fragment M{level}_{age} on Tree {{ a: tree {{ ...M{below}_{age + 1} }} "
            f"b: tree {{ ...M{below}_{age + 1} }} }}"
            for age in range(1, level + 1)
        ]
    fragments += [f"fragment M{depth}_{age} on Tree {{ nick{age}: nick }}" for age in range(1, depth + 1)]
    operation = prepared(SCHEMAS["kinds"], "{ tree { ...S0 } }" + " ".join(fragments))
    before = compiled_functions()
    answer = await operation.execute(None, {("Query", "tree"): lambda: tree(tree=None)})
    assert answer.data == {"tree": {"a": None, "b": None}}
    whole = None
    for _ in range(depth + 1):
        whole = tree(nick="text", tree=whole)
    answer = await operation.execute(None, {("Query", "tree"): lambda: whole})
    assert answer.errors is None
    assert 0 < compiled_functions() - before <= COMPILED_LIMIT
    executor: Any = operation.executor(None, None)
    kept = executor.selections._completers  # noqa: SLF001  what it knows not to be plain shows nowhere
    assert len(kept) <= COMPILED_LIMIT


def compiled_functions() -> int:
    """Return how many functions of compiled selections are in memory."""
    gc.collect()
    codes = (one.__code__ for one in gc.get_objects() if isinstance(one, FunctionType))
    return sum(code.co_filename == FILENAME for code in codes)


async def heard(text: str, rumors: list[Rumor], *, times: int) -> list[Any]:
    """Subscribe so many times by one operation; return all results."""
    operation = prepared(strawberry.Schema(Rumor, subscription=Gossip)._schema, text)  # noqa: SLF001
    return [await by_operation(operation, {}, rumors) for _ in range(times)]


async def test_makes_an_answer_once_for_all_who_are_told_the_same() -> None:
    rumor, other = Rumor(), Rumor()
    found = await heard("subscription { rumors { text } }", [rumor, other], times=3)
    assert found == [[("{'rumors': {'text': 'well'}}", [])] * 2] * 3
    assert (rumor.times, other.times) == (1, 1)
    found = await heard("subscription { heard: rumors { again: text __typename } }", [rumor], times=2)
    assert found == [[("{'heard': {'again': 'well', '__typename': 'Rumor'}}", [])]] * 2
    assert rumor.times == 2


async def test_makes_an_answer_for_each_where_something_is_not_plain() -> None:
    rumor = Rumor()
    found = await heard("subscription { rumors { text source } }", [rumor], times=3)
    assert found == [[("{'rumors': {'text': 'well', 'source': 'nobody'}}", [])]] * 3
    assert (rumor.times, rumor.answers) == (3, {})


async def test_keeps_few_answers_of_one_value_and_makes_all() -> None:
    rumor = Rumor()
    for number in range(ANSWERS_LIMIT + 2):
        found = await heard(f"subscription {{ rumors {{ a{number}: text }} }}", [rumor], times=2)
        assert found == [[(f"{{'rumors': {{'a{number}': 'well'}}}}", [])]] * 2
    assert (rumor.times, len(rumor.answers)) == (ANSWERS_LIMIT + 4, ANSWERS_LIMIT)
