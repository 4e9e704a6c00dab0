"""A pool of PostgreSQL connections, each made when it is needed first and kept.

asyncpg has one, in which to take a connection and to give it back makes up a third of the processor time of a
row by its key: a task, a proxy and a timer each time.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg


class Pool:
    """At most `size` connections; whoever waits longer than `wait_seconds` for one gets a TimeoutError."""

    def __init__(self, *, size: int, wait_seconds: float, **options: Any) -> None:  # noqa: ANN401  those of asyncpg
        self._size = size
        self._wait_seconds = wait_seconds
        self._options = options
        self._idle: list[Any] = []
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._taken: set[Any] = set()
        self._places = size

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        connection = await self._take()
        try:
            yield connection
        except asyncio.CancelledError:
            self._give_back(connection, is_sound=False)
            raise
        except BaseException:
            self._give_back(connection)
            raise
        self._give_back(connection)

    async def _take(self) -> Any:  # noqa: ANN401  a connection of asyncpg, which ships no types
        """Take a connection, to be given back."""
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
            connection = await asyncpg.connect(**self._options)
        except BaseException:
            self._free_place()
            raise
        self._taken.add(connection)
        return connection

    def _give_back(self, connection: Any, *, is_sound: bool = True) -> None:  # noqa: ANN401
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
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            async with asyncio.timeout(self._wait_seconds):
                await future
        except BaseException:
            if future.done() and not future.cancelled():
                self._free_place()  # it was given one at the last moment
            else:
                self._waiting.remove(future)
            raise

    def _free_place(self) -> None:
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(None)
                return
        self._places += 1
