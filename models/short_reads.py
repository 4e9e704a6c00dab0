"""Short reads of SQLite, in the thread of the event loop.

To hand a statement to a thread and to wait for it takes longer than most reads do, and while it runs the two
threads wait for each other at every row. A read that turns out to be long is given up and left to a thread,
and so are those of the next moment: while the disk is slow or a table is searched, threads work side by side.
"""

import sqlite3
import time
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

from models.statement import Compiled, Record

LONGEST_SECONDS = 0.002
REST_SECONDS = 0.1
STEPS = 1000
"""Of SQLite's virtual machine, between two looks at the clock: those of a page of 50, or 20 µs."""


class ShortReads:
    """A connection of its own for them, which `open_` returns."""

    def __init__(
        self, open_: Callable[[], sqlite3.Connection], *, rest_seconds: float = REST_SECONDS
    ) -> None:
        self._open = open_
        self._rest_seconds = rest_seconds
        self._rests_until = 0.0
        self._opening = Lock()
        self._raw: sqlite3.Connection | None = None
        self._deadline = 0.0

    @property
    def is_open(self) -> bool:
        return self._raw is not None

    def open(self) -> None:
        """Open it if it is not; for threads, because it may take its time."""
        with self._opening:
            if self._raw is None:
                raw = self._open()
                raw.execute("PRAGMA busy_timeout = 0")
                raw.set_progress_handler(self._is_late, STEPS)
                self._raw = raw

    def fetch(self, statement: Compiled, arguments: Sequence[Any]) -> list[Record] | None:
        """Return the rows; None where a thread must: they take long, others did, or there is an error."""
        now = time.monotonic()
        if self._raw is None or now < self._rests_until:
            return None
        self._deadline = now + LONGEST_SECONDS
        try:
            return statement.records(self._raw.execute(statement.sql, arguments).fetchall())
        except sqlite3.Error:
            self._rests_until = time.monotonic() + self._rest_seconds
            return None

    def close(self) -> None:
        if self._raw is not None:
            self._raw.close()
            self._raw = None

    def _is_late(self) -> bool:
        return time.monotonic() > self._deadline
