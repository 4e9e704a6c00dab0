"""The ways of subscriptions through the log: of each a position, and what wakes it."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import suppress
from typing import Protocol, TypeAlias

from models.database import Record
from models.filter import Criteria
from models.refusals import CursorExpired

Interest: TypeAlias = tuple[str, str]
"""What a subscription may be concerned by: a column and its value, or EVERYTHING."""

EVERYTHING: Interest = ("", "")

DELIVERY_SECONDS = 2.0
"""How long the end of a credential waits for a client to take the last events."""


class Source(Protocol):
    """Where a stream reads; see `Feed`."""

    epoch: str
    streams: "Streams"

    @property
    def position(self) -> int: ...

    async def batch(self, after: int, criteria: Criteria) -> tuple[Sequence[Record], int]: ...


class Stream:
    """Iterate over `events()` once; `delivered()` tells others how far that has come."""

    def __init__(self, source: Source, criteria: Criteria, after: int) -> None:
        self.interests = _interests(criteria)
        self._source = source
        self._criteria = criteria
        self._epoch = source.epoch
        self._position = after
        self.offered = after
        """The position of the event that was yielded last."""
        self._first_concern: int | None = None
        self._is_idle = False
        self._is_over = False
        # Futures, made while somebody waits: an `asyncio.Event` takes a kilobyte, and there are many streams.
        self._woken: asyncio.Future[None] | None = None
        self._followers: list[asyncio.Future[None]] = []

    async def events(self) -> AsyncGenerator[Record, None]:
        """Yield the matching events after the position in the order of the log, for ever.

        Raises:
            CursorExpired: The events after the position were pruned while a client was slow, or the log was
                replaced.
            Unavailable: The database is away, and the position is behind the ring.
        """
        self._source.streams.add(self)
        try:
            while True:
                while self._position < self._source.position:
                    batch, reached = await self._source.batch(self._position, self._criteria)
                    for event in batch:
                        if self._criteria.matches(event):
                            self._check_epoch()
                            self.offered = event.seq
                            yield event
                            self._move_to(event.seq)
                    self._move_to(reached)
                self._check_epoch()
                await self._next_concern()
        finally:
            self._source.streams.discard(self)
            self._is_over = True
            self._tell_followers()

    def wake(self, seq: int) -> None:
        """Tell of an event that may concern this stream."""
        if self._first_concern is None:
            self._first_concern = seq
            if self._woken is not None and not self._woken.done():
                self._woken.set_result(None)

    async def delivered(self, seq: int) -> None:
        """Return when all that concerns this stream up to `seq` was taken from it, or it is over."""
        while (
            not self._is_over and self._position < seq and not (self._is_idle and self._first_concern is None)
        ):
            moved = asyncio.get_running_loop().create_future()
            self._followers.append(moved)
            await moved

    async def _next_concern(self) -> None:
        """Wait for an event that may concern this stream; what comes before it need not be read."""
        self._first_concern = None
        self._is_idle = True
        self._tell_followers()
        self._woken = asyncio.get_running_loop().create_future()
        await self._woken
        self._is_idle = False
        if self._first_concern is not None:
            self._move_to(self._first_concern - 1)

    def _check_epoch(self) -> None:
        if self._source.epoch != self._epoch:
            raise CursorExpired

    def _move_to(self, position: int) -> None:
        self._position = max(self._position, position)
        self._tell_followers()

    def _tell_followers(self) -> None:
        for moved in self._followers:
            if not moved.done():
                moved.set_result(None)
        self._followers.clear()


class Streams:
    """Those that wait for events, by what may concern them."""

    def __init__(self) -> None:
        self._by_interest: dict[Interest, set[Stream]] = {}

    def add(self, stream: Stream) -> None:
        """Wake the stream from now on."""
        for interest in stream.interests:
            self._by_interest.setdefault(interest, set()).add(stream)

    def discard(self, stream: Stream) -> None:
        """Wake the stream no more."""
        for interest in stream.interests:
            self._by_interest[interest].discard(stream)
            if not self._by_interest[interest]:
                del self._by_interest[interest]

    def wake(self, event: Record) -> None:
        """Wake those that an event may concern."""
        for interest in (
            ("session_id", event.session_id),
            ("user_id", event.user_id),
            ("organization_id", event.organization_id),
            EVERYTHING,
        ):
            for stream in self._by_interest.get(interest, ()):
                stream.wake(event.seq)

    def wake_all(self, seq: int) -> None:
        for streams in self._by_interest.values():
            for stream in streams:
                stream.wake(seq)


async def delivered(streams: Iterable[Stream], seq: int) -> None:
    """Wait until these streams have delivered what is up to `seq`, or their clients are too slow for it."""
    with suppress(TimeoutError):
        async with asyncio.timeout(DELIVERY_SECONDS):
            for stream in tuple(streams):
                await stream.delivered(seq)


def _interests(criteria: Criteria) -> list[Interest]:
    """Return interests that every matching event has one of; the fewer events have them the better."""
    filter_, bound = criteria.filter, criteria.bound
    if filter_.ids is not None:
        return [("session_id", id_) for id_ in filter_.ids]
    if filter_.user_id is not None:
        return [("user_id", filter_.user_id)]
    if filter_.organization_id is not None:
        return [("organization_id", filter_.organization_id)]
    if bound.everything:
        return [EVERYTHING]
    interests = [("user_id", bound.user_id), ("organization_id", bound.organization_id)]
    return [(column, value) for column, value in interests if value is not None]
