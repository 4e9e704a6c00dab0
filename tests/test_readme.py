"""The README tells the truth: its tables are those of the code, and its answers those of the server."""

import json
import re
from pathlib import Path
from typing import Any

from node import Node

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
