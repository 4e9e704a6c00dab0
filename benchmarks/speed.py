"""What a request costs on PostgreSQL with a million sessions, beside a plain route that runs the same SQL.

Run it with `make bench`, or `python benchmarks/speed.py`: it starts a PostgreSQL, makes the sessions, starts
both servers on the first processor, compares their answers and takes turns between them over 16 connections.
Ours is asked with an API key, and every limit is in force. It prints for each workload the requests per
second, p50 and p99, the processor time of a request as the operating system has it, and ours as a multiple of
the plain route, the floor.
"""

import os
import random
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import orjson
import typer
import uvloop
from load import Connection, Measurement, measure, request
from population import ORGANIZATIONS, PER_USER, organization_id, populate, session_id, user_id
from postgres_floor import serve_floor
from questions import key_of_deep_page
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from servers import free_port, leave_the_first_processor, postgresql, running, serve

from api.auth.keys import key_hash, new_key
from api.cursor import encode_key
from models.database import Database
from models.engine import dsn, engine_url
from models.key import NewKey, Scope, create_key
from models.session import utc_now

CONNECTIONS = 16
ROUNDS = 5
SECONDS = 2.0
SAMPLES = 1_000
PAGE = 50
DEEP_PAGE = 2_000

FIELDS = (
    "object id userId organizationId status authMethod ipAddress userAgent impersonator { email reason } "
    "expiresAt endedAt createdAt updatedAt"
)
CONNECTION = (
    f"edges {{ cursor node {{ {FIELDS} }} }} pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}"
)
SESSION = f"query ($id: ID!) {{ session(id: $id) {{ {FIELDS} }} }}"
SESSIONS = (
    "query ($filter: SessionFilter, $first: Int, $after: String) "
    f"{{ sessions(filter: $filter, first: $first, after: $after) {{ {CONNECTION} }} }}"
)
MINE = (
    "query ($filter: SessionFilter) "
    "{ sessions(filter: $filter, first: 10) { nodes { id status authMethod createdAt userAgent } } }"
)
END = "mutation ($input: EndSessionInput!) { endSession(input: $input) { outcome } }"


@dataclass
class Cost:
    """What was measured of one workload on one server."""

    measured: Measurement = field(default_factory=Measurement)
    processor_seconds: float = 0.0

    @property
    def microseconds(self) -> float:
        """The processor time of a request."""
        return self.processor_seconds / len(self.measured.latencies) * 1e6


@dataclass
class Workload:
    """The same questions for both servers; those about changes are asked only once."""

    name: str
    ours: list[bytes]
    floor: list[bytes]
    is_repeatable: bool = True
    our_cost: Cost = field(default_factory=Cost)
    floor_cost: Cost = field(default_factory=Cost)


def main(
    size: Annotated[
        int, typer.Option(min=200_000, help="How many sessions there are; a multiple of 20.")
    ] = 1_000_000,
    rounds: Annotated[int, typer.Option(help="How many turns each server has.")] = ROUNDS,
    seconds: Annotated[float, typer.Option(help="How long a turn is.")] = SECONDS,
) -> None:
    """Measure the service beside a plain route."""
    with postgresql() as url:
        uvloop.run(_main(Console(width=120), url, size, rounds, seconds))


async def _main(console: Console, url: str, size: int, rounds: int, seconds: float) -> None:
    await populate(url, size)
    key = await _key(url)
    leave_the_first_processor()
    ports = free_port(), free_port()
    floor = [sys.executable, __file__, "--floor", dsn(engine_url(url)), str(ports[1])]
    with running({ports[0]: serve(url, ports[0]), ports[1]: floor}) as pids:
        loads = workloads(size, key)
        for load in loads:
            if load.is_repeatable:
                await compare(load, ports)
        for _ in range(rounds):
            for load in loads:
                for port, pid, requests, cost in (
                    (ports[0], pids[0], load.ours, load.our_cost),
                    (ports[1], pids[1], load.floor, load.floor_cost),
                ):
                    before = _processor_seconds(pid)
                    await measure(
                        port, requests, connections=CONNECTIONS, seconds=seconds, into=cost.measured
                    )
                    cost.processor_seconds += _processor_seconds(pid) - before
    console.print(table(loads))


async def _key(url: str) -> str:
    database, text = Database(url), new_key()
    async with database.write() as tx:
        await create_key(
            tx, NewKey(name="benchmark", secret_hash=key_hash(text), scopes=list(Scope)), utc_now()
        )
    await database.close()
    return text


