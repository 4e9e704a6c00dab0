"""The sockets that a server listens on."""

import socket
from contextlib import ExitStack

from models.refusals import Refusal

BACKLOG = 2048
"""How many connections may wait to be accepted."""


class CannotListen(Refusal):
    """The address is taken, or not one of this machine."""

    def __init__(self, host: str, port: int, error: OSError) -> None:
        reason = (error.strerror or str(error)).partition(" (")[0].lower()
        super().__init__(
            f"Cannot listen on port {port} of {host}: {reason}; name another with --port or --host."
        )


def listening_sockets(host: str, port: int) -> list[socket.socket]:
    """Listen on every address of the host; the caller closes the sockets.

    Raises:
        CannotListen: The port is taken, or the host is not this machine.
    """
    with ExitStack() as stack:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            addresses = dict.fromkeys((family, address) for family, _, _, _, address in found)
            sockets = [
                stack.enter_context(socket.create_server(address, family=family, backlog=BACKLOG))
                for family, address in addresses
            ]
        except OSError as error:
            raise CannotListen(host, port, error) from None
        stack.pop_all()
    return sockets
