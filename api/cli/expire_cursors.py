"""`sessiongraph expire-cursors`: what has to follow the restoring of a backup."""

import asyncio

import typer

from api.cli.database import prepared
from api.cli.options import DatabaseUrl
from models.log import renew_epoch


def expire_cursors(database_url: DatabaseUrl = None) -> None:
    """Refuse every cursor of the log that was handed out so far; needed once after a backup is restored.

    What happened after the backup is gone from the log, and its positions are given to other changes. Whoever
    comes back with a cursor of it would miss those without a word: now it is CURSOR_EXPIRED, and they list
    again. Nothing else is changed. Servers that are running end their streams within a second.

    Example: sessiongraph expire-cursors
    """
    asyncio.run(_expire(database_url))
    typer.echo("Every cursor that was handed out before is CURSOR_EXPIRED now.")


async def _expire(url: str | None) -> None:
    async with prepared(url) as database, database.write() as tx:
        await renew_epoch(tx)
