"""`sessiongraph serve`: run the server."""

import asyncio
import signal
import sys
from typing import Annotated

import typer

from api.app import create_app
from api.cli.options import DatabaseUrl
from api.server import Server, configure_logging
from api.settings import load_settings
from api.startup import check
from api.supervisor import Supervisor

DEMO_DATABASE_URL = "sqlite:///sessiongraph-demo.db"


def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on; 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on; 8000. 0 takes a free one.")] = None,
    workers: Annotated[
        int | None, typer.Option(help="How many processes serve the port; 1. More need PostgreSQL.")
    ] = None,
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

    SIGTERM and Ctrl-C stop it in good order; SIGHUP replaces several workers one by one, while they serve.

    Example: sessiongraph serve --port 8123
    """
    settings = load_settings(host=host, port=port, workers=workers, database_url=database_url, demo=demo)
    if settings.demo and "database_url" not in settings.model_fields_set:
        settings = settings.model_copy(update={"database_url": DEMO_DATABASE_URL})
    configure_logging(settings)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # to be told to stop is no failure
    asyncio.run(check(settings))
    if settings.workers > 1:
        sys.exit(0 if asyncio.run(Supervisor(settings).run()) else 1)
    server = Server(create_app(settings), settings)
    try:
        server.run()
    except SystemExit:
        sys.exit(1)  # uvicorn has said why, and has a code of its own for it
    except KeyboardInterrupt:
        pass  # it has stopped in good order, and passes the signal on
