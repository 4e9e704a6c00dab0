"""What the service does on PostgreSQL with a million sessions: pages, plans, and the end of an organization.

Run it with `python benchmarks/postgres_scale.py`. It prints
- how each query that is made often is run: by which indexes, over how many pages of 8 kB, and whether it
  sorts or reads a table whole;
- what page 10,000 costs beside the first one;
- what reads at a steady pace cost while all 100,000 sessions of one organization are ended, beside the same
  reads before, and how the memory of the node grows meanwhile.

Ten million sessions need no other run. What can grow with the size is the depth of an index, by one page at
every factor of some 200, and the number of rows that a query visits. The pages that are printed stand for the
rows that are asked for and for the depth: three at a million, four at ten. The exceptions visit all that they
count: `totalCount` and `sessionCounts` grow with what matches.
"""

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from itertools import cycle, takewhile
from typing import Annotated, Any, TypeAlias
from unittest.mock import patch

import asyncpg
import orjson
import typer
import uvloop
from load import Connection, Measurement, measure, pace
from population import (
    LARGE_ORGANIZATION,
    PER_USER,
    created_at,
    organization_id,
    populate,
    session_id,
    user_id,
)
from questions import DEPTH, END_ALL, PAGE, SESSION, deep_page, graphql, key_of_deep_page, page
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from servers import free_port, leave_the_first_processor, postgresql, resident_megabytes, running, serve

from models.bound import Bound
from models.changes import Ending, end_session
from models.changes import end_sessions as end_in_batches
from models.database import Database, ReadTx
from models.engine import Connections, dsn
from models.expiry import expire_due, next_expiry
from models.filter import Criteria, Filter, Interval
from models.log import events_after, history_of, log_state, number_pending
from models.queries import PageRequest, session_by_id, session_count, session_page
from models.session import InitiatingEntity, Status, utc_now
from models.statement import Compiled, Values

READS_PER_SECOND = 100
SECONDS = 5.0
REST_SECONDS = 3.0
ROUNDS = 3
END_LIMIT = 10_000

Work: TypeAlias = Callable[[Database], Awaitable[object]]


def main(
    size: Annotated[
        int, typer.Option(min=PAGE * DEPTH, help="How many sessions there are; a multiple of 20.")
    ] = 1_000_000,
    per_second: Annotated[int, typer.Option(help="How many reads there are in a second.")] = READS_PER_SECOND,
) -> None:
    """Measure the service on PostgreSQL."""
    with postgresql() as url:
        uvloop.run(_main(Console(width=110), url, size, per_second))


async def _main(console: Console, url: str, size: int, per_second: int) -> None:
    start = time.perf_counter()
    await populate(url, size)
    console.print(f"{size:,} sessions in {time.perf_counter() - start:.0f} s")
    console.print(await _plans(url, size))
    leave_the_first_processor()
    port = free_port()
    with running({port: serve(url, port)}) as (pid,):
        await _depth(console, port, size)
        before = resident_megabytes(pid)
        await _end_an_organization(console, port, size, per_second)
        console.print(f"memory of the node: {before:.0f} MB before, {resident_megabytes(pid):.0f} MB after")


async def _depth(console: Console, port: int, size: int) -> None:
    first, deep = Measurement(), Measurement()
    for _ in range(ROUNDS):
        for question, cost in ((page(), first), (deep_page(size), deep)):
            await measure(port, cycle([question]), connections=2, seconds=SECONDS / ROUNDS, into=cost)
    ratios = (deep.percentile(percent) / first.percentile(percent) for percent in (50, 99))
    console.print("page {:,} costs {:.2f} of the first page (p50), {:.2f} (p99)".format(DEPTH, *ratios))


