"""What a request costs on SQLite with a million sessions, beside plain routes with the same SQL.

Run it with `python benchmarks/sqlite_scale.py`: it makes the sessions, starts both servers, compares their
answers and prints a table. With two processors or more the servers have one of their own.
"""

import random
import sys
import tempfile
import time
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import orjson
import typer
import uvloop
from load import Connection, Measurement, measure, request
from population import ORGANIZATIONS, PER_USER, organization_id, populate, session_id, user_id
from questions import COUNT, DEPTH, PAGE, SESSION, deep_page, graphql, key_of_deep_page, page
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from servers import free_port, leave_the_first_processor, running, serve
from sqlite_floor import serve_floor

SAMPLES = 1_000
ROUNDS = 3
SECONDS = 2.0
CONNECTIONS = 4
WIDTH = 100


@dataclass
class Workload:
    """The same questions for both servers, and what was measured of each."""

    name: str
    ours: list[bytes]
    floor: list[bytes]
    connections: int = CONNECTIONS
    our_cost: Measurement = field(default_factory=Measurement)
    floor_cost: Measurement = field(default_factory=Measurement)


def main(
    size: Annotated[
        int, typer.Option(min=PAGE * DEPTH, help="How many sessions there are; a multiple of 20.")
    ] = 1_000_000,
    seconds: Annotated[float, typer.Option(help="How long each workload runs in each round.")] = SECONDS,
) -> None:
    """Measure the service on SQLite."""
    uvloop.run(_main(Console(width=WIDTH), size, seconds))


async def _main(console: Console, size: int, seconds: float) -> None:
    with tempfile.TemporaryDirectory(prefix="sessiongraph-") as directory:
        path = Path(directory) / "sessiongraph.db"
        start = time.perf_counter()
        await populate(f"sqlite:///{path}", size)
        took = time.perf_counter() - start
        console.print(f"{size:,} sessions in {took:.0f} s, {path.stat().st_size / 1e6:,.0f} MB")
        console.print(f"pages of {PAGE}, {CONNECTIONS} connections; totalCount on one")
        leave_the_first_processor()
        our_port, floor_port = free_port(), free_port()
        floor = [sys.executable, __file__, "--floor", str(path), str(floor_port)]
        with running({our_port: serve(f"sqlite:///{path}", our_port), floor_port: floor}):
            loads = workloads(size)
            for load in loads:
                await compare(load, our_port, floor_port)
            for _ in range(ROUNDS):
                for load in loads:
                    for port, requests, cost in (
                        (our_port, load.ours, load.our_cost),
                        (floor_port, load.floor, load.floor_cost),
                    ):
                        await measure(
                            port, cycle(requests), connections=load.connections, seconds=seconds, into=cost
                        )
    console.print(table(loads))
    first, deep = loads[0].our_cost, loads[1].our_cost
    console.print(
        f"page {DEPTH:,} costs {deep.percentile(50) / first.percentile(50):.2f} of the first page (p50), "
        f"{deep.percentile(99) / first.percentile(99):.2f} (p99)"
    )


def workloads(size: int) -> list[Workload]:
    """Return the questions; those about one of many ask for 1,000 of them, in no order."""
    chosen = random.Random(1)  # noqa: S311  the same in each run
    sessions = [session_id(number) for number in chosen.sample(range(size), SAMPLES)]
    users = [user_id(number) for number in chosen.sample(range(size // PER_USER), SAMPLES)]
    organizations = [organization_id(number) for number in chosen.sample(range(ORGANIZATIONS), SAMPLES)]
    after = key_of_deep_page(size)
    stored = f"{after.created_at:%Y-%m-%d %H:%M:%S.%f}"
    return [
        Workload("first page", [page()], [_plain_page("first")]),
        Workload(f"page {DEPTH:,}", [deep_page(size)], [_plain_page("after", stored, after.id)]),
        Workload(
            "session by id",
            [graphql(SESSION, id=one) for one in sessions],
            [request("GET", f"/session/{one}") for one in sessions],
        ),
        Workload(
            "user's page",
            [page(filter={"userId": one}) for one in users],
            [_plain_page("user", one) for one in users],
        ),
        Workload(
            "organization's page",
            [page(filter={"organizationId": one}) for one in organizations],
            [_plain_page("organization", one) for one in organizations],
        ),
        Workload("totalCount", [graphql(COUNT)], [request("GET", "/count")], connections=1),
    ]


async def compare(load: Workload, our_port: int, floor_port: int) -> None:
    """Make sure that both servers give the same answers to the first questions.

    Raises:
        RuntimeError: They differ, so that the measurement would compare different things.
    """
    ours, floor = await Connection.open(our_port), await Connection.open(floor_port)
    for our_request, floor_request in list(zip(load.ours, load.floor, strict=True))[:20]:
        answer = orjson.loads(await ours.send(our_request))["data"]
        expected = orjson.loads(await floor.send(floor_request))
        found = _flat(answer)
        if found != expected:
            raise RuntimeError(f"{load.name}: {found} is not {expected}")
    ours.close()
    floor.close()


def table(loads: list[Workload]) -> Table:
    shown = Table(box=SIMPLE, title="milliseconds and requests per second, ours and the floor's")
    for heading in ("", "p50", "p99", "req/s", "p50", "p99", "req/s", "of the floor"):
        shown.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for load in loads:
        ours, floor = load.our_cost, load.floor_cost
        costs = (
            text
            for cost in (ours, floor)
            for text in (
                f"{cost.percentile(50):.2f}",
                f"{cost.percentile(99):.2f}",
                f"{cost.per_second:,.0f}",
            )
        )
        shown.add_row(load.name, *costs, f"{ours.per_second / floor.per_second:.2f}")
    return shown


def _plain_page(by: str, *values: str) -> bytes:
    query = urlencode([("first", PAGE), *(("value", value) for value in values)])
    return request("GET", f"/sessions/{by}?{query}")


def _flat(data: dict[str, Any]) -> dict[str, Any]:
    """Return an answer in the form of the plain routes."""
    if "session" in data:
        return data
    page = data["sessions"]
    if "pageInfo" in page:
        return {"nodes": page["nodes"], "hasNextPage": page["pageInfo"]["hasNextPage"]}
    return {"totalCount": page["totalCount"]}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--floor"]:
        serve_floor(sys.argv[2], int(sys.argv[3]))
    else:
        typer.run(main)
