"""What a request costs on PostgreSQL with a million sessions, beside a plain route and other GraphQL servers.

Run it with `make bench`, or after `make peers` with `python benchmarks/speed.py`, which has options: `--only
Sessiongraph` leaves the peers out. It starts a PostgreSQL, makes the sessions, starts all servers on the
first processor, compares their answers and takes turns between them over 16 connections; the first turn of
each is not counted. Ours is asked with an API key, and every limit is in force; the peers know neither. It
prints for each workload and server the requests per second, p50 and p99, and the processor time of a request
as the operating system has it, in figures and as multiples of those of the plain route, the floor. Where
others use the machine too, the processor time is the least disturbed.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import asyncpg
import typer
import uvloop
from agreement import check_end, check_events, compare_sessions
from contestants import Contestant, chosen_contestants
from load import Connection, Measurement, measure
from population import populate
from rich.box import MARKDOWN, SIMPLE
from rich.console import Console
from rich.table import Table
from servers import free_port, leave_the_first_processor, postgresql, running
from workloads import Workload, active_sessions, cursor_of_deep_page, end_of, last_page, workloads

from api.auth.keys import key_hash, new_key
from models.database import Database
from models.engine import dsn, engine_url
from models.key import NewKey, Scope, create_key
from models.session import utc_now

CONNECTIONS = 16
ROUNDS = 5
SECONDS = 2.0


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
class Server:
    """A contestant that runs, what it is asked, and what was measured, for each workload."""

    contestant: Contestant
    port: int
    pid: int
    loads: list[Workload] = field(default_factory=list)
    requests: list[Iterator[bytes]] = field(default_factory=list)
    warm_up: list[Cost] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)

    async def take_turn(self, place: int, seconds: float, *, is_counted: bool) -> None:
        """Answer one of the workloads for some seconds."""
        cost = (self.costs if is_counted else self.warm_up)[place]
        before = _processor_seconds(self.pid)
        await measure(
            self.port,
            self.requests[place],
            connections=CONNECTIONS,
            seconds=seconds,
            into=cost.measured,
        )
        cost.processor_seconds += _processor_seconds(self.pid) - before


def main(
    only: Annotated[
        list[str] | None,
        typer.Option(help="Whom to measure besides the floor, by a word of the name; may be repeated."),
    ] = None,
    size: Annotated[
        int, typer.Option(min=200_000, help="How many sessions there are; a multiple of 20.")
    ] = 1_000_000,
    rounds: Annotated[int, typer.Option(help="How many turns each server has.")] = ROUNDS,
    seconds: Annotated[float, typer.Option(help="How long a turn is.")] = SECONDS,
) -> None:
    """Measure the service beside a plain route and other GraphQL servers."""
    with postgresql() as url:
        uvloop.run(_main(url, chosen_contestants(only or []), size, rounds, seconds))


async def _main(url: str, contestants: Sequence[Contestant], size: int, rounds: int, seconds: float) -> None:
    await populate(url, size)
    key = await _key(url)
    leave_the_first_processor()
    ports = [free_port() for _ in contestants]
    commands = {port: one.command(url, port) for port, one in zip(ports, contestants, strict=True)}
    with running(commands) as pids:
        servers = [Server(*one) for one in zip(contestants, ports, pids, strict=True)]
        database = await asyncpg.connect(dsn(engine_url(url)))
        await prepare(servers, size, key, database)
        for number in range(1 + rounds):
            for place in range(len(servers[0].loads)):
                for server in servers:
                    await server.take_turn(place, seconds, is_counted=number > 0)
        ends = [cost for server in servers for cost in (server.warm_up[-1], server.costs[-1])]
        await check_events(len(servers) + sum(len(cost.measured.latencies) for cost in ends), database)
        await database.close()
    Console(width=240).print(table(servers), summary(servers))


async def _key(url: str) -> str:
    database, text = Database(url), new_key()
    async with database.write() as tx:
        await create_key(
            tx, NewKey(name="benchmark", secret_hash=key_hash(text), scopes=list(Scope)), utc_now()
        )
    await database.close()
    return text


async def prepare(servers: Sequence[Server], size: int, key: str, database: asyncpg.Connection) -> None:
    """Give each server its questions, and make sure that it answers them as the floor does.

    Raises:
        RuntimeError: It does not, so that the measurement would compare different things.
    """
    floor = await Connection.open(next(server.port for server in servers if server.contestant.is_floor))
    active = active_sessions(size)
    for place, server in enumerate(servers):
        connection, is_floor = await Connection.open(server.port), server.contestant.is_floor
        cursor = "" if is_floor else await cursor_of_deep_page(connection, size, key)
        ended, *others = active[place :: len(servers)]
        server.loads = workloads(size, key, cursor=cursor, active=others)
        server.requests = [load.requests(in_graphql=not is_floor) for load in server.loads]
        server.warm_up, server.costs = [Cost() for _ in server.loads], [Cost() for _ in server.loads]
        question = end_of(ended, key)
        await connection.send(question.plain if is_floor else question.graphql)
        await check_end(server.contestant.name, ended, database)
        for load in (*server.loads, last_page(key)):
            if load.is_repeatable and not is_floor:
                await compare_sessions(server.contestant.name, load, connection, floor)
        connection.close()
    floor.close()


def table(servers: Sequence[Server]) -> Table:
    """Return all that was measured, a row for each workload and server, the fastest first."""
    shown = Table(box=SIMPLE, title="latencies in ms, processor time in µs")
    for heading in ("", "req/s", "p50", "p99", "µs", "req/s, of the floor's", "p99", "µs"):
        shown.add_column(heading, justify="right" if heading else "left")
    for place, load in enumerate(servers[0].loads):
        shown.add_section()
        shown.add_row(load.name, style="bold")
        for server in sorted(servers, key=lambda one: -one.costs[place].measured.per_second):
            cost = server.costs[place]
            shown.add_row(
                f"  {server.contestant.name}",
                f"{cost.measured.per_second:,.0f}",
                f"{cost.measured.percentile(50):.1f}",
                f"{cost.measured.percentile(99):.1f}",
                f"{cost.microseconds:.0f}",
                *(f"{multiple:.2f}" for multiple in _of_the_floor(server, servers, place)),
            )
    return shown


def summary(servers: Sequence[Server]) -> Table:
    """Return a row for each server, with multiples of the floor's alone, as the README has it."""
    shown = Table(box=MARKDOWN, title="requests a second, and p99, as multiples of the floor's")
    shown.add_column()
    for load in servers[0].loads:
        shown.add_column(load.name, justify="right")
    for server in servers:
        if not server.contestant.is_floor:
            multiples = (_of_the_floor(server, servers, place) for place in range(len(server.loads)))
            shown.add_row(server.contestant.name, *(f"{speed:.2f}, {p99:.1f}" for speed, p99, _ in multiples))
    return shown


def _of_the_floor(server: Server, servers: Sequence[Server], place: int) -> tuple[float, float, float]:
    """Return requests a second, p99 and processor time of a workload, as multiples of the floor's."""
    least = next(one.costs[place] for one in servers if one.contestant.is_floor)
    cost = server.costs[place]
    return (
        cost.measured.per_second / least.measured.per_second,
        cost.measured.percentile(99) / least.measured.percentile(99),
        cost.microseconds / least.microseconds,
    )


def _processor_seconds(pid: int) -> float:
    """Return how long a process has run on a processor, as Linux counts it."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    typer.run(main)
