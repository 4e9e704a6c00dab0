"""The last thirty days of the demo: who signed in, and what became of it."""

import random
from datetime import datetime, timedelta

from sqlalchemy import exists, select
from sqlmodel import col

from api.demo.population import Population
from models.changes import NewSession
from models.database import Database
from models.past import Life, record_lives
from models.refusals import Refusal
from models.session import SessionRow, to_milliseconds, utc_now

DAYS = 30
SIGN_INS = 3000
ENDED_SHARE = 0.5
"""Which share of the sessions is ended before its time."""

WORKING_HOURS = range(7, 19)
FRIDAY = 4
QUIET_SHARE = 0.25
"""How many people sign in in a quiet hour, of those who do in a busy one."""

IMPERSONATED_FOR = (timedelta(minutes=4), timedelta(minutes=17), timedelta(minutes=31))
"""Administrators who are at it when the demo starts, and since when."""


class ForeignDatabase(Refusal):
    """The database holds sessions, and none of the demo's."""

    def __init__(self) -> None:
        super().__init__(
            "The database holds sessions that are not the demo's, so the demo stays out of it; "
            "leave out --demo, or name another database with --database-url."
        )


async def fill(database: Database, population: Population) -> None:
    """Give an empty database its past, or nothing at all; one that has it is left alone.

    Raises:
        ForeignDatabase: There are sessions, but none of these people.
        Unavailable: The database is away or busy.
    """
    async with database.write() as tx:
        if not await tx.scalar(select(exists(select(col(SessionRow.id))))):
            now = utc_now()
            await record_lives(tx, past_lives(population, now), now)
        elif not await tx.scalar(select(exists().where(col(SessionRow.user_id).in_(population.user_ids)))):
            raise ForeignDatabase


def past_lives(population: Population, now: datetime) -> list[Life]:
    """Return the sessions of the thirty days until now, oldest first."""
    chance = population.chance
    times = sorted(to_milliseconds(_some_time(chance, now)) for _ in range(SIGN_INS))
    lives = [_life(chance, population, population.visit(time), time, now) for time in times]
    acting = [now - since for since in sorted(IMPERSONATED_FOR, reverse=True)]
    lives += [Life(population.impersonation(time), time, None) for time in acting]
    return sorted(lives, key=lambda life: life.began_at)


def _some_time(chance: random.Random, now: datetime) -> datetime:
    """Return when somebody signed in: by day, and on working days, more often than not."""
    while True:
        time = now - timedelta(days=DAYS) * chance.random()
        is_busy = time.hour in WORKING_HOURS and time.weekday() <= FRIDAY
        if is_busy or chance.random() < QUIET_SHARE:
            return time


def _life(
    chance: random.Random, population: Population, new: NewSession, began_at: datetime, now: datetime
) -> Life:
    # Those who sign out mostly do so early.
    ended_at = to_milliseconds(began_at + (new.expires_at - began_at) * chance.random() ** 3)
    if chance.random() >= ENDED_SHARE or not began_at < ended_at < min(now, new.expires_at):
        return Life(new, began_at, None)
    is_impersonated = new.impersonator_email is not None
    return Life(new, began_at, population.ending(ended_at, is_impersonated=is_impersonated))
