"""The checker of histories finds each way to break a promise, and nothing in a history that keeps them."""

from collections.abc import Callable

import pytest
from history import Call, Change, Connection, History, problems


def kept() -> History:
    """Return a history of three sessions, two of them ended, and a subscriber that came back once."""
    log = [
        Change(7, "a", None, "ACTIVE"),
        Change(8, "b", None, "ACTIVE"),
        Change(9, "a", "ACTIVE", "REVOKED"),
        Change(10, "c", None, "ACTIVE"),
        Change(11, "b", "ACTIVE", "REVOKED"),
    ]
    calls = {Call(change.session_id, change.status) for change in log}
    # The first change was before its time, and one comes again after it came back.
    connections = [Connection(7, log[1:4]), Connection(9, log[3:])]
    return History(calls | {Call("c", "REVOKED")}, set(calls), {"near": connections}, log)


def lose(history: History) -> None:
    history.log = history.log[:4]
    history.subscribers["near"][1].delivered.pop()


def lose_in_the_middle(history: History) -> None:
    history.log = [*history.log[:2], *history.log[3:]]
    del history.subscribers["near"][0].delivered[1]


def double_with_a_new_position(history: History) -> None:
    again = Change(12, "a", "ACTIVE", "REVOKED")
    history.log = [*history.log, again]
    history.subscribers["near"][1].delivered.append(again)


def double_in_a_delivery_with_a_new_position(history: History) -> None:
    history.subscribers["near"][1].delivered.append(Change(12, "a", "ACTIVE", "REVOKED"))


def swap_within_a_session(history: History) -> None:
    history.log = [
        Change(7, "a", "ACTIVE", "REVOKED"),
        history.log[1],
        Change(9, "a", None, "ACTIVE"),
        *history.log[3:],
    ]
    history.subscribers["near"][0].delivered[1] = history.log[2]


def swap_in_a_delivery(history: History) -> None:
    delivered = history.subscribers["near"][0].delivered
    delivered[0], delivered[1] = delivered[1], delivered[0]


def leave_a_gap(history: History) -> None:
    history.log = [*history.log[:4], history.log[4]._replace(seq=12)]
    history.subscribers["near"][1].delivered[-1] = history.log[4]


def miss_one_delivery(history: History) -> None:
    del history.subscribers["near"][0].delivered[1]


def miss_what_came_while_away(history: History) -> None:
    history.subscribers["near"] = [Connection(7, history.subscribers["near"][0].delivered[:1])]


def invent(history: History) -> None:
    history.attempted.remove(Call("b", "REVOKED"))
    history.acknowledged.remove(Call("b", "REVOKED"))


def deliver_something_else(history: History) -> None:
    history.subscribers["near"][0].delivered[0] = Change(8, "c", None, "ACTIVE")


BROKEN: dict[Callable[[History], None], list[str]] = {
    lose: ["lost: b REVOKED was acknowledged"],
    lose_in_the_middle: ["lost: a REVOKED was acknowledged", "not dense: 10 follows 8"],
    double_with_a_new_position: ["twice: a REVOKED at 12, and at 9"],
    double_in_a_delivery_with_a_new_position: ["near: not in the log: a REVOKED at 12"],
    swap_within_a_session: [
        "out of order: a REVOKED at 7 comes after None",
        "out of order: a ACTIVE at 9 comes after REVOKED",
    ],
    swap_in_a_delivery: ["near: out of order: b ACTIVE at 8 was delivered after 9"],
    leave_a_gap: ["not dense: 12 follows 10"],
    miss_one_delivery: ["near: missed: a REVOKED at 9"],
    miss_what_came_while_away: [
        "near: missed: a REVOKED at 9",
        "near: missed: c ACTIVE at 10",
        "near: missed: b REVOKED at 11",
    ],
    invent: ["invented: b REVOKED was never asked for"],
    deliver_something_else: ["near: not in the log: c ACTIVE at 8"],
}


def test_finds_nothing_where_the_promises_were_kept() -> None:
    assert problems(kept()) == []


def test_allows_what_was_carried_out_and_not_acknowledged() -> None:
    history = kept()
    history.acknowledged -= {Call("b", "REVOKED"), Call("c", "ACTIVE")}
    assert problems(history) == []
    assert Call("c", "REVOKED") in history.attempted  # and this was asked for and not carried out


@pytest.mark.parametrize("break_it", BROKEN, ids=lambda function: function.__name__)
def test_finds_what_was_broken(break_it: Callable[[History], None]) -> None:
    history = kept()
    break_it(history)
    assert problems(history) == BROKEN[break_it]
