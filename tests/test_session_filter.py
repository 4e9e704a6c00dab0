"""The filter of the contract: what each condition means, the same in every read."""

from typing import Any

from log import changes_until
from node import FUTURE, ORGANIZATION, USER, Node
from stored import held, minute, row, session_id, store

from api.scalars import format_datetime
from models.database import Database

OTHER_USER = "user_01E4ZCR3C56J083X43JQXF3JK6"
OTHER_ORGANIZATION = "org_01H945H0YD4F97JN9MATX7BYAH"
STORED = [
    row(1, ip_address="192.0.2.1"),
    row(2, organization_id=ORGANIZATION, auth_method="sso", ip_address="2001:db8::1"),
    row(
        3,
        user_id=OTHER_USER,
        organization_id=ORGANIZATION,
        auth_method="telepathy",
        status="revoked",
        ended_at=minute(30),
        ended_by="admin",
    ),
    row(
        4,
        user_id=OTHER_USER,
        organization_id=OTHER_ORGANIZATION,
        auth_method="unknown",
        status="expired",
        expires_at=minute(40),
        ended_at=minute(40),
        ended_by="policy",
    ),
    row(5, user_id=OTHER_USER, expires_at=minute(50)),  # its time ran out, and nobody noted it
    row(
        6,
        organization_id=ORGANIZATION,
        auth_method="impersonation",
        impersonator_email="a@example.com",
        ip_address="192.0.2.1",
    ),
    row(
        7,
        user_id=OTHER_USER,
        auth_method="impersonation",
        impersonator_email="b@example.com",
        status="revoked",
        expires_at=minute(90),
        ended_at=minute(60),
    ),
]
ALL = {1, 2, 3, 4, 5, 6, 7}


def at(number: int) -> str:
    return format_datetime(minute(number))


MEANINGS: list[tuple[dict[str, Any] | None, set[int]]] = [
    (None, ALL),
    ({}, ALL),
    ({"ids": [session_id(2), session_id(5), session_id(9), session_id(2), "no id"]}, {2, 5}),
    ({"ids": []}, set()),
    ({"ids": None}, ALL),
    ({"userId": USER}, {1, 2, 6}),
    ({"userId": USER.lower()}, set()),
    ({"organizationId": ORGANIZATION}, {2, 3, 6}),
    ({"status": ["ACTIVE"]}, {1, 2, 6}),
    ({"status": ["EXPIRED"]}, {4, 5}),
    ({"status": ["REVOKED"]}, {3, 7}),
    ({"status": ["ACTIVE", "EXPIRED"]}, {1, 2, 4, 5, 6}),
    ({"status": ["REVOKED", "ACTIVE", "EXPIRED", "ACTIVE"]}, ALL),
    ({"status": []}, set()),
    ({"authMethod": ["PASSWORD"]}, {1, 5}),
    ({"authMethod": ["SSO", "IMPERSONATION"]}, {2, 6, 7}),
    ({"authMethod": ["UNKNOWN"]}, {3, 4}),
    ({"authMethod": ["UNKNOWN", "SSO"]}, {2, 3, 4}),
    ({"authMethod": []}, set()),
    ({"impersonated": True}, {6, 7}),
    ({"impersonated": False}, {1, 2, 3, 4, 5}),
    ({"impersonatorEmail": "b@example.com"}, {7}),
    ({"impersonatorEmail": "b@example.com", "impersonated": False}, set()),
    ({"ipAddress": "192.0.2.1"}, {1, 6}),
    ({"ipAddress": "2001:DB8::1"}, set()),
    ({"createdAt": {"from": at(3), "to": at(6)}}, {3, 4, 5}),
    ({"createdAt": {"from": at(6)}}, {6, 7}),
    ({"createdAt": {"to": at(2)}}, {1}),
    ({"createdAt": {"from": at(3), "to": at(3)}}, set()),
    ({"createdAt": {}}, ALL),
    ({"expiresAt": {"from": at(40), "to": at(90)}}, {4, 5}),
    ({"expiresAt": {"from": FUTURE}}, {1, 2, 3, 6}),
    ({"endedAt": {"from": at(30), "to": at(50)}}, {3, 4}),
    ({"endedAt": {"from": at(50)}}, {5, 7}),
    ({"endedAt": {"to": FUTURE}}, {3, 4, 5, 7}),
    ({"endedAt": {"from": None}}, ALL),
    ({"endedAt": {"to": FUTURE}, "status": ["ACTIVE"]}, set()),
    ({"organizationId": ORGANIZATION, "status": ["ACTIVE"], "impersonated": False}, {2}),
    (
        {
            "ids": [session_id(number) for number in range(100)],
            "userId": OTHER_USER,
            "organizationId": OTHER_ORGANIZATION,
            "status": ["EXPIRED"],
            "authMethod": ["UNKNOWN"],
            "impersonated": False,
            "impersonatorEmail": None,
            "ipAddress": None,
            "createdAt": {"from": at(4), "to": at(5)},
            "expiresAt": {"from": at(40), "to": at(41)},
            "endedAt": {"from": at(40), "to": at(41)},
        },
        {4},
    ),
]
"""Filters, and the sessions that they mean."""


