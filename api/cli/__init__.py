"""The command line: `sessiongraph COMMAND`. Errors are one line that says what to do."""

import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from api.cli.exit_codes import ExitCode
from models.refusals import BadCursor, BadUserInput, Refusal, Unavailable

COMMANDS = {
    "serve": "serve",
    "migrate": "migrate",
    "import": "import_sessions",
    "prune": "prune",
    "erase": "erase",
    "expire-cursors": "expire_cursors",
    "schema": "schema",
    "keys": "keys",
    "list": "list_sessions",
    "tail": "tail",
    "end": "end",
}
"""The commands, and the module and function of each."""


class _Commands(TyperGroup):
    """The commands, each imported when it is asked for: `import` goes without the memory of a server."""

    def list_commands(self, ctx: object) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: object, cmd_name: str) -> Any:  # noqa: ANN401  a class of Typer's own
        if cmd_name not in COMMANDS:
            return None
        name = COMMANDS[cmd_name]
        found = getattr(import_module(f"api.cli.{name}"), name)
        if not isinstance(found, typer.Typer):
            function, found = found, typer.Typer(add_completion=False)
            found.command(cmd_name)(function)
        command = typer.main.get_command(found)
        command.name = cmd_name
        for one in (command, *getattr(command, "commands", {}).values()):
            one.help = _flowing(one.help or "")
        return command


app = typer.Typer(cls=_Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

EXITS = "\n\n".join(("Exit codes:", *(f"{code.value}  {code.meaning}" for code in ExitCode)))


@app.callback(epilog=EXITS)
def sessiongraph() -> None:
    """Serve the GraphQL API over authenticated user sessions, and look after what it stores.

    Settings are read from SESSIONGRAPH_… in the environment; flags win.

    Example: sessiongraph serve --demo
    """


def main() -> None:
    """Run the command; exit as `ExitCode` says."""
    try:
        # Typer by itself would draw a box of several lines around a mistake in the call.
        sys.exit(app(standalone_mode=False))
    except typer.TyperException as error:
        _stop(_correction(error), status=error.exit_code)
    except ValueError as error:
        _stop(_sentences(error), status=ExitCode.CALLED_WRONGLY)
    except Refusal as error:
        cause = f" ({error.__cause__})" if error.__cause__ else ""
        _stop(f"{error}{cause}", status=_status(error))
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(ExitCode.INTERRUPTED)


def _flowing(text: str) -> str:
    """Return a text without the line breaks in its paragraphs: Typer keeps them, whatever the width."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _status(refusal: Refusal) -> ExitCode:
    match refusal:
        case Unavailable():
            return ExitCode.AWAY
        case BadUserInput() | BadCursor():
            return ExitCode.CALLED_WRONGLY
        case _:
            return ExitCode.REFUSED


def _correction(error: typer.TyperException) -> str:
    """Say what is wrong with a call, and where to read on; nothing where the help was shown instead."""
    message = " ".join(error.format_message().replace("Value error, ", "").split())
    context: typer.Context | None = getattr(error, "ctx", None)
    call = context.command_path if context is not None else "sessiongraph"
    return message and f"{message.rstrip('.')}. See `{call} --help`."


def _sentences(error: ValueError) -> str:
    """Say what is wrong; of settings which of them, but of several together their fault names them itself."""
    if not hasattr(error, "errors"):
        return str(error)
    # Only pydantic's have these, and only commands that read settings need it.
    messages = ((one["loc"], one["msg"].removeprefix("Value error, ")) for one in error.errors())
    return "; ".join(f"{place[0]}: {message}" if place else message for place, message in messages)


def _stop(message: str, *, status: int) -> None:
    if message:
        typer.echo(f"sessiongraph: {message}", err=True)
    sys.exit(status)
