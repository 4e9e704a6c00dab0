"""What clients saw of a service while it was broken on purpose, and the proof that it kept its promises.

The promises: what was acknowledged is in the log; its positions are dense; no change has two of them; the
changes of one session are in their order; a subscriber that goes on from its last cursor has every change, as
the log has it. A call that was not acknowledged may have been carried out or not.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple


class Change(NamedTuple):
    """One event, in the log or as it was delivered."""

    seq: int
    session_id: str
    previous_status: str | None
    status: str

    def __str__(self) -> str:
        return f"{self.session_id} {self.status} at {self.seq}"


class Call(NamedTuple):
    """What a client asked for: that a session should have this status."""

    session_id: str
    status: str

    def __str__(self) -> str:
        return f"{self.session_id} {self.status}"


@dataclass
class Connection:
    """What a subscriber was sent over one connection, which went on after a position."""

    after: int
    delivered: list[Change] = field(default_factory=list)


@dataclass
class History:
    """A subscriber's connections are in the order in which it made them."""

    attempted: set[Call] = field(default_factory=set)
    acknowledged: set[Call] = field(default_factory=set)
    subscribers: dict[str, list[Connection]] = field(default_factory=dict)
    log: Sequence[Change] = ()


def problems(history: History) -> list[str]:
    """Return what contradicts the promises, in a sentence each; nothing when they were kept."""
    found = [*_in_calls(history), *_in_log(history.log)]
    for name, connections in history.subscribers.items():
        found += [f"{name}: {problem}" for problem in _in_deliveries(connections, history.log)]
    return found


def _in_calls(history: History) -> Iterator[str]:
    logged = {Call(change.session_id, change.status) for change in history.log}
    for call in sorted(history.acknowledged - logged):
        yield f"lost: {call} was acknowledged"
    for call in sorted(logged - history.attempted):
        yield f"invented: {call} was never asked for"


def _in_log(log: Sequence[Change]) -> Iterator[str]:
    for before, after in pairwise(log):
        if after.seq != before.seq + 1:
            yield f"not dense: {after.seq} follows {before.seq}"
    first: dict[Call, Change] = {}
    status: dict[str, str] = {}
    for change in log:
        call = Call(change.session_id, change.status)
        if call in first:
            yield f"twice: {change}, and at {first[call].seq}"
            continue
        first[call] = change
        if change.previous_status != status.get(change.session_id):
            yield f"out of order: {change} comes after {status.get(change.session_id)}"
        status[change.session_id] = change.status


def _in_deliveries(connections: Sequence[Connection], log: Sequence[Change]) -> Iterator[str]:
    logged = {change.seq: change for change in log}
    delivered: set[int] = set()
    for connection in connections:
        position = connection.after
        for change in connection.delivered:
            if change.seq <= position:
                yield f"out of order: {change} was delivered after {position}"
            if logged.get(change.seq) != change:
                yield f"not in the log: {change}"
            position = change.seq
            delivered.add(change.seq)
    for change in log:
        if change.seq > connections[0].after and change.seq not in delivered:
            yield f"missed: {change}"
