"""Storing sessions of the past as they are now, statuses included, with all that happened to them."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert

from models.appending import append_past
from models.changes import Ending, NewSession
from models.database import WriteTx
from models.session import InitiatingEntity, SessionRow, Status


@dataclass(frozen=True, slots=True)
class Life:
    """A sign-in of the past, whose id is given, and how the session was ended before its time, if it was."""

    new: NewSession
    began_at: datetime
    ending: Ending | None


async def record_lives(tx: WriteTx, lives: Sequence[Life], now: datetime) -> None:
    """Store sessions whose ids are free, and their events in the order of time.

    One that was not ended before its time has expired if that has run out.
    """
    stages = [_stages(life, now) for life in lives]
    await tx.execute_each(insert(SessionRow), [of_life[-1] for of_life in stages])
    events = [event for of_life in stages for event in _events(of_life)]
    await append_past(tx, sorted(events, key=lambda event: event["occurred_at"]))


def _stages(life: Life, now: datetime) -> list[dict[str, Any]]:
    """Return the row of a session after each of its changes, oldest first."""
    begun = {
        **asdict(life.new),
        "status": Status.ACTIVE.value,
        "ended_at": None,
        "ended_by": None,
        "end_reason": None,
        "created_at": life.began_at,
        "updated_at": life.began_at,
    }
    if life.ending is not None:
        status, at, by, reason = Status.REVOKED, life.ending.now, life.ending.by, life.ending.reason
    elif life.new.expires_at <= now:
        status, at, by, reason = Status.EXPIRED, life.new.expires_at, InitiatingEntity.POLICY, None
    else:
        return [begun]
    ended = {"status": status.value, "ended_at": at, "ended_by": by.value, "end_reason": reason}
    return [begun, {**begun, **ended, "updated_at": at}]


def _events(stages: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    before = None
    for stage in stages:
        columns = {name: value for name, value in stage.items() if name != "id"}
        yield {
            **columns,
            "session_id": stage["id"],
            "previous_status": before,
            "occurred_at": stage["updated_at"],
        }
        before = stage["status"]
