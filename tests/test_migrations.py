"""A database comes to the current schema from every older one, with its rows, and never goes back."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from conftest import execute, with_database
from process import COMMAND, free_port, running_process
from sqlalchemy import Column, Connection, MetaData, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel
from stored import contents

from models.database import Database
from models.migrations import SchemaMismatch, head, migrate, prepare, revision, revisions
from models.migrations.upgrade import alembic_config

OLDER = revisions()[:-1]
WORDS = {"status": "active", "auth_method": "sso", "scopes": "sessions:read"}
"""What columns hold whose words mean something."""

NAME = "sessiongraph_empty"


@pytest.fixture
async def empty_url(engine: str, postgres_url: str, tmp_path: Path) -> AsyncIterator[str]:
    """The URL of a database without any schema."""
    if engine == "sqlite":
        yield f"sqlite:///{tmp_path}/empty.db"
        return
    await execute(postgres_url, f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)", f"CREATE DATABASE {NAME}")
    yield with_database(postgres_url, NAME)
    await execute(postgres_url, f"DROP DATABASE {NAME} WITH (FORCE)")


@pytest.fixture
async def empty(empty_url: str) -> AsyncIterator[Database]:
    database = Database(empty_url)
    yield database
    await database.close()


async def run(*arguments: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        COMMAND, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, errors = await process.communicate()
    return process.returncode, out.decode(), errors.decode()


async def upgrade(database: Database, to: str) -> None:
    def upgrade_to(connection: Connection) -> None:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, to)

    async with database.administer() as connection:
        await connection.run_sync(upgrade_to)


async def stored(database: Database) -> dict[str, list[dict[str, Any]]]:
    async with database.administer() as connection:
        return await connection.run_sync(contents)


def fill(connection: Connection) -> None:
    """Put into every empty table a row with every column, and one with only those that it must have."""
    metadata = MetaData()
    metadata.reflect(connection)
    for table in metadata.sorted_tables:
        if connection.execute(table.select()).first() is None:
            for number in (1, 2):
                columns = [column for column in table.columns if number == 1 or not column.nullable]
                row = {column.name: value(column, number) for column in columns}
                connection.execute(table.insert().values(row))


def value(column: Column[Any], number: int) -> object:
    of_type: dict[type, object] = {
        str: WORDS.get(column.name, f"{column.name} {number}"),
        int: number,
        bool: True,
        datetime: datetime(2099, 1, number, tzinfo=UTC),
    }
    return of_type[column.type.python_type]


@pytest.mark.parametrize("older", OLDER)
async def test_keeps_every_row_of_an_older_database(empty: Database, older: str) -> None:
    await upgrade(empty, older)
    async with empty.administer() as connection:
        await connection.run_sync(fill)
    before = await stored(empty)
    assert all(before.values())
    assert await migrate(empty) == head() == await revision(empty)
    after = await stored(empty)
    for table, rows in before.items():
        names = rows[0].keys()
        assert [{name: row[name] for name in names} for row in after[table]] == rows


async def test_makes_the_tables_that_the_code_has(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        found: list[object] = compare_metadata(MigrationContext.configure(connection), SQLModel.metadata)
        return found

    async with database.administer() as connection:
        assert await connection.run_sync(differences) == []


async def test_makes_the_indexes_that_the_code_has(database: Database, empty: Database, engine: str) -> None:
    """With their conditions, which Alembic does not compare."""
    definitions = {
        "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
        "postgresql": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' "
        "AND tablename <> 'alembic_version'",
    }[engine]
    async with empty.administer() as connection:
        await connection.run_sync(SQLModel.metadata.create_all)
        wanted = sorted(tuple(row) for row in await connection.execute(text(definitions)))
    async with database.administer() as connection:
        made = sorted(tuple(row) for row in await connection.execute(text(definitions)))
    assert made == wanted
    assert "session_due" in [name for name, _ in made]


def test_knows_the_revisions_that_alembic_runs() -> None:
    """They are read from the names of the files."""
    scripts = ScriptDirectory.from_config(alembic_config()).walk_revisions()
    assert revisions() == [script.revision for script in scripts][::-1]


async def test_is_safe_to_run_twice_at_once(empty: Database, empty_url: str) -> None:
    other = Database(empty_url)
    assert list(await asyncio.gather(migrate(empty), migrate(other))) == [head(), head()]
    await other.close()
    assert len((await stored(empty))["feed"]) == 1


async def test_is_safe_to_run_in_three_processes_at_once(empty: Database, empty_url: str) -> None:
    await upgrade(empty, OLDER[0])
    before = (await stored(empty))["feed"]
    said = await asyncio.gather(*(run("migrate", "--database-url", empty_url) for _ in range(3)))
    assert said == [(0, f"The database is at schema {head()}.\n", "")] * 3
    assert (await stored(empty))["feed"] == before


async def test_leaves_everything_as_it_was_when_it_cannot_go_on(empty: Database) -> None:
    async with empty.administer() as connection:
        await connection.execute(text("CREATE TABLE feed (id INTEGER PRIMARY KEY)"))
    with pytest.raises(DBAPIError, match="feed"):
        await migrate(empty)
    assert await stored(empty) == {"feed": []}
    async with empty.administer() as connection:
        await connection.execute(text("DROP TABLE feed"))
    assert await migrate(empty) == head()


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_migrates_sqlite_when_it_starts(empty: Database, empty_url: str) -> None:
    await upgrade(empty, OLDER[0])
    async with empty.administer() as connection:
        await connection.run_sync(fill)
    async with running_process(empty_url, free_port()) as process:
        body = {"query": "{ sessions(first: 1) { totalCount } }"}
        answer = await process.http.post("/graphql", json=body)
    assert answer.json() == {"data": {"sessions": {"totalCount": 2}}}
    assert await revision(empty) == head()


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
@pytest.mark.parametrize("older", [None, *OLDER])
async def test_migrates_postgresql_only_when_told(empty: Database, empty_url: str, older: str | None) -> None:
    if older is not None:
        await upgrade(empty, older)
    sentence = (
        f"The database is at schema {older or 'none'}, this version needs {head()}; "
        "run `sessiongraph migrate`."
    )
    with pytest.raises(SchemaMismatch) as refusal:
        await prepare(empty)
    assert str(refusal.value) == sentence
    for call in (("serve", "--port", "0"), ("keys", "list")):
        said = await run(*call, "--database-url", empty_url)
        assert said == (1, "", f"sessiongraph: {sentence}\n")
    assert await revision(empty) == older
    await migrate(empty)
    await prepare(empty)


async def test_reads_the_revision_while_another_writes(database: Database, database_url: str) -> None:
    """On SQLite there is one writer, and to look is no reason to wait for it."""
    other = Database(database_url)
    async with other.write():
        assert await revision(database) == head()
        await prepare(database)
    await other.close()


async def test_refuses_a_database_from_the_future(database: Database, database_url: str) -> None:
    async with database.administer() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    before = await stored(database)
    sentence = (
        f"sessiongraph: The database is at schema 9999, this version needs {head()}; "
        "run a newer version of Sessiongraph.\n"
    )
    for call in (("migrate",), ("serve", "--port", "0"), ("keys", "list")):
        assert await run(*call, "--database-url", database_url) == (1, "", sentence)
    assert await revision(database) == "9999"
    assert await stored(database) == before
