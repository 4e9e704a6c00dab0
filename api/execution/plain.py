"""What is plain: the fields and types of which graphql-core would only read and check the values."""

from collections.abc import Iterator
from contextlib import suppress

from graphql import GraphQLAbstractType, GraphQLField, GraphQLObjectType, GraphQLSchema
from graphql.execution.collect_fields import FieldDetailsList
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField
from strawberry.types.union import StrawberryUnion

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


def attribute_of(field: GraphQLField) -> str:
    """Return the name of the attribute that a field shows.

    Raises:
        NotPlain: It has a resolver, arguments or extensions.
    """
    definition = field.extensions.get(DEFINITION)
    if (
        type(definition) is StrawberryField
        and definition.is_basic_field
        and definition.default_resolver is getattr
    ):
        return definition.python_name
    raise NotPlain


def class_of(type_: GraphQLObjectType) -> type:
    """Return the class whose direct instances are of this type, unless they are cast to another.

    Raises:
        NotPlain: The type decides by a function of its own, or its instances are not what they seem.
    """
    definition = type_.extensions.get(DEFINITION)
    if isinstance(definition, StrawberryObjectDefinition) and definition.is_type_of is None:
        class_ = definition.origin
        if not issubclass(class_, Exception) and not hasattr(class_, "__await__"):
            return class_
    raise NotPlain


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
