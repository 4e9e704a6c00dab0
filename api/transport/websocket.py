"""GraphQL over WebSockets, by the protocol graphql-transport-ws."""

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import aclosing
from typing import Any, cast

from graphql import GraphQLError
from starlette.websockets import WebSocketDisconnect
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
    Operation,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    ConnectionInitMessage,
    Message,
    SubscribeMessage,
)
from strawberry.types.execution import ExecutionResult, PreExecutionError

from api.auth.authenticator import Authenticator, LossReason
from api.auth.refusal_log import log_rejection
from api.auth.viewer import Viewer
from api.context import Context
from api.schema import on_the_wire
from api.stream import delivered
from api.transport.bearer import bearer_credential
from models.refusals import Refusal, Unauthenticated, Unavailable

LOSSES = {
    LossReason.SESSION_ENDED: (4401, "The session has ended; sign in again."),
    LossReason.REVOKED: (4401, "The API key was revoked."),
    # The common clients come back after 4403, and ask for a new credential then.
    LossReason.EXPIRED: (4403, "The credential has expired; connect with a new one."),
}


class TextFrames(ASGIWebSocketAdapter):
    """Sends text although our encoder makes bytes: the protocol knows no binary frames."""

    @property
    def authenticator(self) -> Authenticator:
        authenticator: Authenticator = self.ws.app.state.authenticator
        return authenticator

    async def send_json(self, message: Mapping[str, object]) -> None:
        try:
            await self.ws.send_text(self.view.encode_json_string(message))
        except (WebSocketDisconnect, RuntimeError) as error:
            raise WebSocketDisconnected from error


class TransportWSHandler(BaseGraphQLTransportWSHandler[Context, None]):
    """One socket of one viewer; each operation has a context of its own."""

    watching: asyncio.Task[None] | None = None

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        """Find out who asks, before the first acknowledgement."""
        payload = message.get("payload") or {}
        if not self.connection_init_received and isinstance(payload, dict):
            websocket = cast("TextFrames", self.websocket)
            try:
                viewer = await websocket.authenticator.viewer(
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
        authenticator = cast("TextFrames", self.websocket).authenticator
        loss = await authenticator.loss(viewer)
        await delivered(self.context.streams, loss.seq)
        code, reason = LOSSES[loss.reason]
        await self.websocket.close(code, reason)

    async def handle_message(self, message: Message) -> None:
        """Close with 4400 on whatever is not a message of the protocol."""
        fault = _fault_of(message)
        if fault is not None:
            await self.handle_invalid_message(fault)
            return
        await super().handle_message(message)

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        await self.context.feed.refresh()  # "from now on" is after what was committed before
        await super().handle_subscribe(message)

    def run_operation(self, operation: Operation[Context, None]) -> Coroutine[Any, Any, None]:
        """Accept the operation before the next message is read: what is committed from here on is live."""
        return self._run(operation, self.context.for_operation())

    async def _run(self, operation: Operation[Context, None], context: Context) -> None:
        try:
            results = await self.schema.stream(
                operation.query,
                variable_values=operation.variables,
                context_value=context,
                operation_name=operation.operation_name,
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
            masked = on_the_wire(GraphQLError(str(error), original_error=error))
            await operation.send_initial_errors([masked])


def _close_code(refusal: Refusal) -> int:
    """Return 1013 (try again later) where nobody can tell, 4403 where a new credential helps, else 4401."""
    if isinstance(refusal, Unavailable):
        return 1013
    return 4403 if isinstance(refusal, Unauthenticated) and refusal.reason == "expired" else 4401


def _fault_of(message: object) -> str | None:
    """Return what is wrong with a message, if anything."""
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return "A message must be an object with a `type`"
    if message["type"] in {"subscribe", "complete"}:
        id_ = message.get("id")
        if not isinstance(id_, str) or not id_:
            return "`id` must be a string that is not empty"
    if message["type"] == "subscribe":
        return _fault_of_payload(cast("SubscribeMessage", message).get("payload"))
    return None


def _fault_of_payload(payload: object) -> str | None:
    if not isinstance(payload, dict) or not isinstance(payload.get("query"), str):
        return "`payload` must be an object with a `query`"
    if not isinstance(payload.get("variables"), dict | None):
        return "`variables` must be an object"
    if not isinstance(payload.get("operationName"), str | None):
        return "`operationName` must be a string"
    return None
