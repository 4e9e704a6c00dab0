"""Inserting many rows at once; on SQLite past SQLAlchemy's handling of each value, which doubles the cost."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.dialects import postgresql
from sqlmodel import SQLModel, col
from sqlmodel.sql.sqltypes import UTCDateTime

from models.database import WriteTx
from models.dialect import is_among

_CHUNK = 1000


async def insert_absent(
    tx: WriteTx, table: type[SQLModel], columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> list[Any]:
    """Insert the rows whose key is free; return these keys. The first column is the primary key.

    No two rows may have one key, and all instants are in UTC. On PostgreSQL rows are locked in the order in
    which they are given.
    """
    key = col(getattr(table, columns[0]))
    if not tx.numbers_at_once:
        insert = postgresql.insert(table).on_conflict_do_nothing().returning(key)
        inserted = await tx.execute(insert, [dict(zip(columns, row, strict=True)) for row in rows])
        return list(inserted.scalars())
    # The only writer can look first.
    present = {found for (found,) in await tx.all(select(key).where(is_among(key, [row[0] for row in rows])))}
    absent = [row for row in rows if row[0] not in present]
    names, values = ", ".join(columns), ", ".join("?" * len(columns))
    insertion = f"INSERT INTO {table.__tablename__} ({names}) VALUES ({values})"  # noqa: S608  our own names
    for start in range(0, len(absent), _CHUNK):
        await tx.execute_in_driver(insertion, _stored(table, columns, absent[start : start + _CHUNK]))
    return [row[0] for row in absent]


def _stored(
    table: type[SQLModel], columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> list[tuple[Any, ...]]:
    """Return rows as SQLModel has SQLite store them: instants as text, to the microsecond, without a zone."""
    instants = [
        place for place, name in enumerate(columns) if isinstance(getattr(table, name).type, UTCDateTime)
    ]
    found = []
    for row in rows:
        values = list(row)
        instant, text = None, None
        for place in instants:
            if values[place] != instant:  # a session has the same instant twice, more often than not
                instant = values[place]
                text = instant and _text(instant)
            values[place] = text
        found.append(tuple(values))
    return found


def _text(instant: datetime) -> str:
    # `isoformat` takes three times as long.
    text = orjson.dumps(instant).decode()
    fraction = text[20:27] if text[20] == "." else ".000000"
    return f"{text[1:11]} {text[12:20]}{fraction}"
