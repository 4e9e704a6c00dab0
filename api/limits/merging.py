"""Whether all fields that an answer has under one name can be one: GraphQL §5.3.2.

The rule of graphql-core compares all pairs, in quadratic time. Here fields are put into groups, those of one
name on one level, and compared with the first of their group. The fragments are spread out on the way, so
the time is that of the bounded number of fields with fragments spread out. The document must be valid but
for this rule.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias, cast

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
    print_ast,
)
from graphql.utilities.sort_value_node import sort_value_node

Parent: TypeAlias = GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType

Level: TypeAlias = list[tuple[Parent, SelectionSetNode]]
"""Selection sets whose fields are merged, with the types that they are on."""


class Selected(NamedTuple):
    """A field where it is selected; `__typename` has no type here, as for the rule of graphql-core."""

    node: FieldNode
    parent: Parent
    type: GraphQLOutputType | None


class Merging:
    """Checks the operations of one document; `visits` counts the selections that were looked at."""

    def __init__(self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self.visits = 0
        self._schema = schema
        self._fragments = fragments

    def conflict(self, operation: OperationDefinitionNode) -> GraphQLError | None:
        """Return the first conflict that is found."""
        root = self._schema.get_root_type(operation.operation)
        assert root is not None, "the document is valid"  # noqa: S101
        # Objects of different types share a name only in its shape, so that any client can read it.
        pending: list[tuple[Level, bool]] = [([(root, operation.selection_set)], False)]
        while pending:
            level, is_shape = pending.pop()
            for name, group in self._groups(level).items():
                alike = [] if is_shape else list(_of_one_object(group))
                for fields in alike:
                    conflict = _conflict_of_fields(name, fields)
                    if conflict is not None:
                        return conflict
                    pending.append((_next_level(fields), False))
                conflict = _conflict_of_shapes(name, group)
                if conflict is not None:
                    return conflict
                if len(alike) != 1:
                    pending.append((_next_level(group), True))
        return None

    def _groups(self, level: Level) -> dict[str, list[Selected]]:
        """Return the fields of a level by the names that they have in the answer."""
        groups: dict[str, list[Selected]] = {}
        spread: set[str] = set()
        pending = list(level)
        for parent, selected in pending:  # which grows on the way
            for node in selected.selections:
                self.visits += 1
                if isinstance(node, FieldNode):
                    name = (node.alias or node.name).value
                    groups.setdefault(name, []).append(self._selected(node, parent))
                elif isinstance(node, InlineFragmentNode):
                    pending.append((self._type(node, parent), node.selection_set))
                elif isinstance(node, FragmentSpreadNode) and node.name.value not in spread:
                    spread.add(node.name.value)
                    fragment = self._fragments[node.name.value]
                    pending.append((self._type(fragment, parent), fragment.selection_set))
        return groups

    def _type(self, fragment: InlineFragmentNode | FragmentDefinitionNode, parent: Parent) -> Parent:
        condition = fragment.type_condition
        if condition is None:
            return parent
        return cast("Parent", self._schema.type_map[condition.name.value])

    def _selected(self, node: FieldNode, parent: Parent) -> Selected:
        if node.name.value == "__typename":
            return Selected(node, parent, None)
        field = self._schema.get_field(parent, node.name.value)
        assert field is not None, "the document is valid"  # noqa: S101
        return Selected(node, parent, field.type)


def _next_level(group: Iterable[Selected]) -> Level:
    return [
        (cast("Parent", get_named_type(one.type)), one.node.selection_set)
        for one in group
        if one.node.selection_set is not None
    ]


def _of_one_object(group: list[Selected]) -> Iterator[list[Selected]]:
    """Yield the fields that one object can have at once: those of its type and those of any interface."""
    types = {one.parent.name for one in group if is_object_type(one.parent)}
    if not types:
        yield group
    for type_ in types:
        yield [one for one in group if one.parent.name == type_ or not is_object_type(one.parent)]


def _conflict_of_fields(name: str, group: list[Selected]) -> GraphQLError | None:
    first, *others = group
    for other in others:
        if other.node.name.value != first.node.name.value:
            names = f"'{first.node.name.value}' and '{other.node.name.value}'"
            return _error(name, f"{names} are different fields", first, other)
        if (first.node.arguments or other.node.arguments) and _arguments(first) != _arguments(other):
            return _error(name, "they have differing arguments", first, other)
    return None


def _conflict_of_shapes(name: str, group: list[Selected]) -> GraphQLError | None:
    typed = [one for one in group if one.type is not None]
    for other in typed[1:]:
        first = typed[0]
        if not _is_one_shape(first.type, other.type):
            return _error(name, f"they return the types '{first.type}' and '{other.type}'", first, other)
    return None


def _is_one_shape(one: Any, other: Any) -> bool:  # noqa: ANN401  wrapped in any way
    while one is not other:
        if is_non_null_type(one) != is_non_null_type(other):
            return False
        one, other = get_nullable_type(one), get_nullable_type(other)
        if is_list_type(one) != is_list_type(other):
            return False
        if not is_list_type(one):
            return one is other or (is_composite_type(one) and is_composite_type(other))
        one, other = one.of_type, other.of_type
    return True


def _arguments(one: Selected) -> dict[str, str]:
    return {
        argument.name.value: print_ast(sort_value_node(argument.value))
        for argument in one.node.arguments or ()
    }


def _error(name: str, why: str, *fields: Selected) -> GraphQLError:
    return GraphQLError(
        f"Fields '{name}' conflict because {why}. Use different aliases on the fields to fetch both if this "
        "was intentional.",
        [one.node for one in fields],
    )
