"""The GraphQL type of who is asking."""

from typing import Self

import strawberry
from strawberry import ID, Private

from api.arguments import After, Before, First, Last, OrderBy, Where
from api.auth import viewer as auth
from api.connection import SessionConnection, session_connection
from api.context import Info
from api.enums import ViewerKind
from api.inputs import to_filter
from api.types import Session
from models.bound import Bound
from models.filter import Criteria
from models.queries import session_by_id
from models.session import utc_now


@strawberry.type(description="Who is asking: a user with an access token, or a service with an API key.")
class Viewer:
    """See the description."""

    kind: ViewerKind = strawberry.field(description="A user or a service.")
    user_id: ID | None = strawberry.field(description="The user; null for a service.")
    organization_id: ID | None = strawberry.field(
        description="The organization of the token or the key; null when it has none."
    )
    permissions: list[str] = strawberry.field(
        description="The permissions in the token, in alphabetical order; empty for a service."
    )
    scopes: list[str] = strawberry.field(
        description="The scopes of the key, in alphabetical order; empty for a user."
    )
    _viewer: Private[auth.Viewer]

    @strawberry.field(description="The session that is asking; null for a service.")
    async def session(self, info: Info) -> Session | None:
        context = info.context
        if self._viewer.session_id is None:
            return None
        row = await session_by_id(context.database, self._viewer.session_id, self._viewer.readable)
        return None if row is None else Session.from_row(row, context, context.database.stored(utc_now()))

    @strawberry.field(
        description='The user\'s own sessions, newest first: "where am I signed in?". For a service, all '
        "that it may see."
    )
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
        viewer = self._viewer
        own = info.context.readable if viewer.user_id is None else Bound(user_id=viewer.user_id)
        return await session_connection(
            info,
            Criteria(to_filter(filter), own, utc_now()),
            order_by=order_by,
            first=first,
            after=after,
            last=last,
            before=before,
        )

    @classmethod
    def of(cls, viewer: auth.Viewer) -> Self:
        return cls(
            kind=ViewerKind(viewer.kind.value),
            user_id=None if viewer.user_id is None else ID(viewer.user_id),
            organization_id=None if viewer.organization_id is None else ID(viewer.organization_id),
            permissions=sorted(viewer.permissions),
            scopes=sorted(viewer.scopes),
            _viewer=viewer,
        )
