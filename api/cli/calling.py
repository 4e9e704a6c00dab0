"""What the commands that call a server share: whom they call, and which sessions they mean."""

import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from api.cli.instants import FORMS, instant
from api.client import variables
from api.client.endpoint import Endpoint

DEFAULT_URL = "http://127.0.0.1:8000"
STANDARD_INPUT = Path("-")


class Status(StrEnum):
    """`SessionStatus`, as options name it."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


class Method(StrEnum):
    """`AuthMethod`, as options name it."""

    CROSS_APP_AUTH = "cross_app_auth"
    EXTERNAL_AUTH = "external_auth"
    IMPERSONATION = "impersonation"
    MAGIC_CODE = "magic_code"
    MIGRATED_SESSION = "migrated_session"
    OAUTH = "oauth"
    PASSKEY = "passkey"
    PASSWORD = "password"  # noqa: S105  it is one way to sign in
    SSO = "sso"
    UNKNOWN = "unknown"


_SERVER = "Server"
_SESSIONS = "Which sessions"


def _instant(value: str | None) -> str | None:
    try:
        return None if value is None else instant(value, datetime.now(UTC))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _which(*names: str, help: str, metavar: str | None = None) -> Any:  # noqa: A002, ANN401  as Typer has it
    return typer.Option(*names, help=help, rich_help_panel=_SESSIONS, metavar=metavar, show_default=False)


def _when(*names: str, help: str) -> Any:  # noqa: A002, ANN401  likewise
    return typer.Option(*names, help=help, rich_help_panel=_SESSIONS, callback=_instant, metavar="WHEN")


When: TypeAlias = str | None


def server(
    url: Annotated[
        str,
        typer.Option(envvar=variables.URL, help="Where the server is.", rich_help_panel=_SERVER),
    ] = DEFAULT_URL,
    key: Annotated[
        str | None,
        typer.Option(
            envvar=variables.KEY,
            help="An API key or an access token. On a command line others can see it: better is the "
            "environment, or --key-file.",
            rich_help_panel=_SERVER,
            show_default=False,
        ),
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(
            help="A file with the key; - is standard input.", rich_help_panel=_SERVER, show_default=False
        ),
    ] = None,
) -> Endpoint:
    """Return the server that is meant.

    Raises:
        ValueError: The URL or the key is none, or the file cannot be read.
    """
    return Endpoint(url, key if key_file is None else _key_in(key_file))


def session_filter(
    user: Annotated[str | None, _which("--user", help="Of this user.")] = None,
    organization: Annotated[str | None, _which("--organization", help="In this organization.")] = None,
    auth_method: Annotated[
        list[Method] | None,
        _which("--auth-method", metavar="METHOD", help="By this method, as passkey; repeat it for more."),
    ] = None,
    impersonated: Annotated[
        bool | None,
        _which(
            "--impersonated/--not-impersonated",
            help="Only those in which an administrator acts as the user, or only others.",
        ),
    ] = None,
    impersonator: Annotated[
        str | None, _which("--impersonator", help="In which this administrator acts: an email address.")
    ] = None,
    ip: Annotated[str | None, _which("--ip", help="Signed in to from this address.")] = None,
    since: Annotated[When, _when("--since", help=f"Signed in to then or later: {FORMS}.")] = None,
    until: Annotated[When, _when("--until", help="Signed in to before then.")] = None,
    expires_since: Annotated[When, _when("--expires-since", help="That run out then or later.")] = None,
    expires_until: Annotated[When, _when("--expires-until", help="That run out before then.")] = None,
) -> dict[str, Any]:
    """Return a `SessionFilter` with what is given."""
    return _given(
        userId=user,
        organizationId=organization,
        authMethod=auth_method and [method.name for method in auth_method],
        impersonated=impersonated,
        impersonatorEmail=impersonator,
        ipAddress=ip,
        createdAt=_range(since, until),
        expiresAt=_range(expires_since, expires_until),
    )


def listing_filter(
    ids: Annotated[list[str] | None, _which("--id", help="With this id; repeat it for more.")] = None,
    status: Annotated[
        list[Status] | None,
        _which("--status", metavar="STATUS", help="active, expired or revoked; repeat it for more."),
    ] = None,
    ended_since: Annotated[When, _when("--ended-since", help="That ended then or later.")] = None,
    ended_until: Annotated[When, _when("--ended-until", help="That ended before then.")] = None,
) -> dict[str, Any]:
    """Return what else a `SessionFilter` takes: what is for looking, and not for ending."""
    return _given(
        ids=ids,
        status=status and [one.name for one in status],
        endedAt=_range(ended_since, ended_until),
    )


def _key_in(file: Path) -> str:
    if file == STANDARD_INPUT:
        return sys.stdin.readline().strip()
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError as error:
        raise ValueError(f"--key-file {file} cannot be read: {error.strerror}.") from None


def _range(start: When, end: When) -> dict[str, Any] | None:
    return _given(**{"from": start, "to": end}) or None


def _given(**conditions: object) -> dict[str, Any]:
    return {name: value for name, value in conditions.items() if value is not None and value != []}
