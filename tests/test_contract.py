"""The contract: its names, types and defaults hold, all of it is described, and it is what is printed."""

from pathlib import Path
from typing import Any

from graphql import build_schema, introspection_from_schema
from graphql.utilities import find_schema_changes
from typer.testing import CliRunner

from api import inputs
from api.cli import app
from api.connection import PAGE_DEFAULT, PAGE_LIMIT
from models.queries import COUNT_LIMIT
from models.session import REASON_LIMIT, TEXT_LIMIT, USER_AGENT_LIMIT

PRINTED = Path(__file__).parent.parent / "schema.graphql"

CONTRACT = """
scalar Cursor
scalar DateTime
scalar Date

interface Node { id: ID! }

type Session implements Node {
  object: String!
  id: ID!
  userId: ID!
  organizationId: ID
  status: SessionStatus!
  authMethod: AuthMethod!
  ipAddress: String
  userAgent: String
  impersonator: Impersonator
  expiresAt: DateTime!
  endedAt: DateTime
  createdAt: DateTime!
  updatedAt: DateTime!
  endedBy: InitiatingEntity
  endReason: String
  isCurrent: Boolean!
  history: [SessionStatusChange!]!
}
type Impersonator { email: String! reason: String }
enum SessionStatus { ACTIVE EXPIRED REVOKED }
enum AuthMethod {
  CROSS_APP_AUTH EXTERNAL_AUTH IMPERSONATION MAGIC_CODE MIGRATED_SESSION OAUTH PASSKEY PASSWORD SSO UNKNOWN
}
enum InitiatingEntity { ADMIN USER POLICY SYSTEM }

type Query {
  viewer: Viewer!
  session(id: ID!): Session
  sessions(
    filter: SessionFilter, orderBy: SessionOrder, first: Int, after: String, last: Int, before: String
  ): SessionConnection!
  sessionStatusChanges(filter: SessionFilter, after: Cursor, first: Int): SessionStatusChangeConnection!
  sessionCounts(filter: SessionFilter, by: [SessionDimension!]!): [SessionCount!]!
  node(id: ID!): Node
  nodes(ids: [ID!]!): [Node]!
}
type Viewer {
  kind: ViewerKind!
  userId: ID
  organizationId: ID
  permissions: [String!]!
  scopes: [String!]!
  session: Session
  sessions(
    filter: SessionFilter, orderBy: SessionOrder, first: Int, after: String, last: Int, before: String
  ): SessionConnection!
}
enum ViewerKind { USER SERVICE }
type SessionConnection {
  edges: [SessionEdge!]!
  nodes: [Session!]!
  pageInfo: PageInfo!
  totalCount: Int!
  asOf: Cursor!
}
type SessionEdge { cursor: String! node: Session! }
type PageInfo {
  hasNextPage: Boolean!
  hasPreviousPage: Boolean!
  startCursor: String
  endCursor: String
}
type SessionStatusChangeConnection {
  edges: [SessionStatusChangeEdge!]!
  nodes: [SessionStatusChange!]!
  pageInfo: PageInfo!
}
type SessionStatusChangeEdge { cursor: Cursor! node: SessionStatusChange! }
type SessionCount {
  count: Int!
  status: SessionStatus
  authMethod: AuthMethod
  organizationId: ID
  impersonated: Boolean
  day: Date
}
enum SessionDimension { STATUS AUTH_METHOD ORGANIZATION IMPERSONATED DAY }

input SessionFilter {
  ids: [ID!]
  userId: ID
  organizationId: ID
  status: [SessionStatus!]
  authMethod: [AuthMethod!]
  impersonated: Boolean
  impersonatorEmail: String
  ipAddress: String
  createdAt: DateTimeRange
  expiresAt: DateTimeRange
  endedAt: DateTimeRange
}
input DateTimeRange { from: DateTime to: DateTime }
input SessionOrder { field: SessionOrderField! = CREATED_AT direction: OrderDirection! = DESC }
enum SessionOrderField { CREATED_AT }
enum OrderDirection { ASC DESC }

type Mutation {
  createSession(input: CreateSessionInput!): CreateSessionPayload!
  endSession(input: EndSessionInput!): EndSessionPayload!
  endSessions(input: EndSessionsInput!): EndSessionsPayload!
}
input CreateSessionInput {
  id: ID
  userId: ID!
  organizationId: ID
  authMethod: AuthMethod! = UNKNOWN
  ipAddress: String
  userAgent: String
  impersonator: ImpersonatorInput
  expiresAt: DateTime!
}
input ImpersonatorInput { email: String! reason: String }
type CreateSessionPayload { session: Session! created: Boolean! }
input EndSessionInput { id: ID! reason: String }
type EndSessionPayload { outcome: EndSessionOutcome! session: Session }
enum EndSessionOutcome { ENDED ALREADY_ENDED NOT_FOUND }
input EndSessionsInput {
  filter: SessionFilter!
  exceptCurrent: Boolean! = false
  except: [ID!]
  reason: String
  limit: Int! = 1000
}
type EndSessionsPayload { endedCount: Int! hasMore: Boolean! }

type Subscription {
  sessionStatusChanged(filter: SessionFilter, after: Cursor): SessionStatusChange!
}
type SessionStatusChange {
  cursor: Cursor!
  session: Session!
  status: SessionStatus!
  previousStatus: SessionStatus
  occurredAt: DateTime!
  endedBy: InitiatingEntity
  reason: String
}
"""
"""What clients are promised; the schema may say more, never less or otherwise."""


