"""The command line: `sessiongraph COMMAND`. Errors are one line that says what to do."""

import sys

import typer
from pydantic import ValidationError

from api.app import OpenToEveryone, SchemaMismatch
from api.cli.import_sessions import import_sessions
from api.cli.keys import keys
from api.cli.migrate import migrate
from api.cli.schema import schema
from api.cli.serve import serve
from models.refusals import Refusal

app = typer.Typer(
    help="The GraphQL API over authenticated user sessions. Settings are read from SESSIONGRAPH_… in the "
    "environment; flags win.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(serve)
app.command()(migrate)
app.command()(schema)
app.command("import")(import_sessions)
app.add_typer(keys, name="keys")


def main() -> None:
    """Run the command; exit with 1 when it cannot do its work, and with 2 when it was called wrongly."""
    try:
        app()
    except ValidationError as error:
        _stop(
            "; ".join(
                f"{'.'.join(map(str, one['loc'])) or 'setting'}: {one['msg']}" for one in error.errors()
            ),
            status=2,
        )
    except ValueError as error:
        _stop(str(error), status=2)
    except (OpenToEveryone, SchemaMismatch, Refusal) as error:
        cause = f" ({error.__cause__})" if error.__cause__ else ""
        _stop(f"{error}{cause}", status=1)
    except KeyboardInterrupt:
        sys.exit(130)


def _stop(message: str, *, status: int) -> None:
    typer.echo(f"sessiongraph: {message}", err=True)
    sys.exit(status)
