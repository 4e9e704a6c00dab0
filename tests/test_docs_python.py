"""The page on Python: a service lists, ends and watches, and comes back without a gap."""

import shutil
from pathlib import Path

from conftest import StartNode
from credentials import make_key
from issuer import until
from node import USER
from pages import unpack
from proxy import running_proxy
from scripts import CLIENTS, running_script
from stored import row, session_id, store

from models.database import Database
from models.key import Scope


async def test_lists_ends_and_watches(database: Database, start_node: StartNode, tmp_path: Path) -> None:
    directory = tmp_path / "python"
    shutil.copytree(CLIENTS / "pages/python", directory)
    assert unpack("python.md", directory) == ["sessions.py"]
    await store(database, *(row(number) for number in range(120)), row(120, user_id="user_other"))
    key, _ = await make_key(database, *Scope)
    async with (
        (await start_node()).acting(key) as node,
        running_proxy(node.server.port) as proxy,
        running_script(
            str(directory / "visit.py"), f"http://127.0.0.1:{proxy.port}/graphql", key, USER, cwd=directory
        ) as script,
    ):
        assert await script.said() == [session_id(number) for number in reversed(range(120))]
        assert await script.said() == 120
        assert await node.end(session_id(120)) == "ENDED"
        await until(lambda: node.streams == 1)
        await proxy.cut()
        missed = await node.create()
        await proxy.mend()
        assert await script.said() == [missed, "ACTIVE", None]
        assert await node.end(missed, "Found") == "ENDED"
        assert await script.said() == [missed, "REVOKED", "Found"]
