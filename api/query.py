"""The root of queries."""

from datetime import date
from typing import Annotated

import strawberry
from strawberry import ID

from api import enums
from api.arguments import After, Before, First, Last, OrderBy, Where
from api.connection import (
    SessionConnection,
    SessionStatusChangeConnection,
    session_connection,
    status_change_connection,
)
from api.context import Context, Info
from api.cursor import decode_position
from api.inputs import IDS_LIMIT, to_filter
from api.scalars import Cursor
from api.types import Node, Session, SessionCount
from api.viewer import Viewer
from models.database import Record
from models.filter import Criteria
from models.queries import Dimension, session_by_id, session_counts, sessions_by_id
from models.refusals import BadUserInput
from models.session import is_session_id, utc_now


@strawberry.type(description="What can be asked.")
class Query:
    """See the description."""

    @strawberry.field(description="Who is asking, and what they may do.")
    def viewer(self, info: Info) -> Viewer:
        return Viewer.of(info.context.viewer)

    @strawberry.field(description="One session; null when there is none with this id that you may see.")
    async def session(
        self,
        info: Info,
        id: Annotated[ID, strawberry.argument(description="The id of the session.")],  # noqa: A002
    ) -> Session | None:
        return await _session(info.context, id)

    @strawberry.field(description="The sessions that you may see, newest first unless said otherwise.")
    async def sessions(
        self,
        info: Info,
        filter: Where = None,  # noqa: A002
        order_by: OrderBy = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> SessionConnection:
        return await session_connection(
            info,
            Criteria(to_filter(filter), info.context.readable, utc_now()),
            order_by=order_by,
            first=first,
            after=after,
            last=last,
            before=before,
        )

    @strawberry.field(
        description="The log of status changes by pull, oldest first, for clients that cannot hold a "
        "subscription. The filter is matched against the session as it was after the change."
    )
    async def session_status_changes(
        self,
        info: Info,
        filter: Where = None,  # noqa: A002
        after: Annotated[
            Cursor | None,
            strawberry.argument(
                description="Only changes after this position; from the oldest that is kept if left out."
            ),
        ] = None,
        first: First = None,
    ) -> SessionStatusChangeConnection:
        context = info.context
        return await status_change_connection(
            context,
            Criteria(to_filter(filter), context.readable, utc_now()),
            after=None if after is None else decode_position(after),
            first=first,
        )

    @strawberry.field(
        description="How many sessions there are in each group, largest first; at most 1,000 groups. Groups "
        "without sessions are left out."
    )
    async def session_counts(
        self,
        info: Info,
        by: Annotated[
            list[enums.SessionDimension],
            strawberry.argument(
                description="What to count by; an empty list counts all in one group, which is there even "
                "when it is empty."
            ),
        ],
        filter: Where = None,  # noqa: A002
    ) -> list[SessionCount]:
        dimensions = [Dimension[one.name] for one in dict.fromkeys(by)]
        criteria = Criteria(to_filter(filter), info.context.readable, utc_now())
        rows = await session_counts(info.context.database, criteria, dimensions)
        return [_session_count(row, dimensions) for row in rows]

    @strawberry.field(description="Whatever has this id; null when there is nothing that you may see.")
    async def node(
        self,
        info: Info,
        id: Annotated[ID, strawberry.argument(description="The id.")],  # noqa: A002
    ) -> Node | None:
        return await _session(info.context, id)

    @strawberry.field(description="Whatever has these ids, in their order; null where `node` is null.")
    async def nodes(
        self,
        info: Info,
        ids: Annotated[list[ID], strawberry.argument(description="The ids; at most 100.")],
    ) -> list[Node | None]:
        if len(ids) > IDS_LIMIT:
            raise BadUserInput(f"`ids` has {len(ids)} ids; at most {IDS_LIMIT} are taken.")
        context = info.context
        readable = context.readable
        known = {one for one in ids if is_session_id(one)}
        rows = await sessions_by_id(context.database, known, readable)
        now = context.database.stored(utc_now())
        return [Session.from_row(rows[one], context, now) if one in rows else None for one in ids]


async def _session(context: Context, session_id: str) -> Session | None:
    readable = context.readable
    if not is_session_id(session_id):
        return None
    row = await session_by_id(context.database, session_id, readable)
    return None if row is None else Session.from_row(row, context, context.database.stored(utc_now()))


def _session_count(row: Record, dimensions: list[Dimension]) -> SessionCount:
    count = SessionCount(count=row.size)
    for dimension in dimensions:
        value = getattr(row, dimension.value)
        match dimension:
            case Dimension.STATUS:
                count.status = enums.SessionStatus(value)
            case Dimension.AUTH_METHOD:
                count.auth_method = enums.AuthMethod(value)
            case Dimension.ORGANIZATION:
                count.organization_id = value
            case Dimension.IMPERSONATED:
                count.impersonated = bool(value)
            case Dimension.DAY:
                count.day = date.fromisoformat(value)
    return count
