"""What the servers are asked: five workloads, each in GraphQL and by the plain routes of the floor."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import cycle
from urllib.parse import quote

import orjson
from load import Connection, request
from population import ORGANIZATIONS, PER_USER, organization_id, session_id, user_id
from questions import END, key_of_deep_page

SAMPLES = 1_000
PAGE = 50
DEEP_PAGE = 2_000
REASON = "Left"

FIELDS = (
    "object id userId organizationId status authMethod ipAddress userAgent impersonator { email reason } "
    "expiresAt endedAt createdAt updatedAt"
)
CONNECTION = (
    f"edges {{ cursor node {{ {FIELDS} }} }} pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}"
)
SESSION = f"query ($id: ID!) {{ session(id: $id) {{ {FIELDS} }} }}"
SESSIONS = (
    "query ($filter: SessionFilter, $first: Int, $after: String) "
    f"{{ sessions(filter: $filter, first: $first, after: $after) {{ {CONNECTION} }} }}"
)
MINE = (
    "query ($filter: SessionFilter) "
    "{ sessions(filter: $filter, first: 10) { nodes { id status authMethod createdAt userAgent } } }"
)


@dataclass(frozen=True, slots=True)
class Question:
    """The same in both languages."""

    graphql: bytes
    plain: bytes


@dataclass(frozen=True, slots=True)
class Workload:
    """Questions of a kind. Those about changes are asked only once, so there are too many to be held."""

    name: str
    field_count: int
    questions: Iterable[Question]
    is_repeatable: bool = True

    def requests(self, *, in_graphql: bool) -> Iterator[bytes]:
        for question in cycle(self.questions) if self.is_repeatable else self.questions:
            yield question.graphql if in_graphql else question.plain


def workloads(size: int, key: str, *, cursor: str, active: Iterable[str]) -> list[Workload]:
    """Return the questions for a server; those about one of many ask for 1,000 of them, in no order.

    The `cursor` is the one before the deep page, in the form of that server; `active` are the sessions that
    it is to end.
    """
    chosen = random.Random(1)  # noqa: S311  the same for each server
    sessions = [session_id(number) for number in chosen.sample(range(size), SAMPLES)]
    users = [user_id(number) for number in chosen.sample(range(size // PER_USER), SAMPLES)]
    # Every tenth has given its sessions to the large one.
    organizations = [organization_id(number) for number in range(ORGANIZATIONS) if number % 10 != 1]
    chosen.shuffle(organizations)
    deep = key_of_deep_page(size, depth=DEEP_PAGE)
    before = f"id={deep.id}&created_at={quote(deep.created_at.isoformat())}"
    return [
        Workload(
            "one session by id, 13 fields",
            13,
            [_read(key, f"/session/{one}", SESSION, id=one) for one in sessions],
        ),
        Workload(
            "50 of an organization, 13 fields, cursors, pageInfo",
            13,
            [
                _read(
                    key,
                    f"/sessions/organization_id?value={one}&first={PAGE}",
                    SESSIONS,
                    filter={"organizationId": one},
                    first=PAGE,
                )
                for one in organizations
            ],
        ),
        Workload(
            "a user's 10, 5 fields",
            5,
            [
                _read(key, f"/sessions/user_id?value={one}&first=10", MINE, filter={"userId": one})
                for one in users
            ],
        ),
        Workload(
            f"50 at depth {PAGE * DEEP_PAGE:,}, likewise",
            13,
            [_read(key, f"/sessions?first={PAGE}&{before}", SESSIONS, first=PAGE, after=cursor)],
        ),
        Workload(
            "the end of a session, with its event",
            1,
            (end_of(one, key) for one in active),
            is_repeatable=False,
        ),
    ]


def last_page(key: str) -> Workload:
    """Return a page after which there is none, which is compared and not measured."""
    user = user_id(0)
    plain = f"/sessions/user_id?value={user}&first={PER_USER}"
    asked = _read(key, plain, SESSIONS, filter={"userId": user}, first=PER_USER)
    return Workload("all of a user", 13, [asked])


def active_sessions(size: int) -> list[str]:
    """Return those that are active, every other one, in no order."""
    found = [session_id(number) for number in range(1, size, 2)]
    random.Random(2).shuffle(found)  # noqa: S311  the same in each run
    return found


def end_of(session: str, key: str) -> Question:
    variables = {"id": session, "reason": REASON}
    return Question(graphql(key, END, input=variables), request("POST", "/end", orjson.dumps(variables)))


async def cursor_of_deep_page(connection: Connection, size: int, key: str) -> str:
    """Ask a server for the cursor before the deep page; each has a form of its own."""
    before = key_of_deep_page(size, depth=DEEP_PAGE).id
    session = orjson.loads(await connection.send(graphql(key, SESSION, id=before)))["data"]["session"]
    of_user = graphql(key, SESSIONS, filter={"userId": session["userId"]}, first=PER_USER)
    edges = orjson.loads(await connection.send(of_user))["data"]["sessions"]["edges"]
    cursors: dict[str, str] = {edge["node"]["id"]: edge["cursor"] for edge in edges}
    return cursors[before]


def _read(key: str, plain: str, document: str, **variables: object) -> Question:
    return Question(graphql(key, document, **variables), request("GET", plain))


def graphql(key: str, document: str, **variables: object) -> bytes:
    body = orjson.dumps({"query": document, "variables": variables})
    return request("POST", "/graphql", body, authorization=f"Bearer {key}")
