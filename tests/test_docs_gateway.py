"""The gateway of the page: it refuses ended sessions, and misses no end, whatever becomes of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from conftest import StartNode
from credentials import make_key
from issuer import ISSUER, Issuer, user_token
from node import Node
from pages import unpack
from process import free_port
from proxy import Proxy, running_proxy
from scripts import running_script
from stored import row, session_id, store

from models.database import Database
from models.key import Scope
from models.retention import remove_events
from models.session import utc_now


@pytest.fixture
async def key(database: Database) -> str:
    text, _ = await make_key(database, *Scope)
    return text


@pytest.fixture
async def service(start_node: StartNode, issuer: Issuer, key: str) -> AsyncIterator[Node]:
    node = await start_node(token_issuers=(ISSUER,), jwks=issuer.url)
    async with node.acting(key) as acting:
        yield acting


class Gateway:
    """The page's gateway, as a proxy before some application asks it."""

    def __init__(self, directory: Path, issuer: Issuer, key: str) -> None:
        self._port = free_port()
        self._directory = directory / "gateway"
        self._directory.mkdir()
        assert unpack("gateway.md", self._directory) == ["gateway.js"]
        assert unpack("ended-sessions.md", self._directory) == ["ended.js"]
        self._environment = {"SESSIONS_KEY": key, "JWKS": issuer.url, "PORT": str(self._port)}

    @asynccontextmanager
    async def running(self, proxy: Proxy) -> AsyncIterator[None]:
        """Run it; it is killed at the end."""
        url = f"http://127.0.0.1:{proxy.port}/graphql"
        script = str(self._directory / "gateway.js")
        async with running_script(script, cwd=self._directory, SESSIONS_URL=url, **self._environment):
            yield

    async def answers(self, session: str, status: int) -> None:
        """Wait until it answers so to a token of the session."""
        async with httpx.AsyncClient() as http, asyncio.timeout(30):
            while await self._answer(http, user_token(sid=session)) != status:
                await asyncio.sleep(0.02)

    async def answer_to(self, token: str) -> int | None:
        async with httpx.AsyncClient() as http:
            return await self._answer(http, token)

    async def _answer(self, http: httpx.AsyncClient, token: str) -> int | None:
        try:
            headers = {"authorization": f"Bearer {token}"}
            answer = await http.get(f"http://127.0.0.1:{self._port}/", headers=headers)
        except httpx.TransportError:
            return None
        return answer.status_code


async def test_refuses_what_ended_before_while_and_between_it_ran(
    service: Node, issuer: Issuer, key: str, tmp_path: Path
) -> None:
    before, during, between, after, active = [await service.create(id=session_id(n)) for n in range(5)]
    await service.end(before)
    gateway = Gateway(tmp_path, issuer, key)
    async with running_proxy(service.server.port) as proxy:
        async with gateway.running(proxy):
            await gateway.answers(active, 204)
            await gateway.answers(before, 401)
            await gateway.answers(during, 204)
            await service.end(during)
            await gateway.answers(during, 401)
            await gateway.answers(between, 204)
        assert await gateway.answer_to(user_token(sid=between)) is None
        await service.end(between)
        async with gateway.running(proxy):
            await gateway.answers(active, 204)
            for session in (before, during, between):
                assert await gateway.answer_to(user_token(sid=session)) == 401
            await gateway.answers(after, 204)
            await service.end(after)
            await gateway.answers(after, 401)


async def test_misses_no_end_while_the_connection_is_lost(
    service: Node, issuer: Issuer, key: str, tmp_path: Path
) -> None:
    active, lost, live = [await service.create(id=session_id(n)) for n in range(3)]
    gateway = Gateway(tmp_path, issuer, key)
    async with running_proxy(service.server.port) as proxy, gateway.running(proxy):
        await gateway.answers(lost, 204)
        await proxy.cut()
        await gateway.answers(active, 503)
        await service.end(lost)
        await proxy.mend()
        await gateway.answers(active, 204)
        assert await gateway.answer_to(user_token(sid=lost)) == 401
        await service.end(live)
        await gateway.answers(live, 401)


async def test_begins_anew_when_the_log_no_longer_reaches_back(
    service: Node, database: Database, issuer: Issuer, key: str, tmp_path: Path
) -> None:
    active, lost = [await service.create(id=session_id(n)) for n in range(2)]
    gateway = Gateway(tmp_path, issuer, key)
    async with running_proxy(service.server.port) as proxy, gateway.running(proxy):
        await gateway.answers(lost, 204)
        await proxy.cut()
        await gateway.answers(active, 503)
        await service.end(lost)
        assert await remove_events(database, utc_now() + timedelta(days=1)) == 3
        await proxy.mend()
        await gateway.answers(active, 204)
        assert await gateway.answer_to(user_token(sid=lost)) == 401


async def test_reads_every_page_of_what_has_ended(
    service: Node, database: Database, issuer: Issuer, key: str, tmp_path: Path
) -> None:
    ended = {"status": "revoked", "ended_at": utc_now()}
    await store(database, *(row(number, **ended) for number in range(250)), row(250))
    gateway = Gateway(tmp_path, issuer, key)
    async with running_proxy(service.server.port) as proxy, gateway.running(proxy):
        await gateway.answers(session_id(250), 204)
        for number in (0, 125, 249):
            assert await gateway.answer_to(user_token(sid=session_id(number))) == 401
        assert await gateway.answer_to("nonsense") == 401
        assert await gateway.answer_to(user_token(sid=session_id(250), exp=1)) == 401
