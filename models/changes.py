"""Changing sessions: creating and ending.

Besides, only `models.expiry` assigns a status, and `models.copies` and `models.past`, which store what has
happened elsewhere.

Status is a one-way street, active → expired | revoked, and the statement itself enforces it: an UPDATE whose
WHERE says `active` and whose rows decide who won. So retries, two callers at once and skewed clocks cannot
revive a session or end it twice.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum, auto
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Update,
    case,
    exists,
    not_,
    select,
    tuple_,
    update,
)
from sqlmodel import col
from sqlmodel.sql.sqltypes import UTCDateTime
from ulid import ULID

from models.appending import LoggedChange, append
from models.bound import Bound, Clause
from models.chosen import BY_AGE, IS_ACTIVE, IS_THESE, first
from models.database import Database, ReadTx, Statement, WriteTx
from models.dialect import is_among, texts
from models.filter import NOW, Criteria
from models.queries import SESSION_COLUMNS, STATEMENT_LIMIT, Row, one_session, session_by_id
from models.refusals import BadUserInput, Forbidden
from models.retention import removed_among
from models.session import InitiatingEntity, SessionRow, Status
from models.statement import given

BATCH = 500

_IS_LIVE = (IS_ACTIVE, col(SessionRow.expires_at) > NOW)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    """What a sign-in creates; without an id it is given one."""

    id: str | None
    user_id: str
    organization_id: str | None
    auth_method: str
    ip_address: str | None
    user_agent: str | None
    impersonator_email: str | None
    impersonator_reason: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Ending:
    """Who ends sessions, why, and when; a user who ends a session of their own is put down as USER."""

    by: InitiatingEntity
    user_id: str | None
    reason: str | None
    now: datetime

    def values(self) -> dict[str, Any]:
        """Return the values of a statement that revokes."""
        return {"by": self.by, "by_user_id": self.user_id, "reason": self.reason, "now": self.now}


class EndOutcome(StrEnum):
    """What became of a request to end one session."""

    ENDED = auto()
    ALREADY_ENDED = auto()
    NOT_FOUND = auto()


async def create_session(tx: WriteTx, new: NewSession, now: datetime) -> tuple[Row, bool]:
    """Create an active session; return it and whether it is new. The same id again is the same session.

    Raises:
        BadUserInput: The id belongs to a session of another user or organization, or to one that was removed.
    """
    session_id = new.id or new_session_id()
    created = await tx.insert_unless_present(SessionRow, [_active_row(new, session_id, now)])
    await append(tx, created, previous_status=None)
    stored = await _stored(tx, session_id, Bound(everything=True))
    # One that is not new can be removed between the two statements.
    if stored is None or (created and new.id and await removed_among(tx, [new.id])):
        raise BadUserInput("`id` belongs to a session that has ended and was removed; leave it out.")
    _, user_id, organization_id, *_ = stored
    if (user_id, organization_id) != (new.user_id, new.organization_id):
        raise BadUserInput(
            "`id` belongs to another session; leave it out, or use it only to repeat the same call."
        )
    return stored, bool(created)


async def end_session(
    database: Database, session_id: str, ending: Ending, *, readable: Bound, endable: Bound
) -> tuple[EndOutcome, Row | None]:
    """End one session if it is active; return what happened and, if it may be read, the session as it is now.

    Raises:
        Forbidden: The session is within `readable`, but not within `endable`.
        Unavailable: The database is away or busy; the session may have been ended or not.
    """
    values = {"id": session_id, **endable.values(), **ending.values()}
    ended = await _revoke_one(endable.shape).run(database, values)
    if ended is not None:
        _, user_id, organization_id, *_ = ended
        is_readable = readable.covers(user_id, organization_id)
        return EndOutcome.ENDED, ended if is_readable else None
    stored = await session_by_id(database, session_id, readable)
    if await session_by_id(database, session_id, endable) is not None:
        return EndOutcome.ALREADY_ENDED, stored
    if stored is not None:
        raise Forbidden("You may see this session, but not end it.")
    return EndOutcome.NOT_FOUND, None


async def end_sessions(
    database: Database,
    criteria: Criteria,
    ending: Ending,
    *,
    sparing: Collection[str],
    limit: int,
) -> AsyncIterator[list[str]]:
    """End the oldest active sessions that match, at most `limit`; yield the ids of each transaction.

    One transaction for each 500 sessions, so that neither readers nor other writers wait for long. A call
    that is cut off has ended some of them; repeating it ends the rest. Each transaction looks on from where
    the last one stopped: those before have ended, and passing over them again would cost more each time.
    Between two there is a pause as long as the first took, so that half of the time is left to others.
    """
    statement = _oldest(criteria.shape, is_further=False)
    values = {**criteria.values(), **ending.values(), "sparing": list(sparing)}
    left = limit
    while True:
        size, begun_at = min(BATCH, left), time.monotonic()
        async with database.write() as tx:
            chosen = await tx.fetch(statement, {**values, "limit": size})
            ids = await append_ends(tx, _REVOKE_THESE, {**values, "ids": [row.id for row in chosen]})
        yield ids
        left -= size
        if len(chosen) < size or not left:
            return
        await asyncio.sleep(time.monotonic() - begun_at)
        statement = _oldest(criteria.shape, is_further=True)
        values |= {"after_created_at": chosen[-1].created_at, "after_id": chosen[-1].id}


async def has_active(database: Database, criteria: Criteria, *, sparing: Collection[str]) -> bool:
    """Tell whether active sessions that match are left."""
    values = {**criteria.values(), "sparing": list(sparing)}
    ((found,),) = await database.fetch(_any_active(criteria.shape), values)
    return bool(found)


def new_session_id() -> str:
    return f"session_{ULID()}"


def _active_row(new: NewSession, session_id: str, now: datetime) -> dict[str, Any]:
    begun = {"id": session_id, "status": Status.ACTIVE.value, "created_at": now, "updated_at": now}
    return {**asdict(new), **begun}


async def _stored(tx: ReadTx, session_id: str, bound: Bound) -> Row | None:
    return await tx.first(one_session(bound.shape), {"id": session_id, **bound.values()})


async def append_ends(tx: WriteTx, statement: Statement, values: dict[str, Any]) -> list[str]:
    """End sessions by a statement and append one event for each, oldest first; return their ids."""
    ids = [id_ for _, id_ in sorted(await tx.fetch(statement, values))]
    await append(tx, ids, previous_status=Status.ACTIVE)
    return ids


def _revoking(*where: Clause) -> Update:
    own = col(SessionRow.user_id) == given("by_user_id")
    return (
        update(SessionRow)
        .where(*where, *_IS_LIVE)
        .values(
            status=Status.REVOKED.value,
            ended_at=NOW,
            ended_by=case((own, InitiatingEntity.USER.value), else_=given("by")),
            end_reason=given("reason"),
            updated_at=NOW,
        )
    )


def _active(criteria: Criteria) -> list[Clause]:
    return [*criteria.clauses(SessionRow), *_IS_LIVE, not_(is_among(col(SessionRow.id), texts("sparing")))]


@lru_cache(STATEMENT_LIMIT)
def _revoke_one(endable: Bound) -> LoggedChange:
    which = col(SessionRow.id) == given("id")
    change = _revoking(which, endable.clause(SessionRow)).returning(*SESSION_COLUMNS)
    return LoggedChange(change, previous_status=Status.ACTIVE)


@lru_cache(STATEMENT_LIMIT)
def _oldest(criteria: Criteria, *, is_further: bool) -> Statement:
    """Return what locks the oldest sessions, or those after one, passing over those that others hold."""
    where = _active(criteria)
    if is_further:
        where.append(tuple_(*BY_AGE) > tuple_(given("after_created_at", UTCDateTime), given("after_id")))
    return Statement(first(BY_AGE, *where, columns=BY_AGE))


@lru_cache(STATEMENT_LIMIT)
def _any_active(criteria: Criteria) -> Statement:
    return Statement(select(exists().where(*_active(criteria))))


_REVOKE_THESE = Statement(_revoking(IS_THESE).returning(*BY_AGE))
