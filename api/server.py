"""The web server: uvicorn, which tells the application when a shutdown begins."""

import socket

import uvicorn
from starlette.applications import Starlette

from api.demo import Credentials
from api.settings import Settings
from api.wire import Requests, Sockets


class Server(uvicorn.Server):
    """Uvicorn waits for streams that never end; this one ends them first."""

    def __init__(self, app: Starlette, settings: Settings) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                loop="uvloop",
                http=Requests,
                h11_max_incomplete_event_size=settings.head_limit,
                timeout_keep_alive=settings.idle_seconds,
                ws=Sockets,
                ws_per_message_deflate=False,
                ws_max_size=settings.frame_limit,
                forwarded_allow_ips=settings.trusted_proxies,
                lifespan="on",
                access_log=False,
                log_level="warning",
                timeout_graceful_shutdown=settings.graceful_seconds,
            )
        )
        self._app = app
        self._draining = app.state.draining

    @property
    def port(self) -> int:
        """The port that is listened on, once started."""
        port: int = self.servers[0].sockets[0].getsockname()[1]
        return port

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            for line in self._where(self._app.state.credentials):
                print(line, flush=True)  # noqa: T201  what an operator looks for

    def _where(self, credentials: Credentials | None) -> list[str]:
        """Return what is where, in at most five lines."""
        host = f"[{self.config.host}]" if ":" in self.config.host else self.config.host
        url = f"http://{host}:{self.port}/graphql"
        if credentials is None:
            return [f"Sessiongraph  {url}"]
        return [
            f"GraphiQL       {url}  (open it in a browser; you are signed in as an administrator)",
            f"API key        {credentials.api_key}",
            f"Administrator  {credentials.administrator_token}",
            f"User           {credentials.user_token}",
            "Send one as `Authorization: Bearer …`. Stop with Ctrl-C.",
        ]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._draining.set()
        await super().shutdown(sockets)
