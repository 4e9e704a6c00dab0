"""The demo: a believable population that lives, and never mixes with real sessions."""

import asyncio
import os
import random
import re
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import StartNode, execute
from node import Node, running_node
from process import COMMAND, free_port
from sqlalchemy import select
from sqlmodel import col
from test_log import new_session, whole_log
from ulid import ULID

from api.demo import Credentials, demo_population
from api.demo.devices import USER_AGENTS
from api.demo.past import ForeignDatabase, fill
from api.demo.population import Population
from api.demo.traffic import run_traffic
from models.changes import create_session, new_session_id
from models.database import Database, Record
from models.past import Life, record_lives
from models.queries import SESSION_COLUMNS
from models.refusals import Unavailable
from models.session import SNAPSHOT, AuthMethod, SessionRow, is_session_id, utc_now

CHANGED = """subscription {
  sessionStatusChanged { cursor status previousStatus endedBy session { id } }
}"""


async def all_sessions(database: Database) -> Sequence[Record]:
    async with database.read() as tx:
        return await tx.fetch(select(*SESSION_COLUMNS).order_by(col(SessionRow.id)))


def snapshot(record: Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in SNAPSHOT}


def ulid_time(session_id: str) -> datetime:
    return ULID.from_str(session_id.removeprefix("session_")).datetime


def is_for_documentation(address: str) -> bool:
    networks = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
    return any(ip_address(address) in ip_network(network) for network in networks)


def credentials_of(node: Node) -> Credentials:
    credentials: Credentials = node.server.config.app.state.credentials  # type: ignore[union-attr]
    return credentials


async def status_with(node: Node, credential: str) -> int:
    headers = {"authorization": f"Bearer {credential}"}
    answer = await node.http.post("/graphql", json={"query": "{ __typename }"}, headers=headers)
    return answer.status_code


@asynccontextmanager
async def running_traffic(database: Database, population: Population) -> AsyncIterator[None]:
    task = asyncio.create_task(run_traffic(database, population, pause_seconds=0.01))
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled()


async def test_makes_the_same_people_every_time() -> None:
    first, second = demo_population(), demo_population()
    assert first.people == second.people
    assert len({person.user_id for person in first.people}) == len(first.people) == 400
    assert Population(random.Random(1)).people != first.people


async def test_gives_an_empty_database_a_believable_past(database: Database) -> None:
    await fill(database, demo_population())
    now = utc_now()
    sessions = await all_sessions(database)
    assert len(sessions) == len({session.id for session in sessions}) == 3003
    assert all(is_session_id(session.id) for session in sessions)
    assert all(ulid_time(session.id) == session.created_at for session in sessions)
    assert {session.status for session in sessions} == {"active", "expired", "revoked"}
    assert {session.auth_method for session in sessions} == {method.value for method in AuthMethod}
    assert {session.ended_by for session in sessions} == {None, "admin", "user", "policy", "system"}
    assert len({session.organization_id for session in sessions}) == 26
    assert {session.user_agent for session in sessions} == set(USER_AGENTS)
    assert all(is_for_documentation(session.ip_address) for session in sessions)
    assert all(now - timedelta(days=30) < session.created_at < now for session in sessions)

    active = [session for session in sessions if session.status == "active"]
    assert 300 < len(active) < 600
    assert all((session.ended_at, session.ended_by, session.end_reason) == (None,) * 3 for session in active)
    assert all(session.expires_at > now for session in active)
    ended = [session for session in sessions if session.status != "active"]
    assert all(session.created_at < session.ended_at <= session.expires_at for session in ended)
    assert all((session.status == "expired") == (session.ended_at == session.expires_at) for session in ended)

    acting = [session for session in sessions if session.impersonator_email]
    assert {session.id for session in acting} == {
        session.id for session in sessions if session.auth_method == "impersonation"
    }
    assert all(session.impersonator_email.endswith(".example.com") for session in acting)
    assert all(session.expires_at - session.created_at == timedelta(minutes=60) for session in acting)
    assert len([session for session in acting if session.status == "active"]) >= 3


