"""The demo: a believable population that lives, and never mixes with real sessions."""

import asyncio
import os
import random
import re
import signal
from pathlib import Path

import httpx
import pytest
from conftest import StartNode
from node import Node
from process import COMMAND
from sqlalchemy import func, select
from sqlmodel import col
from test_log import new_session

from api.demo import demo_population
from api.demo.past import ForeignDatabase, fill
from api.demo.population import Population
from models.changes import create_session
from models.database import Database
from models.log import events_after, log_state, number_pending
from models.session import AuthMethod, EventRow, SessionRow, is_session_id, utc_now

CHANGED = """subscription {
  sessionStatusChanged { cursor status previousStatus endedBy session { id } }
}"""


async def test_makes_the_same_people_every_time() -> None:
    first, second = demo_population(), demo_population()
    assert first.people == second.people
    assert len({person.user_id for person in first.people}) == len(first.people) == 400
    assert Population(random.Random(1)).people != first.people


async def test_gives_an_empty_database_a_believable_past(database: Database) -> None:
    await fill(database, demo_population())
    while await number_pending(database):
        pass
    async with database.read() as tx:
        sessions = await tx.all(select(SessionRow.__table__))  # type: ignore[attr-defined]
        events = await events_after(tx, 0, limit=100_000)
    now = utc_now()
    assert {session.status for session in sessions} == {"active", "expired", "revoked"}
    assert {session.auth_method for session in sessions} == {method.value for method in AuthMethod}
    assert {session.ended_by for session in sessions} == {None, "admin", "user", "policy", "system"}
    assert len({session.organization_id for session in sessions} - {None}) > 10
    assert all(is_session_id(session.id) for session in sessions)
    assert all(session.expires_at > now for session in sessions if session.status == "active")
    impersonated = [session for session in sessions if session.auth_method == "impersonation"]
    assert all(session.impersonator_email for session in impersonated)
    assert all((session.expires_at - session.created_at).seconds == 3600 for session in impersonated)

    created = [event.session_id for event in events if event.previous_status is None]
    ended = [event.session_id for event in events if event.previous_status == "active"]
    assert sorted(created) == sorted(session.id for session in sessions)
    assert sorted(ended) == sorted(session.id for session in sessions if session.status != "active")


async def test_fills_a_database_once(database: Database) -> None:
    await fill(database, demo_population())
    async with database.read() as tx:
        before = await tx.scalar(select(func.count()).select_from(EventRow))
    await fill(database, demo_population())
    async with database.read() as tx:
        assert await tx.scalar(select(func.count()).select_from(EventRow)) == before > 0


async def test_leaves_the_sessions_of_others_alone(database: Database) -> None:
    async with database.write() as tx:
        await create_session(tx, new_session(), utc_now())
    with pytest.raises(ForeignDatabase):
        await fill(database, demo_population())
    async with database.read() as tx:
        assert await tx.scalar(select(func.count(col(SessionRow.id)))) == 1


async def test_lives(start_node: StartNode) -> None:
    """People sign in, sessions are ended and run out, all within seconds."""
    node = await start_node(demo=True)
    credentials = node.server.config.app.state.credentials  # type: ignore[union-attr]
    seen: set[tuple[str | None, str]] = set()
    async with node.acting(credentials.api_key) as service, service.socket() as socket:
        await socket.subscribe(CHANGED)
        while not seen >= {(None, "ACTIVE"), ("ACTIVE", "REVOKED"), ("ACTIVE", "EXPIRED")}:
            change = (await socket.next())["sessionStatusChanged"]
            seen.add((change["previousStatus"], change["status"]))


async def test_lets_an_administrator_and_a_user_in(start_node: StartNode) -> None:
    node = await start_node(demo=True)
    credentials = node.server.config.app.state.credentials  # type: ignore[union-attr]
    document = "{ viewer { kind permissions session { isCurrent status } } sessions { totalCount } }"
    async with (
        node.acting(credentials.administrator_token) as administrator,
        node.acting(credentials.user_token) as user,
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


async def test_lets_nobody_in_with_the_key_of_an_earlier_run(
    start_node: StartNode, database: Database
) -> None:
    async def key_of(node: Node) -> str:
        key: str = node.server.config.app.state.credentials.api_key  # type: ignore[union-attr]
        return key

    first = await start_node(demo=True)
    old = await key_of(first)
    second = await start_node(demo=True)
    async with second.acting(old) as late, second.acting(await key_of(second)) as current:
        while (await late.http.post("/graphql", json={"query": "{ __typename }"})).status_code != 401:
            await asyncio.sleep(0.01)
        assert await current.query("{ __typename }") == {"__typename": "Query"}
    async with database.read() as tx:
        assert (await log_state(tx)).last_seq > 0


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
async def test_says_what_is_where_and_stops_when_told(tmp_path: Path, stop: signal.Signals) -> None:
    process = await asyncio.create_subprocess_exec(
        COMMAND,
        *("serve", "--demo", "--port", "0"),
        cwd=tmp_path,
        env={**os.environ, "PYTHONWARNINGS": "error"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    lines = [(await asyncio.wait_for(process.stdout.readline(), 60)).decode() for _ in range(5)]
    (url,) = re.findall(r"http://\S+", lines[0])
    key = lines[1].split()[-1]
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {key}"}) as http:
        answer = await http.post(url, json={"query": "{ sessions(first: 1) { nodes { status } } }"})
    assert answer.json()["data"]["sessions"]["nodes"] == [{"status": "ACTIVE"}]
    process.send_signal(stop)
    rest, errors = await asyncio.wait_for(process.communicate(), 20)
    assert (rest.decode(), errors.decode()) == ("", "")
    assert process.returncode in {0, -stop}
    assert [name for name in os.listdir(tmp_path) if name.endswith(".db")] == ["sessiongraph-demo.db"]