def workloads(size: int, key: str) -> list[Workload]:
    """Return the questions; those about one of many ask for 1,000 of them, in no order."""

    def graphql(document: str, **variables: object) -> bytes:
        body = orjson.dumps({"query": document, "variables": variables})
        return request("POST", "/graphql", body, authorization=f"Bearer {key}")

    chosen = random.Random(1)  # noqa: S311  the same in each run
    sessions = [session_id(number) for number in chosen.sample(range(size), SAMPLES)]
    users = [user_id(number) for number in chosen.sample(range(size // PER_USER), SAMPLES)]
    # Every tenth has given its sessions to the large one.
    organizations = [organization_id(number) for number in range(ORGANIZATIONS) if number % 10 != 1]
    chosen.shuffle(organizations)
    deep = key_of_deep_page(size, depth=DEEP_PAGE)
    plain_deep = f"/sessions?first={PAGE}&id={deep.id}&created_at={quote(deep.created_at.isoformat())}"
    # Every other session is active.
    active = [session_id(number) for number in chosen.sample(range(1, size, 2), size // 4)]
    ours, theirs = active[::2], active[1::2]
    return [
        Workload(
            "one session by id, 13 fields",
            [graphql(SESSION, id=one) for one in sessions],
            [request("GET", f"/session/{one}") for one in sessions],
        ),
        Workload(
            "50 of an organization, 13 fields, cursors, pageInfo",
            [graphql(SESSIONS, filter={"organizationId": one}, first=PAGE) for one in organizations],
            [request("GET", f"/sessions/organization_id?value={one}&first={PAGE}") for one in organizations],
        ),
        Workload(
            "a user's 10, 5 fields",
            [graphql(MINE, filter={"userId": one}) for one in users],
            [request("GET", f"/sessions/user_id?value={one}&first=10") for one in users],
        ),
        Workload(
            f"50 at depth {PAGE * DEEP_PAGE:,}",
            [graphql(SESSIONS, first=PAGE, after=encode_key(*deep))],
            [request("GET", plain_deep)],
        ),
        Workload(
            "the end of a session",
            [graphql(END, input={"id": one, "reason": "Left"}) for one in ours],
            [request("POST", "/end", orjson.dumps({"id": one, "reason": "Left"})) for one in theirs],
            is_repeatable=False,
        ),
    ]


async def compare(load: Workload, ports: tuple[int, int]) -> None:
    """Make sure that both servers give the same sessions to the first questions.

    Raises:
        RuntimeError: They differ, so that the measurement would compare different things.
    """
    ours, floor = [await Connection.open(port) for port in ports]
    for our_request, floor_request in list(zip(load.ours, load.floor, strict=True))[:20]:
        found = _ids(orjson.loads(await ours.send(our_request))["data"])
        expected = _ids(orjson.loads(await floor.send(floor_request)))
        if found != expected or not found:
            raise RuntimeError(f"{load.name}: {found} is not {expected}")
    ours.close()
    floor.close()


def _ids(answer: Any) -> list[str]:  # noqa: ANN401  JSON
    """Return the ids of the sessions in an answer, in their order."""
    if isinstance(answer, list):
        return [id_ for one in answer for id_ in _ids(one)]
    if isinstance(answer, dict):
        return [answer["id"]] if "id" in answer else [id_ for one in answer.values() for id_ in _ids(one)]
    return []


def table(loads: list[Workload]) -> Table:
    shown = Table(box=SIMPLE, title="ours, and the floor: latencies in ms, µs of processor time")
    headings = ("", "req/s", "p50", "p99", "µs", "req/s", "p50", "p99", "µs", "of the floor", "p99 times")
    for heading in headings:
        shown.add_column(heading, justify="right" if heading else "left")
    for load in loads:
        costs = [
            text
            for cost in (load.our_cost, load.floor_cost)
            for text in (
                f"{cost.measured.per_second:,.0f}",
                f"{cost.measured.percentile(50):.1f}",
                f"{cost.measured.percentile(99):.1f}",
                f"{cost.microseconds:.0f}",
            )
        ]
        ours, floor = load.our_cost.measured, load.floor_cost.measured
        shown.add_row(
            load.name,
            *costs,
            f"{ours.per_second / floor.per_second:.2f}",
            f"{ours.percentile(99) / floor.percentile(99):.1f}",
        )
    return shown


def _processor_seconds(pid: int) -> float:
    """Return how long a process has run on a processor, as Linux counts it."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--floor"]:
        serve_floor(sys.argv[2], int(sys.argv[3]))
    else:
        typer.run(main)
