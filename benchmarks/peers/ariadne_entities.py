"""Ariadne over SQLAlchemy's asynchronous session: python ariadne_entities.py DATABASE_URL PORT.

Schema first, names converted by its own option, resolvers that return entities whose attributes are the
fields. As it comes, it parses and validates each request anew; a cache is to be passed as `query_parser` and
`query_validator`.
"""

import sys
from pathlib import Path
from typing import Any, TypeAlias

import uvicorn
from ariadne import (
    MutationType,
    ObjectType,
    QueryType,
    ScalarType,
    load_schema_from_path,
    make_executable_schema,
)
from ariadne.asgi import GraphQL
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
from graphql import GraphQLResolveInfo
from sqlmodel.ext.asyncio.session import AsyncSession

Info: TypeAlias = GraphQLResolveInfo[Any]

SCHEMA = Path(__file__).with_name("schema.graphql")

engine = create_engine(sys.argv[1])
query, mutation, session, edge = QueryType(), MutationType(), ObjectType("Session"), ObjectType("SessionEdge")


@query.field("session")
async def resolve_session(_root: None, _info: Info, *, id: str) -> SessionEntity | None:
    async with AsyncSession(engine) as tx:
        return await tx.get(SessionEntity, id)


@query.field("sessions")
async def resolve_sessions(
    _root: None,
    _info: Info,
    *,
    filter: dict[str, str] | None = None,
    first: int = 20,
    after: str | None = None,
) -> dict[str, Any]:
    async with AsyncSession(engine) as tx:
        found = await page(tx, **(filter or {}), first=first, after=after)
    nodes = found[:first]
    page_info = {
        "has_next_page": len(found) > first,
        "has_previous_page": after is not None,
        "start_cursor": cursor_of(nodes[0]) if nodes else None,
        "end_cursor": cursor_of(nodes[-1]) if nodes else None,
    }
    return {"edges": nodes, "nodes": nodes, "page_info": page_info}


@mutation.field("endSession")
async def resolve_end_session(_root: None, _info: Info, *, input: dict[str, Any]) -> dict[str, str]:
    async with AsyncSession(engine) as tx:
        return {"outcome": await end(tx, input["id"], input.get("reason"))}


@session.field("object")
def resolve_object(_session: SessionEntity, _info: Info) -> str:
    return "session"


@session.field("impersonator")
def resolve_impersonator(session: SessionEntity, _info: Info) -> dict[str, str | None] | None:
    email = session.impersonator_email
    return {"email": email, "reason": session.impersonator_reason} if email else None


@edge.field("cursor")
def resolve_cursor(session: SessionEntity, _info: Info) -> str:
    return cursor_of(session)


@edge.field("node")
def resolve_node(session: SessionEntity, _info: Info) -> SessionEntity:
    return session


if __name__ == "__main__":
    schema = make_executable_schema(
        load_schema_from_path(str(SCHEMA)),
        query,
        mutation,
        session,
        edge,
        SessionStatus,
        AuthMethod,
        EndSessionOutcome,
        ScalarType("DateTime", serializer=instant),
        convert_names_case=True,
    )
    uvicorn.run(GraphQL(schema), port=int(sys.argv[2]), access_log=False, log_level="warning")
