"""`sessiongraph tail`: show the changes of sessions as they come."""

import signal
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any

import typer
from rich.text import Text

from api.cli.calling import listing_filter, server, session_filter
from api.cli.composing import composed
from api.cli.output import console, device_text, plain, read, write_json
from api.client.changes import Changes
from api.client.endpoint import Endpoint
from models.refusals import CursorExpired, Refusal

START = "start"
"""What `--after` takes besides a cursor."""
STYLES = {"ACTIVE": "green", "EXPIRED": "yellow", "REVOKED": "red"}


@composed(selected=session_filter, looked_for=listing_filter, endpoint=server)
def tail(
    *,
    endpoint: Endpoint,
    selected: dict[str, Any],
    looked_for: dict[str, Any],
    after: Annotated[
        str | None,
        typer.Option(
            help=f"Go on after this cursor, the one of the last change that was dealt with; `{START}` is the "
            "start of the log. Changes from now on if left out.",
            show_default=False,
        ),
    ] = None,
    count: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many changes.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one change a line.")] = False,
) -> None:
    """Show the changes of status as they come, until Ctrl-C: sign-ins as well as ends.

    When the server is lost it connects again, and goes on from where it was: no change is missed, and none
    comes twice. Each line of JSON has the cursor to go on from another time.

    Example: sessiongraph tail --status revoked --json | jq -r .session.id
    """
    changes = Changes(endpoint, {**selected, **looked_for}, _say)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    text = console()
    try:
        with endpoint, read():
            for change in islice(_chosen(changes, after), count):
                if as_json:
                    write_json(change)
                else:
                    text.print(_line(change))
    except CursorExpired:
        raise Refusal(
            f"The log no longer reaches back to the cursor. `sessiongraph list` shows how things are; "
            f"`--after {START}` goes through all that the log has, and without --after it goes on from now."
        ) from None
    except KeyboardInterrupt:
        if changes.cursor is not None and not as_json:
            _say(f"Stopped. `--after {changes.cursor}` goes on from here.")


def _chosen(changes: Changes, after: str | None) -> Iterator[Any]:
    match after:
        case None:
            return changes.from_now()
        case _ if after == START:
            return changes.from_start()
        case cursor:
            return changes.after(cursor)


def _say(message: str) -> None:
    typer.echo(f"sessiongraph: {message}", err=True)


def _line(change: dict[str, Any]) -> Text:
    session = change["session"]
    by = f"by {change['endedBy'].lower()}" if change["endedBy"] else ""
    reason = plain(change["reason"] or "")
    parts = [
        plain(session["userId"]),
        session["id"],
        device_text(session),
        ": ".join(filter(None, (by, reason))),
    ]
    return Text.assemble(
        (f"{change['occurredAt'][:19].replace('T', ' ')}Z  ", "dim"),
        (f"{change['status'].lower():<9}", STYLES[change["status"]]),
        "  ".join(part for part in parts if part),
    )
