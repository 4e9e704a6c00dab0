"""The running reader of the log: one for each process, many subscriptions.

One task reads what is new, once, into a bounded ring, and wakes only the subscriptions that it may concern. A
subscription holds a position, not a queue: it reads the ring, or the database when it is behind the ring. So
nothing can overflow, a slow client costs no memory, and a wake-up that is lost costs time, never an event.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from api.auth.ended import EndedSessions
from api.ring import Ring
from api.stream import Stream, Streams
from models.database import Database, Record
from models.filter import Criteria
from models.log import (
    NUMBERING_BATCH,
    LogState,
    Position,
    events_after,
    log_state,
    matching_events,
    number_pending,
    renew_epoch,
)
from models.refusals import CursorExpired, Unavailable
from models.session import Status

logger = logging.getLogger(__name__)

READ_LIMIT = 1000
SEARCH_LIMIT = 20_000
"""How many positions one query of a subscription that is behind the ring may pass over."""

GATHER_SECONDS = 0.03
"""How long events gather after several came at once: under load they are numbered and read by the dozen."""

MADE_LIMIT = 256
"""What is made of so many events is kept, for the subscriptions that are told of them at the same time."""

T = TypeVar("T")


class Feed:
    """Call `start()` once, then keep `run()` going in a task."""

    def __init__(
        self,
        database: Database,
        ended: EndedSessions,
        *,
        poll_seconds: float,
        ring_size: int,
        gather_seconds: float = GATHER_SECONDS,
    ) -> None:
        self._database = database
        self._ended = ended
        self._poll_seconds = poll_seconds
        self._gather_seconds = gather_seconds
        self._ring = Ring(ring_size)
        self.streams = Streams()
        self._waiting: list[asyncio.Future[None]] = []
        self._is_awaited = asyncio.Event()
        self._made: dict[Hashable, Any] = {}
        self._state_known_at = 0.0
        self.is_current = False
        self.epoch = ""

    @property
    def position(self) -> int:
        """That of the last event that was read."""
        return self._ring.position

    async def start(self) -> None:
        """Take the end of the log as the position.

        Raises:
            Unavailable: The database is away.
        """
        async with self._database.read() as tx:
            state = await log_state(tx)
        self._ring.skip_to(state.last_seq)
        self.epoch, self.is_current = state.epoch, True

    async def run(self) -> None:
        """Read for ever; after a fault the reading goes on, and `is_current` is false until it succeeds."""
        while True:
            is_hint = await self._is_woken()
            waiting, self._waiting = self._waiting, []
            self._is_awaited.clear()
            numbers = self._database.has_pending or bool(waiting) or not is_hint
            self._database.wake_up.clear()
            self._database.has_pending = False
            before = self.position
            try:
                if numbers:
                    await self._number()
                await self._catch_up()
                self.is_current = True
            except Unavailable as refusal:
                self.is_current = False
                logger.warning("The log cannot be read, trying again: %s", refusal.__cause__)
            except Exception:
                self.is_current = False
                logger.exception("The log cannot be read, trying again")
            finally:
                for future in waiting:
                    if not future.done():
                        future.set_result(None)
            if self.position > before + 1:
                await self._gather()

    async def refresh(self) -> None:
        """Wait until what was committed before the call has been read, or could not be."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._is_awaited.set()
        self._database.wake_up.set()
        await future

    async def locate(self, position: Position) -> int:
        """Return the `seq` to read after.

        Raises:
            CursorExpired: The log does not reach back to the position, or it is of another log.
            Unavailable: The database is away.
        """
        if position.epoch == self.epoch and self._ring.start <= position.seq <= self.position:
            return position.seq
        async with self._database.read() as tx:
            return (await log_state(tx)).check(position)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what was made of an event under this key, or make it; that of the last few is kept."""
        made: T | None = self._made.get(key)
        if made is None:
            made = self._made[key] = make()
            if len(self._made) > MADE_LIMIT:
                del self._made[next(iter(self._made))]
        return made

    def stream(self, criteria: Criteria, after: int) -> Stream:
        """Return the way of a subscription through the log from a position."""
        return Stream(self, criteria, after)

    async def batch(self, after: int, criteria: Criteria) -> tuple[Sequence[Record], int]:
        """Return some events after a position, all that match among them, and how far they reach.

        Raises:
            CursorExpired: The events after the position were pruned.
            Unavailable: The database is away, and the position is behind the ring.
        """
        if after >= self._ring.start:
            batch = self._ring.after(after, limit=READ_LIMIT)
            return batch, batch[-1].seq
        up_to = min(after + SEARCH_LIMIT, self.position)
        async with self._database.read() as tx:
            state = await log_state(tx)
            if after < state.pruned_seq:
                raise CursorExpired
            found = await matching_events(tx, criteria, after, limit=READ_LIMIT, up_to=up_to)
        return found, up_to if len(found) < READ_LIMIT else found[-1].seq

    async def _is_woken(self) -> bool:
        """Wait for a wake-up, but not longer than the poll; tell which of the two it was."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._poll_seconds):
                return await self._database.wake_up.wait()
        return False

    async def _gather(self) -> None:
        """Let events gather until somebody waits for them."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._gather_seconds):
                await self._is_awaited.wait()

    async def _number(self) -> None:
        while await number_pending(self._database) == NUMBERING_BATCH:
            pass

    async def _catch_up(self) -> None:
        while True:
            now = time.monotonic()
            if now - self._state_known_at < self._poll_seconds:
                events = await events_after(self._database, self.position, limit=READ_LIMIT)
            else:
                async with self._database.read() as tx:
                    state = await log_state(tx)
                    events = await events_after(tx, self.position, limit=READ_LIMIT)
                self._state_known_at = now
                if self._is_another(state):
                    await self._begin_anew()
                    continue
                self._forget(state.pruned_seq)
            self._take(events)
            if len(events) < READ_LIMIT:
                return

    def _is_another(self, state: LogState) -> bool:
        """Tell whether the log is not the one that was read so far: the database was put back."""
        return state.epoch != self.epoch or state.last_seq < self.position

    async def _begin_anew(self) -> None:
        """Go on at the end of another log, and let the streams of the old one end."""
        async with self._database.write() as tx:
            # Unless somebody has done so: the positions after its end were given out, and will be again.
            await renew_epoch(tx, Position(self.epoch, self.position))
            state = await log_state(tx)
        await self._ended.load(self._database)
        logger.error("The log was replaced: from %s on, it goes on from %s", self.position, state.last_seq)
        self._ring.skip_to(state.last_seq)
        self.epoch = state.epoch
        self.streams.wake_all(self.position + 1)

    def _forget(self, pruned_seq: int) -> None:
        """Let nobody read from the ring what was removed from the log."""
        if pruned_seq > self.position:
            self._skip_to(pruned_seq)
        else:
            self._ring.forget(pruned_seq)

    def _skip_to(self, position: int) -> None:
        """Go on from a later position; streams have to find out that they missed something."""
        logger.error("The log jumps from %s to %s", self.position, position)
        self.streams.wake_all(self.position + 1)
        self._ring.skip_to(position)

    def _take(self, events: Sequence[Record]) -> None:
        if not events:
            return
        if events[0].seq != self.position + 1:
            self._skip_to(events[0].seq - 1)
        self._ring.add(events)
        for event in events:
            if event.status != Status.ACTIVE:
                self._ended.add(event.session_id)
            self.streams.wake(event)
