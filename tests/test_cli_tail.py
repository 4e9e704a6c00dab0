"""`sessiongraph tail` against a server: no change is missed and none comes twice, whatever happens."""

import asyncio
import json
import signal
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from commands import line, run, run_on_terminal, started
from conftest import StartNode
from credentials import make_key, take_away
from node import USER, Node
from process import COMMAND, free_port, running_process
from proxy import running_proxy
from stored import minute, row, session_id, store

from api.client.events import Event, events
from api.cursor import encode_position
from models.database import Database
from models.key import Scope
from models.log import Position

AGAIN = "sessiongraph: Connected again, and going on from where it was."
LOG = """{ sessionStatusChanges(first: 100) { nodes {
  cursor status previousStatus occurredAt endedBy reason session {
    object id userId organizationId status authMethod ipAddress userAgent
    device { browser browserVersion os osVersion type isBot } impersonator { email reason }
    expiresAt endedAt createdAt updatedAt endedBy endReason isCurrent
  }
} } }"""


def lost(url: str) -> str:
    return f"sessiongraph: The connection to {url}/graphql is lost; trying again until it is back."


async def log(node: Node) -> Any:
    """Return all changes, as the server has them."""
    return (await node.query(LOG))["sessionStatusChanges"]["nodes"]


async def following(node: Node) -> None:
    """Wait until a subscription runs."""
    async with asyncio.timeout(20):
        while not node.streams:
            await asyncio.sleep(0.01)


async def waiting(pid: int) -> None:
    """Wait until a process sleeps: it has dealt with what it has written."""
    async with asyncio.timeout(20):
        while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "S":  # noqa: ASYNC240
            await asyncio.sleep(0.01)


async def test_prints_each_change_at_once_as_the_server_has_it(node: Node) -> None:
    before = await node.create()
    async with started("tail", "--json", "--count", "2", "--url", node.url) as tail:
        await following(node)
        id_ = await node.create(userAgent="A \u2028 in \u0085 it\u2029", userId="user_ü🦊")
        created = json.loads(await line(tail.stdout))
        await node.end(before, reason="Lost")
        ended = json.loads(await line(tail.stdout))
        assert (await tail.communicate(), tail.returncode) == ((b"", b""), 0)
    assert [created, ended] == (await log(node))[1:]
    assert (created["session"]["id"], ended["session"]["id"], ended["reason"]) == (id_, before, "Lost")


async def test_goes_on_after_a_cursor_and_from_the_start(node: Node) -> None:
    ids = [await node.create() for _ in range(3)]
    await node.end(ids[1])
    changes = await log(node)
    for after, count in ((changes[1]["cursor"], 2), ("start", 4)):
        options = ("--after", after, "--count", str(count), "--url", node.url)
        code, out, errors = await run("tail", "--json", *options)
        assert (code, errors) == (0, "")
        assert [json.loads(one) for one in out.splitlines()] == changes[-count:]


async def test_follows_what_comes_after_all_that_the_log_has(node: Node, database: Database) -> None:
    await store(database, *(row(number) for number in range(150)))
    async with started("tail", "--json", "--after", "start", "--url", node.url) as tail:
        seen = [json.loads(await line(tail.stdout))["session"]["id"] for _ in range(150)]
        last = await node.create()
        assert json.loads(await line(tail.stdout))["session"]["id"] == last
    assert seen == [session_id(number) for number in range(150)]


async def test_shows_a_change_in_a_line(node: Node, database: Database) -> None:
    hostile = row(
        1,
        user_agent="\x1b]0;evil\x07",
        status="revoked",
        ended_at=minute(2),
        ended_by="admin",
        end_reason="\x1b[2JLost",
    )
    await store(database, hostile, row(2, user_agent="curl/8.9.1"))
    code, out, _ = await run("tail", "--after", "start", "--count", "2", "--url", node.url)
    expected = (
        f"2026-01-15 12:02:00Z  revoked  {USER}  {session_id(1)}  ?]0;evil?  by admin: ?[2JLost\n"
        f"2026-01-15 12:02:00Z  active   {USER}  {session_id(2)}  curl 8\n"
    )
    assert (code, out.replace("\N{REPLACEMENT CHARACTER}", "?")) == (0, expected)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_colours_a_terminal_only(node: Node) -> None:
    await node.create()
    options = ("--after", "start", "--count", "1", "--url", node.url)
    code, shown = await run_on_terminal("tail", *options, typed="")
    assert (code, "\x1b[32mactive" in shown) == (0, True)


async def test_follows_only_what_matches(node: Node) -> None:
    options = ("--json", "--count", "1", "--status", "revoked", "--user", "user_2", "--url", node.url)
    async with started("tail", *options) as tail:
        await following(node)
        for user in ("user_1", "user_2"):
            assert await node.end(await node.create(userId=user)) == "ENDED"
        change = json.loads(await line(tail.stdout))
    assert (change["session"]["userId"], change["status"]) == ("user_2", "REVOKED")


