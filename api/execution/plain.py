"""What is plain: the fields and types of which graphql-core would only read and check the values."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from inspect import getattr_static
from typing import Any, get_args

from graphql import GraphQLAbstractType, GraphQLField, GraphQLObjectType, GraphQLSchema
from graphql.execution.collect_fields import FieldDetailsList
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver
from strawberry.types.union import StrawberryUnion

from api.columns import Column

DEFINITION = "strawberry-definition"
"""The extension under which Strawberry keeps what a type or a field was made from."""


class NotPlain(Exception):  # noqa: N818  an answer, not an error
    """Something is for graphql-core to execute."""


def check_directives(details: FieldDetailsList) -> None:
    """Look at the directives of a field.

    Raises:
        NotPlain: There are others than `@skip` and `@include`.
    """
    for one in details:
        if not {directive.name.value for directive in one.node.directives or ()} <= {"skip", "include"}:
            raise NotPlain


def source_of(type_: GraphQLObjectType, field: GraphQLField) -> str | Column | Callable[[Any], Any]:
    """Return the name of the attribute that a field shows, or its column, or the method that does so.

    Raises:
        NotPlain: It has a resolver that takes or awaits anything, or extensions.
    """
    definition: Any = field.extensions.get(DEFINITION)
    if type(definition) is StrawberryField and definition.default_resolver is getattr:
        if definition.is_basic_field:
            name: str = definition.python_name
            column = getattr_static(class_of(type_), name, None)
            return column if type(column) is Column else name
        resolver: Any = definition.base_resolver
        if is_own(field) and _takes_only_its_parent(resolver) and not does_more(definition):
            method: Callable[[Any], Any] = resolver.wrapped_func
            return method
    raise NotPlain


def is_own(field: GraphQLField) -> bool:
    """Tell whether a field has Strawberry's resolver; it marks the functions in which it wraps others."""
    return getattr(field.resolve, "_is_default", None) is False


def _takes_only_its_parent(resolver: StrawberryResolver[Any]) -> bool:
    return (
        (resolver.self_parameter or resolver.parent_parameter) is not None
        and len(resolver.signature.parameters) == 1
        and not resolver.is_async
    )


def does_more(definition: StrawberryField) -> bool:
    """Tell whether Strawberry does more around a resolver than to convert its arguments."""
    return bool(definition.extensions or definition.permission_classes)


def class_of(type_: GraphQLObjectType) -> type:
    """Return the class whose direct instances stand for this type, unless they are cast to another.

    Raises:
        NotPlain: The type decides by a function of its own, or its instances are not what they seem.
    """
    definition = type_.extensions.get(DEFINITION)
    if isinstance(definition, StrawberryObjectDefinition) and definition.is_type_of is None:
        class_ = parent_of(definition)
        if not issubclass(class_, Exception) and not hasattr(class_, "__await__"):
            return class_
    raise NotPlain


def parent_of(definition: StrawberryObjectDefinition) -> type:
    """Return the class that the resolvers of a type declare as their parent; its own unless they do.

    Raises:
        NotPlain: They declare several.
    """
    parents = {_declared_parent(field) or definition.origin for field in definition.fields}
    if len(parents) != 1:
        raise NotPlain
    return parents.pop()


def _declared_parent(field: StrawberryField) -> type | None:
    resolver = field.base_resolver
    if resolver is None or resolver.parent_parameter is None:
        return None
    parent, *_ = get_args(resolver.parent_parameter.annotation)
    return parent if isinstance(parent, type) else None


def classes_of(type_: GraphQLAbstractType, schema: GraphQLSchema) -> Iterator[tuple[type, GraphQLObjectType]]:
    """Yield the classes whose direct instances stand for an interface or a union, each with its type.

    Raises:
        NotPlain: The type decides by a function of its own.
    """
    definition = type_.extensions.get(DEFINITION)
    if isinstance(definition, StrawberryObjectDefinition):
        decides_itself = definition.resolve_type is not None
    else:
        decides_itself = type(definition) is not StrawberryUnion
    if decides_itself:
        raise NotPlain
    for possible in schema.get_possible_types(type_):
        with suppress(NotPlain):
            yield class_of(possible), possible