ADDITIONS = {
    "DESCRIPTION_CHANGED",
    "DIRECTIVE_ADDED",
    "FIELD_ADDED",
    "IMPLEMENTED_INTERFACE_ADDED",
    "OPTIONAL_ARG_ADDED",
    "OPTIONAL_INPUT_FIELD_ADDED",
    "TYPE_ADDED",
    "VALUE_ADDED_TO_ENUM",
}


def test_prints_the_committed_schema() -> None:
    printed = CliRunner().invoke(app, ["schema"])
    assert printed.exit_code == 0
    assert printed.stdout == PRINTED.read_text(), "run `make schema`"


def test_keeps_the_contract() -> None:
    changes = find_schema_changes(build_schema(CONTRACT), build_schema(PRINTED.read_text()))
    assert [change for change in changes if change.type.name not in ADDITIONS] == []


def test_describes_everything() -> None:
    described = descriptions()
    assert {"Session", "Session.id", "Query.nodes(ids:)", "SessionFilter.ids", "SessionStatus.ACTIVE"} < (
        described.keys()
    )
    assert [name for name, description in described.items() if not description.endswith(".")] == []


def test_describes_every_bound() -> None:
    page, texts = f"1 to {PAGE_LIMIT}", f"at most {TEXT_LIMIT} characters"
    ids, reasons = f"at most {inputs.IDS_LIMIT}", f"at most {REASON_LIMIT} characters"
    bounds = {
        "Query.sessions(first:)": f"{page}, {PAGE_DEFAULT} if left out",
        "Query.sessions(last:)": page,
        "Viewer.sessions(first:)": f"{page}, {PAGE_DEFAULT} if left out",
        "Viewer.sessions(last:)": page,
        "Query.sessionStatusChanges(first:)": f"{page}, {PAGE_DEFAULT} if left out",
        "Query.sessionCounts": f"at most {COUNT_LIMIT:,} groups",
        "Query.nodes(ids:)": ids,
        "SessionFilter.ids": ids,
        "SessionFilter.userId": texts,
        "SessionFilter.organizationId": texts,
        "SessionFilter.impersonatorEmail": texts,
        "SessionFilter.ipAddress": texts,
        "CreateSessionInput.userId": texts,
        "CreateSessionInput.organizationId": texts,
        "CreateSessionInput.ipAddress": texts,
        "CreateSessionInput.userAgent": f"at most {USER_AGENT_LIMIT:,} characters",
        "ImpersonatorInput.email": texts,
        "ImpersonatorInput.reason": reasons,
        "EndSessionInput.reason": reasons,
        "EndSessionsInput.reason": reasons,
        "EndSessionsInput.except": ids,
        "EndSessionsInput.limit": f"1 to {inputs.END_LIMIT:,}",
    }
    described = descriptions()
    assert [name for name, bound in bounds.items() if bound not in described[name]] == []


def descriptions() -> dict[str, str]:
    """Return what introspection says of each type, member and argument, by its coordinate."""
    found = {}
    introspection: Any = introspection_from_schema(build_schema(PRINTED.read_text()))
    for type_ in introspection["__schema"]["types"]:
        if type_["name"].startswith("__"):  # introspection's own
            continue
        found[type_["name"]] = type_["description"] or ""
        for kind in ("fields", "inputFields", "enumValues"):
            for member in type_.get(kind) or ():
                coordinate = f"{type_['name']}.{member['name']}"
                found[coordinate] = member["description"] or ""
                for argument in member.get("args") or ():
                    found[f"{coordinate}({argument['name']}:)"] = argument["description"] or ""
    return found
