"""The changes of the log, from a position on and for ever: over any number of connections, none twice."""

import random
import time
from collections.abc import Callable, Iterator
from typing import Any

from api.client.documents import LOG, POSITION, WATCH
from api.client.endpoint import Endpoint
from api.client.refusals import Busy
from models.refusals import Unavailable

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 10

Criteria = dict[str, Any]
"""A `SessionFilter`, as it is sent."""


class Changes:
    """Those that match; `cursor` is that of the last one that was dealt with.

    A server that has answered once is called again whenever it is lost, and `say` is told.
    """

    def __init__(self, endpoint: Endpoint, criteria: Criteria, say: Callable[[str], None]) -> None:
        self.cursor: str | None = None
        self._endpoint = endpoint
        self._criteria = criteria
        self._say = say
        self._has_answered = False
        self._is_lost = False
        self._pause_seconds = FIRST_PAUSE_SECONDS

    def from_start(self) -> Iterator[Any]:
        """Yield the changes from the start of the log on; raises as `after` does."""
        has_more = True
        while has_more:
            answer = self._endpoint.execute(LOG, filter=self._criteria, after=self.cursor)
            page = answer["sessionStatusChanges"]
            for change in page["nodes"]:
                yield change
                self.cursor = change["cursor"]
            self.cursor, has_more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
        self._has_answered = True
        yield from self._followed()

    def from_now(self) -> Iterator[Any]:
        """Yield the changes that are still to come; raises as `after` does."""
        # A position that is known beforehand: nothing is missed if the first connection is lost at once.
        self.cursor = self._endpoint.execute(POSITION)["sessions"]["asOf"]
        self._has_answered = True
        yield from self._followed()

    def after(self, cursor: str) -> Iterator[Any]:
        """Yield the changes after a cursor.

        Raises:
            CursorExpired: The log no longer reaches back to the cursor.
            Unavailable: The server could not be reached at first.
            Refusal: The server says no.
        """
        self.cursor = cursor
        yield from self._followed()

    def _followed(self) -> Iterator[Any]:
        while True:
            wish = None
            try:
                yield from self._connection()
            except Unavailable as refusal:
                if not self._has_answered:
                    raise
                wish = refusal if isinstance(refusal, Busy) else None
            self._wait(wish)

    def _connection(self) -> Iterator[Any]:
        with self._endpoint.stream(WATCH, filter=self._criteria, after=self.cursor) as results:
            self._has_answered = True
            if self._is_lost:
                self._is_lost = False
                self._say("Connected again, and going on from where it was.")
            for result in results:
                self._pause_seconds = FIRST_PAUSE_SECONDS
                if result is not None:
                    change = result["sessionStatusChanged"]
                    yield change
                    self.cursor = change["cursor"]

    def _wait(self, wish: Busy | None) -> None:
        """Pause before the next connection: longer each time, and not just as long as everybody else."""
        if not self._is_lost:
            self._is_lost = True
            why = f" ({wish})" if wish else ""
            self._say(f"The connection to {self._endpoint.url} is lost{why}; trying again until it is back.")
        pause_seconds = self._pause_seconds * random.uniform(0.5, 1)  # noqa: S311  it is no secret
        time.sleep(max(pause_seconds, wish.seconds if wish else 0))
        self._pause_seconds = min(2 * self._pause_seconds, LONGEST_PAUSE_SECONDS)
