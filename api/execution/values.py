"""Values, completed as graphql-core completes them in the common case; anything else is a surprise."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from typing import Any, TypeAlias

from graphql import GraphQLEnumType, GraphQLScalarType, Undefined
from graphql.pyutils import is_awaitable

Complete: TypeAlias = Callable[[Any], Any]
"""From a value to its part of the answer; any exception means that graphql-core must complete it instead."""

SETTLED = frozenset({bool, bytes, date, datetime, dict, float, int, list, str, tuple})
"""Types whose instances are not null, not an exception and not awaitable."""


class Surprise(Exception):  # noqa: N818  nothing is wrong yet: graphql-core will say
    """A value that graphql-core must complete itself."""


def settled(value: Any) -> Any:  # noqa: ANN401  whatever an attribute holds
    """Return the value, if graphql-core would neither raise it nor wait for it nor take it for null."""
    if type(value) not in SETTLED and (
        value is None or value is Undefined or isinstance(value, Exception) or is_awaitable(value)
    ):
        raise Surprise
    return value


def as_list(value: Any) -> Sequence[Any]:  # noqa: ANN401  whatever an attribute holds
    """Return the value, if it can be iterated once more after a surprise."""
    if type(value) is list or type(value) is tuple:
        return value
    raise Surprise


def scalar(type_: GraphQLScalarType) -> Complete:
    """Return what completes the values of a scalar."""
    coerce = type_.coerce_output_value
    return lambda value: settled(coerce(settled(value)))


def enum_names(type_: GraphQLEnumType) -> dict[Any, str]:
    """Return the names of an enum by its members and by their values."""
    names: dict[Any, str] = {}
    members: list[Any] = list(getattr(type_, "wrapped_cls", ()))
    for value in (*members, *(one.value for one in type_.values.values())):
        if value is not None and value is not Undefined:
            with suppress(TypeError):  # it has no hash
                names[value] = type_.coerce_output_value(value)
    return names


class Words(dict[Any, str | None]):
    """From what is stored to the name of the member of an enum that it stands for."""

    def __init__(self, meanings: Mapping[Any, Any] | None, names: Mapping[Any, str]) -> None:
        super().__init__({None: None})
        self._meanings = meanings
        self._names = names

    def __missing__(self, stored: object) -> str | None:
        member = stored if self._meanings is None else self._meanings[stored]
        name = None if member is None else self._names[member]
        if self._meanings is None or stored in self._meanings:  # others may be as many as there are words
            self[stored] = name
        return name
