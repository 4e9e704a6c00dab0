"""What the benchmarks ask the service."""

import orjson
from load import request
from population import created_at, session_id

from api.cursor import encode_key
from models.instant import to_microseconds
from models.queries import Key

PAGE = 50
DEPTH = 10_000

FIELDS = """
  id userId organizationId status authMethod ipAddress userAgent impersonator { email reason }
  expiresAt endedAt createdAt updatedAt
"""
SESSION = f"query ($id: ID!) {{ session(id: $id) {{ {FIELDS} }} }}"
SESSIONS = f"""query ($filter: SessionFilter, $first: Int, $after: String) {{
  sessions(filter: $filter, first: $first, after: $after) {{
    nodes {{ {FIELDS} }} pageInfo {{ hasNextPage }}
  }}
}}"""
COUNT = "{ sessions(first: 1) { totalCount } }"
END = "mutation ($input: EndSessionInput!) { endSession(input: $input) { outcome } }"
END_ALL = "mutation ($input: EndSessionsInput!) { endSessions(input: $input) { endedCount hasMore } }"
CHANGED = "subscription { sessionStatusChanged { session { id } } }"


def graphql(document: str, **variables: object) -> bytes:
    return request("POST", "/graphql", orjson.dumps({"query": document, "variables": variables}))


def page(**variables: object) -> bytes:
    return graphql(SESSIONS, first=PAGE, **variables)


def key_of_deep_page(size: int, *, depth: int = DEPTH) -> Key:
    """Return the last session before a deep page of so many sessions, newest first."""
    before = size - PAGE * (depth - 1)
    return Key(created_at(before), session_id(before))


def deep_page(size: int) -> bytes:
    before = key_of_deep_page(size)
    return page(after=encode_key(to_microseconds(before.created_at), before.id))
