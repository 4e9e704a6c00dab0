"""Which sessions a change takes: those of these ids, or the first that nobody else holds."""

from collections.abc import Sequence
from typing import Any, TypeAlias

from sqlalchemy import Integer, Select, SQLColumnExpression, literal, select
from sqlmodel import col

from models.bound import Clause
from models.dialect import is_among, texts
from models.session import SessionRow, Status
from models.statement import given

Order: TypeAlias = Sequence[SQLColumnExpression[Any]]

# Spelled out in the statement: a plan for any status could not use the index of the active sessions.
IS_ACTIVE: Clause = col(SessionRow.status) == literal(Status.ACTIVE.value, literal_execute=True)
IS_THESE: Clause = is_among(col(SessionRow.id), texts("ids"))
BY_AGE = (col(SessionRow.created_at), col(SessionRow.id))


def first(order: Order, *where: Clause, columns: Order) -> Select[Any]:
    return (
        select(*columns)
        .where(*where)
        .order_by(*order)
        .limit(given("limit", Integer))
        .with_for_update(skip_locked=True)
    )


def is_chosen(chosen: Select[Any]) -> Clause:
    """Return the condition to be one of these, which are chosen once.

    PostgreSQL may run a plain subquery again for each row, and then it passes over those that the statement
    has changed already and chooses others: the limit would be none.
    """
    return col(SessionRow.id).in_(select(chosen.cte("chosen").c.id))
