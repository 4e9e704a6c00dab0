"""The documents that the command line sends."""

_SESSION = """
fragment session on Session {
  object id userId organizationId status authMethod ipAddress userAgent
  device { browser browserVersion os osVersion type isBot }
  impersonator { email reason }
  expiresAt endedAt createdAt updatedAt endedBy endReason isCurrent
}
"""
_CHANGE = (
    _SESSION
    + """
fragment change on SessionStatusChange {
  cursor status previousStatus occurredAt endedBy reason session { ...session }
}
"""
)

LIST = (
    _SESSION
    + """
query ($filter: SessionFilter, $first: Int!, $after: String, $counts: Boolean!) {
  sessions(filter: $filter, first: $first, after: $after) {
    nodes { ...session }
    pageInfo { hasNextPage endCursor }
    totalCount @include(if: $counts)
  }
}
"""
)

COUNT = "query ($filter: SessionFilter) { sessionCounts(filter: $filter, by: []) { count } }"

CURRENT = "{ viewer { session { id } } }"

POSITION = "{ sessions(first: 1) { asOf } }"

LOG = (
    _CHANGE
    + """
query ($filter: SessionFilter, $after: Cursor) {
  sessionStatusChanges(filter: $filter, after: $after, first: 100) {
    nodes { ...change }
    pageInfo { hasNextPage endCursor }
  }
}
"""
)

WATCH = (
    _CHANGE
    + """
subscription ($filter: SessionFilter, $after: Cursor) {
  sessionStatusChanged(filter: $filter, after: $after) { ...change }
}
"""
)

END_ONE = "mutation ($input: EndSessionInput!) { endSession(input: $input) { outcome } }"

END_MANY = "mutation ($input: EndSessionsInput!) { endSessions(input: $input) { endedCount hasMore } }"
