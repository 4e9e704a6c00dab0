"""The web server: uvicorn, which tells the application when a shutdown begins."""

import socket

import uvicorn
from starlette.applications import Starlette

from api.settings import Settings


class Server(uvicorn.Server):
    """Uvicorn waits for streams that never end; this one ends them first."""

    def __init__(self, app: Starlette, settings: Settings) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                loop="uvloop",
                http="httptools",
                ws="websockets-sansio",
                ws_per_message_deflate=False,
                ws_max_size=settings.body_limit,
                lifespan="on",
                access_log=False,
                log_level="warning",
                timeout_graceful_shutdown=settings.graceful_seconds,
            )
        )
        self._draining = app.state.draining

    @property
    def port(self) -> int:
        """The port that is listened on, once started."""
        port: int = self.servers[0].sockets[0].getsockname()[1]
        return port

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._draining.set()
        await super().shutdown(sockets)
