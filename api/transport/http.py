"""GraphQL over HTTP: what is read from a request, and what an answer looks like.

Strawberry's view does the work; here are its negotiation of media types, its bounds and its errors.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from datetime import timedelta
from typing import Any, cast

import orjson
from cross_web import AsyncHTTPRequestAdapter, HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL, GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult

from api.auth.authenticator import Authenticator
from api.auth.ended import EndedSessions
from api.auth.refusal_log import log_rejection
from api.auth.viewer import Viewer, ViewerKind
from api.context import Context
from api.feed import Feed
from api.graphiql.page import GraphiQL
from api.schema import CODES, Schema
from api.settings import Settings
from api.stream import delivered
from api.transport.answer import (
    JSON,
    STATUS_CODES,
    answer_of,
    preferred_media_type,
    refusal_response,
    response_to,
)
from api.transport.bearer import bearer_credential
from api.transport.request import is_operation, operation_request
from api.transport.sse import EventStream, until
from api.transport.websocket import TextFrames, TransportWSHandler
from models.database import Database
from models.filter import Bound
from models.refusals import Refusal

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
        """Choose the way of a request: most need nothing of Strawberry's view."""
        headers = dict(request.scope["headers"])
        if is_operation(request.method, headers):
            return await self._executed(request, headers)
        # The page is shown before anyone is asked who they are: they say it there.
        if self.should_render_graphql_ide(self.request_adapter_class(request)):
            return await self.render_graphql_ide(request)
        return await self.run(request)

    async def _executed(self, request: Request, headers: Mapping[bytes, bytes]) -> Response:
        authorization = headers.get(b"authorization")
        credentials = {} if authorization is None else {"authorization": authorization.decode("latin-1")}
        viewer = await self._authenticator.viewer(bearer_credential(credentials))
        given = operation_request(self.parse_json(await request.body()))
        result = await self.schema.execute(
            given.query,
            variable_values=given.variables,
            context_value=Context(self._database, self._feed, self._ended, viewer),
            operation_name=given.operation_name,
        )
        accept = headers.get(b"accept", b"").decode("latin-1")
        return response_to(answer_of(result), preferred_media_type(accept))

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

    async def parse_http_body(self, request: AsyncHTTPRequestAdapter) -> GraphQLRequestData:
        """Check the one part of a body that the base takes as it is."""
        data = await super().parse_http_body(request)
        assert isinstance(data, GraphQLRequestData), "batching is off"  # noqa: S101
        if not isinstance(data.operation_name, str | None):
            raise HTTPException(400, "`operationName` must be a string.")
        return data

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:
        return cast("GraphQLHTTPResponse", answer_of(result))

    def create_response(
        self, response_data: GraphQLHTTPResponse | list[GraphQLHTTPResponse], sub_response: Response
    ) -> Response:
        return response_to(cast("dict[str, Any]", response_data), sub_response.media_type or JSON)

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


def _announced_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0
