"""GraphQL over server-sent events: the framing, the ids, and how a stream ends."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from complaints import no_complaints
from conftest import StartNode
from issuer import until
from log import as_of
from node import Node

WATCH = """subscription ($after: Cursor) {
  sessionStatusChanged(after: $after) { at: cursor session { id } }
}"""


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with no_complaints():
        yield


class Events:
    """The blocks of an event stream, each as a list of its lines."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self._chunks = answer.aiter_text()
        self._text = ""

    async def next(self) -> list[str]:
        async with asyncio.timeout(10):
            while "\n\n" not in self._text:
                self._text += await anext(self._chunks)
        block, _, self._text = self._text.partition("\n\n")
        assert "\r" not in block
        return block.split("\n")

    async def change(self) -> tuple[str, str]:
        """Return the id and the session of the next change."""
        event, id_, data = await self.next()
        assert event == "event: next"
        change = json.loads(data.removeprefix("data: "))["data"]["sessionStatusChanged"]
        assert id_ == f"id: {change['at']}"
        return change["at"], change["session"]["id"]

    async def rest(self) -> str:
        """Return what comes until the server ends the stream."""
        async with asyncio.timeout(10):
            return self._text + "".join([chunk async for chunk in self._chunks])


@asynccontextmanager
async def events(
    node: Node, document: str = WATCH, *, headers: dict[str, str] | None = None, **variables: object
) -> AsyncIterator[Events]:
    body = {"query": document, "variables": variables}
    headers = {"accept": "text/event-stream", **(headers or {})}
    async with node.http.stream("POST", "/graphql", json=body, headers=headers) as answer:
        yield Events(answer)


async def test_sends_each_change_from_now_on_with_its_cursor_as_id(node: Node) -> None:
    await node.create()
    async with events(node) as stream:
        assert dict(stream.answer.headers) == {
            "date": stream.answer.headers["date"],
            "server": "uvicorn",
            "content-type": "text/event-stream",
            "cache-control": "no-cache, no-transform",
            "x-accel-buffering": "no",
            "transfer-encoding": "chunked",
        }
        ids = [await node.create() for _ in range(3)]
        changes = [await stream.change() for _ in ids]
    assert [session_id for _, session_id in changes] == ids
    assert len({cursor for cursor, _ in changes}) == 3


async def test_goes_on_after_the_last_event_id_whatever_the_variables_say(node: Node) -> None:
    start = await as_of(node)
    ids = [await node.create() for _ in range(4)]
    async with events(node, after=start) as stream:
        cursors = [(await stream.change())[0] for _ in ids]
    async with events(node, after=start, headers={"last-event-id": cursors[1]}) as stream:
        assert [(await stream.change())[1] for _ in range(2)] == ids[2:]
    # Clients send an empty one when they have seen none.
    async with events(node, after=start, headers={"last-event-id": ""}) as stream:
        assert (await stream.change())[1] == ids[0]


async def test_gives_its_last_id_to_what_a_client_goes_on_from_over_a_websocket(node: Node) -> None:
    async with events(node) as stream:
        await node.create()
        cursor, _ = await stream.change()
    second = await node.create()
    async with node.socket() as socket:
        await socket.subscribe(WATCH, after=cursor)
        assert (await socket.next())["sessionStatusChanged"]["session"]["id"] == second


@pytest.mark.parametrize("last_event_id", ["x", "%%", "ÿ"])
async def test_refuses_a_last_event_id_that_is_no_cursor(node: Node, last_event_id: str) -> None:
    headers: Any = {b"last-event-id": last_event_id.encode("latin-1")}
    async with events(node, headers=headers) as stream:
        event, data = await stream.next()
        assert event == "event: next"
        (error,) = json.loads(data.removeprefix("data: "))["errors"]
        assert error["extensions"]["code"] == "BAD_CURSOR"
        assert await stream.rest() == "event: complete\ndata: \n\n"
    assert node.streams == 0


@pytest.mark.parametrize(
    ("document", "answer"),
    [
        ("{ __typename }", {"data": {"__typename": "Query"}}),
        (
            'mutation { endSession(input: {id: "1"}) { outcome } }',
            {"data": {"endSession": {"outcome": "NOT_FOUND"}}},
        ),
    ],
)
async def test_answers_queries_and_mutations_with_one_event(
    node: Node, document: str, answer: dict[str, object]
) -> None:
    async with events(node, document) as stream:
        assert await stream.rest() == (
            f"event: next\ndata: {json.dumps(answer, separators=(',', ':'))}\n\nevent: complete\ndata: \n\n"
        )


async def test_answers_what_it_refuses_before_a_stream_without_one(node: Node) -> None:
    headers = {"accept": "text/event-stream"}
    for body, status in (({}, 400), ([], 400), ({"query": 1}, 400)):
        answer = await node.http.post("/graphql", json=body, headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")


async def test_keeps_a_quiet_stream_alive_with_comments(start_node: StartNode) -> None:
    node = await start_node(keep_alive_seconds=0.05)
    async with events(node) as stream:
        assert [await stream.next() for _ in range(3)] == 3 * [[": still there"]]
        id_ = await node.create()
        while (event := await stream.next()) == [": still there"]:
            pass
        assert id_ in event[2]


async def test_forgets_a_stream_whose_client_has_gone(node: Node) -> None:
    async with events(node), events(node):
        await until(lambda: node.streams == 2)
    await until(lambda: node.streams == 0)
    # The next event wakes nobody, and nobody is written to.
    await node.create()
    assert node.server.server_state.tasks == set()


async def test_ends_at_a_shutdown_without_complete_so_that_clients_come_back(start_node: StartNode) -> None:
    node = await start_node()
    async with events(node) as stream, events(node) as other:
        cursor, _ = (await node.create(), await stream.change())[1]
        await other.change()
        node.server.should_exit = True
        assert (await stream.rest(), await other.rest()) == ("", "")
    again = await start_node()
    id_ = await again.create()
    async with events(again, headers={"last-event-id": cursor}) as stream:
        assert (await stream.change())[1] == id_


async def test_streams_over_get_where_that_is_on(start_node: StartNode) -> None:
    node = await start_node(queries_over_get=True)
    headers = {"accept": "text/event-stream"}
    async with node.http.stream("GET", "/graphql", params={"query": WATCH}, headers=headers) as answer:
        id_ = await node.create()
        assert (await Events(answer).change())[1] == id_


async def test_is_read_by_the_pages_that_are_allowed(start_node: StartNode) -> None:
    origin = "https://admin.example.com"
    node = await start_node(allowed_origins=(origin,))
    for _ in range(2):
        async with events(node, headers={"origin": origin}) as stream:
            assert stream.answer.headers.get_list("access-control-allow-origin") == [origin]
            await node.create()
            await stream.change()
    async with events(node) as stream:
        assert "access-control-allow-origin" not in stream.answer.headers
