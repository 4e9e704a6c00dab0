"""PyPI's gql: queries and mutations over HTTP, subscriptions over a WebSocket."""

import asyncio
import json
import sys
from contextlib import suppress
from typing import Any

from gql import Client, GraphQLRequest
from gql.transport.exceptions import TransportError
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport

LIST = """query List($after: String) {
  sessions(first: 2, after: $after) { totalCount asOf nodes { id } pageInfo { hasNextPage endCursor } }
}"""
END = """mutation End($id: ID!) {
  endSession(input: { id: $id, reason: "Tried" }) { outcome session { id status } }
}"""
WATCH = """subscription Watch($after: Cursor) {
  sessionStatusChanged(after: $after) { cursor status session { id } }
}"""


def say(what: object) -> None:
    print(json.dumps(what), flush=True)  # noqa: T201  as the scripts in JavaScript do


def request(document: str, **variables: object) -> GraphQLRequest:
    return GraphQLRequest(document, variable_values=variables)


async def visit(url: str, headers: dict[str, str]) -> None:
    async with Client(transport=HTTPXAsyncTransport(url, headers=headers)) as client:
        page: Any = (await client.execute(request(LIST)))["sessions"]
        after = page["asOf"]
        say({"listed": [one["id"] for one in page["nodes"]], "of": page["totalCount"]})
        rest: list[list[str]] = []
        while page["pageInfo"]["hasNextPage"]:
            page = (await client.execute(request(LIST, after=page["pageInfo"]["endCursor"])))["sessions"]
            rest.append([one["id"] for one in page["nodes"]])
        say({"paged": rest})
        say((await client.execute(request(END, id=rest[-1][-1])))["endSession"])
    while True:
        transport = WebsocketsTransport(url.replace("http", "ws"), init_payload=headers)
        with suppress(TransportError, OSError):
            async with Client(transport=transport) as client:
                async for data in client.subscribe(request(WATCH, after=after)):
                    change = data["sessionStatusChanged"]
                    after = change["cursor"]
                    say({"changed": change["session"]["id"], "status": change["status"]})
        say("lost")
        await asyncio.sleep(0.02)


asyncio.run(visit(sys.argv[1], {"authorization": f"Bearer {sys.argv[2]}"}))
