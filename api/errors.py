"""The codes of errors on the wire, with what each means to a client."""

from enum import StrEnum


class ErrorCode(StrEnum):
    """`extensions.code` of every error; the README has the same table, and a test compares them."""

    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    BAD_CURSOR = "BAD_CURSOR"
    CURSOR_EXPIRED = "CURSOR_EXPIRED"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    UNAVAILABLE = "UNAVAILABLE"
    INTERNAL = "INTERNAL"
    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"

    @property
    def meaning(self) -> str:
        return _MEANINGS[self]


_MEANINGS = {
    ErrorCode.UNAUTHENTICATED: "Nobody is asking, or not with a credential that holds: sign in again.",
    ErrorCode.FORBIDDEN: "You are known, but may not do this.",
    ErrorCode.BAD_USER_INPUT: "An argument or variable is wrong; the message names it and its bounds.",
    ErrorCode.BAD_CURSOR: "A cursor is not one of ours, or not of this field.",
    ErrorCode.CURSOR_EXPIRED: "The log no longer reaches back to the cursor: list again, go on from `asOf`.",
    ErrorCode.LIMIT_EXCEEDED: "A ceiling of the service was reached; the message names it.",
    ErrorCode.UNAVAILABLE: "The service cannot answer now: repeat the same call in a moment.",
    ErrorCode.INTERNAL: "Our mistake. `extensions.id` is in the server's log.",
    ErrorCode.GRAPHQL_PARSE_FAILED: "The document is not GraphQL.",
    ErrorCode.GRAPHQL_VALIDATION_FAILED: "The document does not fit the schema.",
}
