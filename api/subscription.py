"""The root of subscriptions."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import strawberry

from api.arguments import Where
from api.context import Context, Info
from api.cursor import decode_position
from api.inputs import to_filter
from api.scalars import Cursor
from api.stream import Stream
from api.types import SessionStatusChange
from models.filter import Criteria
from models.session import utc_now


@strawberry.type(description="What can be watched.")
class Subscription:
    """See the description."""

    @strawberry.subscription(
        description="Changes of status as they happen, in the order of the log. Without `after` it starts "
        "now; with it, first comes all that has happened since, and then it goes on without a gap. A change "
        "can come twice across a reconnect, with the same cursor; none is missing. The filter is matched "
        "against the session as it is after the change."
    )
    async def session_status_changed(
        self,
        info: Info,
        filter: Where = None,  # noqa: A002
        after: Annotated[
            Cursor | None,
            strawberry.argument(
                description="Go on after this position: an `asOf`, or the cursor of the last change that you "
                "have dealt with."
            ),
        ] = None,
    ) -> AsyncGenerator[SessionStatusChange, None]:
        context = info.context
        criteria = Criteria(to_filter(filter), context.readable, utc_now())
        position = context.last_event_id or after
        if position is None:
            start = context.accepted_at
        else:
            start = await context.feed.locate(decode_position(position))
        stream = context.feed.stream(criteria, start)
        context.add(stream)
        return _changes(context, stream)


async def _changes(context: Context, stream: Stream) -> AsyncGenerator[SessionStatusChange, None]:
    async with aclosing(stream.events()) as events:
        async for event in events:
            yield SessionStatusChange.from_event(event, context)
