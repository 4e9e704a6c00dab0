"""Wake-ups from other nodes: LISTEN on a connection of its own, for ever."""

import asyncio
import logging
from contextlib import suppress

import asyncpg

from models.database import Database
from models.log import CHANNEL

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 5.0
"""How long a connection that has died without a word can go unnoticed."""

RECONNECT_SECONDS = 0.5
TIMEOUT_SECONDS = 5.0


async def listen(database: Database) -> None:
    """Set `database.wake_up` on each notification; returns at once on SQLite, which has none.

    What is notified while the connection is being made anew is not known, so each new connection is a
    wake-up as well; what is lost all the same is found by the poll of the feed.
    """
    if database.is_sqlite:
        return
    while True:
        try:
            await _listen_once(database)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            logger.warning("No wake-ups from other nodes, trying again: %r", error)
        except Exception:
            logger.exception("No wake-ups from other nodes, trying again")
        await asyncio.sleep(RECONNECT_SECONDS)


async def _listen_once(database: Database) -> None:
    dsn = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await asyncpg.connect(dsn, timeout=TIMEOUT_SECONDS)
    try:
        closed = asyncio.Event()
        connection.add_termination_listener(lambda _connection: closed.set())
        await connection.add_listener(CHANNEL, lambda *_notification: database.wake_up.set())
        database.wake_up.set()
        while not closed.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await closed.wait()
            if not closed.is_set():
                await connection.execute("SELECT 1", timeout=TIMEOUT_SECONDS)
    finally:
        connection.terminate()
