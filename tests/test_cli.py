"""What the command line says and how it exits when it is called wrongly or cannot do its work."""

import asyncio
import os
import socket
from pathlib import Path

import pytest
from process import COMMAND


async def run(cwd: Path, *arguments: str, **environment: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        COMMAND,
        *arguments,
        cwd=cwd,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, out.decode(), errors.decode()


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "said"),
    [
        (
            (),
            {"SESSIONGRAPH_COLOUR": "red"},
            2,
            "SESSIONGRAPH_COLOUR is not a setting; the README lists them.",
        ),
        ((), {"SESSIONGRAPH_PORT": "many"}, 2, "port: Input should be a valid integer"),
        (
            ("--database-url", "mysql://x/y"),
            {},
            2,
            "database_url: The database URL names `mysql`; only sqlite",
        ),
        (("--database-url", "sqlite://"), {}, 2, "database_url: SQLite needs a file; write sqlite:///"),
        (("--demo", "--host", "0.0.0.0"), {}, 2, "the demo is for this machine alone"),
        (
            ("--host", "0.0.0.0"),
            {},
            1,
            "Nobody could be authenticated, so 0.0.0.0 would be open to everyone.",
        ),
        (
            ("--database-url", "postgresql://nobody@127.0.0.1:1/x"),
            {},
            1,
            "The database cannot be reached; try again in a moment.",
        ),
    ],
)
async def test_says_in_one_line_what_keeps_it_from_serving(
    tmp_path: Path, arguments: tuple[str, ...], environment: dict[str, str], code: int, said: str
) -> None:
    exit_code, out, errors = await run(tmp_path, "serve", *arguments, **environment)
    assert (exit_code, out, errors.count("\n")) == (code, "", 1)
    assert errors.startswith(f"sessiongraph: {said}")


async def test_says_when_the_port_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, out, errors = await run(tmp_path, "serve", "--port", str(port))
    assert (code, out) == (1, "")
    assert errors.splitlines()[-1].endswith("address already in use")
    assert "Traceback" not in errors


async def test_shows_an_example_for_each_command(tmp_path: Path) -> None:
    calls = ["serve", "migrate", "import", "prune", "schema", "keys create", "keys list", "keys revoke"]
    helps = await asyncio.gather(*(run(tmp_path, *call.split(), "--help") for call in calls))
    for call, (code, out, _) in zip(calls, helps, strict=True):
        assert (call, code, "Example:" in out) == (call, 0, True)
