"""A function of one argument, as it is written and then compiled."""

from typing import Any

from api.execution.values import Complete

FILENAME = "<selection>"
"""Where tracebacks and profiles say that the functions are from."""


class Function:
    """Its lines, and the names for the values that they use."""

    def __init__(self, argument: str) -> None:
        self._argument = argument
        self._lines: list[str] = []
        self._names: dict[str, Any] = {}
        self._variables = 0
        self._reads_row = False

    def name(self, value: object) -> str:
        """Return a name for a value that is known now."""
        name = f"c{len(self._names)}"
        self._names[name] = value
        return name

    def variable(self) -> str:
        """Return a name for a value that is known when the function runs."""
        self._variables += 1
        return f"v{self._variables}"

    def row(self) -> str:
        """Return the name of the row of the argument."""
        if not self._reads_row:
            self._reads_row = True
            self.write(f"r = {self._argument}.row")
        return "r"

    def write(self, *lines: str) -> None:
        self._lines += lines

    def returning(self, expression: str) -> Complete:
        """Return the function, which ends with this expression."""
        lines = [f"def complete({self._argument}):", *self._lines, f"return {expression}"]
        exec(compile("\n    ".join(lines), FILENAME, "exec"), self._names)  # noqa: S102  see the module
        complete: Complete = self._names["complete"]
        return complete
