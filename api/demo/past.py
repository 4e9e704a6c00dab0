"""The last thirty days of the demo: sign-ins, endings and expiries, through the functions of the API."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import exists, select
from sqlmodel import col

from api.demo.population import Population
from models.changes import Ending, NewSession, create_sessions, end_sessions, expire_due
from models.database import Database
from models.filter import Bound, Criteria, Filter
from models.refusals import Refusal
from models.session import InitiatingEntity, SessionRow, to_milliseconds, utc_now

DAYS = 30
STEP = timedelta(hours=12)
SIGN_INS_OF_STEP = 40
ENDINGS_OF_STEP = 2
ENDED_SHARE = 0.06
"""Which share of the active sessions each ending takes."""

EVERYTHING = Bound(everything=True)
ENDERS = (InitiatingEntity.USER, InitiatingEntity.USER, InitiatingEntity.ADMIN, InitiatingEntity.SYSTEM)


class ForeignDatabase(Refusal):
    """The database holds sessions that are not the demo's."""

    def __init__(self) -> None:
        super().__init__(
            "The database holds sessions that are not the demo's, and the demo would end them; "
            "leave out --demo, or name another database with --database-url."
        )


async def fill(database: Database, population: Population) -> None:
    """Give an empty database its past; one that has it is left alone.

    Raises:
        ForeignDatabase: There are sessions that the demo did not make.
        Unavailable: The database is away or busy.
    """
    own = [person.user_id for person in population.people]
    async with database.read() as tx:
        if await tx.scalar(select(exists().where(col(SessionRow.user_id).not_in(own)))):
            raise ForeignDatabase
        if await tx.scalar(select(exists(select(col(SessionRow.id))))):
            return
    now = utc_now()
    active: list[NewSession] = []
    for steps_ago in range(DAYS * timedelta(days=1) // STEP, 0, -1):
        active = await _live_through(database, population, now - steps_ago * STEP, active)
    while await expire_due(database, utc_now()):
        pass


async def _live_through(
    database: Database, population: Population, start: datetime, active: list[NewSession]
) -> list[NewSession]:
    """Let some of the sessions end from `start` on, and people sign in; return what is active then."""
    chance = population.chance
    for part in range(ENDINGS_OF_STEP):
        time = to_milliseconds(start + STEP * (part + 1) / ENDINGS_OF_STEP)
        await expire_due(database, time)
        active = [new for new in active if new.expires_at > time]
        ended = _some(chance, active)
        await _end(database, ended, population, time)
        active = [new for new in active if new not in ended]
    times = sorted(to_milliseconds(start + STEP * chance.random()) for _ in range(SIGN_INS_OF_STEP))
    sign_ins = [(population.sign_in(time), time) for time in times]
    async with database.write() as tx:
        await create_sessions(tx, sign_ins)
    return active + [new for new, _ in sign_ins]


def _some(chance: random.Random, active: Sequence[NewSession]) -> list[NewSession]:
    return [new for new in active if chance.random() < ENDED_SHARE]


async def _end(
    database: Database, sessions: Sequence[NewSession], population: Population, time: datetime
) -> None:
    ids = frozenset(str(new.id) for new in sessions)
    ending = Ending(
        by=population.chance.choice(ENDERS), user_id=None, reason=population.end_reason(), now=time
    )
    criteria = Criteria(Filter(ids=ids), EVERYTHING, time)
    async for _ in end_sessions(database, criteria, ending, sparing=(), limit=len(ids)):
        pass
