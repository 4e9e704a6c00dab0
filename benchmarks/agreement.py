"""Whether all servers do the same: one that does less, or something else, is not worth measuring."""

from datetime import datetime
from itertools import islice
from typing import Any

import asyncpg
import orjson
from load import Connection
from workloads import REASON, Workload

COMPARED = 20
"""How many questions of each workload are compared."""

END = """\
SELECT s.status, s.end_reason, s.ended_at = s.updated_at, e.previous_status, e.status, e.end_reason,
  e.occurred_at = s.ended_at, e.user_id = s.user_id, e.created_at = s.created_at
FROM session s JOIN event e ON e.session_id = s.id WHERE s.id = $1
"""
EXPECTED_END = ("revoked", REASON, True, "active", "revoked", REASON, True, True, True)


async def compare_sessions(name: str, load: Workload, server: Connection, floor: Connection) -> None:
    """Make sure that a server gives the sessions of the floor, field by field, to the first questions.

    Raises:
        RuntimeError: They differ.
    """
    for question in islice(load.questions, COMPARED):
        answer = orjson.loads(await server.send(question.graphql))
        expected = orjson.loads(await floor.send(question.plain))
        found = _nodes(answer["data"])
        rows = expected["nodes"] if "nodes" in expected else [expected["session"]]
        nodes = [{field: _node(row)[field] for field in found[0]} for row in rows] if found else rows
        if found != nodes or len(found[0]) != load.field_count:
            raise RuntimeError(f"{name}, {load.name}: {found} is not {nodes}")
        page = answer["data"].get("sessions", {})
        if "pageInfo" in page and _page_info(page) != (expected["hasNextPage"], *_ends_of(page)):
            raise RuntimeError(f"{name}, {load.name}: {page['pageInfo']} is not that of the page")


async def check_end(name: str, session: str, database: asyncpg.Connection) -> None:
    """Make sure that a server has ended a session, with one event.

    Raises:
        RuntimeError: It was not.
    """
    rows = [tuple(row) for row in await database.fetch(END, session)]
    if rows != [EXPECTED_END]:
        raise RuntimeError(f"{name}: the end of {session} left {rows}, not {EXPECTED_END}")


async def check_events(count: int, database: asyncpg.Connection) -> None:
    """Make sure that there are so many events, one for each end that was asked for.

    Raises:
        RuntimeError: Some ended nothing, or left more than one.
    """
    events = await database.fetchval("SELECT count(*) FROM event")
    if events != count:
        raise RuntimeError(f"{count} ends left {events} events")


def _nodes(data: dict[str, Any]) -> list[dict[str, Any]]:
    if "session" in data:
        return [data["session"]]
    page = data["sessions"]
    return page["nodes"] if "nodes" in page else [edge["node"] for edge in page["edges"]]


def _node(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of the floor as the GraphQL type has it."""
    email, reason = row["impersonator_email"], row["impersonator_reason"]
    return {
        "object": "session",
        "id": row["id"],
        "userId": row["user_id"],
        "organizationId": row["organization_id"],
        "status": row["status"].upper(),
        "authMethod": row["auth_method"].upper(),
        "ipAddress": row["ip_address"],
        "userAgent": row["user_agent"],
        "impersonator": {"email": email, "reason": reason} if email else None,
        "expiresAt": _instant(row["expires_at"]),
        "endedAt": _instant(row["ended_at"]),
        "createdAt": _instant(row["created_at"]),
        "updatedAt": _instant(row["updated_at"]),
    }


def _instant(text: str | None) -> str | None:
    if text is None:
        return None
    return datetime.fromisoformat(text).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _page_info(page: dict[str, Any]) -> tuple[bool, str, str]:
    info = page["pageInfo"]
    return info["hasNextPage"], info["startCursor"], info["endCursor"]


def _ends_of(page: dict[str, Any]) -> tuple[str, str]:
    return page["edges"][0]["cursor"], page["edges"][-1]["cursor"]
