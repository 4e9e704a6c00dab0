"""What happens in the demo while it runs: about two changes a second, for ever."""

import asyncio
import logging
import random
from collections.abc import Collection
from datetime import timedelta

from api.demo.population import Population
from models.changes import Ending, create_session, end_session
from models.database import Database
from models.filter import Bound, Criteria, Filter
from models.queries import PageRequest, session_count, session_page
from models.refusals import Unavailable
from models.session import InitiatingEntity, Status, utc_now

logger = logging.getLogger(__name__)

EVERYTHING = Bound(everything=True)
ACTIVE_AT_LEAST = 100
"""Below so many active sessions people only sign in."""

PAUSE_SECONDS = 0.5
SHORT_SHARE = 0.3
"""Which share of the new sessions runs out within seconds, so that expiries can be seen."""

ENDERS = (InitiatingEntity.USER, InitiatingEntity.ADMIN, InitiatingEntity.SYSTEM)


async def run_traffic(database: Database, population: Population, *, sparing: Collection[str]) -> None:
    """Sign people in and end sessions for ever, but for those in `sparing`; after a fault it goes on."""
    chance = random.Random()  # noqa: S311  a demo, not a secret
    turns = 0
    while True:
        try:
            if turns % 2 == 0 or await _active_count(database) < ACTIVE_AT_LEAST:
                await _sign_in(database, population, chance)
            else:
                await _end_one(database, population, chance, sparing)
        except Unavailable as refusal:
            logger.warning("The demo pauses: %s", refusal.__cause__)
        except Exception:
            logger.exception("The demo pauses")
        turns += 1
        await asyncio.sleep(PAUSE_SECONDS * chance.uniform(0.5, 1.5))


def _active() -> Criteria:
    return Criteria(Filter(status=frozenset([Status.ACTIVE])), EVERYTHING, utc_now())


async def _active_count(database: Database) -> int:
    return await session_count(database, _active())


async def _sign_in(database: Database, population: Population, chance: random.Random) -> None:
    short = timedelta(seconds=chance.uniform(3, 10)) if chance.random() < SHORT_SHARE else None
    now = utc_now()
    async with database.write() as tx:
        await create_session(tx, population.sign_in(now, lifetime=short), now)


async def _end_one(
    database: Database, population: Population, chance: random.Random, sparing: Collection[str]
) -> None:
    page = await session_page(database, _active(), PageRequest(limit=100))
    candidates = [row[0] for row in page.rows if row[0] not in sparing]
    if not candidates:
        return
    ending = Ending(by=chance.choice(ENDERS), user_id=None, reason=population.end_reason(), now=utc_now())
    async with database.write() as tx:
        await end_session(tx, chance.choice(candidates), ending, readable=EVERYTHING, endable=EVERYTHING)
