"""The command line: `sessiongraph COMMAND`. Errors are one line that says what to do."""

import sys
from importlib import import_module
from typing import Any

import typer
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from typer.core import TyperGroup

from models.refusals import Refusal

COMMANDS = {
    "serve": "serve",
    "migrate": "migrate",
    "import": "import_sessions",
    "prune": "prune",
    "schema": "schema",
    "keys": "keys",
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
        return command


app = typer.Typer(cls=_Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def sessiongraph() -> None:
    """Serve the GraphQL API over authenticated user sessions, and look after what it stores.

    Settings are read from SESSIONGRAPH_… in the environment; flags win.

    Example: sessiongraph serve --demo
    """


def main() -> None:
    """Run the command; exit with 1 when it cannot do its work, and with 2 when it was called wrongly."""
    try:
        # Typer by itself would draw a box of several lines around a mistake in the call.
        sys.exit(app(standalone_mode=False))
    except typer.TyperException as error:
        _stop(_correction(error), status=error.exit_code)
    except ValidationError as error:
        _stop("; ".join(_sentence(one) for one in error.errors()), status=2)
    except ValueError as error:
        _stop(str(error), status=2)
    except Refusal as error:
        cause = f" ({error.__cause__})" if error.__cause__ else ""
        _stop(f"{error}{cause}", status=1)
    except KeyboardInterrupt:
        sys.exit(130)


def _correction(error: typer.TyperException) -> str:
    """Say what is wrong with a call, and where to read on; nothing where the help was shown instead."""
    message = " ".join(error.format_message().split())
    context: typer.Context | None = getattr(error, "ctx", None)
    call = context.command_path if context is not None else "sessiongraph"
    return message and f"{message.rstrip('.')}. See `{call} --help`."


def _sentence(error: ErrorDetails) -> str:
    """Say which setting is wrong, and how; a fault of several together names them itself."""
    message = error["msg"].removeprefix("Value error, ")
    return f"{error['loc'][0]}: {message}" if error["loc"] else message


def _stop(message: str, *, status: int) -> None:
    if message:
        typer.echo(f"sessiongraph: {message}", err=True)
    sys.exit(status)
