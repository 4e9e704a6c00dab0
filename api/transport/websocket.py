"""GraphQL over WebSockets, by the protocol graphql-transport-ws."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from datetime import timedelta
from typing import Any, cast

from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
    Operation,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    ConnectionInitMessage,
    Message,
    SubscribeMessage,
    SubscribeMessagePayload,
)
from strawberry.types.execution import ExecutionResult, PreExecutionError

from api.auth.authenticator import Authenticator, LossReason
from api.auth.refusal_log import log_rejection
from api.auth.viewer import Viewer, ViewerKind
from api.context import Context
from api.places import Places, address_of
from api.schema import Schema
from api.settings import Settings
from api.stream import delivered
from api.transport.bearer import bearer_credential
from api.transport.frames import Pace, TextFrames
from api.transport.messages import fault_of
from api.transport.origin import is_for_this_machine
from api.trusted import with_document_id
from api.wire_errors import as_error, on_the_wire
from models.bound import Bound
from models.refusals import LimitExceeded, Refusal, Unauthenticated, Unavailable

NOBODY = Viewer(kind=ViewerKind.SERVICE, readable=Bound(), endable=Bound())
"""Who asks before `connection_init`; nothing is run for them."""

LOSSES = {
    LossReason.SESSION_ENDED: (4401, "The session has ended; sign in again."),
    LossReason.REVOKED: (4401, "The API key was revoked."),
    # The common clients come back after 4403, and ask for a new credential then.
    LossReason.EXPIRED: (4403, "The credential has expired; connect with a new one."),
}


class TransportWSHandler(BaseGraphQLTransportWSHandler[Context, None]):
    """One socket of one viewer; each operation has a context of its own."""

    view: "SocketEndpoint"
    watching: asyncio.Task[None] | None = None
    extensions: dict[str, Any] | None = None
    """Those of the operation that is being accepted."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  as the base takes them
        super().__init__(*args, **options)
        self._pace = Pace(self.view.settings.message_rate_limit)

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        """Find out who asks, before the first acknowledgement."""
        payload = message.get("payload") or {}
        if not self.connection_init_received:
            websocket = cast("TextFrames", self.websocket)
            if self.connection_init_timeout_task is not None:
                # What is left is ours to do; a task that was cancelled would keep its frames.
                self.connection_init_timeout_task.cancel()
                self.connection_init_timeout_task = None
            try:
                viewer = await self.view.authenticator.viewer(
                    bearer_credential(payload) or bearer_credential(websocket.ws.headers)
                )
            except Refusal as refusal:
                log_rejection(refusal, "WebSocket")
                await self.websocket.close(_close_code(refusal), str(refusal))
                return
            self.context.viewer = viewer
            self.watching = asyncio.create_task(self._close_on_loss(viewer))
        await super().handle_connection_init({"type": "connection_init", "payload": payload})

    async def shutdown(self) -> None:
        if self.watching is not None:
            self.watching.cancel()
        await super().shutdown()

    async def _close_on_loss(self, viewer: Viewer) -> None:
        """Close the socket when the credential holds no longer, after the last event of its session."""
        loss = await self.view.authenticator.loss(viewer)
        await delivered(self.context.streams, loss.seq)
        code, reason = LOSSES[loss.reason]
        await self.websocket.close(code, reason)

    async def handle_message(self, message: Message) -> None:
        """Close on whatever is not a message of the protocol, and on too many."""
        settings = self.view.settings
        if not self._pace.is_kept():
            limit = settings.message_rate_limit
            await self.websocket.close(4429, f"There were more than {limit:,} messages in a second.")
            return
        fault = fault_of(message, id_limit=settings.operation_id_limit)
        if fault is not None:
            await self.handle_invalid_message(fault)
            return
        await super().handle_message(message)

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        if self.connection_acknowledged:
            limit = self.view.settings.operations_per_socket_limit
            if len(self.operations) >= limit and message["id"] not in self.operations:
                refusal = LimitExceeded(f"At most {limit:,} operations may run at once on one WebSocket.")
                await self._refuse(message["id"], refusal)
                return
            await self.context.feed.refresh()  # "from now on" is after what was committed before
        payload = with_document_id(cast("dict[str, Any]", message["payload"]))
        self.extensions = payload.get("extensions")
        payload = {**payload, "query": payload.get("query") or ""}
        await super().handle_subscribe({**message, "payload": cast("SubscribeMessagePayload", payload)})

    async def _refuse(self, id_: str, refusal: Refusal) -> None:
        error = on_the_wire(as_error(refusal))
        await self.send_message({"id": id_, "type": "error", "payload": [error.formatted]})

    def run_operation(self, operation: Operation[Context, None]) -> Coroutine[Any, Any, None]:
        """Accept the operation before the next message is read: what is committed from here on is live."""
        return self._run(operation, self.context.for_operation(), self.extensions)

    async def _run(
        self, operation: Operation[Context, None], context: Context, extensions: dict[str, Any] | None
    ) -> None:
        try:
            results = await self.schema.stream(
                operation.query,
                variable_values=operation.variables,
                context_value=context,
                operation_name=operation.operation_name,
                operation_extensions=extensions,
            )
            async with aclosing(results):
                async for result in results:
                    if isinstance(result, PreExecutionError):
                        await operation.send_initial_errors(result.errors or [])
                        return
                    await operation.send_next(cast("ExecutionResult", result))
            await operation.send_operation_message({"id": operation.id, "type": "complete"})
        except WebSocketDisconnected:
            return
        except Exception as error:  # noqa: BLE001  masked and logged like any fault
            masked = on_the_wire(as_error(error))
            await operation.send_initial_errors([masked])
        finally:
            context.close()


class SocketEndpoint(GraphQL[Context, None]):
    """The endpoint `/graphql` for WebSockets; Strawberry's view checks their origin and subprotocol."""

    graphql_transport_ws_handler_class = TransportWSHandler
    websocket_adapter_class = TextFrames

    def __init__(
        self,
        schema: Schema,
        *,
        new_context: Callable[[Viewer, str], Context],
        authenticator: Authenticator,
        settings: Settings,
    ) -> None:
        super().__init__(
            schema,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=timedelta(seconds=settings.connection_init_seconds),
            max_subscriptions_per_connection=None,  # the handler says more about it
            allowed_origins=settings.allowed_origins,
        )
        self.authenticator = authenticator
        self.settings = settings
        self._new_context = new_context
        self._sockets = Places("WebSockets of one address", settings.sockets_per_address_limit)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        if self.authenticator.is_open and not is_for_this_machine(dict(scope["headers"])):
            await self.reject_websocket(websocket)
            return
        address = address_of(scope)
        try:
            self._sockets.take(address)
        except LimitExceeded as refusal:
            await websocket.accept(subprotocol=await self.pick_websocket_subprotocol(websocket))
            await websocket.close(1013, str(refusal))
            return
        try:
            await self.run(websocket)
        finally:
            self._sockets.give_back(address)

    async def get_context(self, request: object, response: object) -> Context:
        return self._new_context(NOBODY, address_of(cast("WebSocket", request).scope))


def _close_code(refusal: Refusal) -> int:
    """Return 1013 (try again later) where nobody can tell, 4403 where a new credential helps, else 4401."""
    if isinstance(refusal, Unavailable):
        return 1013
    return 4403 if isinstance(refusal, Unauthenticated) and refusal.reason == "expired" else 4401
