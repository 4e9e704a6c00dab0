"""How the commands exit."""

from enum import IntEnum


class ExitCode(IntEnum):
    """Of every command; `sessiongraph --help` and the README have the same table, and tests compare them."""

    DONE = 0
    REFUSED = 1
    CALLED_WRONGLY = 2
    AWAY = 3
    INTERRUPTED = 130

    @property
    def meaning(self) -> str:
        return _MEANINGS[self]


_MEANINGS = {
    ExitCode.DONE: "Done; of `serve` and `tail` also that they were told to stop.",
    ExitCode.REFUSED: "Refused, or a part of it was; what is said tells why.",
    ExitCode.CALLED_WRONGLY: "Called wrongly: an argument, an option, a setting or a file; nothing was done.",
    ExitCode.AWAY: "The server or the database is away or busy: call again in a moment.",
    ExitCode.INTERRUPTED: "Interrupted by Ctrl-C.",
}
