"""A load generator that costs little: requests written in advance, over connections that are kept."""

import asyncio
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from statistics import quantiles

LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


@dataclass
class Measurement:
    """What was seen of one workload on one server; adds up over rounds."""

    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile(self, percent: int) -> float:
        """Return a latency in milliseconds."""
        return quantiles(self.latencies, n=100)[percent - 1] * 1000


class Connection:
    """One kept connection, one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> "Connection":
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 20))

    async def send(self, request: bytes) -> bytes:
        """Return the body of the answer.

        Raises:
            RuntimeError: The answer is not 200.
        """
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = LENGTH.search(head)
        body = await self._reader.readexactly(int(length[1]) if length else 0)
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{head.splitlines()[0]!r}: {body[:500]!r}")
        return body

    def close(self) -> None:
        self._writer.close()


def request(method: str, target: str, body: bytes = b"", *, authorization: str | None = None) -> bytes:
    """Return the bytes of a request, to be sent as they are."""
    head = f"{method} {target} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: application/json\r\n"
    if authorization is not None:
        head += f"authorization: {authorization}\r\n"
    if body:
        head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


async def measure(
    port: int, requests: Iterator[bytes], *, connections: int, seconds: float, into: Measurement
) -> None:
    """Send one request after the other for some seconds, or until there are none left."""
    start = time.perf_counter()
    until = start + seconds

    async def keep_sending() -> None:
        connection = await Connection.open(port)
        while (sent := time.perf_counter()) < until and (one := next(requests, None)) is not None:
            await connection.send(one)
            into.latencies.append(time.perf_counter() - sent)
        connection.close()

    await asyncio.gather(*(keep_sending() for _ in range(connections)))
    into.seconds += time.perf_counter() - start


async def pace(
    port: int,
    requests: Iterable[bytes],
    *,
    per_second: float,
    answered: Callable[[int, float, bytes], None],
) -> None:
    """Send each request when it is due, whatever the answers do; hand on number, due time and answer.

    A latency that is taken from when a request was due leaves nothing out: a late answer delays no question.
    """
    # The one that rested longest is the next: the server closes those that rest for long.
    idle: deque[Connection] = deque()
    start = time.perf_counter()

    async def send(turn: int, due: float, one: bytes) -> None:
        connection = idle.popleft() if idle else await Connection.open(port)
        answered(turn, due, await connection.send(one))
        idle.append(connection)

    async with asyncio.TaskGroup() as group:
        for turn, one in enumerate(requests):
            due = start + turn / per_second
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(send(turn, due, one))
    for connection in idle:
        connection.close()
