"""What the fields of the schema cost."""

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_introspection_type,
    is_list_type,
    is_object_type,
)

from api.connection import PAGE_DEFAULT, PAGE_LIMIT
from api.inputs import END_DEFAULT, END_LIMIT, IDS_LIMIT
from api.limits.cost import PAGE, Cost, Size, Source

LIST_ESTIMATE = 10
"""How many things are taken to be in a list of which nothing is known."""
COUNT_COST = 100
"""Counting reads whatever matches, so it costs as much as the largest page."""
END_COST = 0.5
"""What ending one of many sessions costs."""
INTROSPECTION_ESTIMATES = {"fields": 6.0, "directives": 6.0, "interfaces": 0.2, "possibleTypes": 0.2}
"""How many things are in the lists of the introspection other than the types; about one in any other."""
INTROSPECTION_ALIAS = 5
"""How much more a field of the introspection costs with an alias, of which no tool has need."""

Path = tuple[str, ...]
"""An argument, and then the names of input fields."""

COUNTS = frozenset({"SessionConnection.totalCount", "Query.sessionCounts"})
SIZES: dict[str, tuple[Path, int, int]] = {
    "Query.nodes": (("ids",), IDS_LIMIT, IDS_LIMIT),
    "Mutation.endSessions": (("input", "limit"), END_DEFAULT, END_LIMIT),
}
"""Where fields other than pages are told their size, its default and its limit."""
PAGE_SIZES: tuple[Path, ...] = (("last",), ("first",))


class Prices:
    """The prices of one schema."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._types = len(schema.type_map)
        self._pages = {
            get_named_type(field.type).name
            for type_ in schema.type_map.values()
            if is_object_type(type_)
            for field in type_.fields.values()
            if "first" in field.args
        }

    def price(self, parent: GraphQLNamedType, field: GraphQLField, node: FieldNode, selected: Cost) -> Cost:
        """Return what a field costs with all that is selected in it."""
        if is_introspection_type(parent):
            return self._price_of_introspection(field, node, selected)
        coordinate = f"{parent.name}.{node.name.value}"
        flat = COUNT_COST if coordinate in COUNTS else 0
        if not is_composite_type(get_named_type(field.type)):
            return Cost.of(flat)
        if "first" in field.args:
            selected = selected.on_page(_size(node, PAGE_SIZES, PAGE_DEFAULT, PAGE_LIMIT))
        cost = Cost.of(1).plus(selected)
        if not is_list_type(get_nullable_type(field.type)):
            if coordinate in SIZES:
                path, default, limit = SIZES[coordinate]
                cost = cost.plus(Cost.of(END_COST).times(_size(node, (path,), default, limit)))
        elif parent.name in self._pages:
            cost = cost.times(PAGE)
        elif coordinate in SIZES:
            path, default, limit = SIZES[coordinate]
            cost = cost.times(_size(node, (path,), default, limit))
        else:
            cost = cost.times(LIST_ESTIMATE)
        return cost.plus(Cost.of(flat)) if flat else cost

    def _price_of_introspection(self, field: GraphQLField, node: FieldNode, selected: Cost) -> Cost:
        """Count each of its fields: they are answered in one go, and others wait for so long."""
        name = node.name.value
        cost = Cost.of(1).plus(selected)
        if name == "types":
            cost = cost.times(self._types)
        elif name == "ofType":  # most types are wrapped once or not at all
            cost = Cost.of(1).plus(selected.times(0.5))
        elif is_list_type(get_nullable_type(field.type)):
            cost = Cost.of(1).plus(cost.times(INTROSPECTION_ESTIMATES.get(name, 1)))
        return cost if node.alias is None else cost.times(INTROSPECTION_ALIAS)


def _size(node: FieldNode, paths: tuple[Path, ...], default: int, limit: int) -> Size:
    given = {argument.name.value: argument.value for argument in node.arguments or ()}
    sources = (_source(given.get(path[0]), path[1:]) for path in paths)
    return Size(tuple(source for source in sources if source is not None), default, limit)


def _source(value: ValueNode | None, path: Path) -> Source | None:
    """Return where in a value a size is, if it is given."""
    match value:
        case None | NullValueNode():
            return None
        case VariableNode():
            return (value.name.value, *path)
        case IntValueNode():
            return int(value.value[:12])  # longer ones are over every limit all the same
        case ListValueNode():
            return len(value.values)
        case ObjectValueNode():
            fields = {field.name.value: field.value for field in value.fields}
            return _source(fields.get(path[0]), path[1:]) if path else None
        case _:
            return 1
