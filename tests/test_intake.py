"""What a session of WorkOS becomes: tolerant of what is left out, not of what cannot be right."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from upstream import SESSION, session

from models.intake import SessionCopy, session_copy
from models.refusals import BadUserInput
from models.session import SNAPSHOT, to_milliseconds

NOW = datetime(2026, 6, 1, tzinfo=UTC)
FEBRUARY, MARCH, APRIL = "2026-02-01T00:00Z", "2026-03-01T00:00Z", "2026-04-01T00:00Z"
JUST_NOW, SOON = "2026-06-01T00:00:00.000Z", "2026-06-01T00:00:00.001Z"
LATER = SESSION["expires_at"]
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


def copy(**changes: Any) -> SessionCopy:
    return session_copy(session(**changes), NOW)


def test_reads_every_key() -> None:
    assert copy() == SessionCopy(
        id="session_01H93ZY4F80QPBEZ1R5B2SHQG8",
        user_id="user_01E4ZCR3C56J083X43JQXF3JK5",
        organization_id="org_01H945H0YD4F97JN9MATX7BYAG",
        status="active",
        auth_method="impersonation",
        ip_address="192.0.2.1",
        user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        impersonator_email="admin@example.com",
        impersonator_reason="A ticket",
        expires_at=datetime(2099, 1, 15, 12, tzinfo=UTC),
        ended_at=None,
        ended_by=None,
        end_reason=None,
        created_at=datetime(2024, 1, 15, 12, tzinfo=UTC),
        updated_at=datetime(2024, 1, 15, 12, tzinfo=UTC),
    )


def test_has_a_field_for_each_column() -> None:
    assert SessionCopy._fields == ("id", *SNAPSHOT)


@pytest.mark.parametrize("nothing", [None, ...])
def test_takes_a_null_for_an_absent_key(nothing: object) -> None:
    optional = dict.fromkeys(("organization_id", "ip_address", "user_agent", "impersonator"), nothing)
    read = copy(**optional)
    assert read == copy()._replace(
        organization_id=None,
        ip_address=None,
        user_agent=None,
        impersonator_email=None,
        impersonator_reason=None,
    )


@pytest.mark.parametrize("nothing", [None, ...])
def test_needs_no_reason_of_an_impersonator(nothing: object) -> None:
    impersonator = {"email": "a@example.com"} | ({} if nothing is ... else {"reason": nothing})
    read = copy(impersonator=impersonator)
    assert (read.impersonator_email, read.impersonator_reason) == ("a@example.com", None)


def test_ignores_keys_from_the_future() -> None:
    assert copy(data=[1], device={"id": "\ud800"}, score=float("nan")) == copy()


def test_keeps_an_auth_method_from_the_future() -> None:
    assert copy(auth_method="telepathy").auth_method == "telepathy"


@pytest.mark.parametrize("nothing", [None, ...])
def test_calls_an_auth_method_that_was_left_out_unknown(nothing: object) -> None:
    assert copy(auth_method=nothing).auth_method == "unknown"


def test_takes_a_session_for_one_when_it_does_not_say_so() -> None:
    assert copy(object=...) == copy()


@pytest.mark.parametrize(
    ("changes", "course"),
    [
        # What is said is what is stored.
        ({"status": "revoked", "ended_at": MARCH}, ("revoked", LATER, MARCH, None)),
        ({"status": "expired", "ended_at": MARCH, "expires_at": MARCH}, ("expired", MARCH, MARCH, "policy")),
        # Without an end: of an expired session the earlier of two instants, of a revoked one its last change.
        (
            {"status": "expired", "expires_at": MARCH, "updated_at": APRIL},
            ("expired", MARCH, MARCH, "policy"),
        ),
        (
            {"status": "expired", "expires_at": MARCH, "updated_at": FEBRUARY},
            ("expired", MARCH, FEBRUARY, "policy"),
        ),
        (
            {"status": "expired", "expires_at": None, "updated_at": FEBRUARY},
            ("expired", FEBRUARY, FEBRUARY, "policy"),
        ),
        ({"status": "revoked", "ended_at": ..., "updated_at": APRIL}, ("revoked", LATER, APRIL, None)),
        # Without an expiry: its end.
        ({"status": "revoked", "ended_at": MARCH, "expires_at": ...}, ("revoked", MARCH, MARCH, None)),
        # Without a status: by its instants.
        ({"status": ...}, ("active", LATER, None, None)),
        ({"status": None, "ended_at": ...}, ("active", LATER, None, None)),
        ({"status": ..., "ended_at": MARCH}, ("revoked", LATER, MARCH, None)),
        ({"status": ..., "ended_at": MARCH, "expires_at": MARCH}, ("expired", MARCH, MARCH, "policy")),
        ({"status": ..., "ended_at": APRIL, "expires_at": MARCH}, ("expired", MARCH, APRIL, "policy")),
        # Said to be active, and out of time.
        ({"expires_at": SOON}, ("active", SOON, None, None)),
        ({"expires_at": JUST_NOW}, ("expired", JUST_NOW, JUST_NOW, "policy")),
        ({"status": ..., "expires_at": MARCH}, ("expired", MARCH, MARCH, "policy")),
    ],
)
def test_tells_how_far_a_session_has_come(
    changes: dict[str, Any], course: tuple[str, str, str | None, str | None]
) -> None:
    status, expires_at, ended_at, ended_by = course
    read = copy(**changes)
    assert (read.status, read.ended_by) == (status, ended_by)
    assert read.expires_at == datetime.fromisoformat(expires_at)
    assert read.ended_at == (ended_at and datetime.fromisoformat(ended_at))
    assert read.updated_at == datetime.fromisoformat(changes.get("updated_at", SESSION["updated_at"]))


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("2026-01-15T12:00:00.123999Z", datetime(2026, 1, 15, 12, 0, 0, 123000, UTC)),
        ("2026-01-15T12:00:00+02:00", datetime(2026, 1, 15, 10, tzinfo=UTC)),
        ("2026-01-15T12:00:00.0019999Z", datetime(2026, 1, 15, 12, 0, 0, 1000, UTC)),
    ],
)
def test_cuts_instants_to_milliseconds_in_utc(sent: str, stored: datetime) -> None:
    read = copy(created_at=sent).created_at
    assert (read, read.utcoffset()) == (stored, UTC.utcoffset(None))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"object": "event"}, '`object` is not "session".'),
        ({"object": None}, '`object` is not "session".'),
        ({"id": ...}, "`id` is missing."),
        ({"id": "session_01H93ZY4F80QPBEZ1R5B2SHQG"}, "`id` is not `session_` and a ULID."),
        ({"id": "session_81H93ZY4F80QPBEZ1R5B2SHQG8"}, "`id` is not `session_` and a ULID."),
        ({"id": "session_01H93ZY4F80QPBEZ1R5B2SHQG8\n"}, "`id` is not `session_` and a ULID."),
        ({"id": "sess_01H93ZY4F80QPBEZ1R5B2SHQG8"}, "`id` is not `session_` and a ULID."),
        ({"user_id": ...}, "`user_id` is missing."),
        ({"user_id": ""}, "`user_id` is missing."),
        ({"user_id": "u" * 256}, "`user_id` has 256 characters; at most 255 are taken."),
        ({"user_agent": "u" * 2049}, "`user_agent` has 2,049 characters; at most 2,048 are taken."),
        ({"status": "paused\x1b[2J"}, "`status` is 'paused\\x1b[2J'; active, expired and revoked are known."),
        ({"status": "ACTIVE"}, "`status` is 'ACTIVE'; active, expired and revoked are known."),
        ({"created_at": ...}, "`created_at` is missing."),
        ({"updated_at": None}, "`updated_at` is missing."),
        ({"expires_at": ...}, "`expires_at` is missing; a session that is active needs one."),
        ({"status": ..., "expires_at": ...}, "`expires_at` is missing; a session that is active needs one."),
        (
            {"status": ..., "expires_at": ..., "ended_at": MARCH},
            (
                "`status` is missing, and without `expires_at` nothing tells whether the session expired "
                "or was revoked."
            ),
        ),
        (
            {"ended_at": MARCH},
            "`status` is active, but `ended_at` says that the session ended.",
        ),
        (
            {"created_at": "2026-01-15T12:00:00.000"},
            "`created_at` has no zone; write it as 2026-01-15T12:00:00.000Z.",
        ),
        ({"ended_at": "2026-01-15"}, "`ended_at` has no zone; write it as 2026-01-15T12:00:00.000Z."),
        ({"expires_at": "soon"}, "`expires_at` is no instant; write it as 2026-01-15T12:00:00.000Z."),
        ({"updated_at": 1768478400}, "`updated_at` is no instant; write it as 2026-01-15T12:00:00.000Z."),
        ({"created_at": "0001-01-01T00:00:00+14:00"}, "`created_at` is out of range in UTC."),
        (
            {"user_agent": "a\x00b"},
            "`user_agent` has characters that cannot be stored: NUL or half a character.",
        ),
        (
            {"organization_id": "a\ud800b"},
            "`organization_id` has characters that cannot be stored: NUL or half a character.",
        ),
        ({"impersonator": "admin@example.com"}, "`impersonator` is not an object."),
        ({"impersonator": {}}, "`impersonator.email` is missing."),
        ({"impersonator": {"email": 1}}, "`impersonator.email` is not a string."),
        (
            {"impersonator": {"email": "a@example.com", "reason": "\ud800"}},
            "`impersonator.reason` has characters that cannot be stored: NUL or half a character.",
        ),
    ],
)
def test_refuses_what_cannot_be_right(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadUserInput) as refusal:
        copy(**changes)
    assert str(refusal.value) == reason


@pytest.mark.parametrize("given", [None, True, 1, 1.5, "session", [], [SESSION]])
def test_refuses_what_is_no_object(given: object) -> None:
    with pytest.raises(BadUserInput, match=r"^A session is a JSON object\.$"):
        session_copy(given, NOW)


@pytest.mark.parametrize("value", [True, 1, 1.5, [], {}, ["a"], {"a": 1}])
@pytest.mark.parametrize("key", [key for key in SESSION if key not in ("object", "impersonator")])
def test_refuses_a_value_of_the_wrong_type(key: str, value: object) -> None:
    with pytest.raises(BadUserInput) as refusal:
        copy(**{key: value})
    said = "is no instant" if key.endswith("_at") else "is not a string"
    assert str(refusal.value).startswith(f"`{key}` {said}")


@given(st.dictionaries(st.sampled_from(sorted(SESSION)), JSON))
def test_reads_or_refuses_whatever_comes(changes: dict[str, Any]) -> None:
    try:
        read = copy(**changes)
    except BadUserInput:
        return
    for text in read:
        if isinstance(text, str):
            assert b"\x00" not in text.encode()
    assert read.updated_at == to_milliseconds(read.updated_at)
