"""Sessions put straight into the tables, with past instants and with words from the future."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from node import USER
from sqlalchemy import Connection, MetaData, insert, select
from sqlmodel import col

from models.appending import append
from models.database import Database
from models.session import AuthMethod, SessionRow, Status

START = datetime(2026, 1, 15, 12, tzinfo=UTC)
"""When the first session was created; each next one a minute later."""

NEVER = datetime(2099, 1, 1, tzinfo=UTC)


def session_id(number: int) -> str:
    """Return the id of a number; ids are in the order of their numbers."""
    return f"session_{number:026d}"


def minute(number: float) -> datetime:
    return START + timedelta(minutes=number)


def row(number: int, **given: Any) -> dict[str, Any]:
    """Return an active session as it is stored, of the given minute."""
    created_at = given.get("created_at", minute(number))
    stored = {
        "user_id": USER,
        "organization_id": None,
        "status": Status.ACTIVE.value,
        "auth_method": AuthMethod.PASSWORD.value,
        "ip_address": None,
        "user_agent": None,
        "impersonator_email": None,
        "impersonator_reason": None,
        "expires_at": NEVER,
        "ended_at": None,
        "ended_by": None,
        "end_reason": None,
        "created_at": created_at,
        "updated_at": given.get("ended_at") or created_at,
        "id": session_id(number),
    }
    assert given.keys() <= stored.keys(), given
    return {**stored, **given}


async def store(database: Database, *rows: dict[str, Any]) -> None:
    """Insert sessions, each with the event by which it became known."""
    async with database.write() as tx:
        await tx.execute_each(insert(SessionRow), rows)
        oldest_first = sorted(rows, key=lambda one: (one["created_at"], one["id"]))
        await append(tx, [one["id"] for one in oldest_first], previous_status=None)


async def population(database: Database) -> list[str]:
    """Store 23 sessions, up to five of one instant, in no order; return their ids, oldest first."""
    mixed = [number * 7 % 23 for number in range(23)]
    await store(database, *(row(number, created_at=minute(number // 5)) for number in mixed))
    return [session_id(number) for number in range(23)]


@asynccontextmanager
async def held(database: Database, *ids: str) -> AsyncIterator[None]:
    """Keep every sweeper from these sessions, so that only reading can see that their time ran out."""
    mine = col(SessionRow.id).in_(ids)
    async with asyncio.timeout(10), database.write() as tx:
        await tx.fetch(select(col(SessionRow.id)).where(mine).with_for_update())
        yield


def contents(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """Return every row of every table, whatever the schema is; Alembic's own apart."""
    metadata = MetaData()
    metadata.reflect(connection)
    return {
        table.name: [
            dict(row) for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()
        ]
        for table in metadata.sorted_tables
        if table.name != "alembic_version"
    }
