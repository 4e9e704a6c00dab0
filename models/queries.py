"""Reading sessions: by id, by page, counted. Columns, never entities; pages by keyset, never by offset."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, SQLColumnExpression, func, select, tuple_
from sqlmodel import col

from models.database import ReadTx, Record
from models.dialect import utc_day
from models.filter import Bound, Criteria, known_method_column, status_column
from models.session import SNAPSHOT, SessionRow

SESSION_COLUMNS = tuple(col(getattr(SessionRow, name)) for name in ("id", *SNAPSHOT))
COUNT_LIMIT = 1000


class Key(NamedTuple):
    """The place of a session in a list ordered by age."""

    created_at: datetime
    id: str


@dataclass(frozen=True, slots=True)
class PageRequest:
    """At most `limit` sessions between two keys, from the start of the order or from its end."""

    limit: int
    after: Key | None = None
    before: Key | None = None
    from_end: bool = False
    newest_first: bool = True


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in the order of the list, and whether there are more on either side."""

    rows: Sequence[Record]
    has_next: bool
    has_previous: bool


class Dimension(StrEnum):
    """What sessions can be counted by."""

    STATUS = "status"
    AUTH_METHOD = "auth_method"
    ORGANIZATION = "organization_id"
    IMPERSONATED = "impersonated"
    DAY = "day"


async def session_by_id(tx: ReadTx, session_id: str, bound: Bound) -> Record | None:
    return await tx.first(
        select(*SESSION_COLUMNS).where(col(SessionRow.id) == session_id, bound.clause(SessionRow))
    )


async def sessions_by_id(tx: ReadTx, session_ids: Collection[str], bound: Bound) -> dict[str, Record]:
    rows = await tx.all(
        select(*SESSION_COLUMNS).where(col(SessionRow.id).in_(session_ids), bound.clause(SessionRow))
    )
    return {row.id: row for row in rows}


async def session_page(tx: ReadTx, criteria: Criteria, request: PageRequest) -> Page:
    """Return one page by keyset on `(created_at, id)`: its cost does not depend on its depth."""
    age = (col(SessionRow.created_at), col(SessionRow.id))
    descending = request.newest_first != request.from_end
    statement = (
        select(*SESSION_COLUMNS)
        .where(*criteria.clauses(SessionRow), *_between(request, age))
        .order_by(*(column.desc() if descending else column for column in age))
        .limit(request.limit + 1)
    )
    rows = await tx.all(statement)
    has_more = len(rows) > request.limit
    rows = rows[: request.limit]
    if request.from_end:
        return Page(rows[::-1], has_next=request.before is not None, has_previous=has_more)
    return Page(rows, has_next=has_more, has_previous=request.after is not None)


async def session_count(tx: ReadTx, criteria: Criteria) -> int:
    count: int = await tx.scalar(
        select(func.count()).select_from(SessionRow).where(*criteria.clauses(SessionRow))
    )
    return count


async def session_counts(tx: ReadTx, criteria: Criteria, by: Sequence[Dimension]) -> Sequence[Record]:
    """Return a row for each group, its dimensions by name and its `size`; at most 1,000, largest first."""
    columns: dict[Dimension, SQLColumnExpression[Any]] = {
        Dimension.STATUS: status_column(SessionRow, criteria.now),
        Dimension.AUTH_METHOD: known_method_column(SessionRow),
        Dimension.ORGANIZATION: col(SessionRow.organization_id),
        Dimension.IMPERSONATED: col(SessionRow.impersonator_email).is_not(None),
        Dimension.DAY: utc_day(col(SessionRow.created_at)),
    }
    groups: list[ColumnElement[Any]] = [columns[dimension].label(dimension.value) for dimension in by]
    size = func.count().label("size")
    return await tx.all(
        select(*groups, size)
        .select_from(SessionRow)
        .where(*criteria.clauses(SessionRow))
        .group_by(*groups)
        .order_by(size.desc(), *groups)
        .limit(COUNT_LIMIT)
    )


def _between(
    request: PageRequest, age: tuple[SQLColumnExpression[datetime], SQLColumnExpression[str]]
) -> list[ColumnElement[bool]]:
    """Return the keyset conditions as row values, which both engines answer from one index range."""
    place = tuple_(*age)
    found = []
    for key, is_after in ((request.after, True), (request.before, False)):
        if key is not None:
            bound = tuple_(key.created_at, key.id)
            found.append(place < bound if is_after == request.newest_first else place > bound)
    return found
