"""The running reader of the log: one for each process, many subscriptions.

One task reads what is new, once, into a bounded ring, and wakes only the subscriptions that it may concern. A
subscription holds a position, not a queue: it reads the ring, or the database when it is behind the ring. So
nothing can overflow, a slow client costs no memory, and a wake-up that is lost costs time, never an event.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from typing import TypeAlias

from models.database import Database, Record
from models.filter import Criteria
from models.log import Position, events_after, log_state, number_pending
from models.refusals import CursorExpired, Unavailable
from models.session import EventRow

logger = logging.getLogger(__name__)

READ_LIMIT = 1000
SEARCH_LIMIT = 20_000
"""How many positions one query of a subscription that is behind the ring may pass over."""

Interest: TypeAlias = tuple[str, str]
"""What a subscription may be concerned by: a column and its value, or EVERYTHING."""

EVERYTHING: Interest = ("", "")


class Feed:
    """Call `start()` once, then keep `run()` going in a task."""

    def __init__(self, database: Database, *, poll_seconds: float, ring_size: int) -> None:
        self._database = database
        self._poll_seconds = poll_seconds
        self._ring_size = ring_size
        self._ring: list[Record] = []
        self._listeners: dict[Interest, set[_Listener]] = {}
        self._is_reading = False
        self._waiting: list[asyncio.Future[None]] = []
        self.is_current = False
        self.epoch = ""
        self.position = 0

    async def start(self) -> None:
        """Take the end of the log as the position.

        Raises:
            Unavailable: The database is away.
        """
        async with self._database.read() as tx:
            state = await log_state(tx)
        self.epoch, self.position, self.is_current = state.epoch, state.last_seq, True

    async def run(self) -> None:
        """Read for ever; after a fault the reading goes on, and `is_current` is false until it succeeds."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._database.wake_up.wait(), self._poll_seconds)
            self._database.wake_up.clear()
            waiting, self._waiting = self._waiting, []
            try:
                self._is_reading = True
                await self._catch_up()
                self.is_current = True
            except Unavailable as refusal:
                self.is_current = False
                logger.warning("The log cannot be read, trying again: %s", refusal.__cause__)
            except Exception:
                self.is_current = False
                logger.exception("The log cannot be read, trying again")
            finally:
                self._is_reading = False
                for future in waiting:
                    if not future.done():
                        future.set_result(None)

    async def refresh(self) -> None:
        """Wait until what this process committed before the call has been read, or could not be."""
        if self._is_reading or self._database.wake_up.is_set():
            future = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            self._database.wake_up.set()
            await future

    async def locate(self, position: Position) -> int:
        """Return the `seq` to read after.

        Raises:
            CursorExpired: The log does not reach back to the position, or it is of another log.
            Unavailable: The database is away.
        """
        if position.epoch == self.epoch and self._ring_start <= position.seq <= self.position:
            return position.seq
        async with self._database.read() as tx:
            return (await log_state(tx)).check(position)

    async def events(self, criteria: Criteria, after: int) -> AsyncGenerator[Record, None]:
        """Yield the matching events after a position in the order of the log, for ever.

        Raises:
            CursorExpired: The events after the position were pruned while a client was slow.
            Unavailable: The database is away, and the position is behind the ring.
        """
        listener = _Listener()
        interests = _interests(criteria)
        for interest in interests:
            self._listeners.setdefault(interest, set()).add(listener)
        try:
            while True:
                while after < self.position:
                    batch, after = await self._batch(after, criteria)
                    for event in batch:
                        if criteria.matches(event):
                            yield event
                # What does not wake us does not concern us: it need not be read.
                after = max(after, await listener.next_concern() - 1)
        finally:
            for interest in interests:
                self._listeners[interest].discard(listener)
                if not self._listeners[interest]:
                    del self._listeners[interest]

    @property
    def _ring_start(self) -> int:
        """The position before the first event of the ring."""
        return self.position - len(self._ring)

    async def _catch_up(self) -> None:
        while await number_pending(self._database):
            pass
        while True:
            async with self._database.read() as tx:
                events = await events_after(tx, self.position, limit=READ_LIMIT)
            self._take(events)
            if len(events) < READ_LIMIT:
                return

    def _take(self, events: Sequence[Record]) -> None:
        if events and events[0].seq != self.position + 1:
            logger.error("The log jumps from %s to %s", self.position, events[0].seq)
            self._ring.clear()
        self._ring += events
        if len(self._ring) > 2 * self._ring_size:
            del self._ring[: -self._ring_size]
        for event in events:
            self.position = event.seq
            for interest in (
                ("session_id", event.session_id),
                ("user_id", event.user_id),
                ("organization_id", event.organization_id),
                EVERYTHING,
            ):
                for listener in self._listeners.get(interest, ()):
                    listener.wake(event.seq)

    async def _batch(self, after: int, criteria: Criteria) -> tuple[Sequence[Record], int]:
        """Return some events after a position, all that match among them, and how far they reach."""
        if after >= self._ring_start:
            start = after - self._ring_start
            batch = self._ring[start : start + READ_LIMIT]
            return batch, batch[-1].seq
        up_to = min(after + SEARCH_LIMIT, self.position)
        async with self._database.read() as tx:
            state = await log_state(tx)
            if after < state.pruned_seq:
                raise CursorExpired
            where = criteria.clauses(EventRow)
            found = await events_after(tx, after, limit=READ_LIMIT, up_to=up_to, where=where)
        return found, up_to if len(found) < READ_LIMIT else found[-1].seq


class _Listener:
    """What one subscription waits on: the first event since it last looked that may concern it."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()
        self._first_concern = 0

    def wake(self, seq: int) -> None:
        if not self._woken.is_set():
            self._first_concern = seq
            self._woken.set()

    async def next_concern(self) -> int:
        """Wait for an event that is taken after this call; return its `seq`."""
        self._woken.clear()
        await self._woken.wait()
        return self._first_concern


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