async def test_gives_each_session_its_events_in_the_order_of_time(database: Database) -> None:
    await fill(database, demo_population())
    sessions = {session.id: session for session in await all_sessions(database)}
    events = await whole_log(database)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [event.occurred_at for event in events] == sorted(event.occurred_at for event in events)

    histories: dict[str, list[Record]] = {session_id: [] for session_id in sessions}
    for event in events:
        histories[event.session_id].append(event)
    for session_id, (began, *ended) in histories.items():
        session = sessions[session_id]
        assert (began.previous_status, began.occurred_at) == (None, session.created_at)
        assert snapshot(began) == snapshot(session) | {
            "status": "active",
            "ended_at": None,
            "ended_by": None,
            "end_reason": None,
            "updated_at": session.created_at,
        }
        assert len(ended) == (session.status != "active")
        for event in ended:
            assert (event.previous_status, event.occurred_at) == ("active", session.ended_at)
            assert snapshot(event) == snapshot(session)


async def test_fills_a_database_once(database: Database) -> None:
    await fill(database, demo_population())
    before = await all_sessions(database)
    await fill(database, demo_population())
    assert await all_sessions(database) == before


async def test_leaves_the_sessions_of_others_alone(database: Database) -> None:
    async with database.write() as tx:
        await create_session(tx, new_session(), utc_now())
    before, log = await all_sessions(database), await whole_log(database)
    with pytest.raises(ForeignDatabase):
        await fill(database, demo_population())
    assert await all_sessions(database) == before
    assert await whole_log(database) == log


