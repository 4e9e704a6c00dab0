"""GraphQL over HTTP: what is read from a request, and what an answer looks like.

Strawberry's view does the work; here are its negotiation of media types, its bounds and its errors.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from datetime import timedelta
from typing import Any, cast

import orjson
from cross_web import HTTPException
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.http import GraphQLHTTPResponse
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL, GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult

from api.auth.authenticator import Authenticator
from api.auth.ended import EndedSessions
from api.auth.refusal_log import log_rejection
from api.auth.viewer import Viewer, ViewerKind
from api.context import Context
from api.errors import ErrorCode
from api.feed import Feed
from api.graphiql.page import GraphiQL
from api.schema import CODES, Schema
from api.settings import Settings
from api.stream import delivered
from api.transport.bearer import bearer_credential
from api.transport.sse import EventStream, until
from api.transport.websocket import TextFrames, TransportWSHandler
from models.database import Database
from models.filter import Bound
from models.refusals import Refusal

GRAPHQL_RESPONSE = "application/graphql-response+json"
JSON = "application/json"

STATUS_CODES = {
    ErrorCode.UNAUTHENTICATED: 401,
    ErrorCode.LIMIT_EXCEEDED: 429,
    ErrorCode.UNAVAILABLE: 503,
}
"""The codes that decide the status of an answer without data; any other is 400."""


NOBODY = Viewer(kind=ViewerKind.SERVICE, readable=Bound(), endable=Bound())


class GraphQLView(GraphQL[Context, None]):
    """The endpoint `/graphql`, for all transports."""

    graphql_transport_ws_handler_class = TransportWSHandler
    websocket_adapter_class = TextFrames
    stream_transport_classes_by_protocol = {GRAPHQL_SSE_PROTOCOL: EventStream}  # noqa: RUF012  as in the base

    def __init__(
        self,
        schema: Schema,
        *,
        database: Database,
        feed: Feed,
        ended: EndedSessions,
        authenticator: Authenticator,
        settings: Settings,
        graphiql: GraphiQL | None,
        draining: asyncio.Event,
    ) -> None:
        super().__init__(
            schema,
            allow_queries_via_get=False,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_SSE_PROTOCOL),
            connection_init_wait_timeout=timedelta(seconds=settings.connection_init_seconds),
        )
        self._database = database
        self._feed = feed
        self._ended = ended
        self._authenticator = authenticator
        self._body_limit = settings.body_limit
        self._graphiql = graphiql
        self._draining = draining

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        request = Request(scope, self._bounded(scope, receive))
        try:
            response = await self._answer(request)
        except HTTPException as error:
            response = refusal_response(error.status_code, error.reason)
        except Refusal as refusal:
            code = CODES[type(refusal)]
            log_rejection(refusal, "HTTP")
            response = refusal_response(STATUS_CODES.get(code, 400), str(refusal), code)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        """Show the page before anyone is asked who they are: they say it there."""
        if self.should_render_graphql_ide(self.request_adapter_class(request)):
            return await self.render_graphql_ide(request)
        return await self.run(request)

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        if isinstance(request, WebSocket):
            # Nobody, until `connection_init`; the handler runs nothing before it.
            return Context(self._database, self._feed, self._ended, NOBODY)
        viewer = await self._authenticator.viewer(bearer_credential(request.headers))
        if self._get_stream_transport_from_headers(request.headers):
            await self._feed.refresh()  # "from now on" is after what was committed before
        context = Context(self._database, self._feed, self._ended, viewer)
        request.state.context = context
        return context

    async def get_sub_response(self, request: Request | WebSocket) -> Response:
        response = await super().get_sub_response(request)
        response.media_type = preferred_media_type(request.headers.get("accept", "*/*"))
        return response

    async def render_graphql_ide(self, request: Request) -> Response:
        if self._graphiql is None:
            raise HTTPException(404, "Not Found")
        return self._graphiql.page()

    def decode_json(self, data: str | bytes) -> object:
        return orjson.loads(data)

    def encode_json(self, data: object) -> bytes:
        return orjson.dumps(data)

    def parse_json(self, data: str | bytes) -> Any:  # noqa: ANN401  as in the base
        body = super().parse_json(data)
        if not isinstance(body, dict):
            raise HTTPException(400, "The body must be a JSON object with `query`.")
        return body

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:
        """Answer without data where nothing was executed, or where the database was away."""
        answer = await super().process_result(request, result)
        if result.errors and (_before_execution(result) or _is_unavailable(result.errors)):
            answer.pop("data", None)
        return answer

    def create_response(
        self, response_data: GraphQLHTTPResponse | list[GraphQLHTTPResponse], sub_response: Response
    ) -> Response:
        media_type = sub_response.media_type or JSON
        assert isinstance(response_data, dict), "batching is off"  # noqa: S101
        return Response(
            self.encode_json(response_data),
            status_code=_status(response_data, media_type),
            media_type=media_type,
        )

    async def create_streaming_response(
        self,
        request: Request | WebSocket,
        stream: Callable[[], AsyncIterator[str]],
        sub_response: Response,
        headers: Mapping[str, str],
    ) -> Response:
        return StreamingResponse(
            until(
                asyncio.create_task(self._stop(request.state.context)),
                cast("Callable[[], AsyncGenerator[str, None]]", stream),
            ),
            headers=headers,
        )

    async def _stop(self, context: Context) -> None:
        """Return when a stream of this context has to end."""
        draining = asyncio.create_task(self._draining.wait())
        loss = asyncio.create_task(self._authenticator.loss(context.viewer))
        try:
            await asyncio.wait({draining, loss}, return_when=asyncio.FIRST_COMPLETED)
            if loss.done():
                await delivered(context.streams, loss.result().seq)
        finally:
            draining.cancel()
            loss.cancel()

    def _bounded(self, scope: Scope, receive: Receive) -> Receive:
        """Refuse a body over the limit: by its announced length, or when so much has come."""
        read = 0
        too_long = HTTPException(413, f"The body is larger than {self._body_limit:,} bytes.")

        async def bounded() -> Message:
            nonlocal read
            if read == 0 and _announced_length(scope) > self._body_limit:
                raise too_long
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._body_limit:
                raise too_long
            return message

        return bounded


def preferred_media_type(accept: str) -> str:
    """Return the first of our two media types that a client names; JSON for any other."""
    for part in accept.split(","):
        media_type = part.partition(";")[0].strip().lower()
        if media_type in {GRAPHQL_RESPONSE, JSON}:
            return media_type
    return JSON


def refusal_response(status: int, message: str, code: ErrorCode = ErrorCode.BAD_USER_INPUT) -> Response:
    """Answer a request that is not GraphQL, in the form of an answer that is."""
    body = {"errors": [{"message": message, "extensions": {"code": code}}]}
    headers = {"WWW-Authenticate": "Bearer"} if code is ErrorCode.UNAUTHENTICATED else None
    return Response(orjson.dumps(body), status_code=status, media_type=JSON, headers=headers)


def _announced_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


def _before_execution(result: ExecutionResult) -> bool:
    return result.data is None and all(error.path is None for error in result.errors or ())


def _is_unavailable(errors: list[GraphQLError]) -> bool:
    return any((error.extensions or {}).get("code") == ErrorCode.UNAVAILABLE for error in errors)


def _status(answer: GraphQLHTTPResponse, media_type: str) -> int:
    if "data" in answer:
        return 200
    errors: list[Any] = answer["errors"] or []
    status = STATUS_CODES.get(errors[0]["extensions"]["code"], 400)
    # Over application/json a well-formed request is answered with 200, or old clients take it for noise.
    return status if media_type == GRAPHQL_RESPONSE or status != 400 else 200  # noqa: PLR2004
