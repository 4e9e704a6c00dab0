"""Which sessions: what a caller asks for, what the caller may see, and both as SQL and in memory.

One filter serves listing, counting, watching and ending. Each condition is written twice, as a clause for
tables and as a test of one event, side by side; a test compares the two over generated sessions. A clause
names its values and `values()` are given when it is run, so that all who ask alike share one statement.
"""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, SQLColumnExpression, and_, case, false, or_
from sqlmodel import col
from sqlmodel.sql.sqltypes import UTCDateTime

from models.bound import Bound, Clause, Table
from models.database import Record
from models.dialect import is_among, texts
from models.session import AuthMethod, EventRow, SessionRow, Status
from models.statement import given

NOW: BindParameter[datetime] = given("now", UTCDateTime)
"""The instant that decides which active sessions are past their end."""

_EQUAL = ("user_id", "organization_id", "impersonator_email", "ip_address")
_BETWEEN = ("created_at", "expires_at", "ended_at")
_BLANK = datetime.min.replace(tzinfo=UTC)


class Interval(NamedTuple):
    """Instants from `start` (inclusive) to `end` (exclusive); an open end is None."""

    start: datetime | None = None
    end: datetime | None = None

    def clauses(self, column: SQLColumnExpression[Any], name: str) -> list[Clause]:
        found = []
        if self.start is not None:
            found.append(column >= given(f"{name}_start", UTCDateTime))
        if self.end is not None:
            found.append(column < given(f"{name}_end", UTCDateTime))
        return found

    def values(self, name: str) -> dict[str, Any]:
        return {f"{name}_start": self.start, f"{name}_end": self.end}

    @property
    def shape(self) -> "Interval":
        return Interval(self.start and _BLANK, self.end and _BLANK)

    def has(self, instant: datetime | None) -> bool:
        if instant is None:
            return self.start is None and self.end is None
        return (self.start is None or self.start <= instant) and (self.end is None or instant < self.end)


class Filter(NamedTuple):
    """The conditions that all must hold; None is no condition, an empty collection matches nothing."""

    ids: frozenset[str] | None = None
    user_id: str | None = None
    organization_id: str | None = None
    status: frozenset[Status] | None = None
    auth_method: frozenset[AuthMethod] | None = None
    impersonated: bool | None = None
    impersonator_email: str | None = None
    ip_address: str | None = None
    created_at: Interval | None = None
    expires_at: Interval | None = None
    ended_at: Interval | None = None

    @property
    def is_empty(self) -> bool:
        return self == Filter()

    @property
    def shape(self) -> "Filter":
        """What is left without the values: the same for all filters with the same clauses."""
        return Filter(
            ids=None if self.ids is None else frozenset(),
            user_id=self.user_id and "",
            organization_id=self.organization_id and "",
            status=self.status,
            auth_method=self.auth_method,
            impersonated=self.impersonated,
            impersonator_email=self.impersonator_email and "",
            ip_address=self.ip_address and "",
            created_at=self.created_at and self.created_at.shape,
            expires_at=self.expires_at and self.expires_at.shape,
            ended_at=self.ended_at and self.ended_at.shape,
        )

    def clauses(self, table: Table) -> list[Clause]:
        """Return the conditions on rows of `table`."""
        found: list[Clause] = []
        if self.ids is not None:
            found.append(is_among(_session_id(table), texts("filter_ids")))
        found += [
            col(getattr(table, name)) == given(f"filter_{name}")
            for name in _EQUAL
            if getattr(self, name) is not None
        ]
        if self.status is not None:
            found.append(_status_clause(table, self.status))
        if self.auth_method is not None:
            found.append(_auth_method_clause(table, self.auth_method))
        if self.impersonated is not None:
            email = col(table.impersonator_email)
            found.append(email.is_not(None) if self.impersonated else email.is_(None))
        if self.created_at is not None:
            found += self.created_at.clauses(col(table.created_at), "filter_created_at")
        if self.expires_at is not None:
            found += self.expires_at.clauses(col(table.expires_at), "filter_expires_at")
        if self.ended_at is not None:
            found += self.ended_at.clauses(ended_at_column(table), "filter_ended_at")
        return found

    def values(self) -> dict[str, Any]:
        """Return the values that the clauses name, and maybe others."""
        found: dict[str, Any] = {f"filter_{name}": getattr(self, name) for name in _EQUAL}
        if self.ids is not None:
            found["filter_ids"] = sorted(self.ids)
        for name in _BETWEEN:
            interval: Interval | None = getattr(self, name)
            if interval is not None:
                found |= interval.values(f"filter_{name}")
        return found

    def matches(self, event: Record) -> bool:
        """Tell whether the session is meant as it was after this event."""
        return (
            (self.ids is None or event.session_id in self.ids)
            and (self.user_id is None or event.user_id == self.user_id)
            and (self.organization_id is None or event.organization_id == self.organization_id)
            and (self.impersonator_email is None or event.impersonator_email == self.impersonator_email)
            and (self.ip_address is None or event.ip_address == self.ip_address)
            and (self.status is None or event.status in self.status)
            and (self.auth_method is None or known_method(event.auth_method) in self.auth_method)
            and (self.impersonated is None or (event.impersonator_email is not None) == self.impersonated)
            and (self.created_at is None or self.created_at.has(event.created_at))
            and (self.expires_at is None or self.expires_at.has(event.expires_at))
            and (self.ended_at is None or self.ended_at.has(event.ended_at))
        )


