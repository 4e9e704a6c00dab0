"""The frames of a WebSocket: text that is JSON, and no more of it than is allowed."""

import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import suppress
from typing import TypeAlias

import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import NonTextMessageReceived, WebSocketDisconnected

from api.transport.messages import Unreadable
from api.transport.strict_json import MalformedJSONError, read_json

REASON_LIMIT = 123
"""The bytes of a reason that fit into a close frame (RFC 6455 §5.5)."""

Clock: TypeAlias = Callable[[], float]


class TextFrames(ASGIWebSocketAdapter):
    """Reads and writes the messages of one socket; what cannot be read is an `Unreadable`."""

    ws: WebSocket

    async def iter_json(self, *, ignore_parsing_errors: bool = False) -> AsyncGenerator[object, None]:
        depth_limit: int = self.view.settings.json_depth_limit  # type: ignore[attr-defined]  # of our view
        while self.ws.application_state != WebSocketState.DISCONNECTED:
            try:
                text = await self.ws.receive_text()
            except KeyError:
                raise NonTextMessageReceived from None
            except WebSocketDisconnect:
                return
            try:
                message: object = read_json(text.encode(), depth_limit=depth_limit)
            except MalformedJSONError as fault:
                message = Unreadable(str(fault))
            yield message

    async def send_json(self, message: Mapping[str, object]) -> None:
        try:
            await self.ws.send_text(orjson.dumps(message).decode())
        except (WebSocketDisconnect, RuntimeError) as error:
            raise WebSocketDisconnected from error

    async def close(self, code: int, reason: str) -> None:
        """Close, unless it is closed already: the client or another task may have come first."""
        shortened = reason.encode()[:REASON_LIMIT].decode(errors="ignore")
        with suppress(WebSocketDisconnect, RuntimeError):
            await self.ws.close(code, shortened)


class Pace:
    """Counts what comes in a second."""

    def __init__(self, limit: int, clock: Clock = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._second = clock()
        self._count = 0

    def is_kept(self) -> bool:
        """Count one more, and tell whether it is still within the limit."""
        now = self._clock()
        if now - self._second >= 1:
            self._second, self._count = now, 0
        self._count += 1
        return self._count <= self._limit
