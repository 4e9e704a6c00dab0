"""What the service on SQLite is measured against: plain routes with the same SQL over aiosqlite."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiosqlite
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

READERS = 4
FIELDS = {
    "id": "id",
    "user_id": "userId",
    "organization_id": "organizationId",
    "status": "status",
    "auth_method": "authMethod",
    "ip_address": "ipAddress",
    "user_agent": "userAgent",
    "impersonator_email": "impersonator",
    "expires_at": "expiresAt",
    "ended_at": "endedAt",
    "created_at": "createdAt",
    "updated_at": "updatedAt",
}
SELECT = f"SELECT {', '.join(FIELDS)} FROM session"  # noqa: S608  our own names
NEWEST_FIRST = "ORDER BY created_at DESC, id DESC LIMIT ?"
PAGES = {
    "first": f"{SELECT} {NEWEST_FIRST}",
    "after": f"{SELECT} WHERE (created_at, id) < (?, ?) {NEWEST_FIRST}",
    "user": f"{SELECT} WHERE user_id = ? {NEWEST_FIRST}",
    "organization": f"{SELECT} WHERE organization_id = ? {NEWEST_FIRST}",
}


def create_floor(path: str) -> Starlette:
    """Return an application with a route for each workload; `path` is that of the database."""
    readers: asyncio.Queue[aiosqlite.Connection] = asyncio.Queue()

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        connections = [await aiosqlite.connect(path) for _ in range(READERS)]
        for connection in connections:
            await connection.execute("PRAGMA cache_size = -32768")
            readers.put_nowait(connection)
        yield
        for connection in connections:
            await connection.close()

    async def rows(sql: str, values: list[Any]) -> list[Any]:
        connection = await readers.get()
        try:
            return list(await connection.execute_fetchall(sql, values))
        finally:
            readers.put_nowait(connection)

    async def session(request: Request) -> Response:
        found = await rows(f"{SELECT} WHERE id = ?", [request.path_params["id"]])
        return _json({"session": _shown(found[0]) if found else None})

    async def page(request: Request) -> Response:
        limit = int(request.query_params["first"])
        values = request.query_params.getlist("value")
        found = await rows(PAGES[request.path_params["by"]], [*values, limit + 1])
        return _json({"nodes": [_shown(row) for row in found[:limit]], "hasNextPage": len(found) > limit})

    async def count(_request: Request) -> Response:
        found = await rows("SELECT count(*) FROM session", [])
        return _json({"totalCount": found[0][0]})

    return Starlette(
        routes=[Route("/session/{id}", session), Route("/sessions/{by}", page), Route("/count", count)],
        lifespan=lifespan,
    )


def serve_floor(path: str, port: int) -> None:
    """Serve like the service itself: uvloop, httptools, no access log."""
    uvicorn.run(
        create_floor(path), port=port, loop="uvloop", http="httptools", access_log=False, log_level="warning"
    )


def _shown(row: Any) -> dict[str, Any]:  # noqa: ANN401  as the driver gives it
    shown = dict(zip(FIELDS.values(), row, strict=True))
    shown["status"] = shown["status"].upper()
    shown["authMethod"] = shown["authMethod"].upper()
    for name in ("expiresAt", "endedAt", "createdAt", "updatedAt"):
        if shown[name] is not None:
            shown[name] = f"{shown[name][:10]}T{shown[name][11:23]}Z"
    return shown


def _json(answer: object) -> Response:
    return Response(orjson.dumps(answer), media_type="application/json")