async def test_goes_on_with_what_visitors_created_and_ends_none_of_it(database: Database) -> None:
    population, now = demo_population(), utc_now()
    await fill(database, population)
    visits = [
        Life(replace(new_session(), id=new_session_id()), now - timedelta(hours=hours), None)
        for hours in range(500)
    ]
    async with database.write() as tx:
        await record_lives(tx, visits, now)
    await fill(database, demo_population())

    log = await whole_log(database)
    async with running_traffic(database, population):
        while (
            len(ended := [event for event in log if event.status == "revoked" and event.ended_at > now]) < 20
        ):
            log = await whole_log(database)
    assert {event.user_id for event in ended} <= population.resident_ids


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_goes_on_when_the_database_was_away(
    database: Database, database_url: str, postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    name = database_url.rpartition("/")[2].partition("?")[0]
    async with asyncio.timeout(60), running_traffic(database, demo_population()):
        while not await all_sessions(database):
            await asyncio.sleep(0.01)
        await execute(
            postgres_url,
            f"ALTER DATABASE {name} ALLOW_CONNECTIONS false",
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
        )
        while not any(record.message.startswith("The demo pauses") for record in caplog.records):
            await asyncio.sleep(0.01)
        back_at, newest = utc_now(), None
        await execute(postgres_url, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        while newest is None or newest < back_at:
            await asyncio.sleep(0.01)
            with suppress(Unavailable):  # the first to ask finds the connections that were lost
                newest = max(session.created_at for session in await all_sessions(database))


async def test_lives(start_node: StartNode) -> None:
    """People sign in, they and administrators end sessions, and sessions run out, all within seconds."""
    node = await start_node(demo=True)
    credentials = credentials_of(node)
    seen: set[tuple[str, str | None]] = set()
    async with node.acting(credentials.api_key) as service, service.socket() as socket, asyncio.timeout(60):
        await socket.subscribe(CHANGED)
        while not (
            ("ACTIVE", None) in seen
            and ("EXPIRED", "POLICY") in seen
            and seen & {("REVOKED", "USER"), ("REVOKED", "ADMIN")}
        ):
            change = (await socket.next())["sessionStatusChanged"]
            seen.add((change["status"], change["endedBy"]))


async def test_lets_an_administrator_and_a_user_in(start_node: StartNode) -> None:
    node = await start_node(demo=True)
    credentials = credentials_of(node)
    document = "{ viewer { kind permissions session { isCurrent status } } sessions { totalCount } }"
    async with (
        node.acting(credentials.administrator.text) as administrator,
        node.acting(credentials.user.text) as user,
    ):
        of_administrator, of_user = await administrator.query(document), await user.query(document)
    current = {"isCurrent": True, "status": "ACTIVE"}
    assert of_administrator["viewer"] == {
        "kind": "USER",
        "permissions": ["sessions:end", "sessions:read"],
        "session": current,
    }
    assert of_user["viewer"] == {"kind": "USER", "permissions": [], "session": current}
    assert of_administrator["sessions"]["totalCount"] > of_user["sessions"]["totalCount"] > 0


async def test_lets_nobody_in_with_the_credentials_of_an_earlier_run(
    start_node: StartNode, database_url: str
) -> None:
    async with running_node(database_url=database_url, demo=True) as first:
        old = credentials_of(first)
        assert await status_with(first, old.api_key) == await status_with(first, old.user.text) == 200
    second = await start_node(demo=True)
    for credential in (old.api_key, old.administrator.text, old.user.text):
        assert await status_with(second, credential) == 401
    assert await status_with(second, credentials_of(second).api_key) == 200
    assert not old.user.path.exists()


async def test_leaves_another_demo_of_the_same_database_its_credentials(
    start_node: StartNode, database_url: str
) -> None:
    first = await start_node(demo=True)
    given = credentials_of(first)
    async with running_node(database_url=database_url, demo=True) as second:
        assert await status_with(second, credentials_of(second).api_key) == 200
        assert await status_with(second, given.api_key) == 200
    for credential in (given.api_key, given.administrator.text, given.user.text):
        assert await status_with(first, credential) == 200


@asynccontextmanager
async def running_demo(
    directory: Path, port: int
) -> AsyncIterator[tuple[asyncio.subprocess.Process, list[str]]]:
    """A `serve --demo` in a directory, and the five lines that it prints."""
    process = await asyncio.create_subprocess_exec(
        COMMAND,
        *("serve", "--demo", "--port", str(port)),
        cwd=directory,
        env={**os.environ, "PYTHONWARNINGS": "error"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        yield process, [(await asyncio.wait_for(process.stdout.readline(), 60)).decode() for _ in range(5)]
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def read(path: str) -> str:
    return Path(path).read_text()


async def statuses(lines: list[str]) -> list[int]:
    """Ask at the address, and with each of the credentials, that were printed."""
    _, url = (re.findall(r"http://\S+", line)[0] for line in lines[:2])
    key, *paths = (line.split()[-1] for line in lines[2:])
    credentials = [key, *map(read, paths)]
    body = {"query": "{ sessions(first: 1) { nodes { id } } }"}
    async with httpx.AsyncClient(timeout=30) as http:
        return [
            (await http.post(url, json=body, headers={"authorization": f"Bearer {one}"})).status_code
            for one in credentials
        ]


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
async def test_says_what_is_where_and_stops_when_told(tmp_path: Path, stop: signal.Signals) -> None:
    async with running_demo(tmp_path, 0) as (process, lines):
        assert max(map(len, lines)) <= 110
        assert await statuses(lines) == [200, 200, 200]
        process.send_signal(stop)
        rest, errors = await asyncio.wait_for(process.communicate(), 20)
    assert (rest.decode(), errors.decode(), process.returncode) == ("", "", 0)
    assert [name for name in os.listdir(tmp_path) if name.endswith(".db")] == ["sessiongraph-demo.db"]


async def test_leaves_the_demo_alone_that_has_its_port(tmp_path: Path) -> None:
    """The key of the first, too: the second must not get as far as making one of its own."""
    port = free_port()
    async with running_demo(tmp_path, port) as (_, lines):
        async with running_demo(tmp_path, port) as (second, nothing):
            assert await asyncio.wait_for(second.wait(), 20) == 1
            assert second.stderr is not None
            errors = (await second.stderr.read()).decode()
        assert nothing == [""] * 5
        assert errors == (
            f"sessiongraph: Cannot listen on port {port} of 127.0.0.1: address already in use; "
            "name another with --port or --host.\n"
        )
        assert await statuses(lines) == [200, 200, 200]
