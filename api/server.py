"""The web server: uvicorn, which tells the application when a shutdown begins."""

import asyncio
import gc
import logging
import socket

import uvicorn
from starlette.applications import Starlette

from api.demo import Credentials
from api.listening import BACKLOG, listening_sockets
from api.settings import Settings
from api.wire import Config, Requests, Sockets


def configure_logging(settings: Settings) -> None:
    logging.getLogger("alembic").setLevel(logging.WARNING)
    level = logging.WARNING if settings.demo else logging.INFO
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")


def port_of(server: asyncio.Server) -> int:
    port: int = server.sockets[0].getsockname()[1]
    return port


def say_where(host: str, port: int, credentials: Credentials | None) -> None:
    """Print what is where, in at most five lines."""
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    lines = [f"Sessiongraph  {url}/graphql"]
    if credentials is not None:
        lines = [
            f"Console        {url}/console  (open it in a browser; you are signed in as an administrator)",
            f"GraphiQL, API  {url}/graphql  (send one of these as `Authorization: Bearer …`)",
            f"API key        {credentials.api_key}",
            f"Administrator  an access token in {credentials.administrator.path}",
            f"User           an access token in {credentials.user.path}",
        ]
    print("\n".join(lines), flush=True)  # noqa: T201  what an operator looks for


class Server(uvicorn.Server):
    """Uvicorn waits for streams that never end; this one ends them first.

    It says where it is, unless it is handed sockets: then somebody else knows.
    """

    def __init__(self, app: Starlette, settings: Settings) -> None:
        config = Config(
            app,
            host=settings.host,
            port=settings.port,
            backlog=BACKLOG,
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
        config.body_seconds, config.send_seconds = settings.body_seconds, settings.send_seconds
        super().__init__(config)
        self._app = app
        self._draining = app.state.draining
        self._has_process = False

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until told to stop; the process has nothing else to do."""
        self._has_process = True
        super().run(sockets)

    @property
    def port(self) -> int:
        """The port that is listened on, once started."""
        return port_of(self.servers[0])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        # Before the application starts: one that nobody could reach must do nothing to the database.
        listening = sockets or listening_sockets(self.config.host, self.config.port)
        await super().startup(listening)
        if not self.started:
            for one in listening:
                one.close()
            return
        if self._has_process:
            # What is alive now stays: searching it for garbage would hold the loop for 60 ms each time.
            gc.collect()
            gc.freeze()
        if sockets is None:
            say_where(self.config.host, self.port, self._app.state.credentials)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._draining.set()
        await super().shutdown(sockets)
