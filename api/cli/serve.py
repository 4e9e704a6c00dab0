"""`sessiongraph serve`: run the server."""

import asyncio
import logging
import signal
import sys
from typing import Annotated

import typer

from api.app import create_app, require_authentication
from api.cli.options import DatabaseUrl
from api.demo import demo_population
from api.demo.past import fill
from api.server import Server
from api.settings import Settings, load_settings
from models.database import Database
from models.migrations import prepare

DEMO_DATABASE_URL = "sqlite:///sessiongraph-demo.db"


def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on; 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on; 8000. 0 takes a free one.")] = None,
    database_url: DatabaseUrl = None,
    demo: Annotated[
        bool | None,
        typer.Option(
            "--demo",
            help="Fill an empty database with a believable population that goes on living, and print "
            f"credentials. Without a database URL, it is {DEMO_DATABASE_URL}.",
        ),
    ] = None,
) -> None:
    """Serve GraphQL over HTTP, WebSocket and server-sent events.

    Example: sessiongraph serve --port 8123
    """
    settings = load_settings(host=host, port=port, database_url=database_url, demo=demo)
    if settings.demo and "database_url" not in settings.model_fields_set:
        settings = settings.model_copy(update={"database_url": DEMO_DATABASE_URL})
    logging.getLogger("alembic").setLevel(logging.WARNING)
    level = logging.WARNING if settings.demo else logging.INFO
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # to be told to stop is no failure
    asyncio.run(_check(settings))
    server = Server(create_app(settings), settings)
    try:
        server.run()
    except SystemExit:
        sys.exit(1)  # uvicorn has said why, and has a code of its own for it
    except KeyboardInterrupt:
        pass  # it has stopped in good order, and passes the signal on


async def _check(settings: Settings) -> None:
    """Fail with a sentence, before the server is up and could only fail with a traceback."""
    database = Database(settings.database_url)
    try:
        await prepare(database)
        await require_authentication(settings, database)
        if settings.demo:
            await fill(database, demo_population())
    finally:
        await database.close()
