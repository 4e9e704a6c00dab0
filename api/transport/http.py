"""GraphQL over HTTP: from a request to its answer, or to the stream of its results."""

import asyncio
from collections.abc import Callable, Mapping

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.types.graphql import OperationType

from api.auth.authenticator import Authenticator
from api.auth.refusal_log import log_rejection
from api.auth.viewer import Viewer
from api.context import Context
from api.graphiql.page import GraphiQL
from api.places import address_of
from api.schema import Schema
from api.settings import Settings
from api.stream import delivered
from api.transport.accept import EVENT_STREAM, OFFERED, preferred_media_type
from api.transport.answer import STATUS_CODES, JSONAnswer, answer_of, refusal_response, response_to
from api.transport.bearer import bearer_credential
from api.transport.body import read_body
from api.transport.origin import is_for_this_machine, require_welcome
from api.transport.request import OperationRequest, got_request, posted_request, require_json
from api.transport.sse import EventStream
from api.wire_errors import CODES
from models.refusals import Refusal

READING = frozenset({OperationType.QUERY, OperationType.SUBSCRIPTION})


class HTTPEndpoint:
    """The endpoint `/graphql`, but for WebSockets."""

    def __init__(
        self,
        schema: Schema,
        *,
        new_context: Callable[[Viewer, str], Context],
        authenticator: Authenticator,
        settings: Settings,
        graphiql: GraphiQL | None,
        draining: asyncio.Event,
    ) -> None:
        self._schema = schema
        self._new_context = new_context
        self._authenticator = authenticator
        self._settings = settings
        self._graphiql = graphiql
        self._draining = draining
        self._methods = "GET, POST" if settings.queries_over_get else "POST"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await self._answer(scope, receive)
        except Refusal as refusal:
            code = CODES[type(refusal)]
            log_rejection(refusal, "HTTP")
            status = STATUS_CODES.get(code, 400)
            response = refusal_response(status, str(refusal), code, accept=_accept(dict(scope["headers"])))
        except HTTPException as error:
            accept = _accept(dict(scope["headers"]))
            response = refusal_response(error.status_code, error.detail, headers=error.headers, accept=accept)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> ASGIApp:
        headers = dict(scope["headers"])
        # The page is shown before anyone is asked who they are: they say it there.
        if scope["method"] == "GET" and _is_for_page(scope, headers):
            return self._page()
        media_type = self._media_type(scope["method"], headers)
        authorization = headers.get(b"authorization")
        credentials = {} if authorization is None else {"authorization": authorization.decode("latin-1")}
        viewer = await self._authenticator.viewer(bearer_credential(credentials))
        given = await self._request(scope, receive, headers)
        allowed = READING if scope["method"] == "GET" else None
        try:
            if media_type == EVENT_STREAM:
                return await self._stream(given, viewer, address_of(scope), headers, allowed)
            return await self._executed(given, viewer, address_of(scope), media_type, allowed)
        except InvalidOperationTypeError as error:
            message = f"A {error.operation_type.value} must come by POST."
            raise HTTPException(405, message, {"Allow": "POST"}) from None

    def _media_type(self, method: str, headers: Mapping[bytes, bytes]) -> str:
        """Return the media type of the answer.

        Raises:
            HTTPException: The request may not come, by its head.
        """
        require_welcome(headers, self._settings.allowed_origins)
        if self._authenticator.is_open and not is_for_this_machine(headers):
            raise HTTPException(403, "A server without authentication is called by the name localhost.")
        if method == "POST":
            require_json(headers)
        elif method != "GET" or not self._settings.queries_over_get:
            raise HTTPException(405, f"Send {self._methods}.", {"Allow": self._methods})
        media_type = preferred_media_type(_accept(headers))
        if media_type is None:
            raise HTTPException(406, f"There is {', '.join(OFFERED)}, and the request accepts none of them.")
        return media_type

    async def _request(
        self, scope: Scope, receive: Receive, headers: Mapping[bytes, bytes]
    ) -> OperationRequest:
        settings = self._settings
        if scope["method"] == "GET":
            if len(scope["query_string"]) > settings.body_limit:
                raise HTTPException(414, f"The query is longer than {settings.body_limit:,} bytes.")
            return got_request(scope["query_string"], depth_limit=settings.json_depth_limit)
        body = await read_body(receive, headers, limit=settings.body_limit)
        return posted_request(body, depth_limit=settings.json_depth_limit)

    async def _executed(
        self,
        given: OperationRequest,
        viewer: Viewer,
        address: str,
        media_type: str,
        allowed: frozenset[OperationType] | None,
    ) -> JSONAnswer:
        result = await self._schema.execute(
            given.query,
            variable_values=given.variables,
            context_value=self._new_context(viewer, address),
            operation_name=given.operation_name,
            operation_extensions=given.extensions,
            allowed_operation_types=allowed,
        )
        response = response_to(answer_of(result), media_type)
        if allowed is READING:
            response.headers.append((b"cache-control", b"no-store"))
        return response

    async def _stream(
        self,
        given: OperationRequest,
        viewer: Viewer,
        address: str,
        headers: Mapping[bytes, bytes],
        allowed: frozenset[OperationType] | None,
    ) -> EventStream:
        context = self._new_context(viewer, address)
        await context.feed.refresh()  # "from now on" is after what was committed before
        context.accepted_at = context.feed.position
        context.last_event_id = headers.get(b"last-event-id", b"").decode("latin-1") or None
        results = await self._schema.stream(
            given.query,
            variable_values=given.variables,
            context_value=context,
            operation_name=given.operation_name,
            operation_extensions=given.extensions,
            allowed_operation_types=allowed,
        )
        return EventStream(
            results,
            context,
            stop=self._stop(context),
            keep_alive_seconds=self._settings.keep_alive_seconds,
        )

    async def _stop(self, context: Context) -> None:
        """Return when the stream of this context has to end."""
        draining = asyncio.create_task(self._draining.wait())
        loss = asyncio.create_task(self._authenticator.loss(context.viewer))
        try:
            await asyncio.wait({draining, loss}, return_when=asyncio.FIRST_COMPLETED)
            if loss.done():
                await delivered(context.streams, loss.result().seq)
        finally:
            draining.cancel()
            loss.cancel()

    def _page(self) -> Response:
        if self._graphiql is None:
            raise HTTPException(404, "Not Found")
        return self._graphiql.page()


def _accept(headers: Mapping[bytes, bytes]) -> str:
    return headers.get(b"accept", b"").decode("latin-1")


def _is_for_page(scope: Scope, headers: Mapping[bytes, bytes]) -> bool:
    accept = headers.get(b"accept", b"")
    return (b"text/html" in accept or b"*/*" in accept) and not _asks(scope["query_string"])


def _asks(query_string: bytes) -> bool:
    """Tell whether there is a document, or the id of one."""
    return any(name in query_string for name in (b"query=", b"documentId=", b"persistedQuery"))
