"""`sessiongraph end` against a server: it ends what is meant and nothing else, and asks before it does."""

from pathlib import Path
from typing import Any

import pytest
from calls import revoked
from commands import run, run_on_terminal
from conftest import StartNode
from credentials import jwks_settings, make_key
from issuer import user_token
from node import ORGANIZATION, USER, Node
from stored import minute, row, session_id, store

from models.database import Database
from models.key import Scope

OTHER_USER = "user_01E4ZCR3C56J083X43JQXF3JK6"
UNKNOWN = "There is no such session, or none that you may see."
ROWS = [
    row(1),
    row(2, auth_method="sso", organization_id=ORGANIZATION),
    row(3, user_id=OTHER_USER),
    row(4, status="expired", ended_at=minute(5), ended_by="policy"),
]


def ids(*numbers: int) -> list[str]:
    return [session_id(number) for number in numbers]


@pytest.fixture
async def node(node: Node, database: Database) -> Node:
    await store(database, *ROWS)
    return node


async def test_ends_by_ids_and_tells_which_were_refused(node: Node) -> None:
    given = ("end", *ids(1, 4, 9), "gone\x1b[2J", *ids(3), "--reason", "Lost", "--url", node.url)
    code, out, errors = await run(*given)
    assert (code, out) == (1, "ended 2, had ended before 1, refused 2\n")
    refused = f"sessiongraph: {session_id(9)}: {UNKNOWN}\nsessiongraph: gone?[2J: {UNKNOWN}\n"
    assert errors.replace("\N{REPLACEMENT CHARACTER}", "?") == refused
    assert await revoked(node) == ids(1, 3)
    document = "query ($id: ID!) { session(id: $id) { endReason } }"
    assert await node.query(document, id=session_id(1)) == {"session": {"endReason": "Lost"}}
    code, out, errors = await run("end", *ids(1, 3), "--url", node.url)
    assert (code, out, errors) == (0, "ended 0, had ended before 2, refused 0\n", "")


async def test_ends_what_matches_and_spares_what_is_to_be_spared(node: Node) -> None:
    assert await run("end", "--auth-method", "sso", "--yes", "--url", node.url) == (0, "ended 1\n", "")
    assert await revoked(node) == ids(2)
    spared = ("--except", session_id(3))
    assert await run("end", "--all", *spared, "--dry-run", "--url", node.url) == (0, "would end 1\n", "")
    assert await run("end", "--all", *spared, "--yes", "--url", node.url) == (0, "ended 1\n", "")
    assert await revoked(node) == ids(1, 2)


async def test_ends_more_than_one_call_ends(node: Node, database: Database) -> None:
    await store(database, *(row(number, user_id="user_many") for number in range(100, 2300)))
    code, out, errors = await run("end", "--user", "user_many", "-y", "--url", node.url)
    assert (code, out, errors) == (0, "ended 2200\n", "")
    document = "{ sessionCounts(filter: {status: [ACTIVE]}, by: []) { count } }"
    assert await node.query(document) == {"sessionCounts": [{"count": 3}]}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--user", USER), "This would end 2 sessions; say --yes, as nobody can be asked here."),
        (("--all",), "This would end 3 sessions; say --yes, as nobody can be asked here."),
        ((), "Say which: ids, or conditions such as --user, or --all."),
        (("--yes",), "Say which: ids, or conditions such as --user, or --all."),
        (("--all", "--user", USER, "-y"), "Say which: ids, or conditions such as --user, or --all."),
        ((session_id(1), "--all"), "Give ids, or conditions and what goes with them; not both."),
        ((session_id(1), "--dry-run"), "Give ids, or conditions and what goes with them; not both."),
        (
            ("--all", "--except-current", "-y"),
            "--except-current is for access tokens; a key has no session of its own.",
        ),
        (("--all", "-y", "--reason", "r" * 501), "`input.reason` has 501 characters; it takes 1 to 500."),
    ],
)
async def test_ends_nothing_when_it_is_called_wrongly(
    node: Node, options: tuple[str, ...], said: str
) -> None:
    code, out, errors = await run("end", *options, "--url", node.url)
    assert (code, errors) == (2, f"sessiongraph: {said}\n")
    assert out == ("ended 0\n" if "--reason" in options else "")
    assert await revoked(node) == []


@pytest.mark.parametrize(
    ("typed", "code", "shown", "ended"),
    [
        ("y\n", 0, "ended 2\r\n", ids(1, 2)),
        ("n\n", 1, "sessiongraph: Nothing was ended.\r\n", []),
        ("\n", 1, "sessiongraph: Nothing was ended.\r\n", []),
        ("\x03", 130, "", []),
        ("\x04", 130, "", []),
    ],
)
async def test_asks_on_a_terminal(node: Node, typed: str, code: int, shown: str, ended: list[str]) -> None:
    exit_code, screen = await run_on_terminal("end", "--user", USER, "--url", node.url, typed=typed)
    assert (exit_code, screen.startswith("End 2 sessions? [y/N]: ")) == (code, True)
    assert screen.endswith(shown)
    assert await revoked(node) == ended


async def test_ends_nothing_with_a_key_that_only_reads(node: Node, database: Database) -> None:
    key, _ = await make_key(database, Scope.READ)
    lacks = "Your API key lacks the scope `sessions:write`."
    options = ("--url", node.url, "--key", key)
    assert await run("end", *ids(1), *options) == (
        1,
        "ended 0, had ended before 0, refused 1\n",
        f"sessiongraph: {session_id(1)}: {lacks}\n",
    )
    assert await run("end", "--all", "-y", *options) == (1, "ended 0\n", f"sessiongraph: {lacks}\n")
    async with node.acting(key) as reading:
        assert await revoked(reading) == []


async def test_ends_with_a_key_that_may_not_see_how_many(node: Node, database: Database) -> None:
    key, _ = await make_key(database, Scope.WRITE)
    options = ("--url", node.url, "--key", key)
    lacks = "sessiongraph: Your API key lacks the scope `sessions:read`.\n"
    assert await run("end", "--all", *options) == (1, "", lacks)
    assert await run("end", "--all", "--yes", *options) == (0, "ended 3\n", "")


async def test_spares_the_session_of_an_access_token(
    start_node: StartNode, database: Database, tmp_path: Path
) -> None:
    node = await start_node(**jwks_settings(tmp_path))
    await store(database, *ROWS)
    given: dict[str, Any] = {"SESSIONGRAPH_KEY": user_token(sub=USER, sid=session_id(1))}
    options = ("end", "--all", "--except-current", "--url", node.url)
    assert await run(*options, "--dry-run", **given) == (0, "would end 1\n", "")
    assert await run(*options, "--yes", **given) == (0, "ended 1\n", "")
    async with node.acting(user_token(sub=USER, sid=session_id(1))) as user:
        assert await revoked(user) == ids(2)


async def test_says_how_far_it_came_when_the_server_is_away(node: Node) -> None:
    code, out, errors = await run("end", *ids(1, 2), "--url", "http://127.0.0.1:1")
    assert (code, out, errors.count("\n")) == (3, "ended 0, had ended before 0, refused 0\n", 1)
    assert await revoked(node) == []
