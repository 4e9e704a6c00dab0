"""The README tells the truth: its tables are those of the code, and its answers those of the server."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

from node import Node
from process import free_port
from test_demo import running_demo

from api.cli.exit_codes import ExitCode
from api.errors import ErrorCode
from api.settings import Settings
from api.transport.settings import TransportSettings

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"```(graphql|json)\n(.*?)```", re.DOTALL)


def table(name: str) -> str:
    found = re.search(f"<!-- {name} -->\n(.*?)<!-- /{name} -->", README, re.DOTALL)
    assert found is not None
    return found.group(1)


def default_of(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return (
        f"`{','.join(value)}`" if isinstance(value, tuple) and value else f"`{value}`" if value != () else ""
    )


def test_lists_every_setting() -> None:
    rows = "".join(
        f"| `{name}` | {default_of(setting.default)} | {setting.description} |\n"
        for name, setting in sorted(
            Settings.model_fields.items(), key=lambda one: one[0] in TransportSettings.model_fields
        )
    )
    assert table("settings") == f"| setting | default | what it does |\n|---|---|---|\n{rows}"


def test_lists_every_error() -> None:
    rows = "".join(f"| `{code.value}` | {code.meaning} |\n" for code in ErrorCode)
    assert table("errors") == f"| code | what it means |\n|---|---|\n{rows}"


def test_lists_every_exit_code() -> None:
    rows = "".join(f"| {code.value} | {code.meaning} |\n" for code in ExitCode)
    assert table("exit codes") == f"| code | what it means |\n|---|---|\n{rows}"


async def test_shows_what_the_server_answers(node: Node) -> None:
    blocks: list[tuple[str, Any]] = [
        (kind, json.loads(text) if kind == "json" else text) for kind, text in BLOCK.findall(README)
    ]
    (_, create), (_, created), (_, list_), (_, listed), (_, watch), (_, end), (_, ended), (_, watched) = (
        blocks
    )
    assert await node.post(create) == created
    assert await node.post(list_) == listed
    async with node.socket() as socket:
        await socket.subscribe(watch)
        assert await node.post(end) == ended
        assert {"data": await socket.next()} == watched


async def test_works_as_pasted(tmp_path: Path) -> None:
    """What the first screen says: make it run, take the key that it prints, and ask from a terminal."""
    port = free_port()
    root = str(Path(__file__).parent.parent)
    steps = await output("make", "--directory", root, "--dry-run", "run", f"PORT={port}")
    (call,) = (line for line in steps.splitlines() if "sessiongraph serve" in line)
    assert call.split()[1:] == ["serve", "--demo", "--host", "127.0.0.1", "--port", str(port)]
    async with running_demo(tmp_path, port) as (_, lines):
        (key,) = (line.split()[-1] for line in lines if line.startswith("API key"))
        (pasted,) = re.findall(r"```sh\n(KEY=.*?)```", README, re.DOTALL)
        pasted = pasted.replace("sgk_…", key).replace("127.0.0.1:8000/", f"127.0.0.1:{port}/")
        answer = json.loads(await output("sh", "-euc", pasted))
    counts = {one["status"]: one["count"] for one in answer["data"]["sessionCounts"]}
    assert set(counts) == {"ACTIVE", "EXPIRED", "REVOKED"}
    assert sum(counts.values()) >= 3003


async def output(*arguments: str) -> str:
    """Run a program, which has to succeed, and return what it prints."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*arguments, stdout=pipe, stderr=pipe)
    out, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, errors.decode()
    return out.decode()
