"""The task that expires sessions on time; safe to run on every node at once."""

import asyncio
import logging

from models.database import Database
from models.expiry import expire_due, next_expiry
from models.refusals import Unavailable
from models.session import utc_now

logger = logging.getLogger(__name__)

LONGEST_SLEEP_SECONDS = 1.0
"""A session that was created meanwhile is expired at most this late."""


async def sweep(database: Database) -> None:
    """Expire sessions for ever; after a fault it goes on."""
    while True:
        pause = LONGEST_SLEEP_SECONDS
        try:
            while await expire_due(database, utc_now()):
                pass
            async with database.read() as tx:
                expiry = await next_expiry(tx)
            if expiry is not None:
                pause = min(pause, max(0.0, (expiry - utc_now()).total_seconds()))
        except Unavailable as refusal:
            logger.warning("Sessions cannot be expired, trying again: %s", refusal.__cause__)
        except Exception:
            logger.exception("Sessions cannot be expired, trying again")
        await asyncio.sleep(pause)
