"""What the service on PostgreSQL is measured against: plain routes with the same SQL over asyncpg."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import asyncpg
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from models.session import SNAPSHOT

POOL_SIZE = 10
FIELDS = (
    "id, user_id, organization_id, status, auth_method, ip_address, user_agent, impersonator_email, "
    "impersonator_reason, expires_at, ended_at, created_at, updated_at"
)
SESSION = f"SELECT {FIELDS} FROM session WHERE id = $1"  # noqa: S608  our own names
PAGE = f"""\
SELECT {FIELDS} FROM session WHERE {{column}} = $1 ORDER BY created_at DESC, id DESC LIMIT $2
"""  # noqa: S608
DEEP_PAGE = f"""\
SELECT {FIELDS} FROM session WHERE (created_at, id) < ($1, $2) ORDER BY created_at DESC, id DESC LIMIT $3
"""  # noqa: S608
END = f"""\
WITH ended AS (
  UPDATE session SET status = 'revoked', ended_at = $2, updated_at = $2, ended_by = 'system', end_reason = $3
  WHERE id = $1 AND status = 'active' AND expires_at > $2 RETURNING *
), appended AS (
  INSERT INTO event (session_id, previous_status, occurred_at, recorded_at, {", ".join(SNAPSHOT)})
  SELECT id, 'active', ended_at, $2, {", ".join(SNAPSHOT)} FROM ended
)
SELECT id FROM ended
"""  # noqa: S608


class Lasting(asyncpg.Connection):  # type: ignore[misc]  # it ships no types
    """Nothing is ever set on a connection, so nothing has to be reset: a third more requests a second."""

    def get_reset_query(self) -> str:
        return ""


def create_floor(dsn: str) -> Starlette:
    """Return an application with a route for each workload."""
    pool: Any = None

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        nonlocal pool
        pool = await asyncpg.create_pool(
            dsn, min_size=POOL_SIZE, max_size=POOL_SIZE, connection_class=Lasting
        )
        yield
        await pool.close()

    async def session(request: Request) -> Response:
        row = await pool.fetchrow(SESSION, request.path_params["id"])
        return _json({"session": row and dict(row)})

    async def page(request: Request) -> Response:
        limit = int(request.query_params["first"])
        sql = PAGE.format(column=request.path_params["by"])
        return _page(await pool.fetch(sql, request.query_params["value"], limit + 1), limit)

    async def deep_page(request: Request) -> Response:
        limit = int(request.query_params["first"])
        created_at = datetime.fromisoformat(request.query_params["created_at"])
        rows = await pool.fetch(DEEP_PAGE, created_at, request.query_params["id"], limit + 1)
        return _page(rows, limit)

    async def end(request: Request) -> Response:
        body = orjson.loads(await request.body())
        ended = await pool.fetchrow(END, body["id"], datetime.now(UTC), body["reason"])
        return _json({"outcome": "ended" if ended else "already_ended"})

    return Starlette(
        routes=[
            Route("/session/{id}", session),
            Route("/sessions", deep_page),
            Route("/sessions/{by}", page),
            Route("/end", end, methods=["POST"]),
        ],
        lifespan=lifespan,
    )


def serve_floor(dsn: str, port: int) -> None:
    """Serve like the service itself: uvloop, httptools, no access log."""
    uvicorn.run(
        create_floor(dsn), port=port, loop="uvloop", http="httptools", access_log=False, log_level="warning"
    )


def _page(rows: list[Any], limit: int) -> Response:
    return _json({"nodes": [dict(row) for row in rows[:limit]], "hasNextPage": len(rows) > limit})


def _json(answer: object) -> Response:
    return Response(orjson.dumps(answer), media_type="application/json")


if __name__ == "__main__":
    serve_floor(sys.argv[1], int(sys.argv[2]))
