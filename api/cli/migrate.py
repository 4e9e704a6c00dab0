"""`sessiongraph migrate`: bring a database to the current schema."""

import asyncio

import typer

from api.cli.options import DatabaseUrl
from api.settings import Settings, load_settings
from models.database import Database
from models.migrations import migrate as migrate_database


def migrate(database_url: DatabaseUrl = None) -> None:
    """Bring the database to the current schema; safe to repeat, and on two machines at once.

    Example: sessiongraph migrate --database-url postgresql://localhost/sessiongraph
    """
    settings = load_settings(database_url=database_url)
    typer.echo(f"The database is at schema {asyncio.run(_migrate(settings))}.")


async def _migrate(settings: Settings) -> str:
    database = Database(settings.database_url, settings.connections)
    try:
        return await migrate_database(database)
    finally:
        await database.close()
