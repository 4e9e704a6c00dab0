"""The statements that are sent to a database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from models.statement import Compiled, Values

Sent: TypeAlias = tuple[str, list[Any]]


@contextmanager
def statements() -> Iterator[list[Sent]]:
    """Collect the statements that are run meanwhile, with their values as the driver gets them."""
    found: list[Sent] = []
    arguments = Compiled.arguments

    def collect(statement: Compiled, values: Values) -> list[Any]:
        given = arguments(statement, values)
        found.append((statement.sql, given))
        return given

    Compiled.arguments = collect  # type: ignore[method-assign, assignment]
    try:
        yield found
    finally:
        Compiled.arguments = arguments  # type: ignore[method-assign]
