"""`sessiongraph serve`: run the server."""

import asyncio
import logging
from typing import Annotated

import typer

from api.app import create_app, require_authentication
from api.cli.options import DatabaseUrl
from api.server import Server
from api.settings import Settings, load_settings
from models.database import Database
from models.migrations import prepare


def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on; 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on; 8000. 0 takes a free one.")] = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Serve GraphQL over HTTP, WebSocket and server-sent events.

    Example: sessiongraph serve --port 8123
    """
    settings = load_settings(host=host, port=port, database_url=database_url)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    asyncio.run(_check(settings))
    Server(create_app(settings), settings).run()


async def _check(settings: Settings) -> None:
    """Fail with a sentence, before the server is up and could only fail with a traceback."""
    database = Database(settings.database_url)
    try:
        await prepare(database)
        await require_authentication(settings, database)
    finally:
        await database.close()
