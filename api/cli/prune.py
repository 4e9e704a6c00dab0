"""`sessiongraph prune`: remove what is past its age."""

import asyncio
import re
import sys
from datetime import datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from api.cli.database import prepared
from api.cli.options import DatabaseUrl
from api.settings import Settings, load_settings
from models.database import Database
from models.retention import Quantity, quantity_older_than, remove_older_than
from models.session import utc_now

_UNITS = {"d": "days", "h": "hours"}
_AGE = re.compile(r"([1-9]\d{0,4})([dh])")


def prune(
    older_than: Annotated[
        str | None,
        typer.Option(
            help="The age from which on things are removed: 90d or 36h. SESSIONGRAPH_RETENTION_DAYS if left "
            "out.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, and change nothing.")] = False,  # noqa: FBT002  a flag
    database_url: DatabaseUrl = None,
) -> None:
    """Remove old ended sessions and old changes of status; safe to repeat, and while servers run.

    A session counts from its end, a change from when it was recorded. What is active stays, however old. A
    cursor from before the oldest change that is kept is then CURSOR_EXPIRED.

    Example: sessiongraph prune --older-than 90d --dry-run
    """
    settings = load_settings(database_url=database_url)
    asyncio.run(_prune(database_url, _age(older_than, settings), is_dry=dry_run))


def _age(given: str | None, settings: Settings) -> timedelta:
    if given is None:
        if settings.retention is None:
            raise ValueError("Say how old: --older-than 90d, or SESSIONGRAPH_RETENTION_DAYS.")
        return settings.retention
    found = _AGE.fullmatch(given)
    if found is None:
        raise ValueError(f"--older-than is {given!r}; write days or hours, as 90d or 36h.")
    age = timedelta(**{_UNITS[found[2]]: int(found[1])})
    settings.check_retention(age, name="--older-than")
    return age


async def _prune(database_url: str | None, age: timedelta, *, is_dry: bool) -> None:
    before = utc_now() - age
    async with prepared(database_url) as database:
        async with database.read() as tx:
            found = await quantity_older_than(tx, before)
        if is_dry:
            _say("would remove", found, before)
        else:
            await _remove(database, before, found)


async def _remove(database: Database, before: datetime, expected: Quantity) -> None:
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )
    events = progress.add_task("changes", total=expected.events)
    sessions = progress.add_task("sessions", total=expected.sessions)
    total = Quantity()
    try:
        with progress:
            async for removed in remove_older_than(database, before):
                total += removed
                progress.update(events, completed=total.events)
                progress.update(sessions, completed=total.sessions)
    finally:
        _say("removed", total, before)


def _say(what: str, quantity: Quantity, before: datetime) -> None:
    typer.echo(
        f"{what} {quantity.events} changes and {quantity.sessions} sessions "
        f"from before {before:%Y-%m-%d %H:%M:%S} UTC"
    )
