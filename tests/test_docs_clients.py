"""The pages for front-end developers: what they show is run, as they show it, against a server."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import StartNode
from credentials import jwks_settings, make_key
from issuer import SESSION, until, user_token
from node import Node
from pages import unpack
from proxy import Proxy, running_proxy
from scripts import CLIENTS, Script, running_script
from stored import session_id

from models.database import Database
from models.key import Scope

SCHEMA = Path(__file__).parent.parent / "schema.graphql"
RECIPES = pytest.mark.parametrize("page", ["apollo.md", "urql.md"])
OF_NPM = CLIENTS / "node_modules"


@pytest.fixture
async def service(database: Database, start_node: StartNode, tmp_path: Path) -> AsyncIterator[Node]:
    """A server that believes tokens, as a service sees it that may do everything."""
    key, _ = await make_key(database, *Scope)
    async with (await start_node(**jwks_settings(tmp_path))).acting(key) as node:
        yield node


async def made(directory: Path) -> None:
    """Make the types of the page's operations."""
    codegen = str(OF_NPM / "@graphql-codegen/cli/esm/bin.js")
    async with running_script(codegen, cwd=directory) as script:
        await script.printed()


async def complaints(directory: Path) -> list[str]:
    """Return what the compiler says of the page and of whoever uses it."""
    async with running_script(str(OF_NPM / "typescript/bin/tsc"), cwd=directory) as script:
        said, _ = await script.result()
    return [line for line in said.splitlines() if line.startswith("src/")]


@pytest.fixture
def typed(tmp_path: Path) -> Path:
    """The directory of somebody who has followed the page on TypeScript."""
    assert unpack("typescript.md", tmp_path) == [
        "codegen.ts",
        "tsconfig.json",
        "src/execute.ts",
        "src/sessions.ts",
    ]
    shutil.copy(SCHEMA, tmp_path)
    shutil.copytree(CLIENTS / "pages/typed", tmp_path / "src", dirs_exist_ok=True)
    return tmp_path


async def test_gives_a_typed_client(service: Node, typed: Path) -> None:
    await made(typed)
    assert await complaints(typed) == []
    other = session_id(1)
    await service.create(id=other)
    await service.create(id=SESSION, authMethod="PASSKEY")
    visit = str(typed / "src/visit.ts")
    async with running_script(visit, f"{service.url}/graphql", user_token(), cwd=typed) as script:
        assert await script.said() == [[SESSION, "PASSKEY", True], [other, "UNKNOWN", False]]
        assert await script.said() == "ENDED"
        assert (await script.said()).startswith("BAD_USER_INPUT: `input.reason` ")


async def test_gives_a_client_whose_mistakes_are_found(typed: Path) -> None:
    path = typed / "src/visit.ts"
    path.write_text(path.read_text(encoding="utf-8").replace("authMethod, isCurrent })", "device })"))
    (typed / "src/other.ts").write_text('import { end } from "./sessions.ts";\nawait end(7);\n')
    await made(typed)
    other, visit, *more = await complaints(typed)
    assert "src/other.ts(2,11)" in other
    assert "TS2345" in other
    assert "src/visit.ts" in visit
    assert "'device' does not exist" in visit
    assert len(more) <= 2  # what follows from it


@asynccontextmanager
async def visitor(page: str, directory: Path, proxy: Proxy) -> AsyncIterator[Script]:
    """Follow the recipes of a page, in a directory of its own."""
    shutil.copytree(CLIENTS / "pages/signed-out", directory)
    assert unpack(page, directory) == ["client.js", "sessions.js"]
    url = f"http://127.0.0.1:{proxy.port}/graphql"
    async with running_script(str(directory / "visit.js"), url, user_token(), cwd=directory) as script:
        yield script


@RECIPES
async def test_signs_out_everywhere_else_and_notices_the_end(
    service: Node, tmp_path: Path, page: str
) -> None:
    others = [await service.create(id=session_id(number)) for number in range(2)]
    foreign = await service.create(userId="user_of_somebody_else")
    await service.create(id=SESSION)
    async with running_proxy(service.server.port) as proxy, visitor(page, tmp_path / page, proxy) as script:
        await script.told("list")
        mine = {"id": SESSION, "isCurrent": True}
        assert await script.said() == {
            "sessions": [mine, *({"id": id_, "isCurrent": False} for id_ in others[::-1])]
        }
        await script.told("others")
        assert await script.said() == {"ended": 2}
        await script.told("list")
        assert await script.said() == {"sessions": [mine]}
        await script.told("watch")
        await until(lambda: service.streams == 1)
        assert await service.end(SESSION, "Laptop lost") == "ENDED"
        change = {"status": "REVOKED", "endedBy": "SYSTEM", "reason": "Laptop lost"}
        assert await seen(script) == change
        assert await script.said() == {"signedOut": None}
        await script.told("list")
        assert await script.said() == {"signedOut": None}
        assert list(await script.said()) == ["error"]
    assert await service.end(foreign) == "ENDED"


@RECIPES
async def test_notices_an_end_that_was_missed(service: Node, tmp_path: Path, page: str) -> None:
    await service.create(id=SESSION)
    async with running_proxy(service.server.port) as proxy, visitor(page, tmp_path / page, proxy) as script:
        await script.told("list")
        assert len((await script.said())["sessions"]) == 1
        await script.told("watch")
        await until(lambda: service.streams == 1)
        await proxy.cut()
        assert await service.end(SESSION) == "ENDED"
        await proxy.mend()
        assert await script.said() == {"signedOut": None}


async def seen(script: Script) -> Any:
    """Return the change with which it learns that it was signed out."""
    return {name: value for name, value in (await script.said())["signedOut"].items() if name != "__typename"}