async def _end_an_organization(console: Console, port: int, size: int, per_second: int) -> None:
    """End all sessions of the large organization, while others read; the calls take turns with rests."""
    questions = _reads(size)
    idle, busy = Measurement(), Measurement()
    await _read_during(asyncio.sleep(SECONDS), port, questions, per_second, Measurement())  # fills the caches
    ended, has_more = 0, True
    while has_more:
        await _read_during(asyncio.sleep(REST_SECONDS), port, questions, per_second, idle)
        start = time.perf_counter()
        payload = await _read_during(_end_some(port), port, questions, per_second, busy)
        busy.seconds += time.perf_counter() - start
        ended, has_more = ended + payload["endedCount"], payload["hasMore"]
    console.print(f"{ended:,} sessions of one organization ended, {ended / busy.seconds:,.0f} a second")
    for name, cost in (("idle", idle), ("meanwhile", busy)):
        p50, p99 = cost.percentile(50), cost.percentile(99)
        console.print(f"{per_second} reads a second, {name}: p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    ratio = busy.percentile(99) / idle.percentile(99)
    console.print(f"p99 of reads meanwhile is {ratio:.1f} times that when idle")


async def _read_during(
    work: Awaitable[Any], port: int, questions: list[bytes], per_second: int, cost: Measurement
) -> Any:  # noqa: ANN401  whatever the work returns
    is_done = asyncio.Event()
    asked = takewhile(lambda _question: not is_done.is_set(), cycle(questions))

    def note(_turn: int, due: float, _body: bytes) -> None:
        cost.latencies.append(time.perf_counter() - due)

    async with asyncio.TaskGroup() as group:
        group.create_task(pace(port, asked, per_second=per_second, answered=note))
        result = await work
        is_done.set()
    return result


async def _end_some(port: int) -> Any:  # noqa: ANN401  JSON
    connection = await Connection.open(port)
    given = {"filter": {"organizationId": organization_id(LARGE_ORGANIZATION)}, "limit": END_LIMIT}
    answer = orjson.loads(await connection.send(graphql(END_ALL, input=given)))
    connection.close()
    return answer["data"]["endSessions"]


def _reads(size: int) -> list[bytes]:
    """Return questions about one of many, and the first page; each is asked once before it is again."""
    chosen = random.Random(1)  # noqa: S311  the same in each run
    return [
        question
        for number in chosen.sample(range(size), 200)
        for question in (
            graphql(SESSION, id=session_id(number)),
            page(filter={"userId": user_id(number % (size // PER_USER))}),
            page(filter={"organizationId": organization_id(number % 1000)}),
            page(),
        )
    ]


def _work(size: int) -> dict[str, Work]:
    """Return what is done often, by name."""
    everything, now = Bound(everything=True), utc_now()
    large, user = organization_id(LARGE_ORGANIZATION), user_id(7)
    administrator = Bound(user_id=user, organization_id=large)
    after = key_of_deep_page(size)
    ending = Ending(by=InitiatingEntity.SYSTEM, user_id=None, reason=None, now=now)
    active = frozenset({Status.ACTIVE})

    def reading(read: Callable[[ReadTx], Awaitable[object]]) -> Work:
        async def work(database: Database) -> None:
            async with database.read() as tx:
                await read(tx)

        return work

    def paging(bound: Bound = everything, request: PageRequest | None = None, **filter_: Any) -> Work:  # noqa: ANN401
        criteria = Criteria(Filter(**filter_), bound, now)
        return lambda database: session_page(database, criteria, request or PageRequest(PAGE))

    async def ending_one(database: Database) -> None:
        await end_session(database, session_id(3), ending, readable=everything, endable=everything)

    async def ending_a_batch(database: Database) -> None:
        criteria = Criteria(Filter(organization_id=large), everything, now)
        async for _ in end_in_batches(database, criteria, ending, sparing=[], limit=500):
            pass

    return {
        "a session": lambda database: session_by_id(database, session_id(5), everything),
        "the first page": paging(),
        f"page {DEPTH:,}": paging(request=PageRequest(PAGE, after=after)),
        "the last page": paging(request=PageRequest(PAGE, from_end=True)),
        "a user's page": paging(user_id=user),
        "an organization's page": paging(organization_id=large),
        "… deep": paging(organization_id=large, request=PageRequest(PAGE, after=after)),
        "… of active sessions": paging(organization_id=large, status=active),
        "an administrator's page": paging(bound=administrator),
        "… deep ": paging(bound=administrator, request=PageRequest(PAGE, after=after)),
        "an administrator's user": paging(bound=administrator, user_id=user),
        "a page of one minute": paging(created_at=_minute(size)),
        "the count of an organization": lambda database: session_count(
            database, Criteria(Filter(organization_id=large), everything, now)
        ),
        "the end of one": ending_one,
        "the end of 500 of an organization": ending_a_batch,
        "numbering": number_pending,
        "the state of the log": reading(log_state),
        "the log": reading(lambda tx: events_after(tx, 100, limit=100)),
        "the history of three": reading(lambda tx: history_of(tx, [session_id(n) for n in (1, 3, 11)])),
        "the next expiry": reading(next_expiry),
        "expiring": lambda database: expire_due(database, now),
    }


def _minute(size: int) -> Interval:
    start = created_at(size // 2)
    return Interval(start, start + timedelta(minutes=1))


async def _plans(url: str, size: int) -> Table:
    shown = Table(box=SIMPLE, title="statements that are made often")
    for heading in ("", "by", "rows", "8 kB pages", "ms", ""):
        shown.add_column(heading, justify="right" if heading in {"rows", "8 kB pages", "ms"} else "left")
    database = Database(url)
    for name, work in _work(size).items():
        for plan in await _explained(database, work):
            root = plan["Plan"]
            nodes = list(_nodes(root))
            indexes = sorted({node["Index Name"] for node in nodes if "Index Name" in node})
            scanned = {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"} - {"feed"}
            faults = [
                *(f"reads {table} whole" for table in sorted(scanned)),
                *("sorts" for node in nodes if node["Node Type"] == "Sort"),
            ]
            shown.add_row(
                name,
                ", ".join(indexes),
                f"{root['Actual Rows']:,.0f}",
                f"{root['Shared Hit Blocks'] + root['Shared Read Blocks']:,}",
                f"{plan['Execution Time']:.1f}",
                ", ".join(faults),
            )
    await database.close()
    return shown


async def _explained(database: Database, work: Work) -> list[dict[str, Any]]:
    """Do some work, and explain each of its statements as if it were run once more after it."""
    sent: list[tuple[str, list[Any]]] = []
    arguments = Compiled.arguments

    def collect(statement: Compiled, values: Values) -> list[Any]:
        given = arguments(statement, values)
        sent.append((statement.sql, given))
        return given

    with patch.object(Compiled, "arguments", collect):
        await work(database)
    connection = await asyncpg.connect(dsn(database.url), server_settings=Connections().server_settings)
    plans: list[dict[str, Any]] = []
    for sql, given in sent:
        transaction = connection.transaction()
        await transaction.start()
        found = await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", *given)
        await transaction.rollback()
        plans += json.loads(found)
    await connection.close()
    return plans


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


if __name__ == "__main__":
    typer.run(main)
