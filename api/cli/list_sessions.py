"""`sessiongraph list`: show the sessions of a server."""

import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from api.cli.calling import listing_filter, server, session_filter
from api.cli.composing import composed
from api.cli.output import console, device_text, plain, progress_bar, read, write_json
from api.client.documents import LIST
from api.client.endpoint import Endpoint

PAGE_LIMIT = 100
ID_WIDTH, WIDTH = 34, 10


@composed(selected=session_filter, looked_for=listing_filter, endpoint=server)
def list_sessions(
    *,
    endpoint: Endpoint,
    selected: dict[str, Any],
    looked_for: dict[str, Any],
    limit: Annotated[int, typer.Option(min=1, help="How many to show at the most.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one session a line.")] = False,
) -> None:
    """List the sessions of a server that you may see, newest first.

    Example: sessiongraph list --user user_01E4ZCR3C56J083X43JQXF3JK5 --status active
    """
    with endpoint, read():
        has_more = _list(endpoint, {**selected, **looked_for}, limit, as_json=as_json)
        if has_more:
            typer.echo(f"sessiongraph: There are more; `--limit {10 * limit}` shows more.", err=True)


def _list(endpoint: Endpoint, criteria: dict[str, Any], limit: int, *, as_json: bool) -> bool:
    """Show the sessions a page at a time; tell whether there are more than the limit."""
    # On a terminal the sessions themselves are the progress.
    bar = progress_bar("sessions", is_shown=as_json and not sys.stdout.isatty() and limit > PAGE_LIMIT)
    task = bar.add_task("", total=None)
    text, shown, has_more = console(), 0, False
    with bar:
        for page in _pages(endpoint, criteria, limit, counts=not bar.disable):
            if as_json:
                for session in page["nodes"]:
                    write_json(session)
            elif page["nodes"] or not shown:
                text.print(_as_table(page["nodes"], text.width, with_header=not shown))
            shown += len(page["nodes"])
            has_more = page["pageInfo"]["hasNextPage"]
            total = page.get("totalCount", bar.tasks[task].total)
            bar.update(task, completed=shown, total=total and min(total, limit))
    return has_more


def _pages(endpoint: Endpoint, criteria: dict[str, Any], limit: int, *, counts: bool) -> Iterator[Any]:
    after, left, has_more = None, limit, True
    while left and has_more:
        first = min(left, PAGE_LIMIT)
        page = endpoint.execute(LIST, filter=criteria, first=first, after=after, counts=counts)["sessions"]
        yield page
        after, has_more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
        left, counts = left - len(page["nodes"]), False


def _as_table(sessions: Sequence[Any], width: int, *, with_header: bool) -> Table:
    """Return a table whose columns are as wide on every page; ids stay whole on a terminal of 80 columns."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=0, show_header=with_header)
    table.add_column("session", width=ID_WIDTH, overflow="fold")
    table.add_column("device", width=max(width - ID_WIDTH - 2 * WIDTH - 3, WIDTH), overflow="fold")
    table.add_column("status", width=WIDTH, overflow="fold")
    table.add_column("signed in", width=WIDTH, overflow="fold")
    for session in sessions:
        created_at = datetime.fromisoformat(session["createdAt"])
        table.add_row(
            Text(f"{plain(session['userId'])}\n{session['id']}\n"),
            Text("\n".join((device_text(session), *_origin(session)))),
            Text(f"{session['status'].lower()}\n{_method(session)}"),
            Text(f"{created_at:%Y-%m-%d\n%H:%M} UTC"),
            style="" if session["status"] == "ACTIVE" else "dim",
        )
    return table


def _method(session: dict[str, Any]) -> str:
    method: str = session["authMethod"]
    return "" if session["impersonator"] else method.lower().replace("_", " ")  # who impersonates is shown


def _origin(session: dict[str, Any]) -> Iterator[str]:
    if session["ipAddress"]:
        yield plain(session["ipAddress"])
    if session["impersonator"]:
        yield f"by {plain(session['impersonator']['email'])}"
