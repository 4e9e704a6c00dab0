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


async def compare_sessions(load: Workload, server: Connection, floor: Connection) -> None:
    """Make sure that a server gives the sessions of the floor, field by field, to the first questions.

    Raises:
        RuntimeError: They differ.
    """
    for question in islice(load.questions, COMPARED):
        answer = orjson.loads(await server.send(question.graphql))
        expected = orjson.loads(await floor.send(question.plain))
        found = _nodes(answer["data"])
        rows = expected["nodes"] if "nodes" in expected else [expected["session"]]
        nodes = [{name: _node(row)[name] for name in node} for row, node in zip(rows, found, strict=True)]
        if not found or found != nodes or any(len(node) != load.field_count for node in found):
            raise RuntimeError(f"{load.name}: {found} is not {nodes}")
        _check_page_info(answer["data"].get("sessions", {}), has_next_page=expected.get("hasNextPage"))


async def check_end(session: str, database: asyncpg.Connection) -> None:
    """Make sure that a session was ended with one event, alike by each server.

    Raises:
        RuntimeError: It was not.
    """
    rows = [tuple(row) for row in await database.fetch(END, session)]
    if rows != [EXPECTED_END]:
        raise RuntimeError(f"the end of {session} left {rows}, not {EXPECTED_END}")


async def check_events(count: int, database: asyncpg.Connection) -> None:
    """Make sure that each question about an end was one, by the number of events.

    Raises:
        RuntimeError: Some ended nothing.
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


def _check_page_info(page: dict[str, Any], *, has_next_page: bool | None) -> None:
    if "pageInfo" not in page:
        return
    info, edges = page["pageInfo"], page["edges"]
    found = info["hasNextPage"], info["startCursor"], info["endCursor"]
    expected = has_next_page, edges[0]["cursor"], edges[-1]["cursor"]
    if found != expected:
        raise RuntimeError(f"the page's {found} is not {expected}")
