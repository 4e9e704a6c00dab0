"""Pages of sessions: each session once, in order, whichever way and however deep."""

from typing import Any

import pytest
from log import settled
from node import Node
from sqlalchemy import delete
from sqlmodel import col
from statements import statements
from stored import START, population, row, session_id, store
from test_log import create

from models.database import Database
from models.session import SessionRow

PAGE = """query (
  $filter: SessionFilter, $orderBy: SessionOrder, $first: Int, $after: String, $last: Int, $before: String
) {
  sessions(filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
    edges { cursor node { id } } nodes { id } totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""
DIRECTIONS = ["ASC", "DESC"]


async def page(node: Node, **arguments: Any) -> Any:
    return (await node.query(PAGE, **arguments))["sessions"]


def ids_of(found: Any) -> list[str]:
    ids = [edge["node"]["id"] for edge in found["edges"]]
    assert [one["id"] for one in found["nodes"]] == ids
    cursors = [edge["cursor"] for edge in found["edges"]]
    info = found["pageInfo"]
    assert (info["startCursor"], info["endCursor"]) == (
        (cursors[0], cursors[-1]) if cursors else (None, None)
    )
    return ids


@pytest.mark.parametrize("direction", DIRECTIONS)
async def test_pages_forward_over_each_session_once(node: Node, database: Database, direction: str) -> None:
    ids = await population(database)
    expected = ids if direction == "ASC" else ids[::-1]
    for size in (1, 5, 7, 22, 23, 100):
        seen: list[str] = []
        after = None
        while True:
            found = await page(node, orderBy={"direction": direction}, first=size, after=after)
            seen += ids_of(found)
            assert found["totalCount"] == 23
            assert found["pageInfo"]["hasPreviousPage"] == (after is not None)
            after = found["pageInfo"]["endCursor"]
            if not found["pageInfo"]["hasNextPage"]:
                break
            assert len(found["edges"]) == size
        assert seen == expected, size


@pytest.mark.parametrize("direction", DIRECTIONS)
async def test_pages_backward_over_each_session_once(node: Node, database: Database, direction: str) -> None:
    ids = await population(database)
    expected = ids if direction == "ASC" else ids[::-1]
    for size in (1, 5, 7, 22, 23, 100):
        seen: list[str] = []
        before = None
        while True:
            found = await page(node, orderBy={"direction": direction}, last=size, before=before)
            seen[:0] = ids_of(found)
            assert found["pageInfo"]["hasNextPage"] == (before is not None)
            before = found["pageInfo"]["startCursor"]
            if not found["pageInfo"]["hasPreviousPage"]:
                break
            assert len(found["edges"]) == size
        assert seen == expected, size


async def test_lists_the_newest_20_when_nothing_is_said(node: Node, database: Database) -> None:
    ids = await population(database)
    found = await page(node)
    assert ids_of(found) == ids[:2:-1]
    assert found["pageInfo"]["hasNextPage"]
    assert ids_of(await page(node, orderBy={})) == ids[:2:-1]


async def test_pages_between_two_cursors(node: Node, database: Database) -> None:
    ids = await population(database)
    everything = await page(node, orderBy={"direction": "ASC"}, first=100)
    cursors = [edge["cursor"] for edge in everything["edges"]]
    between = {"orderBy": {"direction": "ASC"}, "after": cursors[3], "before": cursors[9]}
    whole = await page(node, **between)
    assert (ids_of(whole), whole["totalCount"]) == (ids[4:9], 23)
    start = await page(node, **between, first=2)
    assert (ids_of(start), start["pageInfo"]["hasNextPage"]) == (ids[4:6], True)
    end = await page(node, **between, last=2)
    assert (ids_of(end), end["pageInfo"]["hasPreviousPage"]) == (ids[7:9], True)
    exact = await page(node, **between, first=5)
    assert (ids_of(exact), exact["pageInfo"]["hasNextPage"]) == (ids[4:9], False)
    newest_first = {"orderBy": {"direction": "DESC"}, "after": cursors[9], "before": cursors[3]}
    assert ids_of(await page(node, **newest_first)) == ids[8:3:-1]
    for after, before in ((9, 3), (3, 3), (3, 4)):
        nothing = await page(node, **{**between, "after": cursors[after], "before": cursors[before]})
        assert ids_of(nothing) == []


async def test_pages_on_from_a_session_that_is_gone(node: Node, database: Database) -> None:
    ids = await population(database)
    seen = await page(node, orderBy={"direction": "ASC"}, first=7)
    async with database.write() as tx:
        await tx.execute(delete(SessionRow).where(col(SessionRow.id) == ids[6]))
    found = await page(node, orderBy={"direction": "ASC"}, first=2, after=seen["pageInfo"]["endCursor"])
    assert ids_of(found) == ids[7:9]


async def test_pages_over_sessions_of_any_year(node: Node, database: Database) -> None:
    years = [1, 1583, 1969, 1970, 2026, 9999]
    for number, year in enumerate(years):
        await store(database, row(number, created_at=START.replace(year=year)))
    seen: list[str] = []
    after = None
    for _ in years:
        found = await page(node, orderBy={"direction": "ASC"}, first=1, after=after)
        seen += ids_of(found)
        after = found["pageInfo"]["endCursor"]
    assert seen == [session_id(number) for number in range(len(years))]
    assert not found["pageInfo"]["hasNextPage"]


async def test_keeps_pages_apart_while_sessions_are_created(node: Node, database: Database) -> None:
    ids = await population(database)
    first = await page(node, first=10)
    await node.create()
    second = await page(node, first=10, after=first["pageInfo"]["endCursor"])
    assert ids_of(first) + ids_of(second) == ids[:2:-1]
    assert (first["totalCount"], second["totalCount"]) == (23, 24)


async def test_shows_an_empty_page(node: Node) -> None:
    empty = {"hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None}
    for arguments in ({}, {"first": 5}, {"last": 5}):
        found = await page(node, **arguments)
        assert found == {"edges": [], "nodes": [], "totalCount": 0, "pageInfo": empty}


@pytest.mark.parametrize(
    "selection",
    [
        "asOf",
        "nodes { id } at: asOf",
        "...Position",
        "... on SessionConnection { ...Position }",
        "asOf @include(if: true)",
    ],
)
@pytest.mark.parametrize("size", [0, 2])
async def test_says_at_which_position_of_the_log_it_was_read(
    node: Node, database: Database, selection: str, size: int
) -> None:
    for _ in range(size):
        await create(database)
    position = await settled(node)
    fragment = "fragment Position on SessionConnection { asOf }" if "...P" in selection else ""
    found = (await node.query(f"{{ sessions {{ {selection} }} }} {fragment}"))["sessions"]
    assert position in found.values()


async def test_reads_the_position_only_for_those_who_ask(node: Node) -> None:
    with statements() as without:
        await node.query("{ sessions { nodes { id } pageInfo { endCursor } } }")
    with statements() as with_it:
        await node.query("{ sessions { nodes { id } asOf } }")
    pages = [[sql for sql, _ in sent if "BY session.created_at" in sql] for sent in (without, with_it)]
    assert [["last_seq" in sql for sql in sent] for sent in pages] == [[False], [True]]


async def test_takes_1_to_100_for_a_page(node: Node, database: Database) -> None:
    await store(database, *(row(number) for number in range(101)))
    await settled(node)
    for document in (
        "query ($size: Int) { sessions(first: $size) { nodes { object } } }",
        "query ($size: Int) { viewer { sessions(first: $size) { nodes { object } } } }",
        "query ($size: Int) { sessionStatusChanges(first: $size) { nodes { status } } }",
    ):
        for size, length in ((1, 1), (2, 2), (100, 100), (None, 20)):
            data = await node.query(document, size=size)
            (connection,) = data.get("viewer", data).values()
            assert len(connection["nodes"]) == length
        for size in (0, 101, -1, 2**31 - 1, -(2**31)):
            assert await node.refusal(document, size=size) == (
                "BAD_USER_INPUT",
                f"`first` is {size}; it takes 1 to 100.",
            )
        code, _message = await node.refusal(document, size=2**31)
        assert code == "BAD_USER_INPUT"


async def test_takes_1_to_100_for_a_page_from_the_end(node: Node, database: Database) -> None:
    await store(database, *(row(number) for number in range(101)))
    for size in (1, 100):
        found = await page(node, last=size)
        assert ids_of(found) == [session_id(number) for number in range(size)][::-1]
    for size in (0, 101, -1):
        assert await node.refusal(PAGE, last=size) == (
            "BAD_USER_INPUT",
            f"`last` is {size}; it takes 1 to 100.",
        )


async def test_refuses_first_and_last_together(node: Node) -> None:
    assert await node.refusal(PAGE, first=1, last=1) == (
        "BAD_USER_INPUT",
        "`first` and `last` are both given; page forward or backward, not both.",
    )
    assert ids_of(await page(node, first=1, last=None)) == []
