"""The console over time: it comes back without loss, pages, and keeps up with bursts."""

import asyncio
import json
import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from conftest import StartNode
from console import Board, open_console, shortened
from credentials import make_key, take_away
from node import ORGANIZATION, USER, Node
from playwright.async_api import APIResponse, Browser, Route, WebSocketRoute, expect
from process import free_port, running_process
from proxy import running_proxy
from stored import row, session_id, store

from api.console.page import Console
from models.database import Database
from models.key import Scope
from models.retention import remove_older_than
from models.session import utc_now

AWAY = ("WebSocket connection to", "Failed to load resource")
"""What the browser says itself while the server is away."""

BACK = re.compile(r"Connection lost at \d\d:\d\d:\d\d, back at \d\d:\d\d:\d\d\. Nothing was missed\.")


@pytest.fixture
def engine() -> str:
    return "sqlite"  # the page knows no database


async def changed(board: Board, *deeds: str | re.Pattern[str]) -> None:
    """Wait until the timeline has these entries, newest first, and no others."""
    await expect(board.changes).to_have_text([re.compile(deed) for deed in deeds])


async def test_goes_on_after_a_restart_with_each_change_once(
    browser: Browser, database_url: str, database: Database, start_node: StartNode
) -> None:
    await store(database, *(row(number) for number in range(4)))
    port, other = free_port(), await start_node()
    async with (
        running_process(database_url, port) as process,
        open_console(browser, f"http://127.0.0.1:{port}", complaints=AWAY) as board,
    ):
        await board.is_live()
        await other.end(session_id(0), "Before")
        await changed(board, "Before")
        await process.kill()
        await expect(board.connection).to_have_text("Reconnecting")
        await expect(board.page.get_by_text("The connection to the server was lost")).to_be_visible()
        await other.end(session_id(1), "Meanwhile")
        created = await other.create()
        async with running_process(database_url, port):
            await board.is_live()
            await expect(board.page.get_by_role("status").filter(has_text=BACK)).to_be_visible()
            await other.end(session_id(2), "After")
            await changed(board, "After", "Signed in", "Meanwhile", BACK.pattern, "Before")
            await board.lists(created, session_id(3))
            await board.counts(2, 0, 3)
    log = (await other.query("{ sessionStatusChanges { nodes { cursor } } }"))["sessionStatusChanges"][
        "nodes"
    ]
    subscriptions = [frame for frame in map(json.loads, board.opened.frames) if frame["type"] == "subscribe"]
    as_of, before = log[3]["cursor"], log[4]["cursor"]
    assert [one["payload"]["variables"]["after"] for one in subscriptions] == [as_of, before]


async def test_lists_again_when_the_log_no_longer_reaches_back(
    browser: Browser, database_url: str, database: Database, start_node: StartNode
) -> None:
    await store(database, row(0), row(1))
    port, other = free_port(), await start_node()
    async with (
        running_process(database_url, port) as process,
        open_console(browser, f"http://127.0.0.1:{port}", complaints=AWAY) as board,
    ):
        await board.is_live()
        await process.kill()
        await expect(board.connection).to_have_text("Reconnecting")
        await other.end(session_id(0))
        created = await other.create()
        async for _ in remove_older_than(database, utc_now() + timedelta(days=1)):
            pass
        async with running_process(database_url, port):
            await board.lists(created, session_id(1))
            await board.is_live()
            notice = "The log no longer reaches back so far: listed again"
            await expect(board.page.get_by_role("status").filter(has_text=notice)).to_be_visible()
            await other.end(session_id(1), "After")
            await changed(board, "After", notice, BACK.pattern)
            await board.lists(created)


async def test_lists_when_the_server_is_back(browser: Browser, node: Node) -> None:
    created = await node.create()
    async with (
        running_proxy(node.server.port) as proxy,
        open_console(browser, f"http://127.0.0.1:{proxy.port}", complaints=AWAY) as board,
    ):
        await board.is_live()
        await proxy.cut()
        await board.field("User").fill(USER)
        await board.page.keyboard.press("Enter")
        await expect(board.page.get_by_role("alert")).to_contain_text("The server cannot be reached.")
        await proxy.mend()
        await board.lists(created)
        await board.is_live()
        await expect(board.page.get_by_role("alert")).to_have_count(0)


async def test_says_that_the_key_holds_no_longer(
    browser: Browser, database: Database, start_node: StartNode
) -> None:
    key, key_id = await make_key(database, Scope.READ)
    node = await start_node(console_page=Console("", "", {"Somebody": key}))
    async with open_console(browser, node.url, complaints=AWAY) as board:
        await board.is_live()
        await take_away(database, key_id)
        await expect(board.page.get_by_role("alert")).to_have_text("The API key was revoked.")
        await expect(board.page.get_by_role("table")).to_have_count(0)
        await expect(board.region("Sign in")).to_be_visible()


async def test_turns_pages_that_stay_true(browser: Browser, database: Database, node: Node) -> None:
    await store(database, *(row(number) for number in range(120)))
    newest, middle, oldest = (
        [session_id(number) for number in numbers]
        for numbers in (range(119, 69, -1), range(69, 19, -1), range(19, -1, -1))
    )
    async with open_console(browser, node.url) as board:
        await board.lists(*newest)
        await board.is_live()
        created = await node.create()
        await board.lists(created, *newest[:-1])
        await board.button("Older").click()
        await board.lists(newest[-1], *middle[:-1])
        await node.end(middle[0])
        await board.lists(newest[-1], *middle[1:-1])
        await board.button("Older").click()
        await board.lists(middle[-1], *oldest)
        await expect(board.button("Older")).to_be_disabled()
        await node.create()
        await board.counts(121, 0, 1)
        await board.lists(middle[-1], *oldest)
        await board.page.reload()
        await board.lists(middle[-1], *oldest)
        await board.button("Newer").click()
        await board.lists(newest[-1], *middle[1:])
        await board.button("Newest").click()
        await expect(board.rows).to_have_count(50)
        await expect(board.button("Newest")).to_be_disabled()


