"""The mutations, called as a client would."""

from typing import Any

from node import FUTURE, ORGANIZATION, USER, Node
from stored import session_id

SESSION = """
  id userId organizationId status authMethod ipAddress userAgent impersonator { email reason }
  expiresAt endedAt createdAt updatedAt endedBy endReason
"""
CREATE = f"""mutation ($input: CreateSessionInput!) {{
  createSession(input: $input) {{ created session {{ {SESSION} }} }}
}}"""
END = f"""mutation ($input: EndSessionInput!) {{
  endSession(input: $input) {{ outcome session {{ {SESSION} }} }}
}}"""
END_MANY = "mutation ($input: EndSessionsInput!) { endSessions(input: $input) { endedCount hasMore } }"
READ = f"query ($id: ID!) {{ session(id: $id) {{ {SESSION} }} }}"

OTHER_USER = "user_01E4ZCR3C56J083X43JQXF3JK6"
FULL = {
    "id": session_id(1),
    "userId": USER,
    "organizationId": ORGANIZATION,
    "authMethod": "IMPERSONATION",
    "ipAddress": "2001:db8::1",
    "userAgent": "Mozilla/5.0 (Ünïcode 🦊)",
    "impersonator": {"email": "admin@example.com", "reason": "Ticket 7"},
    "expiresAt": FUTURE,
}


async def create(node: Node, **given: Any) -> Any:
    return (await node.query(CREATE, input=given))["createSession"]


async def end(node: Node, **given: Any) -> Any:
    return (await node.query(END, input=given))["endSession"]


async def end_many(node: Node, **given: Any) -> tuple[int, bool]:
    ended = (await node.query(END_MANY, input=given))["endSessions"]
    return ended["endedCount"], ended["hasMore"]


async def read(node: Node, id_: str) -> Any:
    return (await node.query(READ, id=id_))["session"]


async def revoked(node: Node) -> list[str]:
    """Return the ids of the sessions that were revoked, oldest first."""
    document = """{ sessions(filter: {status: [REVOKED]}, orderBy: {direction: ASC}, first: 100) {
      nodes { id }
    } }"""
    return [one["id"] for one in (await node.query(document))["sessions"]["nodes"]]
