"""Instants as people write them in options."""

import re
from datetime import UTC, datetime, timedelta

FORMS = "an age such as 36h, 7d or 90m, a day such as 2026-01-15, or an instant such as 2026-01-15T12:00Z"
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}
_AGE = re.compile(r"(\d{1,6})([dhm])")


def instant(given: str, now: datetime) -> str:
    """Return an instant as the API takes it; what has no zone is in UTC.

    Raises:
        ValueError: It is none.
    """
    age = _AGE.fullmatch(given)
    try:
        if age is not None:
            found = now - timedelta(**{_UNITS[age[2]]: int(age[1])})
        else:
            found = datetime.fromisoformat(given)
            found = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{given!r} is no instant; write {FORMS}.") from None
    return found.isoformat(timespec="milliseconds").replace("+00:00", "Z")
