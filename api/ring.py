"""The last events of the log, in memory."""

from collections.abc import Sequence

from models.database import Record


class Ring:
    """At least the last `size` events, once there were so many; `position` is that of the newest."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._events: list[Record] = []
        self.position = 0

    @property
    def start(self) -> int:
        """The position before the first event that is there."""
        return self.position - len(self._events)

    def after(self, position: int, *, limit: int) -> Sequence[Record]:
        """Return the events after a position, which is not before the start."""
        first = position - self.start
        return self._events[first : first + limit]

    def add(self, events: Sequence[Record]) -> None:
        """Take in the events that follow, of which there are some."""
        self._events += events
        self.position = events[-1].seq
        if len(self._events) > 2 * self._size:
            del self._events[: -self._size]

    def forget(self, up_to: int) -> None:
        """Leave out the events up to a position, which were removed from the log."""
        del self._events[: max(0, up_to - self.start)]

    def skip_to(self, position: int) -> None:
        """Go on from another position, without what was before."""
        self._events.clear()
        self.position = position
