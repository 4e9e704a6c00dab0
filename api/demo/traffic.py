"""What happens in the demo while it runs: about two changes a second, for ever."""

import asyncio
import logging
from datetime import timedelta

from api.demo.past import DAYS
from api.demo.population import Population
from models.bound import Bound
from models.changes import create_session, end_session
from models.database import Database
from models.filter import Criteria, Filter
from models.queries import Key, PageRequest, session_count, session_page
from models.refusals import Unavailable
from models.session import SNAPSHOT, Status, utc_now

logger = logging.getLogger(__name__)

EVERYTHING = Bound(everything=True)
_USER_ID, _IMPERSONATOR_EMAIL = (1 + SNAPSHOT.index(name) for name in ("user_id", "impersonator_email"))
PAUSE_SECONDS = 0.5
ACTIVE_USUALLY = 500
"""With so many active sessions people sign in and sessions are ended equally often."""

SHORT_SHARE = 0.25
SHORT_SECONDS = (2.0, 8.0)
"""Some new sessions run out within seconds, so that expiries can be seen."""


async def run_traffic(
    database: Database,
    population: Population,
    *,
    pause_seconds: float = PAUSE_SECONDS,
) -> None:
    """Sign people in and end sessions of residents for ever; after a fault it goes on."""
    chance = population.chance
    while True:
        try:
            sign_in_share = ACTIVE_USUALLY / (ACTIVE_USUALLY + await _active_count(database))
            if chance.random() < sign_in_share:
                await _sign_in(database, population)
            else:
                await _end_one(database, population)
        except Unavailable as refusal:
            logger.warning("The demo pauses: %s", refusal.__cause__)
        except Exception:
            logger.exception("The demo pauses")
        await asyncio.sleep(pause_seconds * chance.uniform(0.5, 1.5))


def _active() -> Criteria:
    return Criteria(Filter(status=frozenset([Status.ACTIVE])), EVERYTHING, utc_now())


async def _active_count(database: Database) -> int:
    return await session_count(database, _active())


async def _sign_in(database: Database, population: Population) -> None:
    chance, now = population.chance, utc_now()
    is_short = chance.random() < SHORT_SHARE
    if is_short:
        lifetime = timedelta(seconds=chance.uniform(*SHORT_SECONDS))
        new = population.sign_in(chance.choice(population.people), now, lifetime)
    else:
        new = population.visit(now)
    async with database.write() as tx:
        await create_session(tx, new, now)


async def _end_one(database: Database, population: Population) -> None:
    """End a session of a resident; what guests and clients create is theirs to end."""
    chance, now = population.chance, utc_now()
    somewhen = Key(now - timedelta(days=DAYS) * chance.random() ** 3, "")
    page = await session_page(database, _active(), PageRequest(limit=20, after=somewhen))
    own = [row for row in page.rows if row[_USER_ID] in population.resident_ids]
    if not own:
        return
    row = chance.choice(own)
    ending = population.ending(now, is_impersonated=row[_IMPERSONATOR_EMAIL] is not None)
    await end_session(database, row[0], ending, readable=EVERYTHING, endable=EVERYTHING)
