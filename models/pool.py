"""A pool of PostgreSQL connections, each made when it is needed first and kept.

asyncpg has one, in which to take a connection and to give it back makes up a third of the processor time of a
row by its key: a task, a proxy and a timer each time.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any


class Pool:
    """At most `size` connections; whoever waits longer than `wait_seconds` for one gets a TimeoutError."""

    def __init__(self, connect: Callable[[], Awaitable[Any]], *, size: int, wait_seconds: float) -> None:
        self._connect = connect
        self._size = size
        self._wait_seconds = wait_seconds
        self._idle: list[Any] = []
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._taken: set[Any] = set()
        self._places = size

    def connection(self) -> "_Loan":
        """Return what lends a connection to an `async with`."""
        return _Loan(self)

    async def take(self) -> Any:  # noqa: ANN401  a connection of asyncpg, which ships no types
        """Take a connection, to be given back.

        Raises:
            TimeoutError: None came free in time.
        """
        if self._places == 0:
            await self._place()
        else:
            self._places -= 1
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                self._taken.add(connection)
                return connection
        try:
            connection = await self._connect()
        except BaseException:
            self._free_place()
            raise
        self._taken.add(connection)
        return connection

    def give_back(self, connection: Any, *, is_sound: bool = True) -> None:  # noqa: ANN401
        """Give a connection back; one whose work was cut off is not sound, and is not used again."""
        self._taken.discard(connection)
        if not connection.is_closed():
            if is_sound and not connection.is_in_transaction():
                self._idle.append(connection)
            else:
                connection.terminate()
        self._free_place()

    def terminate(self) -> None:
        """Close every connection at once; the pool can be used again."""
        for connection in (*self._idle, *self._taken):
            connection.terminate()
        self._idle.clear()

    async def _place(self) -> None:
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self._waiting.append(future)
        # `asyncio.timeout` does the same in three times the time.
        timer = loop.call_later(self._wait_seconds, _give_up, future)
        try:
            await future
        except BaseException:
            if future in self._waiting:
                self._waiting.remove(future)
            elif not future.cancelled() and future.exception() is None:
                self._free_place()  # it was given one at the last moment
            raise
        finally:
            timer.cancel()

    def _free_place(self) -> None:
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(None)
                return
        self._places += 1


class _Loan:
    """A connection that is given back when the block ends; a generator would take three times as long."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def __aenter__(self) -> Any:  # noqa: ANN401  as `take`
        self._connection = await self._pool.take()
        return self._connection

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._pool.give_back(self._connection, is_sound=kind is not asyncio.CancelledError)


def _give_up(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_exception(TimeoutError())
