"""What a client is told when the service says no, as the refusals that everything else raises."""

from collections.abc import Mapping, Sequence
from typing import Any

from api.errors import ErrorCode
from models.refusals import BadUserInput, CursorExpired, Forbidden, Refusal, Unauthenticated, Unavailable


class Busy(Unavailable):
    """The service asks to come back later, after `seconds` if it says so."""

    def __init__(self, message: str, seconds: float = 0) -> None:
        super().__init__()
        self.args = (message,)
        self.seconds = seconds


CLASSES: dict[str, type[Refusal]] = {
    ErrorCode.UNAUTHENTICATED: Unauthenticated,
    ErrorCode.FORBIDDEN: Forbidden,
    ErrorCode.BAD_USER_INPUT: BadUserInput,
    ErrorCode.BAD_CURSOR: BadUserInput,
}
"""What the codes are here that come with a sentence to pass on."""


def refusal_of(errors: Sequence[Mapping[str, Any]]) -> Refusal:
    """Return what the first error of an answer says."""
    error = errors[0]
    message, extensions = error["message"], error.get("extensions") or {}
    code, retry_after = extensions.get("code", ""), extensions.get("retryAfter", 0)
    if code == ErrorCode.UNAVAILABLE or retry_after:
        return Busy(message, float(retry_after))
    if code == ErrorCode.CURSOR_EXPIRED:
        return CursorExpired()
    if code == ErrorCode.UNAUTHENTICATED:
        message = f"{message} It is taken from SESSIONGRAPH_KEY or --key-file."
    elif code == ErrorCode.INTERNAL:
        message = f"{message} ({extensions.get('id')})"
    return CLASSES.get(code, Refusal)(message)
