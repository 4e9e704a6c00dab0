"""The measures of a document, taken in one walk that goes through every definition once."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    ListTypeNode,
    ListValueNode,
    NonNullTypeNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    TypeNode,
    ValueNode,
    get_named_type,
    is_composite_type,
    value_from_ast_untyped,
)
from graphql.language.parser import MAX_NESTING_DEPTH

from api.limits.bounds import Bounds, over
from api.limits.cost import Cost, OperationCost
from api.limits.prices import Prices


class Measures(NamedTuple):
    """What a selection set amounts to, with its fragments; `width` counts the fields of its own level."""

    depth: int = 0
    fields: int = 0
    width: int = 0
    aliases: int = 0
    directives: int = 0
    cost: Cost = Cost({})


NOTHING = Measures()


class Measurement:
    """The measures of one document: `costs` are those of its operations, unless there are `errors`.

    Errors say which bounds it is over. A spread of a fragment that does not exist, or that contains itself,
    is found on the way. `visits` counts the selections that were looked at.
    """

    def __init__(self, schema: GraphQLSchema, prices: Prices, document: DocumentNode, bounds: Bounds) -> None:
        definitions = document.definitions
        self.operations = [one for one in definitions if isinstance(one, OperationDefinitionNode)]
        self.fragments = {
            one.name.value: one for one in definitions if isinstance(one, FragmentDefinitionNode)
        }
        self.visits = 0
        self._schema = schema
        self._prices = prices
        self._bounds = bounds
        self._measured: dict[str, Measures] = {}
        self._entered: set[str] = set()
        self.errors: list[GraphQLError] = []
        self.costs: list[OperationCost] = []
        try:
            self._measure()
        except GraphQLError as error:
            self.errors = [error]

    def _measure(self) -> None:
        limit, found = self._bounds.operation_limit, len(self.operations)
        if found > limit:
            raise over("operation_limit", limit, f"The document has {found:,} operations")
        measured = [self._operation(one) for one in self.operations]
        for name in self.fragments:
            self._fragment(name, nesting=0)
        self.errors = [error for measures in measured for error in self._excesses(measures)]
        limit, found = self._bounds.field_limit, sum(measures.fields for measures in measured)
        if found > limit:
            self.errors.append(over("field_limit", limit, f"The document selects {_shown(found)} fields"))
        self.costs = [
            OperationCost(measures.cost, _defaults(one))
            for one, measures in zip(self.operations, measured, strict=True)
        ]

    def _excesses(self, measures: Measures) -> Iterator[GraphQLError]:
        bounds = self._bounds
        for bound, limit, found, what in (
            ("depth_limit", bounds.depth_limit, measures.depth, "nests fields {} deep"),
            ("root_field_limit", bounds.root_field_limit, measures.width, "selects {} fields of its root"),
            ("alias_limit", bounds.alias_limit, measures.aliases, "has {} aliases"),
            ("directive_limit", bounds.directive_limit, measures.directives, "has {} directives"),
        ):
            if found > limit:
                yield over(bound, limit, f"The operation {what.format(_shown(found))}")

    def _operation(self, node: OperationDefinitionNode) -> Measures:
        directives = self._directives(node.directives)
        for variable in node.variable_definitions or ():
            self._check_depth(_list_depth(variable.type))
            if variable.default_value is not None:
                self._check_value(variable.default_value)
            directives += self._directives(variable.directives)
        root = self._schema.get_root_type(node.operation)
        measures = self._selections(node.selection_set, root, nesting=1)
        return measures._replace(
            directives=measures.directives + directives, cost=measures.cost.plus(Cost.of(1))
        )

    def _fragment(self, name: str, *, nesting: int) -> Measures:
        measures = self._measured.get(name)
        if measures is not None:
            return measures
        node = self.fragments.get(name)
        if node is None:
            raise GraphQLError(f"Unknown fragment '{name}'.")
        if name in self._entered:
            raise GraphQLError(f"Cannot spread fragment '{name}' within itself.", node)
        self._entered.add(name)
        condition = self._schema.get_type(node.type_condition.name.value)
        measures = self._selections(node.selection_set, condition, nesting=nesting + 1)
        measures = measures._replace(directives=measures.directives + self._directives(node.directives))
        self._measured[name] = measures
        return measures

    def _selections(
        self, selected: SelectionSetNode, parent: GraphQLNamedType | None, *, nesting: int
    ) -> Measures:
        if nesting > MAX_NESTING_DEPTH:
            raise over("depth_limit", self._bounds.depth_limit, _NESTED)
        depth = fields = width = aliases = directives = 0
        cost = NOTHING.cost
        for node in selected.selections:
            self.visits += 1
            part = self._selection(node, parent, nesting)
            depth = max(depth, part.depth)
            fields += part.fields
            width += part.width
            aliases += part.aliases
            directives += part.directives + self._directives(node.directives)
            if part.cost is not NOTHING.cost:
                cost = cost.plus(part.cost)
        return Measures(depth, fields, width, aliases, directives, cost)

    def _selection(self, node: SelectionNode, parent: GraphQLNamedType | None, nesting: int) -> Measures:
        if isinstance(node, FieldNode):
            return self._field(node, parent, nesting)
        if isinstance(node, InlineFragmentNode):
            if node.type_condition is not None:
                parent = self._schema.get_type(node.type_condition.name.value)
            return self._selections(node.selection_set, parent, nesting=nesting + 1)
        assert isinstance(node, FragmentSpreadNode)  # noqa: S101  there is no other
        return self._fragment(node.name.value, nesting=nesting)

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None, nesting: int) -> Measures:
        for argument in node.arguments or ():
            self._check_value(argument.value)
        field = None
        if parent is not None and is_composite_type(parent):
            field = self._schema.get_field(parent, node.name.value)
        inner = NOTHING
        if node.selection_set is not None:
            type_ = None if field is None else get_named_type(field.type)
            inner = self._selections(node.selection_set, type_, nesting=nesting + 1)
        cost = inner.cost
        if field is not None and parent is not None:
            cost = self._prices.price(parent, field, node, inner.cost)
        return Measures(
            depth=inner.depth + 1,
            fields=inner.fields + 1,
            width=1,
            aliases=inner.aliases + (node.alias is not None),
            directives=inner.directives,
            cost=cost,
        )

    def _directives(self, nodes: Sequence[DirectiveNode] | None) -> int:
        for node in nodes or ():
            for argument in node.arguments or ():
                self._check_value(argument.value)
        return len(nodes or ())

    def _check_value(self, value: ValueNode) -> None:
        level: list[ValueNode] = [value]
        depth = size = 0
        while level := [part for one in level for part in _parts(one)]:
            depth += 1
            size += len(level)
            self._check_depth(depth)
        limit = self._bounds.value_limit
        if size > limit:
            raise over("value_limit", limit, f"An argument has {size:,} values in it")

    def _check_depth(self, depth: int) -> None:
        limit = self._bounds.depth_limit
        if depth > limit:
            raise over("depth_limit", limit, f"A value is nested {depth:,} deep")


_NESTED = f"Fields and fragments are nested more than {MAX_NESTING_DEPTH} deep"


def _parts(value: ValueNode) -> Iterable[ValueNode]:
    if isinstance(value, ListValueNode):
        return value.values
    if isinstance(value, ObjectValueNode):
        return [field.value for field in value.fields]
    return ()


def _list_depth(type_: TypeNode) -> int:
    depth = 0
    while isinstance(type_, ListTypeNode | NonNullTypeNode):
        depth += isinstance(type_, ListTypeNode)
        type_ = type_.type
    return depth


def _defaults(node: OperationDefinitionNode) -> dict[str, object]:
    return {
        one.variable.name.value: value_from_ast_untyped(one.default_value)
        for one in node.variable_definitions or ()
        if one.default_value is not None
    }


def _shown(count: int) -> str:
    """Return a number for a sentence; fragments within fragments make it as long as one likes."""
    return f"{count:,}" if count < 10**9 else "more than a billion"
