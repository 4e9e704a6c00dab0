"""The filter in its two forms: what SQL finds in either table is what is matched in memory."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select
from sqlmodel import col
from stored import START, row, session_id

from models.bound import Bound
from models.database import Database
from models.filter import Criteria, Filter, Interval
from models.log import EVENT_COLUMNS
from models.session import SNAPSHOT, AuthMethod, EventRow, SessionRow, Status

IDS = [session_id(number) for number in range(6)]
INSTANTS = [START + timedelta(milliseconds=number) for number in range(5)]
USERS = ["user_1", "user_2"]
ORGANIZATIONS = ["org_1", "ORG_1"]
ADDRESSES = ["192.0.2.1", "2001:db8::1"]
EMAILS = ["admin@example.com", "Admin@example.com ", "e\u0301@example.com", "\u00e9@example.com"]
METHODS = ["password", "sso", "unknown", "telepathy", "PASSWORD", ""]

instants = st.sampled_from(INSTANTS)
intervals = st.builds(Interval, st.none() | instants, st.none() | instants)
users = st.sampled_from(USERS)
organizations = st.sampled_from(ORGANIZATIONS)


@st.composite
def sessions(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Sessions of few values each, so that filters often meet some of them, and meet their bounds."""
    drawn = []
    for number in range(draw(st.integers(1, len(IDS)))):
        status = draw(st.sampled_from(Status))
        drawn.append(
            row(
                number,
                user_id=draw(users),
                organization_id=draw(st.none() | organizations),
                status=status.value,
                auth_method=draw(st.sampled_from(METHODS)),
                ip_address=draw(st.none() | st.sampled_from(ADDRESSES)),
                impersonator_email=draw(st.none() | st.sampled_from(EMAILS)),
                created_at=draw(instants),
                expires_at=draw(instants),
                ended_at=None if status is Status.ACTIVE else draw(st.none() | instants),
            )
        )
    return drawn


filters = st.builds(
    Filter,
    ids=st.none() | st.frozensets(st.sampled_from(IDS)),
    user_id=st.none() | users,
    organization_id=st.none() | organizations,
    status=st.none() | st.frozensets(st.sampled_from(Status)),
    auth_method=st.none() | st.frozensets(st.sampled_from(AuthMethod)),
    impersonated=st.none() | st.booleans(),
    impersonator_email=st.none() | st.sampled_from(EMAILS),
    ip_address=st.none() | st.sampled_from(ADDRESSES),
    created_at=st.none() | intervals,
    expires_at=st.none() | intervals,
    ended_at=st.none() | intervals,
)
# One condition alone meets sessions more often than eleven together.
single_filters = st.sampled_from(Filter._fields).flatmap(
    lambda name: filters.map(lambda whole: Filter(**{name: getattr(whole, name)}))
)
bounds = st.just(Bound(everything=True)) | st.builds(
    Bound, user_id=st.none() | users, organization_id=st.none() | organizations
)
criteria = st.lists(st.builds(Criteria, single_filters | filters, bounds, instants), min_size=1, max_size=8)


# At the very instant at which it runs out a session is no longer active.
AT_THE_END = [
    Criteria(filter_, Bound(everything=True), INSTANTS[0])
    for filter_ in (
        Filter(status=frozenset({Status.ACTIVE})),
        Filter(status=frozenset({Status.EXPIRED})),
        Filter(ended_at=Interval(INSTANTS[0], INSTANTS[1])),
    )
]


@given(stored=sessions(), asked=criteria)
@example(stored=[row(0, expires_at=INSTANTS[0])], asked=AT_THE_END)
@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # each example empties the tables
)
async def test_means_the_same_in_sql_and_in_memory(
    database: Database, stored: list[dict[str, Any]], asked: list[Criteria]
) -> None:
    async with database.write() as tx:
        await tx.execute_each(insert(SessionRow), stored)
        await tx.execute_each(insert(EventRow), [event_of(one) for one in stored])
        for one in asked:
            events = await tx.fetch(select(*EVENT_COLUMNS))
            in_memory = {each.session_id for each in events if one.matches(each)}
            in_sql = await tx.fetch(
                select(col(EventRow.session_id)).where(*one.clauses(EventRow)), one.values()
            )
            assert {each.session_id for each in in_sql} == in_memory
            event(f"{min(len(in_memory), 2)} of {min(len(stored), 2)} events")
        await tx.execute(delete(EventRow))
        for one in asked:
            await tx.execute_each(insert(EventRow), [event_of(as_seen(each, one.now)) for each in stored])
            events = await tx.fetch(select(*EVENT_COLUMNS))
            in_memory = {each.session_id for each in events if one.matches(each)}
            in_sql = await tx.fetch(select(col(SessionRow.id)).where(*one.clauses(SessionRow)), one.values())
            assert {each.id for each in in_sql} == in_memory
            await tx.execute(delete(EventRow))
        await tx.execute(delete(SessionRow))


def event_of(session: dict[str, Any]) -> dict[str, Any]:
    """Return an event with the session as it is."""
    snapshot = {name: session[name] for name in SNAPSHOT}
    return {**snapshot, "session_id": session["id"], "occurred_at": START, "recorded_at": START}


def as_seen(session: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return the session as a reader must see it, although no sweeper has."""
    if session["status"] == "active" and session["expires_at"] <= now:
        return {**session, "status": "expired", "ended_at": session["expires_at"]}
    return session
