"""The linear rule for fields of one name agrees with the rule of graphql-core on any document."""

from typing import Any

import pytest
from graphql import (
    FragmentDefinitionNode,
    GraphQLError,
    OperationDefinitionNode,
    OverlappingFieldsCanBeMergedRule,
    build_schema,
    parse,
    specified_rules,
    validate,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from api.limits.merging import Merging
from api.preparation import RULES

SCHEMA = build_schema(
    """
    interface Node { id: ID! name: String self: Node list: [Node!] other(a: Int, b: [Int]): Node }
    type Cat implements Node {
      id: ID! name: String self: Node list: [Node!] other(a: Int, b: [Int]): Node
      age: Int cat: Cat! cats: [Cat]! size: Size lives: String!
    }
    type Dog implements Node {
      id: ID! name: String self: Node list: [Node!] other(a: Int, b: [Int]): Node
      age: Int! cat: Cat cats: [Cat!] size: String lives: [String]
    }
    union Pet = Cat | Dog
    enum Size { SMALL LARGE }
    type Query { node: Node pet: Pet cat: Cat dog: Dog again: Query }
    """
)
FIELDS: dict[str, dict[str, str]] = {
    "Query": {"node": "Node", "pet": "Pet", "cat": "Cat", "dog": "Dog", "again": "Query"},
    "Node": {"self": "Node", "list": "Node", "other": "Node"},
    "Cat": {"self": "Node", "list": "Node", "other": "Node", "cat": "Cat", "cats": "Cat"},
    "Dog": {"self": "Node", "list": "Node", "other": "Node", "cat": "Cat", "cats": "Cat"},
    "Pet": {},
}
LEAVES = {
    "Query": ["__typename"],
    "Node": ["id", "name", "__typename"],
    "Cat": ["id", "name", "age", "size", "lives", "__typename"],
    "Dog": ["id", "name", "age", "size", "lives", "__typename"],
    "Pet": ["__typename"],
}
WITHIN = {
    "Query": ["Query"],
    "Node": ["Node", "Cat", "Dog", "Pet"],
    "Cat": ["Cat", "Node", "Pet"],
    "Dog": ["Dog", "Node", "Pet"],
    "Pet": ["Pet", "Cat", "Dog", "Node"],
}
ARGUMENTS = ["", "(a: 1)", "(a: 2)", "(a: 1, b: [1])", "(b: [1], a: 1)", "(b: [1, 2])"]


class Writer:
    """Writes documents with few names, so that fields meet under one."""

    def __init__(self, draw: DrawFn) -> None:
        self._draw = draw
        self.fragments: dict[str, list[str]] = {type_: [] for type_ in FIELDS}
        self.texts: list[str] = []

    def selections(self, type_: str, depth: int) -> str:
        count = self._draw(st.integers(1, 3))
        return " ".join(self._selection(type_, depth) for _ in range(count))

    def _selection(self, type_: str, depth: int) -> str:
        kind = self._draw(
            st.sampled_from(["leaf", "leaf", "object", "object", "inline", "fragment", "again"])
        )
        on = self._draw(st.sampled_from(WITHIN[type_]))
        if kind == "again" and self.fragments[on]:
            return f"...{self._draw(st.sampled_from(self.fragments[on]))}"
        if kind == "object" and depth and FIELDS[type_]:
            name = self._draw(st.sampled_from(sorted(FIELDS[type_])))
            given = self._draw(st.sampled_from(ARGUMENTS)) if name == "other" else ""
            return f"{self._alias()}{name}{given} {{ {self.selections(FIELDS[type_][name], depth - 1)} }}"
        if kind == "inline" and depth:
            return f"... on {on} {{ {self.selections(on, depth - 1)} }}"
        if kind == "fragment" and depth:
            text = self.selections(on, depth - 1)
            name = f"F{len(self.texts)}"
            self.texts.append(f"fragment {name} on {on} {{ {text} }}")
            self.fragments[on].append(name)
            return f"...{name}"
        return self._alias() + self._draw(st.sampled_from(LEAVES[type_]))

    def _alias(self) -> str:
        alias: str = self._draw(st.sampled_from(["", "", "", "x: ", "y: "]))
        return alias


@st.composite
def documents(draw: DrawFn) -> str:
    writer = Writer(draw)
    return " ".join([f"{{ {writer.selections('Query', 4)} }}", *writer.texts])


def conflict(text: str) -> GraphQLError | None:
    document = parse(text)
    fragments = {
        one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)
    }
    (operation,) = (one for one in document.definitions if isinstance(one, OperationDefinitionNode))
    return Merging(SCHEMA, fragments).conflict(operation)


@settings(max_examples=400)
@given(documents())
def test_finds_a_conflict_where_graphql_core_finds_one(text: str) -> None:
    document = parse(text)
    assume(not validate(SCHEMA, document, RULES))
    expected = validate(SCHEMA, document, [OverlappingFieldsCanBeMergedRule])
    found = conflict(text)
    assert (found is not None) == bool(expected), (found, expected)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{ cat { x: id x: name } }", "'id' and 'name' are different fields"),
        ("{ cat { other(a: 1) { id } other { id } } }", "they have differing arguments"),
        ("{ cat { other(b: [1, 2]) { id } other(b: [2, 1]) { id } } }", "they have differing arguments"),
        ("{ pet { ... on Cat { age } ... on Dog { age } } }", "they return the types 'Int' and 'Int!'"),
        ("{ pet { ... on Cat { size } ... on Dog { size } } }", "they return the types 'Size' and 'String'"),
        (
            "{ pet { ... on Cat { lives } ... on Dog { lives } } }",
            "they return the types 'String!' and '[String]'",
        ),
        (
            "{ pet { ... on Cat { x: self { x: id } } ... on Dog { x: self { x: name } } } }",
            "they return the types 'ID!' and 'String'",
        ),
        ("{ node { x: id ... on Cat { x: name } } }", "'id' and 'name' are different fields"),
        ("{ cat { x: id x: __typename } }", "'id' and '__typename' are different fields"),
        (
            (
                "{ again { ...A } again { ...B } } fragment A on Query { x: cat { id } } "
                "fragment B on Query { x: dog { id } }"
            ),
            "'cat' and 'dog' are different fields",
        ),
    ],
)
def test_says_why_fields_cannot_be_one(text: str, why: str) -> None:
    found = conflict(text)
    assert found is not None
    assert why in found.message
    assert found.locations is not None
    assert len(found.locations) == 2


@pytest.mark.parametrize(
    "text",
    [
        "{ cat { id id other(a: 1, b: [1]) { id } other(b: [1], a: 1) { name } } }",
        "{ pet { ... on Cat { x: id } ... on Dog { x: id } } }",
        "{ pet { ... on Cat { x: self { id } } ... on Dog { x: other { id } } } }",
        "{ node { list { id } ... on Cat { list { name } } } }",
        "{ pet { ... on Cat { x: id } ... on Dog { x: __typename } } }",
    ],
)
def test_lets_fields_be_one_where_they_can(text: str) -> None:
    assert conflict(text) is None


def test_replaces_one_rule_and_keeps_the_others() -> None:
    assert set(specified_rules) - set(RULES) == {OverlappingFieldsCanBeMergedRule}


async def test_refuses_what_conflicts(node: Any) -> None:
    code, message = await node.refusal("{ sessions { x: asOf x: totalCount } }")
    assert code == "GRAPHQL_VALIDATION_FAILED"
    assert message.startswith("Fields 'x' conflict because ")
