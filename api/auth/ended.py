"""The sessions that ended so recently that a token of theirs may still be unexpired.

A token is checked against this set, so an ended session is refused without a query: at once on the node that
ended it, and when the feed has read the event on the others.
"""

import time
from collections import OrderedDict
from datetime import timedelta

from models.database import Database
from models.log import sessions_ended_since
from models.session import utc_now


class EndedSessions:
    """Holds each id for as long as a token may live."""

    def __init__(self, *, keep_seconds: float) -> None:
        self._keep_seconds = keep_seconds
        self._ended: OrderedDict[str, float] = OrderedDict()

    def __contains__(self, session_id: str) -> bool:
        return session_id in self._ended

    def __len__(self) -> int:
        return len(self._ended)

    def add(self, session_id: str) -> None:
        now = time.monotonic()
        self._ended.setdefault(session_id, now)
        while (oldest := next(iter(self._ended))) and self._ended[oldest] < now - self._keep_seconds:
            del self._ended[oldest]

    async def load(self, database: Database) -> None:
        """Read what ended before this process started.

        Raises:
            Unavailable: The database is away.
        """
        since = utc_now() - timedelta(seconds=self._keep_seconds)
        async with database.read() as tx:
            for session_id in await sessions_ended_since(tx, since):
                self.add(session_id)
