"""A database comes to the current schema from every older one, with its rows, and never goes back."""

import asyncio
import os

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from conftest import execute, with_database
from process import COMMAND
from sqlalchemy import Connection, text
from sqlmodel import SQLModel

from models.database import Database
from models.migrations import SchemaMismatch, _config, head, migrate, prepare, revision, revisions

# What each revision is given to keep, in the columns that it has.
ROWS = {
    "0001": "INSERT INTO session (id, user_id, status, auth_method, expires_at, created_at, updated_at) "
    "VALUES ('session_1', 'user_1', 'active', 'sso', '2099-01-01 00:00:00', '2026-01-01 00:00:00', "
    "'2026-01-01 00:00:00')",
    "0002": "INSERT INTO api_key (id, name, secret_hash, scopes, created_at) "
    "VALUES ('key_1', 'gateway', 'ab', 'sessions:read', '2026-01-01 00:00:00')",
    "0003": "INSERT INTO tombstone (id, expires_at) VALUES ('session_0', '2099-01-01 00:00:00')",
}


@pytest.fixture
async def empty_url(engine: str, postgres_url: str, tmp_path: os.PathLike[str]) -> str:
    """The URL of a database without any schema."""
    if engine == "sqlite":
        return f"sqlite:///{os.fspath(tmp_path)}/empty.db"
    await execute(postgres_url, "DROP DATABASE IF EXISTS empty WITH (FORCE)", "CREATE DATABASE empty")
    return with_database(postgres_url, "empty")


@pytest.fixture
async def empty(empty_url: str) -> Database:
    return Database(empty_url)


async def upgrade(database: Database, to: str) -> None:
    def run(connection: Connection) -> None:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, to)

    async with database.administer() as connection:
        await connection.run_sync(run)


async def test_keeps_the_rows_of_each_older_revision(empty: Database) -> None:
    assert list(ROWS) == revisions()
    for to in revisions():
        await upgrade(empty, to)
        async with empty.administer() as connection:
            await connection.execute(text(ROWS[to]))
    assert await migrate(empty) == head() == await revision(empty)
    async with empty.read() as tx:
        assert await tx.scalar(text("SELECT user_id FROM session")) == "user_1"
        assert await tx.scalar(text("SELECT name FROM api_key")) == "gateway"
        assert await tx.scalar(text("SELECT last_seq FROM feed")) == 0
        assert await tx.scalar(text("SELECT id FROM tombstone")) == "session_0"
    await empty.close()


async def test_makes_the_tables_that_the_code_has(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        found: list[object] = compare_metadata(MigrationContext.configure(connection), SQLModel.metadata)
        return found

    async with database.administer() as connection:
        assert await connection.run_sync(differences) == []


async def test_is_safe_to_run_twice_at_once(empty: Database, empty_url: str) -> None:
    other = Database(empty_url)
    assert set(await asyncio.gather(migrate(empty), migrate(other))) == {head()}
    async with empty.read() as tx:
        assert await tx.scalar(text("SELECT count(*) FROM feed")) == 1
    await other.close()
    await empty.close()


async def test_migrates_sqlite_by_itself_and_postgresql_only_when_told(empty: Database, engine: str) -> None:
    if engine == "sqlite":
        await prepare(empty)
    else:
        with pytest.raises(
            SchemaMismatch, match=r"schema none, this version needs .* `sessiongraph migrate`"
        ):
            await prepare(empty)
        assert await revision(empty) is None
        await migrate(empty)
        await prepare(empty)
    assert await revision(empty) == head()
    await empty.close()


async def test_refuses_a_database_from_the_future(database: Database, database_url: str) -> None:
    async with database.administer() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for call in ("migrate", "serve"):
        process = await asyncio.create_subprocess_exec(
            COMMAND,
            *(call, "--database-url", database_url),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, errors = await process.communicate()
        assert (process.returncode, out) == (1, b"")
        assert errors.decode().splitlines()[-1].startswith("sessiongraph: The database is at schema 9999")
        assert b"Traceback" not in errors
    assert await revision(database) == "9999"
