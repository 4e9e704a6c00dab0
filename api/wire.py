"""HTTP and WebSockets as uvicorn has them, with bounds on what a request takes, and less in the log."""

from asyncio import AbstractEventLoop, TimerHandle
from asyncio.transports import Transport
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

NOT_TEXT = 1007
REFUSAL = (
    b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b"
)


class Config(uvicorn.Config):
    """That of uvicorn, with how long the body of a request may take, and a client that takes no answer."""

    body_seconds: float
    send_seconds: float


class Unread:
    """Cuts a connection over which the client takes nothing of what waits to be sent.

    Uvicorn waits for ever, and with it whatever is being sent, be it a stream whose viewer is gone by now.
    """

    config: Any
    loop: AbstractEventLoop
    transport: Transport

    _unsent = 0
    _look: TimerHandle | None = None

    def pause_writing(self) -> None:
        super().pause_writing()  # type: ignore[misc]  # of the protocol beside it
        self._look_later()

    def resume_writing(self) -> None:
        self._look_no_more()
        super().resume_writing()  # type: ignore[misc]

    def connection_lost(self, exc: Exception | None) -> None:
        self._look_no_more()
        super().connection_lost(exc)  # type: ignore[misc]

    def _look_later(self) -> None:
        self._unsent = self.transport.get_write_buffer_size()
        self._look = self.loop.call_later(self.config.send_seconds, self._cut_unless_taken)

    def _look_no_more(self) -> None:
        if self._look is not None:
            self._look.cancel()
            self._look = None

    def _cut_unless_taken(self) -> None:
        if self.transport.get_write_buffer_size() < self._unsent:
            self._look_later()
        else:
            self.transport.abort()


class Requests(Unread, HttpToolsProtocol):
    """Hangs up on a head that is too long, and on a head or a body that is too long in coming.

    Uvicorn waits for the end of either for ever, and keeps all that comes of a head. The bounds on a head are
    those that it has for h11, and for a connection that is idle.
    """

    _is_in_head = True
    _has_ended = False
    _head_size = 0
    _timer: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as the base has it
        super().connection_made(transport)
        self._wait_for("head", self.timeout_keep_alive)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._has_ended = False
        super().data_received(data)
        # Nearly always a request has come whole; what came with its end is the next one's only if more comes.
        if self._has_ended or self.transport.is_closing():
            return
        if not self._is_in_head:
            self._wait_for("body", self.config.body_seconds)
            return
        self._head_size += len(data)
        limit = self.config.h11_max_incomplete_event_size
        if limit is not None and self._head_size > limit:
            self._hang_up(
                b"431 Request Header Fields Too Large",
                f"The head of the request is larger than {limit:,} bytes.",
            )
        elif self._head_size:
            self._wait_for("head", self.timeout_keep_alive)

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        self._is_in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._stop_waiting()
        self._is_in_head, self._head_size, self._has_ended = True, 0, True
        super().on_message_complete()

    def _wait_for(self, part: str, seconds: float) -> None:
        if self._timer is None:
            message = f"The {part} of the request took more than {seconds:g} seconds."
            self._timer = self.loop.call_later(seconds, self._hang_up, b"408 Request Timeout", message)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _hang_up(self, status: bytes, message: str) -> None:
        self._stop_waiting()
        if self.transport.is_closing():
            return
        if self._is_next():
            body = b'{"errors":[{"message":"%b","extensions":{"code":"LIMIT_EXCEEDED"}}]}' % message.encode()
            self.transport.write(REFUSAL % (status, len(body), body))
        self.transport.close()

    def _is_next(self) -> bool:
        """Tell whether the client asks and waits: no earlier request is still being answered."""
        if self._is_in_head:
            return bool(self._head_size and (self.cycle is None or self.cycle.response_complete))
        return not self.pipeline and not self.cycle.response_started


class Sockets(Unread, WebSocketsSansIOProtocol):
    """Closes on text that is not UTF-8 without a traceback in the log."""

    def send_receive_event_to_app(self) -> None:
        if self.curr_msg_data_type == "text" and not self.close_sent:
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self.frames = []
                self.conn.send_close(NOT_TEXT, "A message must be UTF-8.")
                self.handle_parser_exception()
                return
        super().send_receive_event_to_app()
