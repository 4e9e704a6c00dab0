"""Instants as the engines keep them; a `datetime` is made only where one is needed.

To make one takes half a microsecond, and a page has two hundred.
"""

from datetime import UTC, datetime, timedelta
from typing import NewType

StoredInstant = NewType("StoredInstant", object)
"""An instant as its engine keeps it, a number or a text; those of one engine compare as the instants."""

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MILLISECOND = timedelta(milliseconds=1)
_BETWEEN_EPOCHS = (EPOCH - _UNIX_EPOCH) // _MILLISECOND


def to_microseconds(instant: datetime) -> int:
    """Return an aware instant as PostgreSQL keeps it: since the beginning of the year 2000 in UTC."""
    return (instant - EPOCH) // _MICROSECOND


def to_text(instant: datetime) -> str:
    """Return an instant in UTC as SQLite keeps it, as in `2026-01-15 12:00:00.000000`."""
    return instant.replace(tzinfo=None).isoformat(" ", "microseconds")


def to_datetime(stored: int | str) -> datetime:
    """Return an instant that is stored in either way."""
    if isinstance(stored, int):
        return EPOCH + timedelta(microseconds=stored)
    return datetime.fromisoformat(stored + "+00:00")


def to_unix_milliseconds(stored: int | str) -> int:
    """Return the whole milliseconds since the beginning of the year 1970."""
    if isinstance(stored, int):
        return _BETWEEN_EPOCHS + stored // 1000
    return (to_datetime(stored) - _UNIX_EPOCH) // _MILLISECOND


def from_unix_milliseconds(milliseconds: int) -> datetime:
    return _UNIX_EPOCH + timedelta(milliseconds=milliseconds)
