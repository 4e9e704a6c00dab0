"""Changing sessions: creating, ending, expiring; with `models.copies` the only module that assigns a status.

Status is a one-way street, active → expired | revoked, and the statement itself enforces it: an UPDATE whose
WHERE says `active` and whose rows decide who won. So retries, two callers at once and skewed clocks cannot
revive a session or end it twice.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum, auto
from typing import Any

from sqlalchemy import Case, Select, case, exists, literal, select, update
from sqlmodel import col
from ulid import ULID

from models.database import Database, ReadTx, Record, WriteTx
from models.filter import Bound, Clause, Criteria
from models.log import append
from models.queries import session_by_id
from models.refusals import BadUserInput, Forbidden
from models.retention import removed_among
from models.session import InitiatingEntity, SessionRow, Status

BATCH = 500

# Spelled out in the statement: a plan for any status could not use the index of the active sessions.
_IS_ACTIVE: Clause = col(SessionRow.status) == literal(Status.ACTIVE.value, literal_execute=True)


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


class EndOutcome(StrEnum):
    """What became of a request to end one session."""

    ENDED = auto()
    ALREADY_ENDED = auto()
    NOT_FOUND = auto()


async def create_session(tx: WriteTx, new: NewSession, now: datetime) -> tuple[Record, bool]:
    """Create an active session; return it and whether it is new. The same id again is the same session.

    Raises:
        BadUserInput: The id belongs to a session of another user or organization, or to one that was removed.
    """
    session_id = new.id or new_session_id()
    created = await tx.insert_unless_present(SessionRow, _active_row(new, session_id, now))
    if created:
        await append(tx, [session_id], previous_status=None)
    stored = await session_by_id(tx, session_id, Bound(everything=True))
    # One that is not new can be removed between the two statements.
    if stored is None or (created and new.id and await removed_among(tx, [new.id])):
        raise BadUserInput("`id` belongs to a session that has ended and was removed; leave it out.")
    if (stored.user_id, stored.organization_id) != (new.user_id, new.organization_id):
        raise BadUserInput(
            "`id` belongs to another session; leave it out, or use it only to repeat the same call."
        )
    return stored, created == 1


async def create_sessions(tx: WriteTx, sign_ins: Sequence[tuple[NewSession, datetime]]) -> None:
    """Create active sessions, each as of the time of its sign-in; their ids are given and free."""
    rows = [_active_row(new, str(new.id), signed_in_at) for new, signed_in_at in sign_ins]
    await tx.insert_unless_present(SessionRow, rows)
    await append(tx, [row["id"] for row in rows], previous_status=None)


async def end_session(
    tx: WriteTx, session_id: str, ending: Ending, *, readable: Bound, endable: Bound
) -> tuple[EndOutcome, Record | None]:
    """End one session if it is active; return what happened and, if it may be read, the session as it is now.

    Raises:
        Forbidden: The session is within `readable`, but not within `endable`.
    """
    ended = await _revoke(
        tx,
        [col(SessionRow.id) == session_id, endable.clause(SessionRow)],
        ending,
    )
    stored = await session_by_id(tx, session_id, readable)
    if ended:
        return EndOutcome.ENDED, stored
    if await session_by_id(tx, session_id, endable) is not None:
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
    that is cut off has ended some of them; repeating it ends the rest.
    """
    matching = _active(criteria, sparing)
    left = limit
    while left > 0:
        size = min(BATCH, left)
        async with database.write() as tx:
            ids = await _revoke(tx, [_is_among(_oldest(matching, size))], ending)
        yield ids
        if len(ids) < size:
            return
        left -= size


async def has_active(database: Database, criteria: Criteria, *, sparing: Collection[str]) -> bool:
    """Tell whether active sessions that match are left."""
    async with database.read() as tx:
        return bool(await tx.scalar(select(exists().where(*_active(criteria, sparing)))))


async def expire_due(database: Database, now: datetime) -> int:
    """Expire at most 500 sessions whose time has run out, longest due first; return how many.

    Safe to run on every node at once: rows that another node holds are passed over.
    """
    oldest = (
        select(col(SessionRow.id))
        .where(*_is_due(now))
        .order_by(col(SessionRow.expires_at), col(SessionRow.id))
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    async with database.write() as tx:
        return len(await expire(tx, _is_among(oldest), now))


async def expire(tx: WriteTx, which: Clause, now: datetime) -> list[str]:
    """Expire those of these sessions whose time has run out; return their ids."""
    return await _end(
        tx,
        [which, *_is_due(now)],
        status=Status.EXPIRED.value,
        ended_at=col(SessionRow.expires_at),
        ended_by=InitiatingEntity.POLICY.value,
        updated_at=col(SessionRow.expires_at),
    )


async def next_expiry(tx: ReadTx) -> datetime | None:
    """Return when the next active session runs out, which may have passed; None when none is active."""
    expiry: datetime | None = await tx.scalar(
        select(col(SessionRow.expires_at))
        .where(_IS_ACTIVE)
        .order_by(col(SessionRow.expires_at), col(SessionRow.id))
        .limit(1)
    )
    return expiry


def new_session_id() -> str:
    return f"session_{ULID()}"


def _active_row(new: NewSession, session_id: str, now: datetime) -> dict[str, Any]:
    begun = {"id": session_id, "status": Status.ACTIVE.value, "created_at": now, "updated_at": now}
    return {**asdict(new), **begun}


def _is_live(now: datetime) -> list[Clause]:
    return [_IS_ACTIVE, col(SessionRow.expires_at) > now]


def _is_due(now: datetime) -> list[Clause]:
    return [_IS_ACTIVE, col(SessionRow.expires_at) <= now]


def _oldest(matching: list[Clause], size: int) -> Select[str]:
    return (
        select(col(SessionRow.id))
        .where(*matching)
        .order_by(col(SessionRow.created_at), col(SessionRow.id))
        .limit(size)
        .with_for_update(skip_locked=True)
    )


def _active(criteria: Criteria, sparing: Collection[str]) -> list[Clause]:
    spared = [col(SessionRow.id).not_in(sparing)] if sparing else []
    return [*criteria.clauses(SessionRow), *_is_live(criteria.now), *spared]


def _is_among(chosen: Select[str]) -> Clause:
    """Return the condition to be one of these, which are chosen once.

    PostgreSQL may run a plain subquery again for each row, and then it passes over those that the statement
    has changed already and chooses others: the limit would be none.
    """
    return col(SessionRow.id).in_(select(chosen.cte("chosen").c.id))


async def _revoke(tx: WriteTx, where: list[Clause], ending: Ending) -> list[str]:
    by: str | Case[str] = ending.by.value
    if ending.user_id is not None:
        own = col(SessionRow.user_id) == ending.user_id
        by = case((own, InitiatingEntity.USER.value), else_=by)
    return await _end(
        tx,
        [*where, *_is_live(ending.now)],
        status=Status.REVOKED.value,
        ended_at=ending.now,
        ended_by=by,
        end_reason=ending.reason,
        updated_at=ending.now,
    )


async def _end(tx: WriteTx, where: list[Clause], **values: object) -> list[str]:
    """Change the active rows among these and append one event for each; return their ids."""
    changed = await tx.execute(
        update(SessionRow).where(*where).values(**values).returning(col(SessionRow.id))
    )
    ids: list[str] = list(changed.scalars())
    await append(tx, ids, previous_status=Status.ACTIVE)
    return ids
