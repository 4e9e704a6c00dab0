"""`sessiongraph erase`: remove what is stored about one person."""

import asyncio
from typing import Annotated

import typer

from api.cli.database import prepared
from api.cli.options import DatabaseUrl
from models.erasure import erase_impersonator, erase_user
from models.retention import Quantity
from models.session import utc_now


def erase(
    user: Annotated[
        str | None, typer.Option(help="The id of a user, none of whose sessions is active.")
    ] = None,
    impersonator: Annotated[
        str | None, typer.Option(help="The email address of an administrator who acted as others.")
    ] = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Remove what is stored about one person; safe to repeat, and while servers run.

    Of a user the sessions are removed. Changes of status stay in the log, or it would have holes, but say no
    longer whose they were, from where, nor why. Of an impersonator the address and the reasons are removed.
    Servers that are running have the latest changes in memory, until they are restarted or others have come.

    Example: sessiongraph erase --user user_01E4ZCR3C56J083X43JQXF3JK5
    """
    if (user is None) == (impersonator is None):
        raise ValueError("Say who: --user ID, or --impersonator EMAIL.")
    erased = asyncio.run(_erase(database_url, user, impersonator))
    typer.echo(f"erased from {erased.sessions} sessions and {erased.events} changes")


async def _erase(url: str | None, user: str | None, impersonator: str | None) -> Quantity:
    erased = Quantity()
    async with prepared(url) as database:
        if user is not None:
            work = erase_user(database, user, utc_now())
        else:
            assert impersonator is not None, "one of them is given"  # noqa: S101
            work = erase_impersonator(database, impersonator)
        async for part in work:
            erased += part
    return erased
