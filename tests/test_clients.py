"""The clients that people use: each lists, pages, ends, watches, is cut off, and goes on without loss."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import StartNode
from credentials import make_key
from proxy import running_proxy
from scripts import CLIENTS, Script, running_script

from models.database import Database
from models.key import Scope

SCHEMA = Path(__file__).parent.parent / "schema.graphql"


async def changes(script: Script, number: int) -> list[tuple[str, str]]:
    """Return what it sees change next; attempts to come back are passed over."""
    seen: list[tuple[str, str]] = []
    while len(seen) < number:
        said: Any = await script.said()
        if said != "lost":
            seen.append((said["changed"], said["status"]))
    return seen


@pytest.mark.parametrize(
    "client", ["graphql-ws.js", "graphql-sse.js", "apollo.js", "urql.js", "python_gql.py"]
)
async def test_serves_the_clients_that_people_use(
    database: Database, start_node: StartNode, client: str
) -> None:
    key, _ = await make_key(database, *Scope)
    async with (await start_node()).acting(key) as node, running_proxy(node.server.port) as proxy:
        ids = [await node.create() for _ in range(5)][::-1]
        async with running_script(client, f"http://127.0.0.1:{proxy.port}/graphql", key) as script:
            assert await script.said() == {"listed": ids[:2], "of": 5}
            assert await script.said() == {"paged": [ids[2:4], ids[4:]]}
            ended = {"id": ids[4], "status": "REVOKED"}
            assert await script.said() == {"outcome": "ENDED", "session": ended}
            assert await changes(script, 1) == [(ids[4], "REVOKED")]
            live = await node.create()
            assert await changes(script, 1) == [(live, "ACTIVE")]
            await proxy.cut()
            assert await script.said() == "lost"
            meanwhile = await node.create()
            await node.end(meanwhile)
            await proxy.mend()
            later = await node.create()
            assert await changes(script, 3) == [
                (meanwhile, "ACTIVE"),
                (meanwhile, "REVOKED"),
                (later, "ACTIVE"),
            ]
            assert await node.end(later) == "ENDED"
            assert await changes(script, 1) == [(later, "REVOKED")]


async def test_has_a_schema_that_relay_compiles_for(tmp_path: Path) -> None:
    shutil.copytree(CLIENTS / "relay", tmp_path, dirs_exist_ok=True)
    shutil.copy(SCHEMA, tmp_path)
    made = tmp_path / "made"
    made.mkdir()
    async with running_script(
        "node_modules/relay-compiler/cli.js", "relay.config.json", cwd=tmp_path
    ) as script:
        assert "Compilation completed." in await script.printed()
    assert {path.name for path in made.iterdir()} == {
        f"{name}.graphql.ts"
        for name in (
            "SessionsChangedSubscription",
            "SessionsDetailQuery",
            "SessionsEndMutation",
            "SessionsPageQuery",
            "SessionsQuery",
            "Sessions_detail",
            "Sessions_list",
            "Sessions_row",
        )
    }
    assert 'export type SessionStatus = "ACTIVE" | "EXPIRED" | "REVOKED"' in (
        made / "Sessions_row.graphql.ts"
    ).read_text(encoding="utf-8")


async def test_has_a_schema_that_codegen_makes_types_of() -> None:
    async with running_script("codegen.js", str(SCHEMA)) as script:
        (made,) = await script.ended()
    for operation in ("ListSessions", "CountSessions", "ReadNode"):
        assert f"export type {operation}Query = " in made
    counted = "{ status: SessionStatus | null, day: string | null, count: number }"
    assert f"export type CountSessionsQuery = {{ sessionCounts: Array<{counted}> }};" in made
    assert (
        "export type EndSessionsMutation = { endSessions: { endedCount: number, hasMore: boolean } };" in made
    )
    assert "{ sessionStatusChanged: { cursor: string, status: SessionStatus, session: { id: string, " in made


def test_locks_the_clients_by_hashes_and_names_no_registry() -> None:
    lock = json.loads((CLIENTS / "package-lock.json").read_text(encoding="utf-8"))
    packages = [package for name, package in lock["packages"].items() if name]
    assert len(packages) > 50
    assert all(package["integrity"].startswith("sha512-") for package in packages)
    assert not any("resolved" in package for package in packages)
