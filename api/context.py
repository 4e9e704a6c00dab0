"""What resolvers are given: who asks, and the handles."""

from collections.abc import Callable
from functools import cached_property
from typing import Self, TypeAlias
from weakref import WeakSet

import strawberry
from strawberry.dataloader import DataLoader

from api.auth.ended import EndedSessions
from api.auth.viewer import Viewer
from api.feed import Feed
from api.places import StreamPlaces
from api.stream import Stream
from models.bound import Bound
from models.database import Database, Record
from models.log import history_of
from models.refusals import Forbidden


class Context:
    """One for each operation; holds no transaction and caches nothing.

    `address` is where the viewer calls from, empty where that is not known.
    `accepted_at` is the position of the feed when the operation was accepted: what a subscription without
    `after` starts from. `streams` are the subscriptions of the request, or of all operations on the socket.
    `last_event_id` is the cursor that a stream over HTTP goes on from. Whoever makes a context for a
    subscription closes it.
    """

    def __init__(
        self,
        database: Database,
        feed: Feed,
        ended: EndedSessions,
        viewer: Viewer,
        *,
        places: StreamPlaces | None = None,
        address: str = "",
    ) -> None:
        self.database = database
        self.feed = feed
        self.ended = ended
        self.viewer = viewer
        self.last_event_id: str | None = None
        self._places = places
        self.address = address
        self._give_back: Callable[[], None] | None = None
        self.accepted_at = feed.position
        self.streams: WeakSet[Stream] = WeakSet()

    def for_operation(self) -> Self:
        """Return the context of an operation on a socket whose own context this is."""
        context = type(self)(
            self.database, self.feed, self.ended, self.viewer, places=self._places, address=self.address
        )
        context.streams = self.streams
        return context

    def add(self, stream: Stream) -> None:
        """Take a place for a subscription.

        Raises:
            LimitExceeded: The viewer or its address has too many running.
        """
        if self._places is not None:
            self._give_back = self._places.take(self.viewer, self.address)
        self.streams.add(stream)

    def close(self) -> None:
        """Give back what the operation took."""
        if self._give_back is not None:
            self._give_back()
            self._give_back = None

    @cached_property
    def history(self) -> DataLoader[str, list[Record]]:
        """What loads the histories of sessions, those of one moment together."""
        return DataLoader(self._load_history, cache=False)

    @property
    def readable(self) -> Bound:
        """The sessions that the viewer may see.

        Raises:
            Forbidden: None, whatever they are.
        """
        if self.viewer.readable.is_nothing:
            raise Forbidden("Your API key lacks the scope `sessions:read`.")
        return self.viewer.readable

    @property
    def endable(self) -> Bound:
        """The sessions that the viewer may end.

        Raises:
            Forbidden: None, whatever they are.
        """
        if self.viewer.endable.is_nothing:
            raise Forbidden("Your API key lacks the scope `sessions:write`.")
        return self.viewer.endable

    async def _load_history(self, session_ids: list[str]) -> list[list[Record]]:
        async with self.database.read() as tx:
            history = await history_of(tx, session_ids)
        return [history[session_id] for session_id in session_ids]


Info: TypeAlias = strawberry.Info[Context, None]
