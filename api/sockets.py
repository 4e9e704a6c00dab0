"""WebSockets as uvicorn has them, but that what a client gets wrong is not our error."""

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

NOT_TEXT = 1007


class Sockets(WebSocketsSansIOProtocol):
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
