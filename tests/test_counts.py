"""Counting: by each dimension, by several, by none, and with methods from the future."""

from datetime import UTC, datetime
from typing import Any

from node import ORGANIZATION, Node
from stored import held, minute, row, session_id, store

from models.database import Database

COUNTS = """query ($by: [SessionDimension!]!, $filter: SessionFilter) {
  sessionCounts(by: $by, filter: $filter) {
    count status authMethod organizationId impersonated day
  }
}"""
STORED = [
    row(1),
    row(2, organization_id=ORGANIZATION, auth_method="sso"),
    row(3, organization_id=ORGANIZATION, auth_method="sso", status="revoked", ended_at=minute(30)),
    row(4, auth_method="unknown", status="expired", expires_at=minute(40), ended_at=minute(40)),
    row(5, auth_method="telepathy", expires_at=minute(50)),  # its time ran out, and nobody noted it
    row(6, auth_method="levitation", impersonator_email="a@example.com"),
    row(7, created_at=datetime(2026, 1, 14, 23, 59, 59, 999_000, tzinfo=UTC)),
    row(8, created_at=datetime(2026, 1, 15, tzinfo=UTC)),
]


async def counts(node: Node, *by: str, **filter_: Any) -> list[Any]:
    """Return the groups, largest first, without what is not counted by; ties in the order of their texts."""
    found = (await node.query(COUNTS, by=by, filter=filter_))["sessionCounts"]
    sizes = [group["count"] for group in found]
    assert sizes == sorted(sizes, reverse=True)
    told = [{name: value for name, value in group.items() if value is not None} for group in found]
    return sorted(told, key=lambda group: (-group["count"], str(group)))


async def test_counts_by_each_dimension(node: Node, database: Database) -> None:
    await store(database, *STORED)
    async with held(database, session_id(5)):
        assert await counts(node, "STATUS") == [
            {"count": 5, "status": "ACTIVE"},
            {"count": 2, "status": "EXPIRED"},
            {"count": 1, "status": "REVOKED"},
        ]
        assert await counts(node, "AUTH_METHOD") == [
            {"count": 3, "authMethod": "PASSWORD"},
            {"count": 3, "authMethod": "UNKNOWN"},
            {"count": 2, "authMethod": "SSO"},
        ]
        assert await counts(node, "ORGANIZATION") == [
            {"count": 6},
            {"count": 2, "organizationId": ORGANIZATION},
        ]
        assert await counts(node, "IMPERSONATED") == [
            {"count": 7, "impersonated": False},
            {"count": 1, "impersonated": True},
        ]
        assert await counts(node, "DAY") == [
            {"count": 7, "day": "2026-01-15"},
            {"count": 1, "day": "2026-01-14"},
        ]


async def test_counts_by_several_dimensions(node: Node, database: Database) -> None:
    await store(database, *STORED)
    async with held(database, session_id(5)):
        assert await counts(node, "STATUS", "AUTH_METHOD", "STATUS") == [
            {"count": 3, "status": "ACTIVE", "authMethod": "PASSWORD"},
            {"count": 2, "status": "EXPIRED", "authMethod": "UNKNOWN"},
            {"count": 1, "status": "ACTIVE", "authMethod": "SSO"},
            {"count": 1, "status": "ACTIVE", "authMethod": "UNKNOWN"},
            {"count": 1, "status": "REVOKED", "authMethod": "SSO"},
        ]
        everything = ("STATUS", "AUTH_METHOD", "ORGANIZATION", "IMPERSONATED", "DAY")
        known = {"authMethod": ["SSO", "UNKNOWN"]}
        assert await counts(node, *everything, **known) == [
            {
                "count": 2,
                "status": "EXPIRED",
                "authMethod": "UNKNOWN",
                "impersonated": False,
                "day": "2026-01-15",
            },
            {
                "count": 1,
                "status": "ACTIVE",
                "authMethod": "SSO",
                "organizationId": ORGANIZATION,
                "impersonated": False,
                "day": "2026-01-15",
            },
            {
                "count": 1,
                "status": "ACTIVE",
                "authMethod": "UNKNOWN",
                "impersonated": True,
                "day": "2026-01-15",
            },
            {
                "count": 1,
                "status": "REVOKED",
                "authMethod": "SSO",
                "organizationId": ORGANIZATION,
                "impersonated": False,
                "day": "2026-01-15",
            },
        ]


async def test_counts_all_in_one_group(node: Node, database: Database) -> None:
    assert await counts(node) == [{"count": 0}]
    await store(database, *STORED)
    assert await counts(node) == [{"count": 8}]
    assert await counts(node, authMethod=["SSO"]) == [{"count": 2}]
    assert await counts(node, ids=[]) == [{"count": 0}]


async def test_leaves_out_groups_without_sessions(node: Node, database: Database) -> None:
    assert await counts(node, "STATUS") == []
    await store(database, row(1))
    assert await counts(node, "STATUS", "ORGANIZATION", status=["REVOKED"]) == []


async def test_counts_every_method_from_the_future(node: Node, database: Database) -> None:
    future = [row(number, auth_method=f"method_{number:04}") for number in range(1_200)]
    await store(database, *future, row(1_200, auth_method="sso"))
    assert await counts(node, "AUTH_METHOD") == [
        {"count": 1_200, "authMethod": "UNKNOWN"},
        {"count": 1, "authMethod": "SSO"},
    ]


async def test_shows_the_1000_largest_groups(node: Node, database: Database) -> None:
    large = row(2_000, organization_id="org_0000")
    await store(
        database, *(row(number, organization_id=f"org_{number:04}") for number in range(1_001)), large
    )
    found = (await node.query(COUNTS, by=["ORGANIZATION"]))["sessionCounts"]
    assert [group["count"] for group in found] == [2] + [1] * 999
    assert found[0]["organizationId"] == "org_0000"


async def test_refuses_to_count_by_what_is_no_dimension(node: Node) -> None:
    for wrong in (["AGE"], ["status"], [None], None):
        code, _message = await node.refusal(COUNTS, by=wrong)
        assert code == "BAD_USER_INPUT", wrong
