"""Instants are the same in every form, on both engines, and are written as they are."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlmodel import col
from stored import row, store

from api.scalars import HOURS_LIMIT, Hours, format_datetime
from models.database import Database, Statement
from models.instant import (
    EPOCH,
    from_unix_milliseconds,
    to_datetime,
    to_microseconds,
    to_text,
    to_unix_milliseconds,
)
from models.session import SessionRow, to_milliseconds

INSTANTS = st.datetimes(
    min_value=datetime(1, 1, 2),  # noqa: DTZ001  hypothesis adds the zone
    max_value=datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=st.builds(timezone, st.timedeltas(timedelta(hours=-14), timedelta(hours=14))),
)


@given(instant=INSTANTS)
def test_is_the_number_of_microseconds_since_the_year_2000(instant: datetime) -> None:
    number = to_microseconds(instant)
    assert EPOCH + timedelta(microseconds=number) == instant
    assert to_datetime(number) == instant


@given(instant=INSTANTS)
def test_is_text_that_begins_with_the_year(instant: datetime) -> None:
    in_utc = instant.astimezone(UTC)
    text = to_text(in_utc)
    assert text == in_utc.strftime("%Y-%m-%d %H:%M:%S.%f").rjust(len("2026-01-15 12:00:00.000000"), "0")
    assert to_datetime(text) == instant


@given(one=INSTANTS, other=INSTANTS)
def test_compares_in_every_form(one: datetime, other: datetime) -> None:
    assert (to_microseconds(one) < to_microseconds(other)) == (one < other)
    assert (to_text(one.astimezone(UTC)) < to_text(other.astimezone(UTC))) == (one < other)


@given(instant=INSTANTS)
def test_is_written_alike_in_every_form(instant: datetime) -> None:
    in_utc = to_milliseconds(instant)
    number, text = to_microseconds(instant), to_text(instant.astimezone(UTC))
    written = f"{in_utc.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
    assert [format_datetime(form) for form in (instant, number, text)] == [written] * 3
    since_1970 = (in_utc - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert [to_unix_milliseconds(form) for form in (number, text)] == [since_1970] * 2
    assert from_unix_milliseconds(since_1970) == in_utc


def test_keeps_only_so_many_hours() -> None:
    hours = Hours()
    assert [hours[number] for number in (-1, 0, 233_748)] == [
        "1999-12-31T23:",
        "2000-01-01T00:",
        "2026-08-31T12:",
    ]
    for number in range(HOURS_LIMIT + 10):
        assert len(hours[number]) == len("2000-01-01T00:")
        assert number in hours
    assert len(hours) == 12


async def test_reads_the_same_bare_and_by_name(database: Database) -> None:
    ages = [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC),
        datetime(2026, 1, 15, 12, 0, 0, 1000, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC),
    ]
    await store(database, *(row(number, created_at=age, ended_at=None) for number, age in enumerate(ages)))
    stored = select(col(SessionRow.created_at), col(SessionRow.ended_at)).order_by(col(SessionRow.created_at))
    named = await database.fetch(Statement(stored), {})
    bare = await database.fetch(Statement(stored, is_bare=True), {})
    assert [(one.created_at, one.ended_at) for one in named] == [(age, None) for age in ages]
    assert [tuple(one) for one in bare] == [(database.stored(age), None) for age in ages]
