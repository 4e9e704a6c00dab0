"""The database that a command works on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from api.settings import load_settings
from models.database import Database
from models.migrations import prepare


@asynccontextmanager
async def prepared(url: str | None, *, is_bulk: bool = False) -> AsyncIterator[Database]:
    """Open the database of the settings, or of a flag, and make sure that it has the current schema.

    With `is_bulk` it is opened for changes that come by the thousand.

    Raises:
        SchemaMismatch: `sessiongraph migrate` has to be run.
        Unavailable: The database is away or busy.
    """
    settings = load_settings(database_url=url)
    database = Database(settings.database_url, settings.connections, is_bulk=is_bulk)
    try:
        await prepare(database)
        yield database
    finally:
        await database.close()
