"""What a request costs on SQLite with a million sessions, beside plain routes with the same SQL.

Run it with `python benchmarks/sqlite_scale.py`: it makes the sessions, starts both servers, compares their
answers and prints a table. With two processors or more the servers have one of their own.
"""

import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import orjson
import typer
import uvloop
from load import Connection, Measurement, measure, request
from population import ORGANIZATIONS, PER_USER, created_at, organization_id, populate, session_id, user_id
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from sqlite_floor import serve_floor

from api.cursor import encode_key
from models.queries import Key

PAGE = 50
DEPTH = 10_000
SAMPLES = 1_000
ROUNDS = 3
SECONDS = 2.0
CONNECTIONS = 4
CPUS = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []

FIELDS = """
  id userId organizationId status authMethod ipAddress userAgent impersonator { email reason }
  expiresAt endedAt createdAt updatedAt
"""
SESSION = f"query ($id: ID!) {{ session(id: $id) {{ {FIELDS} }} }}"
SESSIONS = f"""query ($filter: SessionFilter, $first: Int, $after: String) {{
  sessions(filter: $filter, first: $first, after: $after) {{
    nodes {{ {FIELDS} }} pageInfo {{ hasNextPage }}
  }}
}}"""
COUNT = "{ sessions(first: 1) { totalCount } }"


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
    uvloop.run(_main(Console(), size, seconds))


async def _main(console: Console, size: int, seconds: float) -> None:
    with tempfile.TemporaryDirectory(prefix="sessiongraph-") as directory:
        path = Path(directory) / "sessiongraph.db"
        start = time.perf_counter()
        await populate(f"sqlite:///{path}", size)
        took = time.perf_counter() - start
        console.print(f"{size:,} sessions in {took:.0f} s, {path.stat().st_size / 1e6:,.0f} MB")
        console.print(f"pages of {PAGE}, {CONNECTIONS} connections; totalCount on one")
        if len(CPUS) > 1:
            os.sched_setaffinity(0, CPUS[1:])
        with _servers(path) as (our_port, floor_port):
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
                            port, requests, connections=load.connections, seconds=seconds, into=cost
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
    # The list is newest first, so this is the last session of the page before.
    before = size - PAGE * (DEPTH - 1)
    after = Key(created_at(before), session_id(before))
    stored = f"{after.created_at:%Y-%m-%d %H:%M:%S.%f}"
    return [
        Workload("first page", [_page()], [_plain_page("first")]),
        Workload(
            f"page {DEPTH:,}", [_page(after=encode_key(after))], [_plain_page("after", stored, after.id)]
        ),
        Workload(
            "session by id",
            [_graphql(SESSION, id=one) for one in sessions],
            [request("GET", f"/session/{one}") for one in sessions],
        ),
        Workload(
            "user's page",
            [_page(filter={"userId": one}) for one in users],
            [_plain_page("user", one) for one in users],
        ),
        Workload(
            "organization's page",
            [_page(filter={"organizationId": one}) for one in organizations],
            [_plain_page("organization", one) for one in organizations],
        ),
        Workload("totalCount", [_graphql(COUNT)], [request("GET", "/count")], connections=1),
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


def _graphql(document: str, **variables: object) -> bytes:
    return request("POST", "/graphql", orjson.dumps({"query": document, "variables": variables}))


def _page(**variables: object) -> bytes:
    return _graphql(SESSIONS, first=PAGE, **variables)


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


@contextmanager
def _servers(path: Path) -> Iterator[tuple[int, int]]:
    """Start both servers on the same database, and stop them in the end; yield their ports."""
    ports = _free_port(), _free_port()
    ours = Path(sys.executable).with_name("sessiongraph")
    commands = [
        [str(ours), "serve", "--port", str(ports[0]), "--database-url", f"sqlite:///{path}"],
        [sys.executable, __file__, "--floor", str(path), str(ports[1])],
    ]
    processes = [subprocess.Popen(command) for command in commands]  # noqa: S603  our own
    try:
        for process, port in zip(processes, ports, strict=True):
            if len(CPUS) > 1:
                os.sched_setaffinity(process.pid, CPUS[:1])
            _wait_for(port, process)
        yield ports
    finally:
        for process in processes:
            process.terminate()
            process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("a server did not start")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--floor"]:
        serve_floor(sys.argv[2], int(sys.argv[3]))
    else:
        typer.run(main)
