"""GraphQL over server-sent events, in the distinct-connections mode: one answer is one stream."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import aclosing
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send
from strawberry.types import ExecutionResult

from api.context import Context
from api.cursor import encode_position
from api.transport.accept import EVENT_STREAM
from api.transport.answer import answer_of
from models.log import Position

HEADERS = [
    (b"content-type", EVENT_STREAM.encode()),
    # Neither kept nor compressed on the way
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]
KEEP_ALIVE = b": still there\n\n"
# Browsers pass over an event without data.
COMPLETE = b"event: complete\ndata: \n\n"


class EventStream:
    """Sends the results until there are no more, `stop` is done, or the client has gone.

    At a stop it ends without `complete`: the client comes back, and goes on from the last `id`.
    """

    def __init__(
        self,
        results: AsyncGenerator[ExecutionResult, None],
        context: Context,
        *,
        stop: Coroutine[Any, Any, None],
        keep_alive_seconds: float,
    ) -> None:
        self._results = results
        self._context = context
        self._stop = stop
        self._keep_alive_seconds = keep_alive_seconds

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        ends = [asyncio.ensure_future(end) for end in (self._stop, _departure(receive))]
        try:
            async with aclosing(self._results) as results:
                await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
                await self._send_all(results, ends, send)
                await send({"type": "http.response.body"})
        finally:
            for end in ends:
                end.cancel()
            self._context.close()

    async def _send_all(
        self, results: AsyncGenerator[ExecutionResult, None], ends: Sequence[asyncio.Future[None]], send: Send
    ) -> None:
        part = asyncio.ensure_future(anext(results))
        try:
            while not any(end.done() for end in ends):
                awaited: set[asyncio.Future[Any]] = {part, *ends}
                await asyncio.wait(
                    awaited, timeout=self._keep_alive_seconds, return_when=asyncio.FIRST_COMPLETED
                )
                if part.done():
                    try:
                        await send(_body(self._event(part.result())))
                    except StopAsyncIteration:
                        await send(_body(COMPLETE))
                        return
                    part = asyncio.ensure_future(anext(results))
                elif not any(end.done() for end in ends):
                    await send(_body(KEEP_ALIVE))
        finally:
            part.cancel()
            await asyncio.gather(part, return_exceptions=True)

    def _event(self, result: ExecutionResult) -> bytes:
        id_ = b"".join([b"id: %b\n" % cursor for cursor in self._cursors()]) if result.data else b""
        return b"event: next\n%bdata: %b\n\n" % (id_, orjson.dumps(answer_of(result)))

    def _cursors(self) -> list[bytes]:
        """Return the cursor of what the stream has handed out last; a query has no stream."""
        epoch = self._context.feed.epoch
        return [encode_position(Position(epoch, stream.offered)).encode() for stream in self._context.streams]


def _body(part: bytes) -> dict[str, Any]:
    return {"type": "http.response.body", "body": part, "more_body": True}


async def _departure(receive: Receive) -> None:
    """Return when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
