"""What is no text, no instant and no id is refused in every argument of a query, and never a fault."""

import json
from itertools import product

from node import Node
from stored import START, minute, row, store

from api.scalars import format_datetime
from models.database import Database

NOT_TEXTS = ["", "\x00", "a\x00b", "line\nbreak", "\x1b[31m", "\x7f", "x" * 256]
NOT_INSTANTS = [
    "2026-01-15T12:00:00",
    "2026-01-15",
    "yesterday",
    "",
    "\x00",
    "2026-13-01T00:00:00Z",
    "0001-01-01T00:00:00+01:00",
    "9999-12-31T23:59:59.999-01:00",
    1_768_478_400,
]
TEXT_FILTERS = ["userId", "organizationId", "impersonatorEmail", "ipAddress"]


async def test_refuses_a_filter_by_what_is_no_text(node: Node) -> None:
    by_page = "query ($filter: SessionFilter) { sessions(filter: $filter) { asOf } }"
    by_viewer = "query ($filter: SessionFilter) { viewer { sessions(filter: $filter) { asOf } } }"
    by_log = "query ($filter: SessionFilter) { sessionStatusChanges(filter: $filter) { nodes { cursor } } }"
    by_count = "query ($filter: SessionFilter) { sessionCounts(filter: $filter, by: []) { count } }"
    for field, document in product(TEXT_FILTERS, (by_page, by_viewer, by_log, by_count)):
        for wrong in NOT_TEXTS:
            code, message = await node.refusal(document, filter={field: wrong})
            assert code == "BAD_USER_INPUT"
            assert message.startswith(f"`filter.{field}` has "), message


async def test_takes_a_text_of_255_characters(node: Node) -> None:
    document = "query ($filter: SessionFilter) { sessionCounts(filter: $filter, by: []) { count } }"
    for field in TEXT_FILTERS:
        assert await node.query(document, filter={field: "🦊" * 255}) == {"sessionCounts": [{"count": 0}]}


async def test_refuses_a_lone_surrogate_wherever_it_stands(node: Node) -> None:
    document = """query ($id: ID = "", $ids: [ID!] = [], $after: String, $userId: ID) {
      session(id: $id) { id } node(id: $id) { id } nodes(ids: $ids) { id }
      sessions(after: $after, filter: {userId: $userId, ids: $ids}) { asOf }
    }"""
    for variables in ({"id": "\ud800"}, {"ids": ["\ud800"]}, {"after": "\ud800"}, {"userId": "\udc00\ud800"}):
        body = json.dumps({"query": document, "variables": variables})
        assert r"\ud800" in body
        answer = await node.http.post(
            "/graphql", content=body.encode(), headers={"content-type": "application/json"}
        )
        (error,) = answer.json()["errors"]
        assert (answer.status_code, error["extensions"]["code"]) == (400, "BAD_USER_INPUT")


async def test_refuses_a_lone_surrogate_in_a_document(node: Node) -> None:
    code, _message = await node.refusal(r'{ session(id: "\ud800") { id } }')
    assert code == "GRAPHQL_PARSE_FAILED"


async def test_refuses_what_is_no_instant(node: Node) -> None:
    document = "query ($at: DateTime!) { sessions(filter: {createdAt: {from: $at}}) { asOf } }"
    for wrong in NOT_INSTANTS:
        code, _message = await node.refusal(document, at=wrong)
        assert code == "BAD_USER_INPUT", wrong
        inline = f"{{ sessions(filter: {{createdAt: {{to: {json.dumps(wrong)}}}}}) {{ asOf }} }}"
        code, _message = await node.refusal(inline)
        assert code == "BAD_USER_INPUT", wrong


async def test_takes_an_instant_of_any_zone(node: Node, database: Database) -> None:
    await store(database, row(0), row(1))
    document = """query ($from: DateTime, $to: DateTime) {
      sessions(filter: {createdAt: {from: $from, to: $to}}) { nodes { createdAt } }
    }"""
    for start, end in (
        ("2026-01-15T12:00:00Z", "2026-01-15T12:01:00Z"),
        ("2026-01-15T13:00:00+01:00", "2026-01-15T07:01:00.000-05:00"),
        ("2026-01-15T12:00:00.000999Z", "2026-01-15T12:00:00.001Z"),
        ("0001-01-01T00:00:00Z", "2026-01-15T12:00:59.999999Z"),
        (None, "2026-01-15T12:01Z"),
    ):
        found = (await node.query(document, **{"from": start, "to": end}))["sessions"]["nodes"]
        assert found == [{"createdAt": format_datetime(START)}], (start, end)
    latest = {"from": "2026-01-15T12:01:00Z", "to": "9999-12-31T23:59:59.999Z"}
    found = (await node.query(document, **latest))["sessions"]["nodes"]
    assert found == [{"createdAt": format_datetime(minute(1))}]
