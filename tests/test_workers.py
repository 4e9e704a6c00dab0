"""Several processes on one port: they share the work, are replaced, and stop together."""

import asyncio
import os
import signal
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import httpx
import pytest
import websockets
from commands import run
from node import FUTURE, USER, Socket
from process import Process, free_port, running_process, stopped
from test_faults import CHANGED, CREATE, collect
from test_log import whole_log

from models.database import Database

END = "mutation ($input: EndSessionInput!) { endSession(input: $input) { outcome } }"


@pytest.fixture
def engine() -> str:
    return "postgresql"


async def post(process: Process, document: str, **input_: object) -> str:
    """Return the answer to a mutation on a connection of its own, so that any worker may take it."""
    async with httpx.AsyncClient(base_url=str(process.http.base_url), timeout=30) as http:
        body = {"query": document, "variables": {"input": input_}}
        return (await http.post("/graphql", json=body)).text


async def create(process: Process) -> str:
    text = await post(process, CREATE, userId=USER, expiresAt=FUTURE)
    return text.split('"')[-2]


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.02)


async def test_answers_from_each_process(database_url: str, database: Database) -> None:
    """While one is stopped the other answers, and an end in one reaches a subscriber of the other."""
    seen: list[tuple[str, str]] = []
    async with running_process(database_url, free_port(), "--workers", "2") as process:
        one, other = await process.workers()
        async with stopped(one):
            session_id = await create(process)
            watching = asyncio.create_task(collect(process.port, None, seen))
            while not seen:  # it is live when it sees what happens
                await create(process)
            seen.clear()
        async with stopped(other):
            assert await post(process, END, id=session_id) == '{"data":{"endSession":{"outcome":"ENDED"}}}'
        await until(lambda: session_id in {id_ for _, id_ in seen})
        watching.cancel()
    assert [event.status for event in await whole_log(database) if event.session_id == session_id] == [
        "active",
        "revoked",
    ]


async def test_drains_every_worker_when_it_is_told_to_stop(database_url: str) -> None:
    async with running_process(database_url, free_port(), "--workers", "2") as process:
        workers = await process.workers()
        url = f"ws://127.0.0.1:{process.port}/graphql"
        protocols = [websockets.Subprotocol("graphql-transport-ws")]
        sockets = [Socket(await websockets.connect(url, subprotocols=protocols)) for _ in range(8)]
        for socket in sockets:
            await socket.send({"type": "connection_init"})
            assert await socket.receive() == {"type": "connection_ack"}
        body = {"query": CHANGED}
        request = {"json": body, "headers": {"accept": "text/event-stream"}, "timeout": 20}
        async with process.http.stream("POST", "/graphql", **request) as stream:  # type: ignore[arg-type]
            process.process.terminate()
            assert [await socket.close_code() for socket in sockets] == [1012] * 8
            async with asyncio.timeout(10):
                text = (await stream.aread()).decode()
                assert await process.process.wait() == 0
        assert "event: complete" not in text  # it is not over: the client comes back
        assert not [pid for pid in workers if _is_running(pid)]
        assert process.said == f"Sessiongraph  http://127.0.0.1:{process.port}/graphql\n"
        assert process.process.stdout is not None
        assert await process.process.stdout.read() == b""  # once is enough


async def test_replaces_a_worker_that_was_killed(database_url: str) -> None:
    async with running_process(database_url, free_port(), "--workers", "2") as process:
        killed, survivor = await process.workers()
        os.kill(killed, signal.SIGKILL)
        async with asyncio.timeout(30):
            while len(workers := set(await process.workers()) - {killed}) < 2:
                await asyncio.sleep(0.05)
        assert survivor in workers
        async with stopped(survivor):
            assert (await create(process)).startswith("session_")


