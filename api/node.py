"""One process of the service; the only module that creates long-lived objects."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api import device
from api.auth.authenticator import Authenticator
from api.auth.ended import EndedSessions
from api.auth.jwks import SigningKeys
from api.auth.keyring import KeyRing
from api.auth.tokens import TokenVerifier
from api.auth.viewer import Viewer
from api.context import Context
from api.demo import Credentials, demo_population, prepared_demo
from api.demo.issuer import DemoIssuer
from api.demo.traffic import run_traffic
from api.feed import Feed
from api.places import StreamPlaces
from api.pruner import prune
from api.settings import Settings
from api.startup import require_authentication
from api.sweeper import sweep
from models.database import Database
from models.listen import listen
from models.log import log_state
from models.migrations import prepare
from models.refusals import Unavailable


class Node:
    """One process of the service: its long-lived objects, and how long they live."""

    def __init__(self, settings: Settings) -> None:
        self._issuer = DemoIssuer() if settings.demo else None
        self._settings = self._issuer.believed(settings) if self._issuer else settings
        self._signing_keys = _signing_keys(self._settings)
        settings = self._settings
        self.database = Database(settings.database_url, settings.connections)
        # A token is let in with the leeway on its lifetime, and once more after its end.
        self.ended = EndedSessions(keep_seconds=settings.ended_memory_seconds)
        self.feed = Feed(
            self.database,
            self.ended,
            poll_seconds=settings.feed_poll_seconds,
            ring_size=settings.feed_ring_size,
        )
        self._keyring = KeyRing(self.database, poll_seconds=settings.key_poll_seconds)
        self.authenticator = Authenticator(
            settings,
            feed=self.feed,
            ended=self.ended,
            keyring=self._keyring,
            verifier=_token_verifier(settings, self._signing_keys),
        )
        self.stream_places = StreamPlaces(
            per_viewer_limit=settings.streams_per_viewer_limit,
            per_address_limit=settings.streams_per_address_limit,
        )
        self.draining = asyncio.Event()
        self.default_headers: dict[str, str] = {}
        self.credentials: dict[str, str] = {}

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.database.close)
            if self._issuer is not None:
                stack.enter_context(self._issuer)
            device.load()
            await prepare(self.database)
            await require_authentication(self._settings, self.database)
            await self.feed.start()
            await self.ended.load(self.database)
            await stack.enter_async_context(_running(self._keyring.run()))
            await self._keyring.refresh()
            if self._signing_keys is not None:
                await stack.enter_async_context(self._signing_keys)
            if self._issuer is not None:
                app.state.credentials = await self._start_demo(stack, self._issuer)
            for work in (self.feed.run(), sweep(self.database), listen(self.database)):
                await stack.enter_async_context(_running(work))
            if self._settings.retention is not None:
                await stack.enter_async_context(_running(prune(self.database, self._settings.retention)))
            yield

    def context(self, viewer: Viewer, address: str = "") -> Context:
        """Return the context of one operation, or of a socket."""
        return Context(
            self.database, self.feed, self.ended, viewer, places=self.stream_places, address=address
        )

    async def ready(self, _request: Request) -> Response:
        """Tell whether this node can answer: it reaches the database and its feed is not behind."""
        with suppress(Unavailable):
            async with self.database.read() as tx:
                state = await log_state(tx)
            if self.feed.is_current:
                return JSONResponse({"status": "ready", "position": state.last_seq})
        return JSONResponse({"status": "unavailable"}, status_code=503)

    async def _start_demo(self, stack: AsyncExitStack, issuer: DemoIssuer) -> Credentials:
        population = demo_population()
        demo = prepared_demo(self.database, population, issuer, self._settings)
        credentials = await stack.enter_async_context(demo)
        await stack.enter_async_context(_running(run_traffic(self.database, population)))
        self.default_headers["Authorization"] = f"Bearer {credentials.administrator.text}"
        self.credentials |= credentials.by_name
        return credentials


def _token_verifier(settings: Settings, keys: SigningKeys | None) -> TokenVerifier | None:
    if keys is None:
        return None
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