class Criteria(NamedTuple):
    """A filter within a bound at an instant: the only way to ask, so that no bound is forgotten."""

    filter: Filter
    bound: Bound
    now: datetime

    def clauses(self, table: Table) -> list[Clause]:
        conditions = self.filter.clauses(table)
        # SQLite counts a table without its rows only where there is no condition at all, not even a true one.
        return conditions if self.bound.everything else [self.bound.clause(table), *conditions]

    def values(self) -> dict[str, Any]:
        """Return the values that the clauses name, and maybe others."""
        return {**self.bound.values(), **self.filter.values(), "now": self.now}

    @property
    def shape(self) -> "Criteria":
        """What is left without the values: the same for all criteria with the same clauses."""
        return Criteria(self.filter.shape, self.bound.shape, _BLANK)

    def matches(self, event: Record) -> bool:
        return self.bound.admits(event) and self.filter.matches(event)


def known_method(stored: str) -> AuthMethod:
    """Return the method, or UNKNOWN for a word from the future."""
    try:
        return AuthMethod(stored)
    except ValueError:
        return AuthMethod.UNKNOWN


def known_method_column(table: Table) -> ColumnElement[str]:
    """Return the method as a reader must see it: UNKNOWN for a word from the future."""
    stored = col(table.auth_method)
    return case((stored.in_(sorted(AuthMethod)), stored), else_=AuthMethod.UNKNOWN.value)


def status_column(table: Table) -> ColumnElement[str]:
    """Return the status as a reader must see it: an active session past its end is expired."""
    return case((_is_due(table), Status.EXPIRED.value), else_=col(table.status))


def ended_at_column(table: Table) -> SQLColumnExpression[Any]:
    """Return the end as a reader must see it: that of an active session past it is `expires_at`."""
    if table is EventRow:
        return col(table.ended_at)
    return case((_is_due(table), col(table.expires_at)), else_=col(table.ended_at))


def _session_id(table: Table) -> SQLColumnExpression[Any]:
    return col(table.session_id) if table is EventRow else col(SessionRow.id)


def _is_due(table: Table) -> Clause:
    return and_(col(table.status) == Status.ACTIVE.value, col(table.expires_at) <= NOW)


def _status_clause(table: Table, wanted: frozenset[Status]) -> Clause:
    status = col(table.status)
    if table is EventRow:
        return status.in_(sorted(wanted))
    either: list[Clause] = [status == one.value for one in sorted(wanted - {Status.ACTIVE})]
    if Status.ACTIVE in wanted:
        active: Clause = status == Status.ACTIVE.value
        # Where both are wanted it does not matter which of the two a session is.
        both = Status.EXPIRED in wanted
        either.append(active if both else and_(active, col(table.expires_at) > NOW))
    elif Status.EXPIRED in wanted:
        either.append(_is_due(table))
    return or_(*either) if either else false()


def _auth_method_clause(table: Table, wanted: frozenset[AuthMethod]) -> Clause:
    column = col(table.auth_method)
    if AuthMethod.UNKNOWN in wanted:
        return column.not_in(sorted(set(AuthMethod) - wanted))
    return column.in_(sorted(wanted))