async def test_stops_the_workers_of_a_supervisor_that_was_killed(database_url: str) -> None:
    """Nobody looks after them any more, and they would keep the port."""
    async with running_process(database_url, port := free_port(), "--workers", "2") as process:
        workers = await process.workers()
        await process.kill()
        async with asyncio.timeout(30):
            await until(lambda: not any(_is_running(pid) for pid in workers))
    async with running_process(database_url, port, "--workers", "2") as process:
        assert len(await process.workers()) == 2


async def test_loses_nothing_while_workers_are_replaced(database_url: str, database: Database) -> None:
    """A subscriber that resumes and a caller that repeats what was cut off notice nothing."""
    ended: list[str] = []
    seen: list[tuple[str, str]] = []

    async def end_for_ever(process: Process) -> None:
        while True:
            session_id = await repeated(process, CREATE, userId=USER, expiresAt=FUTURE)
            await repeated(process, END, id=session_id.split('"')[-2])
            ended.append(session_id.split('"')[-2])

    async def watch_for_ever(port: int) -> None:
        while True:
            await collect(port, seen[-1][0] if seen else None, seen)

    async with running_process(database_url, free_port(), "--workers", "2") as process:
        first = await process.workers()
        tasks = [asyncio.create_task(end_for_ever(process)) for _ in range(3)]
        watching = asyncio.create_task(watch_for_ever(process.port))
        await until(lambda: len(ended) >= 10 and len(seen) >= 10)
        process.process.send_signal(signal.SIGHUP)
        async with asyncio.timeout(60):
            while set(first) & set(await process.workers()) or len(await process.workers()) != 2:
                await asyncio.sleep(0.05)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        log = await whole_log(database)
        async with asyncio.timeout(30):
            await until(lambda: bool(seen) and seen[-1][1] == log[-1].session_id)
        watching.cancel()

    revoked = [event.session_id for event in log if event.status == "revoked"]
    assert set(ended) <= set(revoked)
    assert len(set(revoked)) == len(revoked)
    first_seen = [event.session_id for event in log].index(seen[0][1])
    assert [session_id for _, session_id in seen] == [event.session_id for event in log[first_seen:]]
    assert len({cursor for cursor, _ in seen}) == len(seen)


async def test_says_when_the_port_is_taken(database_url: str, tmp_path: Path) -> None:
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as server:
        port = str(server.sockets[0].getsockname()[1])
        flags = ("--workers", "2", "--port", port, "--database-url", database_url)
        code, out, errors = await run("serve", *flags, cwd=tmp_path)
    assert (code, out) == (1, "")
    assert errors.startswith(
        f"sessiongraph: 127.0.0.1:{port} cannot be listened on; choose another host or port."
    )
    assert errors.endswith("address already in use)\n")
    assert errors.count("\n") == 1


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
@pytest.mark.usefixtures("engine")
async def test_shares_a_database_with_another_process(database_url: str, database: Database) -> None:
    """On SQLite too, so that one can take the place of the other: nothing is lost, positions are dense."""

    async def end_some(process: Process) -> list[str]:
        found = [await create(process) for _ in range(20)]
        for session_id in found:
            assert "ENDED" in await repeated(process, END, id=session_id)
        return found

    seen: list[tuple[str, str]] = []
    async with (
        running_process(database_url, free_port()) as one,
        running_process(database_url, free_port()) as other,
    ):
        watching = asyncio.create_task(collect(one.port, None, seen))
        while not seen:
            await create(one)
        before = len(await whole_log(database))
        ended = await asyncio.gather(*(end_some(process) for process in (one, other) * 2))
        log = await whole_log(database)
        async with asyncio.timeout(10):
            await until(lambda: len(seen) >= len(log))
        watching.cancel()
    assert [event.seq for event in log] == list(range(1, before + 161))
    assert sorted(event.session_id for event in log if event.status == "revoked") == sorted(chain(*ended))


async def repeated(process: Process, document: str, **input_: object) -> str:
    while True:
        try:
            text = await post(process, document, **input_)
        except httpx.TransportError:
            continue
        assert '"errors"' not in text, text
        return text


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
