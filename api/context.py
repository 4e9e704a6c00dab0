"""What resolvers are given: who asks, and the handles."""

from typing import Self, TypeAlias
from weakref import WeakSet

import strawberry
from strawberry.dataloader import DataLoader

from api.auth.ended import EndedSessions
from api.auth.viewer import Viewer
from api.feed import Feed
from api.stream import Stream
from models.database import Database, Record
from models.filter import Bound
from models.log import history_of
from models.refusals import Forbidden


class Context:
    """One for each operation; holds no transaction and caches nothing.

    `accepted_at` is the position of the feed when the operation was accepted: what a subscription without
    `after` starts from. `streams` are the subscriptions of the request, or of all operations on the socket.
    """

    def __init__(self, database: Database, feed: Feed, ended: EndedSessions, viewer: Viewer) -> None:
        self.database = database
        self.feed = feed
        self.ended = ended
        self.viewer = viewer
        self.accepted_at = feed.position
        self.streams: WeakSet[Stream] = WeakSet()
        self.history: DataLoader[str, list[Record]] = DataLoader(self._load_history, cache=False)

    def for_operation(self) -> Self:
        """Return the context of an operation on a socket whose own context this is."""
        context = type(self)(self.database, self.feed, self.ended, self.viewer)
        context.streams = self.streams
        return context

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
