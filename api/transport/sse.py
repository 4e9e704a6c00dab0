"""GraphQL over server-sent events, in the distinct-connections mode."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing

from strawberry.http.streaming import SSETransport

LAST_PART_SECONDS = 0.1


class EventStream(SSETransport):
    """Strawberry's transport, for clients that prefer it, in lines that every client can read."""

    def accepts(self, accept: str) -> bool:
        """Take it only where it is named first: some clients list it as a last resort."""
        return accept.partition(",")[0].partition(";")[0].strip().lower() == "text/event-stream"

    def encode_event(self, event: str, data: str | None = None) -> str:
        return f"event: {event}\ndata: {data or ''}\n\n"

    def encode_comment(self, comment: str) -> str:
        return f": {comment}\n\n"


async def until(
    stop: asyncio.Task[None], stream: Callable[[], AsyncGenerator[str, None]]
) -> AsyncIterator[str]:
    """Yield the parts of a stream until `stop` is done, and end without `complete`: the client comes back."""
    try:
        async with aclosing(stream()) as parts:
            while True:
                part = asyncio.ensure_future(anext(parts))
                await asyncio.wait({part, stop}, return_when=asyncio.FIRST_COMPLETED)
                if not part.done():
                    # What has left the log may still be on its way through the heartbeat.
                    await asyncio.wait({part}, timeout=LAST_PART_SECONDS)
                if not part.done():
                    part.cancel()
                    await asyncio.wait({part})
                    return
                try:
                    yield part.result()
                except StopAsyncIteration:
                    return
    finally:
        stop.cancel()
