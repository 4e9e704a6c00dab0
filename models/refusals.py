"""The expected ways to say no; each builds its one-sentence message and is given a code in `api.schema`."""


class Refusal(Exception):  # noqa: N818  a refusal is an answer, not an error
    """An expected no: nothing was changed, and the message says what to do."""


class BadUserInput(Refusal):
    """An argument is out of its bounds or of the wrong shape."""


class BadCursor(Refusal):
    """A cursor was not made by this service, or not for this field."""

    def __init__(self, argument: str) -> None:
        super().__init__(
            f"`{argument}` is not a cursor of this list; pass a cursor exactly as it was received."
        )


class CursorExpired(Refusal):
    """A position is older than the retained log, or belongs to another log."""

    def __init__(self) -> None:
        super().__init__(
            "The log no longer reaches back to this cursor; list the sessions again and go on "
            "from the new `asOf`."
        )


class Forbidden(Refusal):
    """The viewer is known and may see the thing, but may not do this to it."""


class Unauthenticated(Refusal):
    """Nobody is asking, or not with a credential that holds; `reason` is a word for logs and close codes."""

    def __init__(self, message: str, *, reason: str = "unauthenticated") -> None:
        super().__init__(message)
        self.reason = reason


class LimitExceeded(Refusal):
    """A ceiling of the service was reached."""


class Unavailable(Refusal):
    """What the answer needs is away or busy; the same call may be made again."""

    def __init__(self, what: str = "The database") -> None:
        super().__init__(f"{what} cannot be reached; try again in a moment.")
