"""The clients that people use: each lists, pages, ends, watches, is cut off, and goes on without loss."""

from typing import Any

import pytest
from conftest import StartNode
from credentials import make_key
from proxy import running_proxy
from scripts import Script, running_script

from models.database import Database
from models.key import Scope


@pytest.fixture
def engine() -> str:
    return "sqlite"  # what is served does not depend on the engine


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