async def test_misses_nothing_while_the_server_starts_anew(database: Database, database_url: str) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(AsyncExitStack())
        await first.enter_async_context(running_process(database_url, port))
        await store(database, row(1))
        options = ("--after", "start", "--json", "--url", url)
        tail = await stack.enter_async_context(started("tail", *options))
        assert json.loads(await line(tail.stdout))["session"]["id"] == session_id(1)
        await store(database, row(2))
        assert json.loads(await line(tail.stdout))["session"]["id"] == session_id(2)
        await first.aclose()
        assert await line(tail.stderr) == lost(url)
        await store(database, row(3))
        await stack.enter_async_context(running_process(database_url, port))
        assert await line(tail.stderr) == AGAIN
        await store(database, row(4))
        seen = [json.loads(await line(tail.stdout))["session"]["id"] for _ in range(2)]
        assert seen == [session_id(3), session_id(4)]
        tail.send_signal(signal.SIGTERM)
        assert (await tail.communicate(), tail.returncode) == ((b"", b""), 0)


async def test_misses_nothing_when_the_connection_is_cut_before_the_first_change(node: Node) -> None:
    async with running_proxy(node.server.port) as proxy:
        url = f"http://127.0.0.1:{proxy.port}"
        async with started("tail", "--json", "--url", url) as tail:
            await following(node)
            await proxy.cut()
            assert await line(tail.stderr) == lost(url)
            ids = [await node.create() for _ in range(2)]
            await proxy.mend()
            assert await line(tail.stderr) == AGAIN
            ids.append(await node.create())
            assert [json.loads(await line(tail.stdout))["session"]["id"] for _ in ids] == ids


async def test_says_that_nobody_is_there() -> None:
    code, out, errors = await run("tail", "--after", "start", "--url", f"http://127.0.0.1:{free_port()}")
    assert (code, out, errors.count("\n")) == (3, "", 1)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
async def test_says_where_to_go_on_when_it_is_stopped(node: Node, sign: signal.Signals) -> None:
    async with started("tail", "--url", node.url) as tail:
        await following(node)
        await node.create()
        assert await line(tail.stdout)
        await waiting(tail.pid)
        tail.send_signal(sign)
        out, errors = await tail.communicate()
    (change,) = await log(node)
    said = f"sessiongraph: Stopped. `--after {change['cursor']}` goes on from here.\n"
    assert (tail.returncode, out, errors.decode()) == (0, b"", said)


@pytest.mark.parametrize("options", ["", "--json"])
async def test_ends_quietly_when_its_reader_has_enough(node: Node, options: str) -> None:
    script = f"set -o pipefail; {COMMAND} tail --url {node.url} {options} | head -n 1"
    shell = await asyncio.create_subprocess_exec(
        *("bash", "-c", script), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    await following(node)
    await node.create()
    assert await line(shell.stdout)
    async with asyncio.timeout(20):
        while shell.returncode is None:
            await node.create()
            await asyncio.sleep(0.05)
    out, errors = await shell.communicate()
    assert (shell.returncode, out, errors) == (0, b"", b"")


async def test_says_what_to_do_when_the_cursor_has_expired(node: Node) -> None:
    gone = encode_position(Position("ab" * 8, 7))
    said = (
        "The log no longer reaches back to the cursor. `sessiongraph list` shows how things are; `--after "
        "start` goes through all that the log has, and without --after it goes on from now."
    )
    answer = await run("tail", "--after", gone, "--url", node.url)
    assert answer == (1, "", f"sessiongraph: {said}\n")


async def test_says_why_it_may_not_watch(start_node: StartNode, database: Database) -> None:
    node = await start_node()
    key, _ = await make_key(database, Scope.WRITE)
    for options in ((), ("--after", "start"), ("--after", encode_position(Position("ab" * 8, 7)))):
        answer = await run("tail", *options, "--url", node.url, SESSIONGRAPH_KEY=key)
        assert answer == (1, "", "sessiongraph: Your API key lacks the scope `sessions:read`.\n")


async def test_stops_when_its_key_is_taken_away(start_node: StartNode, database: Database) -> None:
    node = await start_node(key_poll_seconds=0.05)
    key, key_id = await make_key(database, Scope.READ)
    async with started("tail", "--url", node.url, SESSIONGRAPH_KEY=key) as tail:
        await following(node)
        await take_away(database, key_id)
        out, errors = await asyncio.wait_for(tail.communicate(), 20)
    assert (tail.returncode, out) == (1, b"")
    assert errors.decode().splitlines()[-1] == (
        "sessiongraph: The API key is unknown, revoked or expired; ask for another one. "
        "It is taken from SESSIONGRAPH_KEY or --key-file."
    )


def test_reads_events_however_they_are_cut() -> None:
    stream = (
        ': hello\n\nevent: next\nid: a\ndata: {"a": "\u2028\u0085"}\n\n'
        "event: next\r\ndata: 2\r\n\r\nevent: complete\ndata: \n\nevent: next\ndata: cut off"
    ).encode()
    expected = [
        Event("", b" hello"),
        Event("next", '{"a": "\u2028\u0085"}'.encode()),
        Event("next", b"2"),
        Event("complete", b""),
    ]
    for size in (1, 2, 3, 7, len(stream)):
        chunks = (stream[start : start + size] for start in range(0, len(stream), size))
        assert list(events(chunks)) == expected
