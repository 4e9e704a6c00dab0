"""Instants as numbers: what PostgreSQL keeps, from which a `datetime` is made only where one is needed."""

from datetime import UTC, datetime, timedelta
from typing import NewType

Microseconds = NewType("Microseconds", int)
"""An instant, as microseconds since the beginning of the year 2000 in UTC."""

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_microseconds(instant: datetime) -> Microseconds:
    """Return an aware instant as a number."""
    return Microseconds((instant - EPOCH) // _MICROSECOND)


def to_datetime(instant: Microseconds) -> datetime:
    return EPOCH + timedelta(microseconds=instant)
