"""Sessions as WorkOS writes them, and the command that takes them in."""

import asyncio
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from process import COMMAND
from ulid import ULID

SESSION: dict[str, Any] = {
    "object": "session",
    "id": "session_01H93ZY4F80QPBEZ1R5B2SHQG8",
    "user_id": "user_01E4ZCR3C56J083X43JQXF3JK5",
    "organization_id": "org_01H945H0YD4F97JN9MATX7BYAG",
    "status": "active",
    "auth_method": "impersonation",
    "ip_address": "192.0.2.1",
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "impersonator": {"email": "admin@example.com", "reason": "A ticket"},
    "expires_at": "2099-01-15T12:00:00.000Z",
    "ended_at": None,
    "created_at": "2024-01-15T12:00:00.000Z",
    "updated_at": "2024-01-15T12:00:00.000Z",
}


def session(**changes: Any) -> dict[str, Any]:
    """Return a live session; what is changed to `...` is left out."""
    return {key: value for key, value in {**SESSION, **changes}.items() if value is not ...}


def sessions(count: int) -> list[dict[str, Any]]:
    return [session(id=f"session_{ULID()}") for _ in range(count)]


def revoked(at: str, **changes: Any) -> dict[str, Any]:
    return session(status="revoked", ended_at=at, updated_at=at, **changes)


def json_lines(*given: Any) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in given)


@dataclass(frozen=True)
class Outcome:
    """What the command said."""

    code: int
    out: str
    err: str


async def run(*arguments: str, standard_input: bytes = b"") -> Outcome:
    process = await asyncio.create_subprocess_exec(
        COMMAND,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
    out, err = await process.communicate(standard_input)
    assert process.returncode is not None
    return Outcome(process.returncode, out.decode(), err.decode())


async def run_import(database_url: str, *files: bytes, directory: Path) -> Outcome:
    """Import files with these contents, named `0.json` and so on."""
    paths = []
    for number, content in enumerate(files):
        path = directory / f"{number}.json"
        path.write_bytes(content)
        paths.append(str(path))
    return await run("import", *paths, "--database-url", database_url)
