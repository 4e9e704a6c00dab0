"""What a viewer may see or end, as SQL and in memory."""

from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import ColumnElement, false, or_, true
from sqlmodel import col

from models.database import Record
from models.session import EventRow, SessionRow
from models.statement import given

Table: TypeAlias = type[SessionRow] | type[EventRow]
Clause: TypeAlias = ColumnElement[bool]


class Bound(NamedTuple):
    """What a viewer may see or end: all sessions, or those of a user and those of an organization."""

    everything: bool = False
    user_id: str | None = None
    organization_id: str | None = None

    @property
    def is_nothing(self) -> bool:
        return self == Bound()

    def clause(self, table: Table) -> Clause:
        if self.everything:
            return true()
        either = self.branches(table)
        return or_(*either) if either else false()

    def branches(self, table: Table) -> list[Clause]:
        """Return the conditions of which one is enough; none where everything or nothing is within."""
        return [
            col(getattr(table, name)) == given(f"bound_{name}")
            for name in ("user_id", "organization_id")
            if getattr(self, name) is not None and not self.everything
        ]

    @property
    def shape(self) -> "Bound":
        return Bound(self.everything, self.user_id and "", self.organization_id and "")

    def values(self) -> dict[str, Any]:
        """Return the values that the clause names."""
        return {"bound_user_id": self.user_id, "bound_organization_id": self.organization_id}

    def admits(self, event: Record) -> bool:
        return self.covers(event.user_id, event.organization_id)

    def covers(self, user_id: str, organization_id: str | None) -> bool:
        """Tell whether sessions of this user in this organization are within."""
        return (
            self.everything
            or (self.user_id is not None and user_id == self.user_id)
            or (self.organization_id is not None and organization_id == self.organization_id)
        )
