"""One of several processes that serve a port: `api.supervisor` starts it and looks after it.

It is handed the sockets, and the settings as a line of its standard input. That input ends when the
supervisor has ended, even by force, and the worker stops then. Its standard output says that it is alive.
"""

import asyncio
import os
import socket
import sys
from contextlib import suppress

from api.app import create_app
from api.server import Server, configure_logging
from api.settings import Settings
from api.startup import check
from models.refusals import Refusal

TICKS = 10
"""How many ticks of uvicorn's are a second."""


class Worker(Server):
    """A server that is looked after."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), self._stop)

    async def on_tick(self, counter: int) -> bool:
        if counter % TICKS == 0:
            with suppress(BrokenPipeError):
                os.write(sys.stdout.fileno(), b".")
        return await super().on_tick(counter)

    def _stop(self) -> None:
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        self.should_exit = True


def main() -> None:
    settings = Settings.model_validate_json(sys.stdin.readline())
    sockets = [socket.socket(fileno=int(descriptor)) for descriptor in sys.argv[1:]]
    configure_logging(settings)
    try:
        asyncio.run(check(settings))
    except Refusal as refusal:
        sys.exit(f"sessiongraph: {refusal}")
    Worker(create_app(settings), settings).run(sockets)


if __name__ == "__main__":
    main()
