"""The ASGI application; the only module that creates long-lived objects."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute

from api.auth.ended import EndedSessions
from api.feed import Feed
from api.schema import build_schema
from api.settings import Settings
from api.sweeper import sweep
from api.transport.http import GraphQLView
from models.database import Database
from models.listen import listen
from models.log import log_state
from models.migrations import head, migrate, revision
from models.refusals import Unavailable


class SchemaMismatch(Exception):  # noqa: N818  an answer to the operator
    """The database is of another version than this code."""

    def __init__(self, found: str | None) -> None:
        super().__init__(
            f"The database is at schema {found or 'none'}, this version needs {head()}; "
            "run `sessiongraph migrate` with the newer of the two versions."
        )


def create_app(settings: Settings) -> Starlette:
    """Return the application; its lifespan opens the database and starts the tasks."""
    database = Database(settings.database_url, pool_size=settings.database_pool_size)
    ended = EndedSessions(keep_seconds=settings.token_lifetime_limit_seconds)
    feed = Feed(database, ended, poll_seconds=settings.feed_poll_seconds, ring_size=settings.feed_ring_size)
    draining = asyncio.Event()

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(database.close)
            await prepare(database)
            await feed.start()
            await ended.load(database)
            await stack.enter_async_context(_running(feed.run()))
            await stack.enter_async_context(_running(sweep(database)))
            await stack.enter_async_context(_running(listen(database)))
            yield

    async def ready(_request: Request) -> Response:
        """Tell whether this node can answer: it reaches the database and its feed is not behind."""
        with suppress(Unavailable):
            async with database.read() as tx:
                state = await log_state(tx)
            if feed.is_current:
                return JSONResponse({"status": "ready", "position": state.last_seq})
        return JSONResponse({"status": "unavailable"}, status_code=503)

    view = GraphQLView(build_schema(), database=database, feed=feed, settings=settings, draining=draining)
    app = Starlette(
        routes=[
            Route("/", RedirectResponse("/graphql")),
            Route("/graphql", view),
            WebSocketRoute("/graphql", view),
            Route("/healthz", JSONResponse({"status": "alive"})),
            Route("/readyz", ready),
        ],
        lifespan=lifespan,
    )
    app.state.draining = draining
    return app


async def prepare(database: Database) -> None:
    """Make sure that the database has the current schema; SQLite is migrated, PostgreSQL never unasked.

    Raises:
        SchemaMismatch: `sessiongraph migrate` has to be run.
        Unavailable: The database is away or busy.
    """
    found = await revision(database)
    if found == head():
        return
    if not database.is_sqlite:
        raise SchemaMismatch(found)
    await migrate(database)


@asynccontextmanager
async def _running(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
