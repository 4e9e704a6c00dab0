"""`sessiongraph list` against a server: what it shows, and what it says when it cannot."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from commands import run, run_on_terminal
from conftest import StartNode
from credentials import make_key
from graphql import GraphQLEnumType, build_schema
from node import ORGANIZATION, USER, Node
from process import free_port
from stored import minute, row, session_id, store

from api.cli.calling import Method, Status
from models.database import Database
from models.key import Scope
from models.session import utc_now

OTHER_USER = "user_01E4ZCR3C56J083X43JQXF3JK6"
CHROME = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/138.0.0.0 Safari/537.36"
)
SEE = " See `sessiongraph list --help`."
NO_URL = "--url is that of a server, without credentials in it: http://127.0.0.1:8000."
NO_INSTANT = (
    "'soon' is no instant; write an age such as 36h, 7d or 90m, a day such as 2026-01-15, or an instant such "
    "as 2026-01-15T12:00Z."
)
ROWS = [
    row(1, user_agent=CHROME, ip_address="203.0.113.7", organization_id=ORGANIZATION),
    row(
        2,
        user_id=OTHER_USER,
        auth_method="impersonation",
        impersonator_email="admin@example.com",
        user_agent="curl/8.9.1",
        status="revoked",
        ended_at=minute(30),
        ended_by="admin",
    ),
    row(3, auth_method="magic_code", user_agent="\x1b[2J\u202eevil", expires_at=minute(60 * 24 * 365)),
    row(4, auth_method="sso", organization_id=ORGANIZATION, status="expired", ended_at=minute(5)),
]


async def listed(node: Node, *options: str) -> list[int]:
    """Return the numbers of the sessions that are listed as JSON."""
    code, out, errors = await run("list", "--json", *options, "--url", node.url)
    assert (code, errors) == (0, "")
    return [int(json.loads(line)["id"].removeprefix("session_")) for line in out.splitlines()]


async def test_shows_a_table_of_eighty_columns(node: Node, database: Database) -> None:
    await store(database, *ROWS)
    code, out, errors = await run("list", "--url", node.url)
    assert (code, errors) == (0, "")
    lines = [line.rstrip() for line in out.replace("\N{REPLACEMENT CHARACTER}", "?").splitlines()]
    assert max(map(len, out.splitlines())) == 80
    assert lines == [
        "session                            device                  status     signed in",
        "─" * 80,
        f"{USER}    unknown device          expired    2026-01-15",
        f"{session_id(4)}                         sso        12:04 UTC",
        "",
        f"{USER}    ?[2J?evil               active     2026-01-15",
        f"{session_id(3)}                         magic code 12:03 UTC",
        "",
        f"{OTHER_USER}    curl 8                  revoked    2026-01-15",
        f"{session_id(2)} by admin@example.com               12:02 UTC",
        "",
        f"{USER}    Chrome 138 on macOS     active     2026-01-15",
        f"{session_id(1)} 203.0.113.7             password   12:01 UTC",
        "",
    ]


async def test_prints_each_session_as_the_server_has_it(node: Node, database: Database) -> None:
    await store(database, *ROWS)
    _, out, _ = await run("list", "--json", "--url", f"{node.url}/graphql")
    document = """{ sessions { nodes {
      object id userId organizationId status authMethod ipAddress userAgent
      device { browser browserVersion os osVersion type isBot } impersonator { email reason }
      expiresAt endedAt createdAt updatedAt endedBy endReason isCurrent
    } } }"""
    shown = [json.loads(line) for line in out.splitlines()]
    assert shown == (await node.query(document))["sessions"]["nodes"]
    assert len(shown) == 4


async def test_pages_on_until_the_limit(node: Node, database: Database) -> None:
    await store(database, *(row(number) for number in range(250)))
    expected = list(reversed(range(250)))
    assert await listed(node, "--limit", "1000") == expected
    code, out, errors = await run("list", "--json", "--limit", "203", "--url", node.url)
    assert (code, errors) == (0, "sessiongraph: There are more; `--limit 2030` shows more.\n")
    assert [json.loads(line)["id"] for line in out.splitlines()] == [session_id(n) for n in expected[:203]]
    _, table, _ = await run("list", "--limit", "250", "--url", node.url)
    assert (table.count("session_"), table.count("signed in")) == (250, 1)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_takes_each_condition_of_the_filter(node: Node, database: Database) -> None:
    await store(database, *ROWS)
    expected = {
        "--user": (OTHER_USER, [2]),
        "--organization": (ORGANIZATION, [4, 1]),
        "--status": ("revoked", [2]),
        "--auth-method": ("magic_code", [3]),
        "--impersonated": (None, [2]),
        "--not-impersonated": (None, [4, 3, 1]),
        "--impersonator": ("admin@example.com", [2]),
        "--ip": ("203.0.113.7", [1]),
        "--since": ("2026-01-15T13:03+01:00", [4, 3]),
        "--until": ("2026-01-15T12:02", [1]),
        "--expires-since": ("2027-06-01", [4, 2, 1]),
        "--expires-until": ("2027-06-01", [3]),
        "--id": (session_id(3), [3]),
        "--ended-since": ("2026-01-15T12:06Z", [2]),
        "--ended-until": ("2026-01-15T12:06Z", [4]),
    }
    found = await asyncio.gather(
        *(listed(node, name, *([] if value is None else [value])) for name, (value, _) in expected.items())
    )
    assert dict(zip(expected, found, strict=True)) == {name: ids for name, (_, ids) in expected.items()}
    assert await listed(
        node, "--status", "active", "--status", "expired", "--organization", ORGANIZATION
    ) == [4, 1]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_takes_an_age(node: Node, database: Database) -> None:
    now = utc_now()
    for number, hours in enumerate((1, 25, 49)):
        await store(database, row(number, created_at=now - timedelta(hours=hours)))
    assert await listed(node, "--since", "2d") == [0, 1]
    assert await listed(node, "--since", "26h", "--until", "120m") == [1]


async def test_takes_the_key_from_each_place(node: Node, database: Database, tmp_path: Path) -> None:
    key, _ = await make_key(database, Scope.READ)
    file = tmp_path / "key"
    file.write_text(f"{key}\n")
    place: list[tuple[tuple[str, ...], str, dict[str, str]]] = [
        (("--key", key), "", {}),
        (("--key-file", str(file)), "", {}),
        (("--key-file", "-"), f"{key}\n", {}),
        ((), "", {"SESSIONGRAPH_KEY": key}),
        # What else is in the environment is for a server.
        (
            ("--key-file", str(file)),
            "",
            {"SESSIONGRAPH_KEY": "sgk_x", "SESSIONGRAPH_DATABASE_URL": "mysql://"},
        ),
    ]
    for options, given, environment in place:
        answer = await run(
            "list", "--json", *options, given=given, cwd=tmp_path, SESSIONGRAPH_URL=node.url, **environment
        )
        assert (options, answer) == (options, (0, "", ""))


async def test_says_in_one_line_why_the_server_refuses(start_node: StartNode, database: Database) -> None:
    creating, _ = await make_key(database, Scope.CREATE)
    node = await start_node()  # which would let anybody in until it has heard of the first key
    taken = " It is taken from SESSIONGRAPH_KEY or --key-file."
    for key, said in {
        "": f"Send an access token or an API key as `Authorization: Bearer …`.{taken}",
        creating[:-1] + ("A" if creating[-1] != "A" else "B"): (
            f"The API key is incomplete or mistyped; one is `sgk_` and 49 letters and digits.{taken}"
        ),
        creating: "Your API key lacks the scope `sessions:read`.",
    }.items():
        answer = await run("list", "--url", node.url, SESSIONGRAPH_KEY=key)
        assert answer == (1, "", f"sessiongraph: {said}\n")


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_says_what_the_server_finds_wrong_with_a_condition(node: Node) -> None:
    said = "sessiongraph: `filter.userId` has 0 characters; it takes 1 to 255.\n"
    assert await run("list", "--user", "", "--url", node.url) == (2, "", said)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_says_how_long_to_wait_when_the_budget_is_spent(start_node: StartNode) -> None:
    node = await start_node(address_rate=1)
    assert (await run("list", "--url", node.url))[0] == 0
    code, out, errors = await run("list", "--url", node.url)
    assert (code, out) == (3, "")
    assert re.fullmatch(r"sessiongraph: .*\d+ s\.\n", errors)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_goes_on_when_the_budget_allows_it(start_node: StartNode, database: Database) -> None:
    await store(database, *(row(number) for number in range(3600)))
    node = await start_node(address_rate=1000)
    assert await listed(node, "--limit", "5000") == list(reversed(range(3600)))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--url", "ftp://x"), NO_URL),
        (("--url", "http://u:p@x"), NO_URL),
        (("--key", "a b"), "The key is not one: it is empty, or has a character in it that no key has."),
        (("--key-file", "/nowhere"), "--key-file /nowhere cannot be read: No such file or directory."),
        (("--since", "soon"), f"Invalid value for '--since': {NO_INSTANT}{SEE}"),
        (
            ("--status", "gone"),
            f"Invalid value for '--status': 'gone' is not one of 'active', 'expired', 'revoked'.{SEE}",
        ),
        (
            ("--limit", "0"),
            f"Invalid value for '--limit': Input should be greater than or equal to 1.{SEE}",
        ),
    ],
)
async def test_corrects_a_wrong_option(options: tuple[str, ...], said: str) -> None:
    assert await run("list", *options) == (2, "", f"sessiongraph: {said}\n")


async def test_says_that_nobody_is_there() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    code, out, errors = await run("list", "--url", url)
    assert (code, out, errors.count("\n")) == (3, "", 1)
    assert errors.startswith(f"sessiongraph: {url}/graphql cannot be reached; try again in a moment. (")


@asynccontextmanager
async def answering(answer: str) -> AsyncIterator[str]:
    """Something that is no server of ours, and answers all alike."""

    async def answer_to(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer_to, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/graphql"


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        ("502 Bad Gateway", 3, "URL answers 502 Bad Gateway; try again in a moment."),
        ("200 OK", 1, "URL answers 200 OK and no GraphQL; is it the right --url?"),
        ("404 Not Found", 1, "URL answers 404 Not Found and no GraphQL; is it the right --url?"),
        (
            "308 Permanent Redirect\r\nLocation: https://example.com/",
            1,
            "URL sends callers to https://example.com/; give that as --url.",
        ),
    ],
)
async def test_says_that_something_else_answers(answer: str, code: int, said: str) -> None:
    async with answering(answer) as url:
        expected = said.replace("URL", url)
        assert await run("list", "--url", url) == (code, "", f"sessiongraph: {expected}\n")


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_colours_a_terminal_only(node: Node, database: Database) -> None:
    await store(database, *ROWS[3:])
    code, shown = await run_on_terminal("list", "--url", node.url, typed="")
    assert (code, "\x1b[" in shown) == (0, True)


def test_names_the_values_of_the_schema() -> None:
    schema = build_schema((Path(__file__).parent.parent / "schema.graphql").read_text())
    for name, values in {"SessionStatus": Status, "AuthMethod": Method}.items():
        type_: Any = schema.type_map[name]
        assert isinstance(type_, GraphQLEnumType)
        assert [one.name for one in values] == list(type_.values)
        assert [one.value.upper() for one in values] == list(type_.values)
