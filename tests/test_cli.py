"""What the command line says and how it exits when it is called wrongly or cannot do its work."""

import asyncio
import socket
import sys
from pathlib import Path

import pytest
from commands import run

from api.cli import COMMANDS, app
from api.cli.exit_codes import ExitCode


def list_of(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


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
        (("--demo", "--workers", "2"), {}, 2, "the demo is one process; leave out workers"),
        (("--workers", "2"), {}, 2, "the processes of one SQLite file only wait for each other"),
        (
            ("--host", "0.0.0.0"),
            {},
            1,
            "Nobody could be authenticated, so 0.0.0.0 would be open to everyone.",
        ),
        (
            ("--database-url", "postgresql://nobody@127.0.0.1:1/x"),
            {},
            3,
            "The database cannot be reached; try again in a moment.",
        ),
    ],
)
async def test_says_in_one_line_what_keeps_it_from_serving(
    tmp_path: Path, arguments: tuple[str, ...], environment: dict[str, str], code: int, said: str
) -> None:
    exit_code, out, errors = await run("serve", *arguments, cwd=tmp_path, **environment)
    assert (exit_code, out, errors.count("\n")) == (code, "", 1)
    assert errors.startswith(f"sessiongraph: {said}")


async def test_says_when_the_port_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, out, errors = await run("serve", "--port", str(port), cwd=tmp_path)
    assert (code, out) == (1, "")
    assert errors == (
        f"sessiongraph: Cannot listen on port {port} of 127.0.0.1: address already in use; "
        "name another with --port or --host.\n"
    )


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("bogus", "No such command 'bogus'. See `sessiongraph --help`."),
        ("serve --colour", "No such option: --colour. See `sessiongraph serve --help`."),
        ("serve extra", "Got unexpected extra argument(s) (extra). See `sessiongraph serve --help`."),
        ("serve --port", "Option '--port' requires an argument. See `sessiongraph --help`."),
        (
            "serve --port many",
            (
                "Invalid value for '--port': Input should be a valid integer, unable to parse string as an "
                "integer. See `sessiongraph serve --help`."
            ),
        ),
        ("import", "Missing argument 'FILE'. See `sessiongraph import --help`."),
        (
            "keys create --name x",
            (
                "Missing option '--scope'. Choose from: sessions:read, sessions:write, sessions:create. "
                "See `sessiongraph keys create --help`."
            ),
        ),
    ],
)
async def test_corrects_a_wrong_call_in_one_line(tmp_path: Path, call: str, said: str) -> None:
    assert await run(*call.split(), cwd=tmp_path) == (2, "", f"sessiongraph: {said}\n")
    assert list_of(tmp_path) == []


async def test_shows_the_help_when_no_command_is_named(tmp_path: Path) -> None:
    for call in ((), ("keys",)):
        code, out, errors = await run(*call, cwd=tmp_path)
        assert (code, errors, "Commands" in out) == (2, "", True)


def test_shows_an_example_for_each_command(capsys: pytest.CaptureFixture[str]) -> None:
    keys = ["keys", "keys create", "keys list", "keys revoke"]
    own = ["serve", "migrate", "import", "prune", "erase", "expire-cursors", "schema"]
    calls = ["", *own, *keys, "list", "tail", "end"]
    assert {call.partition(" ")[0] for call in calls if call} == set(COMMANDS)
    for call in calls:
        assert app([*call.split(), "--help"], standalone_mode=False) == 0
        assert (call, "Example:" in capsys.readouterr().out) == (call, True)


async def test_fits_the_help_to_the_terminal(tmp_path: Path) -> None:
    for call, said in {
        "tail": "no change is missed, and none comes twice.",
        "keys create": "standard output, and what there is to say about it to standard error.",
    }.items():
        _, out, _ = await run(*call.split(), "--help", cwd=tmp_path, COLUMNS="300")
        assert (call, said in out) == (call, True)


def test_shows_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert app(["--help"], standalone_mode=False) == 0
    shown = " ".join(capsys.readouterr().out.split())
    listed = " ".join(f"{code.value} {code.meaning}" for code in ExitCode)
    assert shown.endswith(f"Exit codes: {listed}")


@pytest.mark.parametrize("command", ["list", "tail", "end"])
async def test_calls_a_server_without_the_memory_of_one(command: str) -> None:
    code = f"""if True:
        import sys
        from api.cli import app
        app(["{command}", "--help"], standalone_mode=False)
        print(*{{"graphql", "sqlalchemy", "starlette", "strawberry"}} & sys.modules.keys(), file=sys.stderr)
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, loaded = await process.communicate()
    assert (process.returncode, b"Usage:" in out, loaded) == (0, True, b"\n")


async def test_reads_past_the_variables_of_the_commands_that_call_a_server(tmp_path: Path) -> None:
    variables = {"SESSIONGRAPH_URL": "http://127.0.0.1:1", "SESSIONGRAPH_KEY": "sgk_x"}
    code, out, errors = await run("migrate", cwd=tmp_path, **variables)
    assert (code, out[:26], errors) == (0, "The database is at schema ", "")
