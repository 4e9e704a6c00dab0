"""The scalars of the schema: DateTime and Cursor."""

from datetime import date, datetime, timedelta
from typing import NewType

import strawberry

from models.instant import EPOCH, to_microseconds
from models.refusals import BadUserInput
from models.session import to_milliseconds

Cursor = NewType("Cursor", str)

CURSOR = strawberry.scalar(
    name="Cursor",
    description="A position in the log of status changes: opaque, URL-safe, and valid on every node. Keep "
    "the last one that you have dealt with, and pass it as `after` to go on from there without a gap.",
    serialize=str,
    parse_value=lambda value: _text(value, "Cursor"),
)


HOURS_LIMIT = 10_000
"""How many hours are kept as they are written: those of a year, and a megabyte."""


class Hours(dict[int, str]):
    """How hours begin, by their number since the year 2000."""

    def __missing__(self, number: int) -> str:
        if len(self) >= HOURS_LIMIT:
            self.clear()
        written = self[number] = (EPOCH + timedelta(hours=number)).isoformat()[: len("2026-01-15T12:")]
        return written


# A page of sessions has hundreds of instants, and `isoformat` takes four times as long as these tables.
_HOURS = Hours()
_SECONDS = tuple(f"{number // 60:02d}:{number % 60:02d}." for number in range(3600))
_MILLISECONDS = tuple(f"{number:03d}Z" for number in range(1000))


def format_datetime(instant: int | str | datetime) -> str:
    """Return an instant, stored or aware, as `2026-01-15T12:00:00.000Z`."""
    if isinstance(instant, str):
        return f"{instant[:10]}T{instant[11:23]}Z"
    number = instant if isinstance(instant, int) else to_microseconds(instant)
    hour, milliseconds = divmod(number // 1000, 3_600_000)
    return f"{_HOURS[hour]}{_SECONDS[milliseconds // 1000]}{_MILLISECONDS[milliseconds % 1000]}"


def parse_datetime(value: object) -> datetime:
    """Read ISO 8601 with a zone; cut to milliseconds, in UTC.

    Raises:
        BadUserInput: It is no instant, has no zone, or is out of range.
    """
    text = _text(value, "DateTime")
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise BadUserInput("A DateTime is ISO 8601 with a zone, such as 2026-01-15T12:00:00.000Z.") from None
    if instant.tzinfo is None:
        raise BadUserInput(
            "A DateTime needs a zone: write 2026-01-15T12:00:00.000Z, not 2026-01-15T12:00:00."
        )
    try:
        return to_milliseconds(instant)
    except OverflowError:
        raise BadUserInput("This DateTime is out of range in UTC.") from None


DATE_TIME = strawberry.scalar(
    name="DateTime",
    description="An instant: ISO 8601 in UTC with milliseconds, as in `2026-01-15T12:00:00.000Z`. As input "
    "any zone is accepted, but there must be one; what is finer than a millisecond is cut off.",
    serialize=format_datetime,
    parse_value=parse_datetime,
    specified_by_url="https://scalars.graphql.org/andimarek/date-time.html",
)

DATE = strawberry.scalar(
    name="Date",
    description="A day in UTC, as in `2026-01-15`.",
    serialize=date.isoformat,
    parse_value=lambda value: date.fromisoformat(_text(value, "Date")),
    specified_by_url="https://scalars.graphql.org/andimarek/local-date.html",
)


def _text(value: object, scalar: str) -> str:
    if not isinstance(value, str):
        raise BadUserInput(f"A {scalar} is a string.")
    return value
