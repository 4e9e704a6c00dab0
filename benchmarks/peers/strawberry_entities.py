"""Strawberry as a newcomer writes it: python strawberry_entities.py DATABASE_URL PORT.

Its own ASGI application, and entities of SQLModel made into types by hand. As it comes, it parses and
validates each request anew: `ParserCache` and `ValidationCache` are extensions that one has to know of.
"""

import sys
from datetime import datetime

import strawberry
import uvicorn
from entities import (
    AuthMethod,
    EndSessionOutcome,
    SessionEntity,
    SessionStatus,
    create_engine,
    cursor_of,
    end,
    instant,
    page,
)
from sqlmodel.ext.asyncio.session import AsyncSession
from strawberry.asgi import GraphQL
from strawberry.schema.config import StrawberryConfig

engine = create_engine(sys.argv[1])
for words in (SessionStatus, AuthMethod, EndSessionOutcome):
    strawberry.enum(words)


@strawberry.type
class Impersonator:
    email: str
    reason: str | None


@strawberry.type
class Session:
    object: str
    id: strawberry.ID
    user_id: strawberry.ID
    organization_id: strawberry.ID | None
    status: SessionStatus
    auth_method: AuthMethod
    ip_address: str | None
    user_agent: str | None
    impersonator: Impersonator | None
    expires_at: datetime
    ended_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, entity: SessionEntity) -> "Session":
        email = entity.impersonator_email
        return cls(
            object="session",
            id=strawberry.ID(entity.id),
            user_id=strawberry.ID(entity.user_id),
            organization_id=strawberry.ID(entity.organization_id) if entity.organization_id else None,
            status=SessionStatus(entity.status),
            auth_method=AuthMethod(entity.auth_method),
            ip_address=entity.ip_address,
            user_agent=entity.user_agent,
            impersonator=Impersonator(email=email, reason=entity.impersonator_reason) if email else None,
            expires_at=entity.expires_at,
            ended_at=entity.ended_at,
            created_at=entity.created_at,
            updated_at=entity.updated_at,
        )


@strawberry.type
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type
class SessionEdge:
    cursor: str
    node: Session


@strawberry.type
class SessionConnection:
    edges: list[SessionEdge]
    page_info: PageInfo

    @strawberry.field
    def nodes(self) -> list[Session]:
        return [edge.node for edge in self.edges]


@strawberry.input
class SessionFilter:
    organization_id: strawberry.ID | None = None
    user_id: strawberry.ID | None = None


@strawberry.input
class EndSessionInput:
    id: strawberry.ID
    reason: str | None = None


@strawberry.type
class EndSessionPayload:
    outcome: EndSessionOutcome


@strawberry.type
class Query:
    @strawberry.field
    async def session(self, id: strawberry.ID) -> Session | None:
        async with AsyncSession(engine) as tx:
            entity = await tx.get(SessionEntity, id)
        return Session.of(entity) if entity else None

    @strawberry.field
    async def sessions(
        self,
        filter: SessionFilter | None = None,
        first: int = 20,
        after: str | None = None,
    ) -> SessionConnection:
        chosen = filter or SessionFilter()
        async with AsyncSession(engine) as tx:
            found = await page(
                tx, organization_id=chosen.organization_id, user_id=chosen.user_id, first=first, after=after
            )
        edges = [SessionEdge(cursor=cursor_of(entity), node=Session.of(entity)) for entity in found[:first]]
        page_info = PageInfo(
            has_next_page=len(found) > first,
            has_previous_page=after is not None,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        )
        return SessionConnection(edges=edges, page_info=page_info)


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def end_session(self, input: EndSessionInput) -> EndSessionPayload:
        async with AsyncSession(engine) as tx:
            outcome = await end(tx, input.id, input.reason)
        return EndSessionPayload(outcome=outcome)


if __name__ == "__main__":
    instants = StrawberryConfig(scalar_map={datetime: strawberry.scalar(name="DateTime", serialize=instant)})
    schema = strawberry.Schema(query=Query, mutation=Mutation, config=instants)
    uvicorn.run(GraphQL(schema), port=int(sys.argv[2]), access_log=False, log_level="warning")
