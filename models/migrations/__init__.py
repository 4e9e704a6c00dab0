"""Bringing a database to the current schema, with Alembic."""

from pathlib import Path

from sqlalchemy import text

from models.database import Database
from models.refusals import Refusal

DIRECTORY = Path(__file__).parent
LOCK = 0x5E5510  # any number, the same on every node

_HAS_REVISION = {
    True: "SELECT name FROM sqlite_master WHERE name = 'alembic_version'",
    False: "SELECT CAST(to_regclass('alembic_version') AS TEXT)",
}
"""Whether a database has a revision at all, on SQLite and elsewhere."""


class SchemaMismatch(Refusal):
    """The database is of another version than this code."""

    def __init__(self, found: str | None) -> None:
        is_newer = found is not None and found not in revisions()
        super().__init__(
            f"The database is at schema {found or 'none'}, this version needs {head()}; "
            + ("run a newer version of Sessiongraph." if is_newer else "run `sessiongraph migrate`.")
        )


async def prepare(database: Database) -> None:
    """Make sure that the database has the current schema; SQLite is migrated, PostgreSQL never unasked.

    Raises:
        SchemaMismatch: `sessiongraph migrate` has to be run.
        Unavailable: The database is away or busy.
    """
    found = await revision(database)
    if found == head():
        return
    if not database.is_sqlite:
        raise SchemaMismatch(found)
    await migrate(database)


async def migrate(database: Database) -> str:
    """Bring the database to the current schema and return its revision; safe on two nodes at once.

    Raises:
        SchemaMismatch: The database is newer than this code.
        Unavailable: The database is away or busy.
    """
    from models.migrations.upgrade import upgrade  # noqa: PLC0415  most who ask for the revision need none

    async with database.administer() as connection:
        if not database.is_sqlite:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        await connection.run_sync(upgrade)
    return head()


async def revision(database: Database) -> str | None:
    """Return the revision of the database; None when it holds no schema of ours.

    Raises:
        Unavailable: The database is away or busy.
    """
    # Not by Alembic, for which a writing transaction would be needed: on SQLite it waits for every other.
    async with database.read() as tx:
        if await tx.scalar(text(_HAS_REVISION[database.is_sqlite])) is None:
            return None
        found: str | None = await tx.scalar(text("SELECT version_num FROM alembic_version"))
        return found


def head() -> str:
    """Return the revision that this code works with."""
    return revisions()[-1]


def revisions() -> list[str]:
    """Return the revisions that this code knows, oldest first, by the names of their files."""
    return sorted(file.name.partition("_")[0] for file in DIRECTORY.glob("versions/[0-9]*.py"))
