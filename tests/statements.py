"""What is sent to the engines."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from sqlalchemy import event
from sqlalchemy.engine import Engine

Statement: TypeAlias = tuple[str, Any]
"""SQL and its parameters."""


@contextmanager
def statements() -> Iterator[list[Statement]]:
    """Collect what is sent to any engine meanwhile."""
    found: list[Statement] = []

    def collect(*sent: Any) -> None:
        _connection, _cursor, statement, parameters, _context, _many = sent
        found.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", collect)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", collect)
