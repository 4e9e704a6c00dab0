"""The log of status changes by pull, and the proof from it that nothing changed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from node import Node

CHANGES = """query ($filter: SessionFilter, $after: Cursor, $first: Int) {
  sessionStatusChanges(filter: $filter, after: $after, first: $first) {
    nodes { cursor status previousStatus endedBy reason occurredAt session { id status } }
    pageInfo { hasNextPage endCursor }
  }
}"""

SESSIONS = """{ sessions(first: 100) {
  nodes { id userId status expiresAt endedAt endedBy endReason updatedAt }
  pageInfo { hasNextPage }
} }"""


async def as_of(node: Node) -> str:
    """Return the position of the log now."""
    cursor: str = (await node.query("{ sessions(first: 1) { asOf } }"))["sessions"]["asOf"]
    return cursor


async def changes_until(
    node: Node, session_id: str, *, after: str | None = None, status: str | None = None
) -> list[Any]:
    """Return the changes after a position, up to and with the first of this session (to this status)."""
    found: list[Any] = []
    async with asyncio.timeout(10):
        while True:
            page = (await node.query(CHANGES, after=after, first=100))["sessionStatusChanges"]
            for change in page["nodes"]:
                found.append(change)
                if change["session"]["id"] == session_id and status in {None, change["status"]}:
                    return found
            after = page["pageInfo"]["endCursor"]
            await asyncio.sleep(0 if page["pageInfo"]["hasNextPage"] else 0.01)


async def settled(node: Node) -> str:
    """Create a session, wait for it in the log, and return its position: all before it is numbered too."""
    start = await as_of(node)
    cursor: str = (await changes_until(node, await node.create(), after=start))[-1]["cursor"]
    return cursor


@asynccontextmanager
async def nothing_changed(node: Node) -> AsyncIterator[None]:
    """Prove that what is done inside changes no session, and that the next event is one of our own."""
    position = await settled(node)
    before = (await node.query(SESSIONS))["sessions"]
    assert not before["pageInfo"]["hasNextPage"], "a test of at most 100 sessions"
    yield
    assert (await node.query(SESSIONS))["sessions"] == before
    marker = await node.create()
    changes = await changes_until(node, marker, after=position)
    assert [change["session"]["id"] for change in changes] == [marker]
