"""Erasing a person: what the sessions and the events of the log say about them.

An event stays where it is, or the log would have holes, but no longer says whose it was. The id of a session
stays with its event, so that the tokens of one that has ended are still refused.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from datetime import datetime

from sqlalchemy import func, select, update
from sqlmodel import col

from models.bound import Clause
from models.database import Database
from models.log import log_state, number_pending
from models.refusals import Refusal
from models.retention import Quantity, batches, remove_sessions_of
from models.session import EventRow, SessionRow, Status

ERASED = "erased"
"""What is said instead of who it was."""

STEP = 5000
"""How many positions of the log one transaction passes over."""

_WITHOUT_IMPERSONATOR = {"impersonator_email": ERASED, "impersonator_reason": None}
_WITHOUT_USER = {
    "user_id": ERASED,
    "ip_address": None,
    "user_agent": None,
    "impersonator_email": None,
    "impersonator_reason": None,
    "end_reason": None,
}


class StillSignedIn(Refusal):
    """The user has active sessions."""

    def __init__(self, user_id: str, count: int) -> None:
        super().__init__(f"{user_id} has active sessions: {count}. End them first, with `endSessions`.")


async def erase_user(database: Database, user_id: str, now: datetime) -> AsyncIterator[Quantity]:
    """Remove the sessions of a user, and what events say about them; yield what each transaction erased.

    Safe to repeat, and beside a running server, whose memory holds the latest events as they were.

    Raises:
        StillSignedIn: A session of theirs is active.
        Unavailable: The database is away or busy; what was yielded is erased.
    """
    is_theirs = col(SessionRow.user_id) == user_id
    active = select(func.count()).where(is_theirs, col(SessionRow.status) == Status.ACTIVE.value)
    async with database.read() as tx:
        count: int = await tx.scalar(active)
    if count:
        raise StillSignedIn(user_id, count)
    async for sessions in batches(lambda: remove_sessions_of(database, user_id, now)):
        yield Quantity(sessions=sessions)
    async for events in _erase_events(database, col(EventRow.user_id) == user_id, _WITHOUT_USER):
        yield Quantity(events=events)


async def erase_impersonator(database: Database, email: str) -> AsyncIterator[Quantity]:
    """Leave out who the administrator was that acted as others, and why; yield what each transaction erased.

    Safe to repeat, and beside a running server, whose memory holds the latest events as they were.

    Raises:
        Unavailable: The database is away or busy; what was yielded is erased.
    """
    is_theirs = col(SessionRow.impersonator_email) == email
    async with database.write() as tx:
        changed = await tx.execute(update(SessionRow).where(is_theirs).values(**_WITHOUT_IMPERSONATOR))
    yield Quantity(sessions=changed)
    is_theirs = col(EventRow.impersonator_email) == email
    async for events in _erase_events(database, is_theirs, _WITHOUT_IMPERSONATOR):
        yield Quantity(events=events)


async def _erase_events(
    database: Database, is_theirs: Clause, values: Mapping[str, str | None]
) -> AsyncIterator[int]:
    """Change all events that there are, with a pause after each transaction that is as long as it took."""
    while await number_pending(database):
        pass
    async with database.read() as tx:
        state = await log_state(tx)
    seq = col(EventRow.seq)
    for start in range(state.pruned_seq, state.last_seq, STEP):
        began = time.monotonic()
        in_step = (seq > start, seq <= start + STEP)
        async with database.write() as tx:
            changed = await tx.execute(update(EventRow).where(*in_step, is_theirs).values(**values))
        yield changed
        await asyncio.sleep(time.monotonic() - began)
