"""The task that removes what is past its age; safe to run on every node at once."""

import asyncio
import logging
from datetime import timedelta

from models.database import Database
from models.refusals import Unavailable
from models.retention import Quantity, remove_older_than
from models.session import utc_now

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 60.0
"""Little is removed each time, so that it never takes long."""


async def prune(database: Database, age: timedelta) -> None:
    """Remove events and ended sessions of this age for ever; after a fault it goes on."""
    while True:
        total = Quantity()
        try:
            async for removed in remove_older_than(database, utc_now() - age):
                total += removed
        except Unavailable as refusal:
            logger.warning("Nothing can be removed, trying again: %s", refusal.__cause__)
        except Exception:
            logger.exception("Nothing can be removed, trying again")
        if total != Quantity():
            logger.info(
                "Removed %s events and %s sessions older than %s days", total.events, total.sessions, age.days
            )
        await asyncio.sleep(PAUSE_SECONDS)
