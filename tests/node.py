"""A running server of the service, and the plainest clients of it: JSON over HTTP, frames over a socket."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self

import httpx
import websockets

from api.app import create_app
from api.console.page import Console
from api.graphiql.page import GraphiQL
from api.server import Server
from api.settings import Settings

USER = "user_01E4ZCR3C56J083X43JQXF3JK5"
ORGANIZATION = "org_01H945H0YD4F97JN9MATX7BYAG"
FUTURE = "2099-01-01T00:00:00.000Z"


@dataclass
class Socket:
    """A graphql-transport-ws connection, in frames."""

    connection: websockets.ClientConnection

    async def send(self, message: object) -> None:
        await self.connection.send(json.dumps(message))

    async def receive(self) -> dict[str, Any]:
        frame = await asyncio.wait_for(self.connection.recv(), 10)
        message: dict[str, Any] = json.loads(frame)
        return message

    async def subscribe(self, document: str, id_: str = "1", **variables: object) -> Self:
        """Subscribe, and return when the server has accepted it: it answers in order."""
        payload = {"query": document, "variables": variables}
        await self.send({"type": "subscribe", "id": id_, "payload": payload})
        await self.send({"type": "ping"})
        message = await self.receive()
        assert message == {"type": "pong"}, message
        return self

    async def next(self) -> Any:
        """Return the data of the next result."""
        message = await self.receive()
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        return message["payload"]["data"]

    async def close_code(self) -> int:
        """Return the code with which the server closes, whatever it sends before."""
        try:
            async with asyncio.timeout(10):
                while True:
                    await self.connection.recv()
        except websockets.ConnectionClosed:
            code = self.connection.close_code
            assert code is not None
            return code


@dataclass
class Node:
    """One server, as one viewer sees it: everybody's while there is no credential."""

    server: Server
    http: httpx.AsyncClient
    credential: str | None = None

    @asynccontextmanager
    async def acting(self, credential: str | None) -> AsyncIterator["Node"]:
        """Call the same server with this API key or access token."""
        headers = {} if credential is None else {"authorization": f"Bearer {credential}"}
        async with httpx.AsyncClient(base_url=self.url, timeout=30, headers=headers) as http:
            yield Node(self.server, http, credential)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    @property
    def streams(self) -> int:
        """How many subscriptions are running, over all transports."""
        taken: int = self.server.config.app.state.stream_places.taken  # type: ignore[union-attr]
        return taken

    async def post(self, document: str, **variables: object) -> Any:
        """Return the whole answer."""
        body = {"query": document, "variables": variables}
        return (await self.http.post("/graphql", json=body)).json()

    async def query(self, document: str, **variables: object) -> Any:
        """Return the data; there may be no errors."""
        answer = await self.post(document, **variables)
        assert "errors" not in answer, answer
        return answer["data"]

    async def refusal(self, document: str, **variables: object) -> tuple[str, str]:
        """Return the code and the message of the only error."""
        answer = await self.post(document, **variables)
        assert not answer.get("data"), answer
        (error,) = answer["errors"]
        return error["extensions"]["code"], error["message"]

    async def create(self, **given: object) -> Any:
        """Create a session and return its id."""
        values: dict[str, object] = {"userId": USER, "expiresAt": FUTURE, **given}
        document = (
            "mutation ($input: CreateSessionInput!) { createSession(input: $input) { session { id } } }"
        )
        return (await self.query(document, input=values))["createSession"]["session"]["id"]

    async def end(self, session_id: str, reason: str | None = None) -> Any:
        """End a session and return the outcome."""
        document = "mutation ($input: EndSessionInput!) { endSession(input: $input) { outcome } }"
        data = await self.query(document, input={"id": session_id, "reason": reason})
        return data["endSession"]["outcome"]

    @asynccontextmanager
    async def socket(self, *, init: bool = True, **options: Any) -> AsyncIterator[Socket]:
        async with websockets.connect(
            f"ws://127.0.0.1:{self.server.port}/graphql",
            subprotocols=[websockets.Subprotocol("graphql-transport-ws")],
            **options,
        ) as connection:
            socket = Socket(connection)
            if init:
                payload = {} if self.credential is None else {"authorization": f"Bearer {self.credential}"}
                await socket.send({"type": "connection_init", "payload": payload})
                assert await socket.receive() == {"type": "connection_ack"}
            yield socket


@asynccontextmanager
async def running_node(
    *, graphiql_page: GraphiQL | None = None, console_page: Console | None = None, **settings: Any
) -> AsyncIterator[Node]:
    loaded = Settings(port=0, **settings)
    server = Server(create_app(loaded, graphiql_page, console_page), loaded)
    task = asyncio.create_task(server.serve())
    while not server.started:
        assert not task.done(), "the server did not start"
        await asyncio.sleep(0.01)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", timeout=30) as http:
        yield Node(server, http)
        server.should_exit = True
        await task
