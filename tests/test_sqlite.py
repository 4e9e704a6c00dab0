"""What is particular to SQLite: how a file is opened."""

import asyncio
import sqlite3
from pathlib import Path

from sqlalchemy import text

from models.database import Database

FILES = 40
AT_ONCE = 8


async def test_opens_a_new_file_for_many_at_once(tmp_path: Path) -> None:
    """SQLite lets none of those wait who turn its journal at the same moment."""

    async def journal_of(database: Database) -> str:
        async with database.write() as tx:
            return str(await tx.scalar(text("PRAGMA journal_mode")))

    for number in range(FILES):
        path = tmp_path / f"{number}.db"
        with sqlite3.connect(path) as raw:
            raw.execute("CREATE TABLE session (id TEXT)")
        raw.close()
        databases = [Database(f"sqlite:///{path}") for _ in range(AT_ONCE)]
        assert await asyncio.gather(*map(journal_of, databases)) == ["wal"] * AT_ONCE
        for database in databases:
            await database.close()
