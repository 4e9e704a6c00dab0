"""The results of mutations."""

import strawberry

from api.enums import EndSessionOutcome
from api.types import Session


@strawberry.type(description="The result of `createSession`.")
class CreateSessionPayload:
    """See the description."""

    session: Session = strawberry.field(description="The session, as it is now.")
    created: bool = strawberry.field(
        description="Whether this call created it; false when the same call was made before."
    )


@strawberry.type(description="The result of `endSession`.")
class EndSessionPayload:
    """See the description."""

    outcome: EndSessionOutcome = strawberry.field(description="What became of the request.")
    session: Session | None = strawberry.field(
        description="The session as it is now; null when it was not found or may not be read."
    )


@strawberry.type(description="The result of `endSessions`.")
class EndSessionsPayload:
    """See the description."""

    ended_count: int = strawberry.field(description="How many sessions this call ended.")
    has_more: bool = strawberry.field(
        description="Whether active sessions that match are left; if so, make the same call again."
    )
