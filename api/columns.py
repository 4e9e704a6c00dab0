"""Attributes that are read from the row which an object shows, when somebody asks for them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

T = TypeVar("T", bound=type)


class Column:
    """One value of an object's `row`, by its place there.

    `meanings` has what stands for each stored value, where that is not the value itself. The compiler of
    selections reads columns without calling anything, and trusts them: a table has no value of another type
    than it declares, and no null where it declares none.
    """

    def __init__(self, place: int, meanings: Mapping[Any, Any] | None = None) -> None:
        self.place = place
        self.meanings = meanings

    def __get__(self, shown: Any, owner: type | None = None) -> Any:  # noqa: ANN401  whatever is stored
        if shown is None:
            return self
        value = shown.row[self.place]
        return value if self.meanings is None else self.meanings[value]

    def __set__(self, shown: object, value: object) -> None:
        raise AttributeError("What a row has is changed where it is stored.")


def reads_row(names: Sequence[str], meanings: Mapping[str, Mapping[Any, Any]]) -> Callable[[T], T]:
    """Make those fields of a class columns that a row has under the same names.

    `names` are the columns of the row in their order; `meanings` are those of some of them, by name.
    """

    def with_columns(class_: T) -> T:
        fields: Mapping[str, Any] = class_.__dataclass_fields__  # type: ignore[attr-defined]
        for place, name in enumerate(names):
            if name in fields:
                setattr(class_, name, Column(place, meanings.get(name)))
        return class_

    return with_columns
