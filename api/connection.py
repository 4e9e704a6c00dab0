"""The two connections of the schema, after the Relay cursor connections specification."""

from collections.abc import Sequence

import strawberry
from strawberry import Parent, Private

from api.context import Context, Info
from api.cursor import decode_key, encode_key, encode_position
from api.enums import OrderDirection
from api.inputs import SessionOrder
from api.scalars import Cursor
from api.selected import may_be_selected
from api.types import COLUMNS, Session, SessionStatusChange
from models.database import Record
from models.filter import Criteria
from models.log import Position, log_state, matching_events
from models.queries import Page, PageRequest, session_count, session_page
from models.refusals import BadUserInput

PAGE_LIMIT = 100
PAGE_DEFAULT = 20
SEARCH_LIMIT = 20_000
"""How many positions of the log one page may pass over in search of matching changes."""


_CREATED_AT = COLUMNS.index("created_at")


@strawberry.type(description="Where a page is in its list.")
class PageInfo:
    """See the description."""

    has_next_page: bool = strawberry.field(description="Whether there is more after this page.")
    has_previous_page: bool = strawberry.field(description="Whether there is more before this page.")
    start_cursor: str | None = strawberry.field(
        description="The cursor of the first edge: the `before` of the previous page."
    )
    end_cursor: str | None = strawberry.field(
        description="The cursor that the next page comes after; normally that of the last edge."
    )


def _cursor(session: Parent[Session]) -> str:
    return encode_key(session.row[_CREATED_AT], session.row[0])


def _node(session: Parent[Session]) -> Session:
    return session


@strawberry.type(description="One session in a list.")
class SessionEdge:
    """See the description. There is nothing to it but its session, which stands for it."""

    cursor: str = strawberry.field(resolver=_cursor, description="Its place in the list.")
    node: Session = strawberry.field(resolver=_node, description="The session.")


@strawberry.type(description="One page of a list of sessions.")
class SessionConnection:
    """What nobody selects is not made."""

    page: Private[Page]
    criteria: Private[Criteria]
    context: Private[Context]

    @strawberry.field(
        graphql_type=list[SessionEdge], description="The sessions of this page, with their cursors."
    )
    def edges(self) -> list[Session]:
        return self._sessions()

    @strawberry.field(description="The sessions of this page.")
    def nodes(self) -> list[Session]:
        return self._sessions()

    @strawberry.field(description="Where this page is in the list.")
    def page_info(self) -> PageInfo:
        page = self.page
        ends = (page.rows[0], page.rows[-1]) if page.rows else ()
        start, end = [encode_key(row[_CREATED_AT], row[0]) for row in ends] or (None, None)
        return PageInfo(
            has_next_page=page.has_next,
            has_previous_page=page.has_previous,
            start_cursor=start,
            end_cursor=end,
        )

    @strawberry.field(
        description="The position in the log at which this page was read: subscribe `after` it, and nothing "
        "that changed since is missed."
    )
    def as_of(self) -> Cursor:
        state = self.page.state
        assert state is not None, "whoever selects this has asked for it"  # noqa: S101
        return Cursor(encode_position(Position(state.epoch, state.last_seq)))

    @strawberry.field(description="How many sessions are in the whole list; counted only when asked for.")
    async def total_count(self, info: Info) -> int:
        return await session_count(info.context.database, self.criteria)

    def _sessions(self) -> list[Session]:
        context = self.context
        now = context.database.stored(self.criteria.now)
        return Session.from_rows(self.page.rows, context, now)


@strawberry.type(description="One change of status in a page of the log.")
class SessionStatusChangeEdge:
    """See the description."""

    cursor: Cursor = strawberry.field(description="Its position in the log.")
    node: SessionStatusChange = strawberry.field(description="The change.")


@strawberry.type(description="One page of the log of status changes, oldest first.")
class SessionStatusChangeConnection:
    """See the description."""

    edges: list[SessionStatusChangeEdge] = strawberry.field(
        description="The changes of this page, with their cursors. It can be empty although there are more: "
        "go on as long as `hasNextPage` is true."
    )
    nodes: list[SessionStatusChange] = strawberry.field(description="The changes of this page.")
    page_info: PageInfo = strawberry.field(
        description="Where this page is in the log. `endCursor` is never null: it is how far was searched."
    )


async def session_connection(
    info: Info,
    criteria: Criteria,
    *,
    order_by: SessionOrder | None,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
) -> SessionConnection:
    """Read one page, and if it is asked for the position of the log in the same snapshot.

    Raises:
        BadUserInput: A page size is out of bounds, or both are given.
        BadCursor: A cursor is not of a list.
        Unavailable: The database is away.
    """
    if first is not None and last is not None:
        raise BadUserInput("`first` and `last` are both given; page forward or backward, not both.")
    request = PageRequest(
        limit=page_size(last, argument="last") if last is not None else page_size(first),
        after=None if after is None else decode_key(after, argument="after"),
        before=None if before is None else decode_key(before, argument="before"),
        from_end=last is not None,
        newest_first=order_by is None or order_by.direction is OrderDirection.DESC,
        with_state=may_be_selected(info, "asOf"),
    )
    context = info.context
    page = await session_page(context.database, criteria, request)
    return SessionConnection(page=page, criteria=criteria, context=context)


async def status_change_connection(
    context: Context, criteria: Criteria, *, after: Position | None, first: int | None
) -> SessionStatusChangeConnection:
    """Read one page of the log after a position, or from its start.

    Raises:
        BadUserInput: The page size is out of bounds.
        CursorExpired: The log does not reach back to the position.
        Unavailable: The database is away.
    """
    limit = page_size(first)
    async with context.database.read() as tx:
        state = await log_state(tx)
        start = state.pruned_seq if after is None else state.check(after)
        up_to = min(start + SEARCH_LIMIT, state.last_seq)
        events = await matching_events(tx, criteria, start, limit=limit + 1, up_to=up_to)
    has_more = len(events) > limit
    events = events[:limit]
    reached = events[-1].seq if has_more else up_to
    edges = _status_change_edges(events, context)
    return SessionStatusChangeConnection(
        edges=edges,
        nodes=[edge.node for edge in edges],
        page_info=PageInfo(
            has_next_page=has_more or reached < state.last_seq,
            has_previous_page=start > state.pruned_seq,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=encode_position(Position(state.epoch, reached)),
        ),
    )


def page_size(given: int | None, *, argument: str = "first") -> int:
    """Return the size of a page.

    Raises:
        BadUserInput: It is not 1 to 100.
    """
    if given is None:
        return PAGE_DEFAULT
    if not 1 <= given <= PAGE_LIMIT:
        raise BadUserInput(f"`{argument}` is {given}; it takes 1 to {PAGE_LIMIT}.")
    return given


def _status_change_edges(events: Sequence[Record], context: Context) -> list[SessionStatusChangeEdge]:
    changes = [SessionStatusChange.from_event(event, context) for event in events]
    return [SessionStatusChangeEdge(cursor=change.cursor, node=change) for change in changes]
