"""What may be spent by viewers and from addresses, and what happens when nothing is left."""

from pathlib import Path

import pytest
from conftest import StartNode
from credentials import jwks_settings, make_key
from hypothesis import given
from hypothesis import strategies as st
from issuer import user_token
from node import Node

from api.auth.rules import viewer_of_open_server
from api.limits.budget import SAVED_SECONDS, Account, Budget, Budgets, Rates
from api.places import address_of
from models.database import Database
from models.key import Scope

COUNTED = "{ sessions { totalCount } }"
"""Costs 102, and 2 for its characters when it is not known yet."""


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_lets_be_spent_what_was_saved_up_and_then_so_much_a_second() -> None:
    clock = Clock()
    budget = Budget(100, now=clock)
    assert budget.left("a") == 100 * SAVED_SECONDS
    budget.spend("a", 100 * SAVED_SECONDS - 1)
    assert (budget.wait_seconds("a"), budget.left("a")) == (0, 1)
    budget.spend("a", 301)
    assert (budget.wait_seconds("a"), budget.left("a")) == (3, 0)
    clock.now += 2
    assert budget.wait_seconds("a") == 1
    clock.now += 1.5
    assert (budget.wait_seconds("a"), budget.left("a")) == (0, 50)
    assert budget.left("b") == 100 * SAVED_SECONDS
    clock.now += 1000
    assert budget.left("a") == 100 * SAVED_SECONDS


@given(st.lists(st.tuples(st.integers(0, 500), st.floats(0, 5)), max_size=30))
def test_lets_nobody_spend_more_than_saved_and_earned_and_one_operation(
    steps: list[tuple[int, float]],
) -> None:
    clock = Clock()
    budget = Budget(50, now=clock)
    spent = 0
    for nodes, seconds in steps:
        if budget.wait_seconds("a") == 0:
            budget.spend("a", nodes)
            spent += nodes
        clock.now += seconds
    assert spent <= 50 * (SAVED_SECONDS + clock.now - 1000) + 500


def test_remembers_no_more_spenders_than_its_limit() -> None:
    budget = Budget(1, spenders_limit=3, now=Clock())
    for spender in ("a", "b", "c", "a", "d"):
        budget.spend(spender, 100)
    assert len(budget) == 3
    assert [budget.wait_seconds(spender) > 0 for spender in "abcd"] == [True, False, True, True]


def account(rates: Rates, address: str) -> Account:
    return Budgets(rates).account(viewer_of_open_server(), address)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1:2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("unix:", "unix:", True),
    ],
)
def test_takes_a_network_of_ipv6_for_one_address(one: str, other: str, *, is_same: bool) -> None:
    assert (address_of({"client": (one, 1)}) == address_of({"client": (other, 2)})) == is_same


def test_has_no_limit_where_the_rate_is_0() -> None:
    free = account(Rates(viewer_rate=0, address_rate=0), "192.0.2.1")
    free.spend(10**9)
    assert (free.refusal(), free.left()) == (None, None)


def test_affords_a_page_that_refreshes_itself_every_second_for_fifty_colleagues() -> None:
    """A console shows a page of 50 sessions with its count; all colleagues come from one address."""
    rates = Rates()
    page = 1 + 1 + 50 + 100
    assert rates.address_rate > 50 * page
    assert rates.viewer_rate > 10 * page


async def spend(node: Node) -> None:
    assert await node.query(COUNTED)


async def test_refuses_an_address_that_has_spent_its_budget(start_node: StartNode) -> None:
    node = await start_node(address_rate=1)
    await spend(node)  # 104 of 10: there was something left
    for media_type in ("application/json", "application/graphql-response+json"):
        answer = await node.http.post("/graphql", json={"query": COUNTED}, headers={"accept": media_type})
        (error,) = answer.json()["errors"]
        seconds = error["extensions"].pop("retryAfter")
        assert 84 <= seconds <= 94
        assert error == {
            "message": f"The budget is spent: `address_rate` is 1 nodes a second; come back in {seconds} s.",
            "extensions": {"code": "LIMIT_EXCEEDED", "bound": "address_rate", "limit": 1},
        }
        assert (answer.status_code, answer.headers["retry-after"]) == (429, str(seconds))
        assert "data" not in answer.json()


async def test_refuses_on_all_transports_what_cannot_be_paid(start_node: StartNode) -> None:
    node = await start_node(address_rate=1)
    watch = "subscription { sessionStatusChanged { cursor } }"
    async with node.socket() as socket:
        await spend(node)
        await socket.send({"type": "subscribe", "id": "1", "payload": {"query": watch}})
        refused = await socket.receive()
        assert (refused["type"], refused["payload"][0]["extensions"]["bound"]) == ("error", "address_rate")
    headers = {"accept": "text/event-stream"}
    answer = await node.http.post("/graphql", json={"query": watch}, headers=headers)
    assert "address_rate" in answer.text
    answer = await node.http.post(
        "/graphql", content=b'{"query": "{"}', headers={"content-type": "application/json"}
    )
    assert answer.status_code == 429  # nothing of it was read


async def test_executes_nothing_that_cannot_be_paid(start_node: StartNode) -> None:
    node, free = await start_node(address_rate=1), await start_node()
    await spend(node)
    mutation = (
        'mutation { createSession(input: {userId: "user_1", expiresAt: "2099-01-01T00:00:00Z"}) { created } }'
    )
    assert (await node.refusal(mutation))[0] == "LIMIT_EXCEEDED"
    assert await free.query("{ sessions { totalCount } }") == {"sessions": {"totalCount": 0}}


async def test_charges_a_subscription_when_it_starts(start_node: StartNode) -> None:
    node = await start_node(address_rate=2)
    watch = "subscription { sessionStatusChanged { cursor session { id } } }"
    async with node.socket() as socket:
        await socket.subscribe(watch)  # 3 for the first event, 4 for its characters
        report = (
            await node.http.post("/graphql", json={"query": "{__typename}", "extensions": {"cost": True}})
        ).json()
        assert report["extensions"]["cost"]["left"] in {20 - 7 - 2, 20 - 7 - 1}


async def test_charges_for_preparing_what_is_wrong(start_node: StartNode) -> None:
    node = await start_node(address_rate=10)
    assert (await node.refusal("{ nothing }" + "#" * 15_989))[0] == "GRAPHQL_VALIDATION_FAILED"
    assert (await node.refusal("{ __typename }"))[1].startswith("The budget is spent:")


async def test_has_a_budget_for_each_viewer(
    start_node: StartNode, database: Database, tmp_path: Path
) -> None:
    rates = {"viewer_rate": 1, "address_rate": 0}
    node = await start_node(**jwks_settings(tmp_path), **rates)
    spender, _ = await make_key(database, Scope.READ)
    other, _ = await make_key(database, Scope.READ)
    async with node.acting(spender) as acting:
        await spend(acting)
        assert (await acting.refusal(COUNTED))[1].startswith("The budget is spent: `viewer_rate` is 1 nodes")
    for credential in (other, user_token()):
        async with node.acting(credential) as acting:
            await spend(acting)
            assert (await acting.refusal(COUNTED))[0] == "LIMIT_EXCEEDED"


async def test_takes_an_address_only_from_proxies_that_are_trusted(start_node: StartNode) -> None:
    for trusted, is_refused in (("127.0.0.1", False), ("192.0.2.1", True)):
        node = await start_node(address_rate=1, trusted_proxies=trusted)
        await spend(node)
        headers = {"x-forwarded-for": "203.0.113.9"}
        answer = await node.http.post("/graphql", json={"query": COUNTED}, headers=headers)
        assert (answer.status_code == 429) == is_refused
