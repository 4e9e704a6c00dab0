"""What is stored about one person goes when it is told to, and the log stays whole."""

from pathlib import Path
from typing import Any

import pytest
from calls import FULL
from commands import run
from conftest import StartNode
from credentials import jwks_settings, make_key
from issuer import user_token
from log import CHANGES, settled
from node import USER, Node
from stored import contents, session_id
from test_log import whole_log
from test_retention import ids
from upstream import session

from models import erasure
from models.copies import Tally, store_copies
from models.database import Database
from models.intake import session_copy
from models.key import Scope
from models.session import TombstoneRow, utc_now

OTHER = "user_of_somebody_else"
MAIL = "admin@example.com"
MINE = {**FULL, "userId": "user_mine", "ipAddress": "198.51.100.7", "userAgent": "A browser of mine"}


async def stored(database: Database) -> dict[str, list[dict[str, Any]]]:
    async with database.administer() as connection:
        return await connection.run_sync(contents)


async def erase(database_url: str, tmp_path: Path, *arguments: str) -> tuple[int | None, str, str]:
    return await run("erase", *arguments, "--database-url", database_url, cwd=tmp_path)


async def test_erases_a_user(node: Node, database: Database, database_url: str, tmp_path: Path) -> None:
    mine = [await node.create(**MINE | {"id": session_id(number)}) for number in range(2)]
    await node.create(**FULL | {"id": session_id(2), "userId": OTHER})
    await node.end(mine[0], "I asked for it")
    await settled(node)
    before = await stored(database)
    sentence = "user_mine has active sessions: 1. End them first, with `endSessions`."
    assert await erase(database_url, tmp_path, "--user", "user_mine") == (
        1,
        "",
        f"sessiongraph: {sentence}\n",
    )
    assert await stored(database) == before
    await node.end(mine[1], "I asked for it")
    await settled(node)
    assert await erase(database_url, tmp_path, "--user", "user_mine") == (
        *(0, "erased from 2 sessions and 4 changes\n", ""),
    )
    after = await stored(database)
    for trace in ("user_mine", "198.51.100.7", "A browser of mine", "I asked for it"):
        assert (trace, trace in str(before), trace in str(after)) == (trace, True, False)
    assert OTHER in str(after)
    assert MAIL in str(after)
    assert set(await ids(database, TombstoneRow)) == set(mine)
    assert [event.seq for event in await whole_log(database)] == list(range(1, 8))
    changes = (await node.query(CHANGES, first=100))["sessionStatusChanges"]["nodes"]
    assert [change["session"]["id"] for change in changes if change["session"]["id"] in mine] == [
        *mine,
        *mine,
    ]
    assert await erase(database_url, tmp_path, "--user", "user_mine") == (
        *(0, "erased from 0 sessions and 0 changes\n", ""),
    )
    assert await stored(database) == after


async def test_brings_nobody_back_who_was_erased(
    node: Node, database: Database, database_url: str, tmp_path: Path
) -> None:
    await node.create(id=session_id(0))
    await node.end(session_id(0))
    await erase(database_url, tmp_path, "--user", USER)
    copy = session_copy(session(id=session_id(0), user_id=USER), utc_now())
    assert await store_copies(database, [copy], utc_now()) == Tally(unchanged=1)


async def test_still_refuses_the_tokens_of_who_was_erased(
    start_node: StartNode, database: Database, database_url: str, tmp_path: Path
) -> None:
    key, _ = await make_key(database, *Scope)
    settings = jwks_settings(tmp_path)
    async with (await start_node(**settings)).acting(key) as service:
        await service.create(id=session_id(0))
        await service.end(session_id(0))
    await erase(database_url, tmp_path, "--user", USER)
    async with (await start_node(**settings)).acting(user_token(sid=session_id(0))) as user:
        assert (await user.refusal("{ viewer { kind } }"))[0] == "UNAUTHENTICATED"


async def test_erases_an_impersonator(
    node: Node, database: Database, database_url: str, tmp_path: Path
) -> None:
    await node.create(**FULL)
    await node.create(**FULL | {"id": session_id(5), "impersonator": {"email": "other@example.com"}})
    await settled(node)
    before = await stored(database)
    assert await erase(database_url, tmp_path, "--impersonator", MAIL) == (
        *(0, "erased from 1 sessions and 1 changes\n", ""),
    )
    after = await stored(database)
    for trace in (MAIL, "Ticket 7"):
        assert (trace, trace in str(before), trace in str(after)) == (trace, True, False)
    assert "other@example.com" in str(after)
    shown = "query ($id: ID!) { session(id: $id) { userId status impersonator { email reason } } }"
    assert (await node.query(shown, id=FULL["id"]))["session"] == {
        "userId": USER,
        "status": "ACTIVE",
        "impersonator": {"email": "erased", "reason": None},
    }


async def test_erases_in_short_transactions(
    node: Node, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "STEP", 3)
    for number in range(5):
        await node.create(id=session_id(number), userId="user_mine")
        await node.end(session_id(number))
    await settled(node)
    erased = [one async for one in erasure.erase_user(database, "user_mine", utc_now())]
    assert [one.sessions for one in erased] == [5, 0, 0, 0, 0]
    assert [one.events for one in erased] == [0, 3, 3, 3, 1]


async def test_wants_to_know_who(tmp_path: Path) -> None:
    sentence = "sessiongraph: Say who: --user ID, or --impersonator EMAIL.\n"
    for call in ((), ("--user", "a", "--impersonator", "b")):
        assert await run("erase", *call, cwd=tmp_path) == (2, "", sentence)
