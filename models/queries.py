"""Reading sessions: by id, by page, counted. Columns, never entities; pages by keyset, never by offset."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    SQLColumnExpression,
    func,
    select,
    true,
    tuple_,
    union,
)
from sqlmodel import col
from sqlmodel.sql.sqltypes import UTCDateTime

from models.bound import Bound, Clause
from models.database import Database, Record, Statement
from models.dialect import is_among, texts, utc_day
from models.filter import Criteria, known_method_column, status_column
from models.log import LogState
from models.session import SNAPSHOT, FeedRow, SessionRow
from models.statement import given

SESSION_COLUMNS = tuple(col(getattr(SessionRow, name)) for name in ("id", *SNAPSHOT))

Row: TypeAlias = Sequence[Any]
"""A session as it is stored: it begins with `SESSION_COLUMNS`; instants are `StoredInstant`s."""

COUNT_LIMIT = 1000
STATEMENT_LIMIT = 512
"""How many forms of one question are kept; each is a hundred kilobytes at the most."""

_STATE = len(SESSION_COLUMNS)


class Key(NamedTuple):
    """The place of a session in a list ordered by age."""

    created_at: datetime
    id: str


NOWHERE = Key(datetime.min.replace(tzinfo=UTC), "")


class PageRequest(NamedTuple):
    """At most `limit` sessions between two keys, from the start of the order or from its end.

    `with_state` asks for the state of the log in the same snapshot.
    """

    limit: int
    after: Key | None = None
    before: Key | None = None
    from_end: bool = False
    newest_first: bool = True
    with_state: bool = False

    @property
    def shape(self) -> "PageRequest":
        """What is left without the values: the same for all requests with the same statement."""
        after, before = self.after and NOWHERE, self.before and NOWHERE
        return PageRequest(0, after, before, self.from_end, self.newest_first, self.with_state)


class Page(NamedTuple):
    """Rows in the order of the list, and whether there are more on either side.

    `state` is that of the log in the same snapshot, if it was asked for.
    """

    rows: Sequence[Row]
    has_next: bool
    has_previous: bool
    state: LogState | None


class Dimension(StrEnum):
    """What sessions can be counted by."""

    STATUS = "status"
    AUTH_METHOD = "auth_method"
    ORGANIZATION = "organization_id"
    IMPERSONATED = "impersonated"
    DAY = "day"


async def session_by_id(database: Database, session_id: str, bound: Bound) -> Row | None:
    """Return one session.

    Raises:
        Unavailable: The database is away.
    """
    rows = await database.fetch(one_session(bound.shape), {"id": session_id, **bound.values()})
    return rows[0] if rows else None


async def sessions_by_id(database: Database, session_ids: Collection[str], bound: Bound) -> dict[str, Row]:
    """Return those of these sessions that there are, by their ids.

    Raises:
        Unavailable: The database is away.
    """
    rows = await database.fetch(_some_sessions(bound.shape), {"ids": list(session_ids), **bound.values()})
    return {row[0]: row for row in rows}


async def session_page(database: Database, criteria: Criteria, request: PageRequest) -> Page:
    """Return one page by keyset on `(created_at, id)`: its cost does not depend on its depth.

    Raises:
        Unavailable: The database is away.
    """
    after, before = request.after or NOWHERE, request.before or NOWHERE
    values = {
        **criteria.values(),
        "limit": request.limit + 1,
        "after_created_at": after.created_at,
        "after_id": after.id,
        "before_created_at": before.created_at,
        "before_id": before.id,
    }
    rows = await database.fetch(_page(criteria.shape, request.shape), values)
    state = None
    if request.with_state:
        state = LogState(*rows[0][_STATE:])
        if rows[0][0] is None:  # there is no session, and the state is alone
            rows = []
    has_more = len(rows) > request.limit
    rows = rows[: request.limit]
    if request.from_end:
        return Page(rows[::-1], request.before is not None, has_more, state)
    return Page(rows, has_more, request.after is not None, state)


async def session_count(database: Database, criteria: Criteria) -> int:
    """Count sessions.

    Raises:
        Unavailable: The database is away.
    """
    ((count,),) = await database.fetch(_count(criteria.shape), criteria.values())
    return int(count)


async def session_counts(database: Database, criteria: Criteria, by: Sequence[Dimension]) -> Sequence[Record]:
    """Return a row for each group, its dimensions by name and its `size`; at most 1,000, largest first.

    Raises:
        Unavailable: The database is away.
    """
    return await database.fetch(_counts(criteria.shape, tuple(by)), criteria.values())


@lru_cache(STATEMENT_LIMIT)
def one_session(bound: Bound) -> Statement:
    which = col(SessionRow.id) == given("id")
    return _shown(select(*SESSION_COLUMNS).where(which, bound.clause(SessionRow)))


@lru_cache(STATEMENT_LIMIT)
def _some_sessions(bound: Bound) -> Statement:
    among = is_among(col(SessionRow.id), texts("ids"))
    return _shown(select(*SESSION_COLUMNS).where(among, bound.clause(SessionRow)))


@lru_cache(STATEMENT_LIMIT)
def _page(criteria: Criteria, request: PageRequest) -> Statement:
    """Return the statement of a page, each row before the state of the log if that is asked for."""
    branches = criteria.bound.branches(SessionRow)
    conditions = [*criteria.filter.clauses(SessionRow), *_between(request)]
    if len(branches) > 1:
        # Of an OR no index knows the order; each of its sides is a range of one.
        sides = union(*(_ordered(request, clause, *conditions).subquery().select() for clause in branches))
        sessions = _in_order(sides.subquery().select(), request)
    else:
        sessions = _ordered(request, criteria.bound.clause(SessionRow), *conditions)
    if not request.with_state:
        return _shown(sessions)
    page = sessions.subquery()
    state = (col(FeedRow.epoch), col(FeedRow.pruned_seq), col(FeedRow.last_seq))
    joined = select(*page.c, *state).select_from(FeedRow).outerjoin(page, true())
    return _shown(joined.order_by(*_age(page.c.created_at, page.c.id, request)))


@lru_cache(STATEMENT_LIMIT)
def _count(criteria: Criteria) -> Statement:
    return Statement(select(func.count()).select_from(SessionRow).where(*criteria.clauses(SessionRow)))


@lru_cache(STATEMENT_LIMIT)
def _counts(criteria: Criteria, by: tuple[Dimension, ...]) -> Statement:
    columns: dict[Dimension, SQLColumnExpression[Any]] = {
        Dimension.STATUS: status_column(SessionRow),
        Dimension.AUTH_METHOD: known_method_column(SessionRow),
        Dimension.ORGANIZATION: col(SessionRow.organization_id),
        Dimension.IMPERSONATED: col(SessionRow.impersonator_email).is_not(None),
        Dimension.DAY: utc_day(col(SessionRow.created_at)),
    }
    groups: list[ColumnElement[Any]] = [columns[dimension].label(dimension.value) for dimension in by]
    size = func.count().label("size")
    return Statement(
        select(*groups, size)
        .select_from(SessionRow)
        .where(*criteria.clauses(SessionRow))
        .group_by(*groups)
        .order_by(size.desc(), *groups)
        .limit(COUNT_LIMIT)
    )


def _shown(sessions: Select[Any]) -> Statement:
    """Return the statement of few sessions that are found by an index, to be shown as they are."""
    return Statement(sessions, is_bare=True, is_short=True)


def _ordered(request: PageRequest, *where: Clause) -> Select[Any]:
    return _in_order(select(*SESSION_COLUMNS).where(*where), request)


def _in_order(sessions: Select[Any], request: PageRequest) -> Select[Any]:
    columns = sessions.selected_columns
    limit = given("limit", Integer)
    return sessions.order_by(*_age(columns.created_at, columns.id, request)).limit(limit)


def _age(created_at: ColumnElement[Any], id_: ColumnElement[Any], request: PageRequest) -> list[Any]:
    """Return the order in which a page is read, which is that of the list or its opposite."""
    is_descending = request.newest_first != request.from_end
    return [column.desc() if is_descending else column for column in (created_at, id_)]


def _between(request: PageRequest) -> list[Clause]:
    """Return the keyset conditions as row values, which both engines answer from one index range."""
    place = tuple_(col(SessionRow.created_at), col(SessionRow.id))
    found = []
    for name, key, is_after in (("after", request.after, True), ("before", request.before, False)):
        if key is not None:
            instant = given(f"{name}_created_at", UTCDateTime)
            bound = tuple_(instant, given(f"{name}_id"))
            found.append(place < bound if is_after == request.newest_first else place > bound)
    return found
