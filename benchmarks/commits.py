"""What the log costs a writer on PostgreSQL: commits per second with it and without, by 16 writers at once.

Run it with `python benchmarks/commits.py`. Each commit ends one session, by the function that the service
calls. With the log, the change is also appended to it, and the events are numbered meanwhile as a node does
it; without, they are not written. The two take turns, and what counts is the ratio of a turn's two halves.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager
from statistics import median
from typing import Annotated
from unittest.mock import patch

import typer
import uvloop
from population import populate, session_id
from rich.console import Console
from servers import leave_the_first_processor, postgresql

from api.auth.ended import EndedSessions
from api.feed import Feed
from models.appending import LoggedChange
from models.bound import Bound
from models.changes import Ending, EndOutcome, end_session
from models.database import Database, Record
from models.engine import Connections
from models.session import InitiatingEntity, utc_now
from models.statement import Values

WRITERS = 16
EVERYTHING = Bound(everything=True)


def main(
    rounds: Annotated[int, typer.Option(help="How many turns there are.")] = 6,
    commits: Annotated[int, typer.Option(help="How many commits are half a turn.")] = 10_000,
) -> None:
    """Measure commits with and without the log."""
    with postgresql() as url:
        uvloop.run(_main(Console(), url, rounds, commits))


async def _main(console: Console, url: str, rounds: int, commits: int) -> None:
    await populate(url, 4 * rounds * commits)
    leave_the_first_processor()
    database = Database(url, Connections(pool_size=WRITERS + 2))
    # Every other session is active.
    numbers = iter(range(1, 4 * rounds * commits, 2))
    ratios = []
    console.print(f"{WRITERS} writers, commits per second")
    for _ in range(rounds):
        with _without_log():
            without = await _rate(database, numbers, commits)
        async with _numbering(database):
            with_log = await _rate(database, numbers, commits)
        ratios.append(with_log / without)
        console.print(f"without {without:,.0f}  with {with_log:,.0f}  ratio {ratios[-1]:.2f}")
    console.print(f"median ratio {median(ratios):.2f}")
    await database.close()


async def _rate(database: Database, numbers: Iterator[int], commits: int) -> float:
    """End so many sessions; return how many a second."""
    left = iter(range(commits))

    async def write() -> None:
        for _ in left:
            ending = Ending(by=InitiatingEntity.SYSTEM, user_id=None, reason="Left", now=utc_now())
            outcome, _row = await end_session(
                database, session_id(next(numbers)), ending, readable=EVERYTHING, endable=EVERYTHING
            )
            if outcome is not EndOutcome.ENDED:
                raise RuntimeError("it had ended before")

    start = time.perf_counter()
    await asyncio.gather(*(write() for _ in range(WRITERS)))
    return commits / (time.perf_counter() - start)


def _without_log() -> AbstractContextManager[object]:
    """Have the end of a session write no event."""

    async def change_alone(logged: LoggedChange, database: Database, values: Values) -> Record | None:
        changed = await database.change(logged.change, values)
        return changed[0] if changed else None

    return patch.object(LoggedChange, "run", change_alone)


@asynccontextmanager
async def _numbering(database: Database) -> AsyncIterator[None]:
    """Number and read the events, as a node does."""
    feed = Feed(database, EndedSessions(keep_seconds=3600), poll_seconds=0.2, ring_size=10_000)
    await feed.start()
    task = asyncio.create_task(feed.run())
    yield
    await feed.refresh()
    task.cancel()


if __name__ == "__main__":
    typer.run(main)
