"""`sessiongraph keys`: create, list and revoke the API keys of services."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

import orjson
import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from api.auth.keys import PREFIX, key_hash, new_key
from api.cli.database import prepared
from api.cli.options import DatabaseUrl
from api.inputs import to_text
from api.scalars import format_datetime
from models.database import Record
from models.key import NewKey, Scope, all_keys, create_key, key_by_hash, key_by_id, revoke_key
from models.refusals import BadUserInput
from models.session import utc_now

_PREPOSITIONS = {"active": "until", "expired": "on", "revoked": "on"}

keys = typer.Typer(no_args_is_help=True, add_completion=False)


@keys.callback()
def api_keys() -> None:
    """Create, list and revoke the API keys of services.

    Example: sessiongraph keys create --name gateway --scope sessions:read
    """


def _text(option: typer.CallbackParam, value: str | None) -> str | None:
    try:
        return to_text(value, argument=f"--{option.name}")
    except BadUserInput as refusal:
        raise typer.BadParameter(str(refusal)) from None


@keys.command()
def create(
    name: Annotated[
        str, typer.Option(help="What uses the key: 1 to 255 characters for `keys list`.", callback=_text)
    ],
    scope: Annotated[list[Scope], typer.Option(help="What it allows; repeat the option for more.")],
    organization: Annotated[
        str | None, typer.Option(help="The organization it is limited to; all if left out.", callback=_text)
    ] = None,
    expires_in_days: Annotated[
        int | None, typer.Option(help="How long it holds; for ever if left out.", min=1, max=3650)
    ] = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Create a key and print it, this once: only its hash is stored.

    The key alone goes to standard output, and what there is to say about it to standard error.

    Example: KEY=$(sessiongraph keys create --name gateway --scope sessions:read --scope sessions:write)
    """
    key, now = new_key(), utc_now()
    new = NewKey(
        name=name,
        secret_hash=key_hash(key),
        scopes=scope,
        organization_id=organization,
        expires_at=None if expires_in_days is None else now + timedelta(days=expires_in_days),
    )
    key_id = asyncio.run(_create(database_url, new, now))
    typer.echo(
        f"Created {key_id} ({name}) with {', '.join(sorted(set(scope)))} "
        f"in {organization or 'all organizations'}; it "
        f"{f'expires at {format_datetime(new.expires_at)}' if new.expires_at else 'does not expire'}. "
        "Keep the key now: it is not shown again.",
        err=True,
    )
    typer.echo(key)


@keys.command("list")
def list_keys(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,  # noqa: FBT002  a flag
    database_url: DatabaseUrl = None,
) -> None:
    """List all keys, newest first, with those that are revoked or expired.

    Example: sessiongraph keys list --json
    """
    rows = asyncio.run(_all(database_url))
    now = utc_now()
    if as_json:
        typer.echo(orjson.dumps([_as_json(row, now) for row in rows], option=orjson.OPT_INDENT_2))
    else:
        Console().print(_as_table(rows, now))


@keys.command()
def revoke(
    key: Annotated[str, typer.Argument(help="The id of the key; the key itself will do.", metavar="ID")],
    database_url: DatabaseUrl = None,
) -> None:
    """Revoke a key for good; every server refuses it within a second. Safe to repeat.

    Example: sessiongraph keys revoke key_01KB5T7HJ6R7QNDVPEVY0X8M2A
    """
    is_new, row = asyncio.run(_revoke(database_url, key, utc_now()))
    if row is None:
        # What was given is not repeated: it may be a key, or hold one.
        typer.echo("sessiongraph: There is no such key; `sessiongraph keys list` shows all.", err=True)
        raise typer.Exit(1)
    when = "is revoked" if is_new else f"was revoked before, at {format_datetime(row.revoked_at)}"
    typer.echo(f"{row.id} ({row.name}) {when}.")


async def _create(url: str | None, new: NewKey, now: datetime) -> str:
    async with prepared(url) as database, database.write() as tx:
        return await create_key(tx, new, now)


async def _all(url: str | None) -> Sequence[Record]:
    async with prepared(url) as database, database.read() as tx:
        return await all_keys(tx)


async def _revoke(url: str | None, key: str, now: datetime) -> tuple[bool, Record | None]:
    async with prepared(url) as database, database.write() as tx:
        if key.startswith(PREFIX):
            row = await key_by_hash(tx, key_hash(key))
        else:
            row = await key_by_id(tx, key)
        return row is not None and await revoke_key(tx, row.id, now), row


def _status(row: Record, now: datetime) -> str:
    if row.revoked_at is not None:
        return "revoked"
    return "expired" if row.expires_at is not None and row.expires_at <= now else "active"


def _as_json(row: Record, now: datetime) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "status": _status(row, now),
        "scopes": row.scopes.split(),
        "organizationId": row.organization_id,
        "createdAt": format_datetime(row.created_at),
        "expiresAt": row.expires_at and format_datetime(row.expires_at),
        "revokedAt": row.revoked_at and format_datetime(row.revoked_at),
        "lastUsedAt": row.last_used_at and format_datetime(row.last_used_at),
    }


def _as_table(rows: Sequence[Record], now: datetime) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column("key", width=30, overflow="fold")  # an id must stay whole
    table.add_column("allows", overflow="fold")
    table.add_column("status", no_wrap=True)
    table.add_column("last used", no_wrap=True)
    for row in rows:
        status = _status(row, now)
        until = row.revoked_at or row.expires_at
        table.add_row(
            Text(f"{row.name}\n{row.id}\n"),
            Text("\n".join([*row.scopes.split(), row.organization_id or "all organizations"])),
            Text(status if until is None else f"{status}\n{_PREPOSITIONS[status]} {until:%Y-%m-%d}"),
            Text("never" if row.last_used_at is None else f"{row.last_used_at:%Y-%m-%d\n%H:%M} UTC"),
        )
    return table
