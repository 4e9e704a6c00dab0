"""What an operation costs, as an expression of its variables."""

from collections.abc import Mapping
from math import ceil, prod
from typing import Any, NamedTuple, TypeAlias

TERMS_LIMIT = 50
"""With more products in a sum, the sizes that depend on variables are taken for their greatest."""
COST_MAX = 2**31 - 1
"""What is not less is not told apart, so that it is an `Int`."""

Source: TypeAlias = int | tuple[str, ...]
"""A size in the document, or the variable that has it: its name, then the names of input fields."""


class Size(NamedTuple):
    """How many things there can be: the first of its sources that is given, or the default."""

    sources: tuple[Source, ...]
    default: int
    limit: int

    def under(self, variables: Mapping[str, Any]) -> int:
        """Return the size; what no resolver will accept counts as the nearest that one would."""
        for source in self.sources:
            given = source if isinstance(source, int) else _value_at(source, variables)
            if isinstance(given, list):
                given = len(given)
            if isinstance(given, int | float):
                return int(min(max(given, 1), self.limit))
        return self.default

    @property
    def is_known(self) -> bool:
        return all(isinstance(source, int) for source in self.sources)

    @property
    def greatest(self) -> int:
        """What it is at the most, whatever the variables."""
        return self.under({}) if self.is_known else self.limit


PAGE = Size(sources=(("",),), default=100, limit=100)
"""Stands for the size of the page that a selection is within, until the field of the page is known."""


class Cost:
    """A sum of products of sizes, each with its factor."""

    def __init__(self, terms: Mapping[tuple[Size, ...], float]) -> None:
        self.terms = terms

    @classmethod
    def of(cls, nodes: float) -> "Cost":
        return cls({(): nodes})

    def plus(self, other: "Cost") -> "Cost":
        terms = dict(self.terms)
        for sizes, factor in other.terms.items():
            terms[sizes] = terms.get(sizes, 0.0) + factor
        return Cost(terms) if len(terms) <= TERMS_LIMIT else Cost(terms).greatest()

    def times(self, size: Size | float) -> "Cost":
        if isinstance(size, Size) and not size.is_known:
            return Cost({(*sizes, size): factor for sizes, factor in self.terms.items()})
        number = size.greatest if isinstance(size, Size) else size
        return Cost({sizes: factor * number for sizes, factor in self.terms.items()})

    def on_page(self, page: Size) -> "Cost":
        """Return it with the size of its page filled in."""
        terms: dict[tuple[Size, ...], float] = {}
        for sizes, factor in self.terms.items():
            known = page.greatest if page.is_known and PAGE in sizes else 1
            filled = tuple(
                page if size == PAGE else size for size in sizes if size != PAGE or not page.is_known
            )
            terms[filled] = terms.get(filled, 0.0) + factor * known
        return Cost(terms)

    def greatest(self) -> "Cost":
        """Return what it is at the most, whatever the variables; the size of its page stays open."""
        terms: dict[tuple[Size, ...], float] = {}
        for sizes, factor in self.terms.items():
            pages = tuple(size for size in sizes if size == PAGE)
            known = prod(size.greatest for size in sizes if size != PAGE)
            terms[pages] = terms.get(pages, 0.0) + factor * known
        return Cost(terms)

    def under(self, variables: Mapping[str, Any]) -> int:
        """Return how many nodes it is; the variables are as they were sent."""
        return _rounded(
            sum(
                factor * prod(size.under(variables) for size in sizes) for sizes, factor in self.terms.items()
            )
        )

    @property
    def is_known(self) -> bool:
        return not any(self.terms)


class OperationCost:
    """The cost of an operation, with the defaults of its variables."""

    def __init__(self, cost: Cost, defaults: Mapping[str, Any]) -> None:
        self._cost = cost
        self._defaults = defaults
        self._known = cost.under({}) if cost.is_known else None

    def under(self, variables: Mapping[str, Any] | None) -> int:
        """Return how many nodes the answer has at the most; the variables are as they were sent."""
        if self._known is not None:
            return self._known
        return self._cost.under({**self._defaults, **(variables or {})})


def _value_at(path: tuple[str, ...], variables: Mapping[str, Any]) -> object:
    value: Any = variables
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _rounded(nodes: float) -> int:
    return COST_MAX if nodes >= COST_MAX else ceil(nodes)


FREE = OperationCost(Cost({}), {})
