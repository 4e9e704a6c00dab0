"""The ASGI application: what is where."""

from collections.abc import Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from api.console.page import Console
from api.graphiql.page import GraphiQL
from api.node import Node
from api.schema import build_schema
from api.settings import Settings
from api.transport.answer import refusal_response
from api.transport.http import HTTPEndpoint
from api.transport.websocket import SocketEndpoint

PREFLIGHT_SECONDS = 7200
"""How long a browser remembers that a page may call; the longest that they all honour."""


def create_app(
    settings: Settings, graphiql: GraphiQL | None = None, console: Console | None = None
) -> Starlette:
    """Return the application; its lifespan opens the database and starts the tasks.

    Where the settings show GraphiQL, it is `graphiql`, or one with the demo's credentials filled in, if any;
    likewise the console.
    `state.credentials` are those of the demo, once started; None without.
    """
    node = Node(settings)
    shown = (graphiql or GraphiQL(default_headers=node.default_headers)) if settings.shows_graphiql else None
    schema = build_schema(settings, introspection=settings.introspection)
    posts = HTTPEndpoint(
        schema,
        new_context=node.context,
        authenticator=node.authenticator,
        settings=settings,
        graphiql=shown,
        draining=node.draining,
    )
    sockets = SocketEndpoint(
        schema, new_context=node.context, authenticator=node.authenticator, settings=settings
    )
    middleware = _middleware(settings)
    app = Application(
        {"http": _around(posts, middleware), "websocket": sockets},
        routes=[
            Route("/", RedirectResponse("/graphql")),
            Route("/graphql", posts),
            WebSocketRoute("/graphql", sockets),
            *([shown.assets.route] if shown else []),
            *(_console(node, settings, console) if settings.shows_console else []),
            Route("/healthz", JSONResponse({"status": "alive"})),
            Route("/readyz", node.ready),
        ],
        middleware=middleware,
        exception_handlers={HTTPException: refuse},
        lifespan=node.lifespan,
    )
    app.state.credentials = None
    app.state.draining = node.draining
    app.state.stream_places = node.stream_places
    return app


class Application(Starlette):
    """Starlette, but for `/graphql`: the way through its layers would cost a request a twentieth more."""

    def __init__(self, graphql: Mapping[str, ASGIApp], **options: Any) -> None:  # noqa: ANN401  as the base
        super().__init__(**options)
        self._graphql = graphql

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in self._graphql and scope["path"] == "/graphql":
            await self._graphql[scope["type"]](scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


async def refuse(_request: Request, error: Exception) -> Response:
    """Answer an unknown path or method as GraphQL errors are answered: in JSON."""
    assert isinstance(error, HTTPException)  # noqa: S101  the handler is registered for it
    return refusal_response(error.status_code, error.detail, headers=error.headers)


def _console(node: Node, settings: Settings, given: Console | None) -> list[Route]:
    console = given or Console(settings.read_permission, settings.end_permission, node.credentials)
    return [Route("/console", console.page), console.assets.route]


def _middleware(settings: Settings) -> list[Middleware]:
    """Return what lets pages of other origins call, where they may."""
    if not settings.allowed_origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=settings.allowed_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "Last-Event-ID"],
            expose_headers=["Retry-After", "WWW-Authenticate"],
            max_age=PREFLIGHT_SECONDS,
        )
    ]


def _around(endpoint: ASGIApp, middleware: list[Middleware]) -> ASGIApp:
    for cls, args, options in reversed(middleware):
        endpoint = cls(endpoint, *args, **options)
    return endpoint
