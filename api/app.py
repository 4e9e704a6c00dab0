"""The ASGI application; the only module that creates long-lived objects."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute

from api.auth.authenticator import Authenticator
from api.auth.ended import EndedSessions
from api.auth.jwks import SigningKeys
from api.auth.keyring import KeyRing
from api.auth.tokens import TokenVerifier
from api.feed import Feed
from api.schema import build_schema
from api.settings import Settings
from api.sweeper import sweep
from api.transport.http import GraphQLView
from models.database import Database
from models.key import all_keys
from models.listen import listen
from models.log import log_state
from models.migrations import prepare
from models.refusals import Refusal, Unavailable


class OpenToEveryone(Refusal):
    """The server could be reached from elsewhere, and nobody would have to say who they are."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"Nobody could be authenticated, so {host} would be open to everyone. Set "
            "SESSIONGRAPH_TOKEN_ISSUERS and SESSIONGRAPH_JWKS, or create a key with `sessiongraph keys "
            "create`, or listen on 127.0.0.1."
        )


def create_app(settings: Settings) -> Starlette:
    """Return the application; its lifespan opens the database and starts the tasks."""
    database = Database(settings.database_url, pool_size=settings.database_pool_size)
    ended = EndedSessions(keep_seconds=settings.token_lifetime_limit_seconds)
    feed = Feed(database, ended, poll_seconds=settings.feed_poll_seconds, ring_size=settings.feed_ring_size)
    keyring = KeyRing(database, poll_seconds=settings.key_poll_seconds)
    signing_keys = _signing_keys(settings)
    authenticator = Authenticator(
        settings,
        feed=feed,
        ended=ended,
        keyring=keyring,
        verifier=None if signing_keys is None else _token_verifier(settings, signing_keys),
    )
    draining = asyncio.Event()

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(database.close)
            await prepare(database)
            await require_authentication(settings, database)
            await feed.start()
            await ended.load(database)
            await stack.enter_async_context(_running(keyring.run()))
            await keyring.refresh()
            if signing_keys is not None:
                await stack.enter_async_context(signing_keys)
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

    view = GraphQLView(
        build_schema(),
        database=database,
        feed=feed,
        ended=ended,
        authenticator=authenticator,
        settings=settings,
        draining=draining,
    )
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
    app.state.authenticator = authenticator
    return app


async def require_authentication(settings: Settings, database: Database) -> None:
    """Make sure that whoever can reach the server from elsewhere has to say who they are.

    Raises:
        OpenToEveryone: No issuer is configured and no API key was ever created.
        Unavailable: The database is away or busy.
    """
    if settings.is_loopback or settings.token_issuers:
        return
    async with database.read() as tx:
        if not await all_keys(tx):
            raise OpenToEveryone(settings.host)


def _token_verifier(settings: Settings, keys: SigningKeys) -> TokenVerifier:
    return TokenVerifier(
        keys,
        issuers=settings.token_issuers,
        audience=settings.token_audience,
        leeway_seconds=settings.token_leeway_seconds,
    )


def _signing_keys(settings: Settings) -> SigningKeys | None:
    if settings.jwks is None:
        return None
    return SigningKeys(
        settings.jwks,
        cool_down_seconds=settings.jwks_cool_down_seconds,
        refresh_seconds=settings.jwks_refresh_seconds,
        stale_seconds=settings.jwks_stale_seconds,
    )


@asynccontextmanager
async def _running(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
