"""What holds when processes are killed, connections are cut and the database is away."""

import asyncio
import json

import httpx
import pytest
import websockets
from conftest import StartNode, execute
from node import FUTURE, USER, Node, Socket
from process import free_port, running_process
from sqlalchemy import select
from sqlmodel import col

from models.database import Database
from models.log import events_after, number_pending
from models.session import SessionRow

CHANGED = "subscription ($after: Cursor) { sessionStatusChanged(after: $after) { cursor session { id } } }"
CREATE = "mutation ($input: CreateSessionInput!) { createSession(input: $input) { session { id } } }"


async def create_until_killed(http: httpx.AsyncClient, acknowledged: list[str]) -> None:
    body = {"query": CREATE, "variables": {"input": {"userId": USER, "expiresAt": FUTURE}}}
    while True:
        try:
            answer = await http.post("/graphql", json=body)
        except httpx.TransportError:
            return
        acknowledged.append(answer.json()["data"]["createSession"]["session"]["id"])


async def collect(port: int, after: str | None, seen: list[tuple[str, str]]) -> None:
    """Watch until the connection is lost."""
    url = f"ws://127.0.0.1:{port}/graphql"
    protocols = [websockets.Subprotocol("graphql-transport-ws")]
    async with websockets.connect(url, subprotocols=protocols) as connection:
        socket = Socket(connection)
        await socket.send({"type": "connection_init"})
        await socket.receive()
        payload = {"query": CHANGED, "variables": {"after": after}}
        await socket.send({"type": "subscribe", "id": "1", "payload": payload})
        try:
            async for frame in connection:
                change = json.loads(frame)["payload"]["data"]["sessionStatusChanged"]
                seen.append((change["cursor"], change["session"]["id"]))
        except websockets.ConnectionClosed:
            return


async def test_loses_nothing_when_the_server_is_killed(database_url: str, database: Database) -> None:
    """A subscriber that resumes with its last cursor receives what it missed, exactly once."""
    acknowledged: list[str] = []
    seen: list[tuple[str, str]] = []
    port = free_port()
    for _ in range(2):
        async with running_process(database_url, port) as process, asyncio.TaskGroup() as group:
            enough = len(acknowledged) + 20
            watching = group.create_task(collect(port, seen[-1][0] if seen else None, seen))
            group.create_task(create_until_killed(process.http, acknowledged))
            while len(acknowledged) < enough or not seen:
                await asyncio.sleep(0.01)
            watching.cancel()  # it misses what comes until the kill
            enough += 20
            while len(acknowledged) < enough:
                await asyncio.sleep(0.01)
            await process.kill()

    await number_pending(database)
    async with database.read() as tx:
        stored = [row.id for row in await tx.fetch(select(col(SessionRow.id)))]
        log = [event.session_id for event in await events_after(tx, 0, limit=100_000)]
    async with running_process(database_url, port), asyncio.TaskGroup() as group:
        watching = group.create_task(collect(port, seen[-1][0], seen))
        while {session_id for _, session_id in seen} < set(stored):
            await asyncio.sleep(0.01)
        watching.cancel()

    # A call that was cut off may have been committed or not; what was acknowledged was.
    assert set(acknowledged) <= set(stored)
    assert sorted(log) == sorted(stored)
    first = log.index(seen[0][1])
    assert [session_id for _, session_id in seen] == log[first:]
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_survives_the_loss_of_every_connection(
    node: Node, database_url: str, postgres_url: str
) -> None:
    async with node.socket() as socket:
        await socket.subscribe(CHANGED)
        name = database_url.rpartition("/")[2].partition("?")[0]
        for _ in range(3):
            await execute(
                postgres_url,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                f"WHERE datname = '{name}' AND pid <> pg_backend_pid()",
            )
            answer = await node.post(CREATE, input={"userId": USER, "expiresAt": FUTURE})
            while "errors" in answer:
                assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAVAILABLE"]
                answer = await node.post(CREATE, input={"userId": USER, "expiresAt": FUTURE})
            session_id = answer["data"]["createSession"]["session"]["id"]
            assert (await socket.next())["sessionStatusChanged"]["session"]["id"] == session_id


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_says_unavailable_while_the_database_is_away(
    start_node: StartNode, database_url: str, postgres_url: str
) -> None:
    node = await start_node()
    session_id = await node.create()
    name = database_url.rpartition("/")[2].partition("?")[0]
    await execute(
        postgres_url,
        f"ALTER DATABASE {name} ALLOW_CONNECTIONS false",
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
    )
    document = "query ($id: ID!) { session(id: $id) { id } }"
    for accept in ("application/json", "application/graphql-response+json"):
        body = {"query": document, "variables": {"id": session_id}}
        answer = await node.http.post("/graphql", json=body, headers={"accept": accept})
        assert answer.status_code == 503
        assert "data" not in answer.json()
        assert [error["extensions"]["code"] for error in answer.json()["errors"]] == ["UNAVAILABLE"]
    assert (await node.http.get("/readyz")).status_code == 503
    assert (await node.http.get("/healthz")).status_code == 200

    await execute(postgres_url, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    assert await node.query(document, id=session_id) == {"session": {"id": session_id}}
    while (await node.http.get("/readyz")).status_code != 200:
        await asyncio.sleep(0.02)