async def test_means_the_same_in_every_read(node: Node, database: Database) -> None:
    document = """query ($filter: SessionFilter) {
      sessions(filter: $filter) { nodes { id } totalCount }
      viewer { sessions(filter: $filter) { nodes { id } totalCount } }
      sessionCounts(filter: $filter, by: []) { count }
    }"""
    await store(database, *STORED)
    async with held(database, session_id(5)):
        for filter_, numbers in MEANINGS:
            data = await node.query(document, filter=filter_)
            page = {
                "nodes": [{"id": session_id(number)} for number in sorted(numbers, reverse=True)],
                "totalCount": len(numbers),
            }
            assert data == {
                "sessions": page,
                "viewer": {"sessions": page},
                "sessionCounts": [{"count": len(numbers)}],
            }, filter_


async def test_means_in_the_log_what_was_so_after_each_change(node: Node, database: Database) -> None:
    document = """query ($filter: SessionFilter) {
      sessionStatusChanges(filter: $filter) { nodes { session { id } } }
    }"""
    await store(database, *(one for one in STORED if one["id"] != session_id(5)))
    marker = await node.create()
    await changes_until(node, marker)
    for filter_, numbers in MEANINGS:
        changes = (await node.query(document, filter=filter_))["sessionStatusChanges"]["nodes"]
        found = [id_ for change in changes if (id_ := change["session"]["id"]) != marker]
        assert found == [session_id(number) for number in sorted(numbers - {5})], filter_


async def test_takes_100_ids_and_refuses_101(node: Node) -> None:
    for field in ("sessions(filter: $filter)", "viewer { sessions(filter: $filter)"):
        document = f"query ($filter: SessionFilter) {{ {field} {{ totalCount }} {'}' * field.count('{')} }}"
        code, message = await node.refusal(document, filter={"ids": [session_id(1)] * 101})
        assert (code, message) == ("BAD_USER_INPUT", "`filter.ids` has 101 ids; at most 100 are taken.")
        await node.query(document, filter={"ids": [session_id(1)] * 100})


async def test_refuses_a_range_that_ends_before_it_begins(node: Node) -> None:
    document = "query ($filter: SessionFilter) { sessions(filter: $filter) { totalCount } }"
    for field in ("createdAt", "expiresAt", "endedAt"):
        assert await node.refusal(document, filter={field: {"from": at(1), "to": at(0)}}) == (
            "BAD_USER_INPUT",
            f"`filter.{field}` ends before it begins; swap `from` and `to`.",
        )


async def test_refuses_what_is_not_of_the_schema(node: Node) -> None:
    document = "query ($filter: SessionFilter) { sessions(filter: $filter) { totalCount } }"
    wrongs: list[Any] = [
        {"status": ["GONE"]},
        {"status": ["active"]},
        {"status": [None]},
        {"authMethod": ["TELEPATHY"]},
        {"ids": [None]},
        {"impersonated": "yes"},
        {"createdAt": {"since": at(1)}},
        {"user": USER},
        [{}, {}],
    ]
    for wrong in wrongs:
        code, _message = await node.refusal(document, filter=wrong)
        assert code == "BAD_USER_INPUT", wrong