async def test_keeps_up_with_a_burst(browser: Browser, database: Database, node: Node) -> None:
    await store(database, *(row(number) for number in range(600)))
    async with open_console(browser, node.url) as board:
        await board.counts(600, 0, 0)
        await board.is_live()
        document = "mutation { endSessions(input: {filter: {status: [ACTIVE]}, limit: 580}) { endedCount } }"
        await asyncio.gather(*(node.create() for _ in range(100)), node.query(document))
        await expect(board.changes).to_have_count(100)
        await expect(board.rows).to_have_count(50)
        left = await active(node)
        await board.counts(left, 0, 700 - left)
        await expect(board.region("Sessions").get_by_text(f"{left} sessions")).to_be_visible()


async def active(node: Node) -> int:
    counted: int = (await node.query("{ sessions(filter: {status: [ACTIVE]}) { totalCount } }"))["sessions"][
        "totalCount"
    ]
    return counted


async def test_moves_the_counts_with_each_change(browser: Browser, database: Database, node: Node) -> None:
    """The server is kept from counting again, which it does a while after changes."""
    await store(database, row(0, organization_id=ORGANIZATION), row(1), row(2))

    async def refuse_to_count(route: Route) -> None:
        body: Any = route.request.post_data_json
        await (route.abort() if body["operationName"] == "Count" else route.continue_())

    async with open_console(browser, node.url, complaints=AWAY) as board:
        await board.counts(3, 0, 0)
        await board.is_live()
        await board.page.route("**/graphql", refuse_to_count)
        await node.end(session_id(0))
        await node.create(authMethod="SSO")
        await node.end(await node.create(authMethod="PASSKEY"))
        await board.counts(3, 0, 2)
        methods = board.region("By method").get_by_role("listitem")
        await expect(methods).to_have_text(["Password 2", "Single sign-on 1"])
        await expect(board.region("By organization").get_by_role("listitem")).to_have_text(["None 3"])


async def test_counts_again_what_changed_while_it_was_counted(
    browser: Browser, database: Database, node: Node
) -> None:
    """The answer to the first count is held back until it is out of date."""
    await store(database, row(0), row(1))
    held: list[APIResponse] = []

    async def hold_back(route: Route) -> None:
        body: Any = route.request.post_data_json
        if held or body["operationName"] != "Count":
            await route.continue_()
            return
        held.append(await route.fetch())
        await board.is_live()
        await node.end(session_id(0), "While it was counted")
        await changed(board, "While it was counted")
        await route.fulfill(response=held[0])

    async with open_console(browser, node.url) as board:
        await board.counts(2, 0, 0)
        await board.page.route("**/graphql", hold_back)
        await board.page.reload()
        await board.counts(2, 0, 0)
        await board.counts(1, 0, 1)
        await board.lists(session_id(1))


async def test_stands_still_while_it_is_paused(browser: Browser, database: Database, node: Node) -> None:
    await store(database, row(0), row(1))
    async with open_console(browser, node.url) as board:
        await board.lists(session_id(1), session_id(0))
        await board.is_live()
        await board.counts(2, 0, 0)
        await board.button("Pause").click()
        async with node.socket() as socket:
            await socket.subscribe("subscription { sessionStatusChanged { status } }")
            await node.end(session_id(0))
            await socket.next()
        # What is shown of a session by itself is always as it is.
        await board.button(f"Session of {shortened(USER)}", within=board.rows.last).click()
        await expect(board.dialog).to_contain_text("Revoked")
        await board.page.keyboard.press("Escape")
        await board.lists(session_id(1), session_id(0))
        await board.counts(2, 0, 0)
        await expect(board.changes).to_have_count(0)
        await board.button("Paused").click()
        await board.lists(session_id(1))
        await board.counts(1, 0, 1)
        await changed(board, "Ended by a program")


async def test_watches_on_when_the_server_could_not_for_a_moment(
    browser: Browser, database: Database, node: Node
) -> None:
    """Such an error comes when the database is away; here it is put into the stream on its way.

    The next socket is held up until the page was seen to say that it tries.
    """
    await store(database, row(0), row(1))
    sockets: list[WebSocketRoute] = []
    subscribed: list[str] = []
    held: asyncio.Future[Callable[[], None]] = asyncio.get_running_loop().create_future()

    def pass_on(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        sockets.append(socket)

        def up(message: str | bytes) -> None:
            given = json.loads(message)
            if given["type"] == "subscribe":
                subscribed.append(given["id"])
            if len(sockets) > 1 and given["type"] == "connection_init":
                held.set_result(partial(server.send, message))
            else:
                server.send(message)

        socket.on_message(up)

    async with open_console(browser, node.url) as board:
        url = board.page.url
        await board.page.goto("about:blank")  # a page that is left may still open a socket
        await board.page.route_web_socket("**/graphql", pass_on)
        await board.page.goto(url)
        await board.is_live()
        await node.end(session_id(0), "Before")
        await changed(board, "Before")
        refusal = {"message": "The database is away.", "extensions": {"code": "UNAVAILABLE"}}
        sockets[0].send(json.dumps({"type": "error", "id": subscribed[0], "payload": [refusal]}))
        await expect(board.connection).to_have_text("Reconnecting")
        await node.end(session_id(1), "Meanwhile")
        let_through = await held
        let_through()
        await board.is_live()
        await changed(board, "Meanwhile", BACK.pattern, "Before")
        await board.lists()
    assert (len(sockets), len(subscribed)) == (2, 2)
