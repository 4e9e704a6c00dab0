"""The mistakes of clients: what they are told and what they are not, and that nobody else hears of them."""

import asyncio
import logging
from typing import Any

import pytest
from conftest import StartNode
from node import Node

from api.schema import build_schema

MISSPELT: list[tuple[str, dict[str, Any]]] = [
    ("{ sesions { asOf } }", {}),
    ("{ sessions { asOff } }", {}),
    ("{ sessions(filtr: {}) { asOf } }", {}),
    ("{ sessions(filter: {userIdd: 1}) { asOf } }", {}),
    ("{ sessions(filter: {status: [ACTIV]}) { asOf } }", {}),
    ("{ ... on Qery { __typename } }", {}),
    ("{ node(id: 1) { userId } }", {}),
    ("query ($f: SessionFiltr) { sessions(filter: $f) { asOf } }", {}),
    ("query ($f: SessionFilter) { sessions(filter: $f) { asOf } }", {"f": {"userIdd": 1}}),
    ("query ($f: SessionFilter) { sessions(filter: $f) { asOf } }", {"f": {"status": ["ACTIV"]}}),
    ("query ($b: [SessionDimension!]!) { sessionCounts(by: $b) { count } }", {"b": ["STATU"]}),
]


@pytest.mark.parametrize(("document", "variables"), MISSPELT)
async def test_suggests_names_only_where_the_schema_is_open(
    start_node: StartNode, document: str, variables: dict[str, Any]
) -> None:
    told = {}
    for introspection in (True, False):
        node = await start_node(introspection=introspection)
        answer = await node.post(document, **variables)
        assert "data" not in answer
        told[introspection] = " ".join(error["message"] for error in answer["errors"])
    assert "Did you mean" in told[True]
    assert "Did you mean" not in told[False]


async def test_bothers_no_operator_with_the_mistakes_of_clients(
    node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    mistakes = [
        *MISSPELT,
        ("{", {}),
        ("{ ...A }", {}),
        ("{ " + "a: " * 31 + "}", {}),
        ("{ viewer { " + " ".join(f"a{number}: kind" for number in range(31)) + " } }", {}),
        ("{ sessions(first: 0) { asOf } }", {}),
        ('{ sessions(after: "wrong") { asOf } }', {}),
        ("query ($n: Int!) { sessions(first: $n) { asOf } }", {}),
        ("query A { viewer { kind } } query B { viewer { kind } }", {}),
        ("subscription { sessionStatusChanged(after: 1) { cursor } }", {}),
    ]
    caplog.set_level(logging.DEBUG, logger="api")
    caplog.set_level(logging.INFO)
    async with node.socket() as socket:
        for document, variables in mistakes:
            payload = {"query": document, "variables": variables}
            assert (await node.post(document, **variables))["errors"]
            await socket.send({"type": "subscribe", "id": "1", "payload": payload})
            answer = await socket.receive()
            if answer["type"] == "next":
                assert answer["payload"]["errors"]
                assert (await socket.receive())["type"] == "complete"
            else:
                assert answer["type"] == "error"
    loud = [record for record in caplog.records if record.levelno >= logging.WARNING or record.exc_info]
    assert not [record.getMessage() for record in loud]


async def test_mixes_nothing_up_between_requests_at_once(node: Node) -> None:
    """An extension of Strawberry that is passed as an instance would; there is none."""

    async def cost(size: int) -> int:
        body = {
            "query": "query ($n: Int) { sessions(first: $n) { totalCount nodes { id } } }",
            "variables": {"n": size},
            "extensions": {"cost": True},
        }
        answer = (await node.http.post("/graphql", json=body)).json()
        nodes: int = answer["extensions"]["cost"]["nodes"]
        return nodes

    assert await asyncio.gather(*map(cost, range(1, 31))) == [102 + size for size in range(1, 31)]
    assert build_schema().extensions == ()


async def test_reads_anew_for_each_operation_on_a_socket(node: Node) -> None:
    """A DataLoader that lives as long as the socket would remember."""
    session_id = await node.create()
    document = "query ($id: ID!) { session(id: $id) { status a: history { status } b: history { reason } } }"
    async with node.socket() as socket:
        for number, statuses in enumerate((["ACTIVE"], ["ACTIVE", "REVOKED"])):
            payload = {"query": document, "variables": {"id": session_id}}
            await socket.send({"type": "subscribe", "id": str(number), "payload": payload})
            session = (await socket.next())["session"]
            assert [change["status"] for change in session["a"]] == statuses
            assert len(session["b"]) == len(statuses)
            assert (await socket.receive())["type"] == "complete"
            await node.end(session_id)
