"""What executing a document costs in one process, without a network and without a database.

    python benchmarks/in_process.py
    python benchmarks/in_process.py --memory

The cases take turns, and of each the best turn counts: what can be compared is the ratios within one run.
With `--memory` it prints how the process grows while it executes 50,000 different documents.
"""

import asyncio
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import strawberry
from sqlalchemy import create_engine, insert, select
from sqlmodel import SQLModel
from strawberry.schema.config import StrawberryConfig

from api.connection import PageInfo, SessionConnection, SessionEdge
from api.cursor import encode_key
from api.documents import Documents
from api.execution.operation import Operation
from api.scalars import CURSOR, DATE, DATE_TIME, Cursor
from api.types import Session
from models.database import Record
from models.queries import SESSION_COLUMNS, Key
from models.session import SessionRow, utc_now

FIELDS = (
    "object id userId organizationId status authMethod ipAddress userAgent impersonator { email reason } "
    "expiresAt endedAt createdAt updatedAt"
)
DOCUMENTS = {
    "one session by id, 13 fields": f'{{ session(id: "1") {{ {FIELDS} }} }}',
    "50 sessions, 13 fields, cursors, pageInfo": "{ sessions(first: 50) { edges { cursor node { "
    + FIELDS
    + " } } pageInfo { hasNextPage endCursor } } }",
}
TURNS = 20
TURN_SECONDS = 0.05
CONFIG = StrawberryConfig(scalar_map={datetime: DATE_TIME, date: DATE, Cursor: CURSOR})
VIEWER: Any = SimpleNamespace(viewer=SimpleNamespace(session_id=None))

Run = Callable[[], Coroutine[Any, Any, Any]]


@strawberry.type
class Query:
    """Resolvers that return what was prepared."""

    @strawberry.field
    async def sessions(self, info: strawberry.Info, first: int) -> SessionConnection:
        return info.context

    @strawberry.field
    async def session(self, info: strawberry.Info, id: strawberry.ID) -> Session | None:  # noqa: A002
        return info.context.nodes[0]


def rows(count: int) -> Sequence[Record]:
    """Return sessions as a query of ours returns them."""
    now = utc_now()
    stored = [
        {
            "id": f"session_{number:026d}",
            "user_id": "user_01E4ZCR3C56J083X43JQXF3JK5",
            "organization_id": "org_01H945H0YD4F97JN9MATX7BYAG",
            "status": "active",
            "auth_method": "sso",
            "ip_address": "203.0.113.7",
            "user_agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36",
            "expires_at": now + timedelta(hours=1),
            "created_at": now,
            "updated_at": now,
        }
        for number in range(count)
    ]
    engine = create_engine("sqlite://")
    SQLModel.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(SessionRow), stored)
        return connection.execute(select(*SESSION_COLUMNS)).all()


def page(found: Sequence[Record]) -> SessionConnection:
    now = utc_now()
    edges = [
        SessionEdge(cursor=encode_key(Key(row.created_at, row.id)), node=Session.from_row(row, VIEWER, now))
        for row in found
    ]
    return SessionConnection(
        edges=edges,
        nodes=[edge.node for edge in edges],
        page_info=PageInfo(
            has_next_page=True,
            has_previous_page=False,
            start_cursor=edges[0].cursor,
            end_cursor=edges[-1].cursor,
        ),
        as_of=Cursor("cursor"),
        criteria=None,  # type: ignore[arg-type]  it is not counted
    )


def ways(schema: strawberry.Schema, text: str, prepared: SessionConnection) -> dict[str, Run]:
    """Return ways to execute a document, from the slowest to the fastest."""
    operation = Documents(schema._schema).operation(text, None)  # noqa: SLF001  Strawberry has no other
    assert isinstance(operation, Operation)  # noqa: S101

    async def kept() -> Any:  # noqa: ANN401
        executor: Any = operation.executor(None, prepared)
        executor.selections = None
        return await executor.execute_operation()

    return {
        "as Strawberry comes": lambda: schema.execute(text, context_value=prepared),
        "documents kept": kept,
        "selections compiled": lambda: operation.execute(None, prepared),
    }


async def turn(run: Run) -> float:
    """Return the seconds of CPU that one run takes: other programs count less than by the clock."""
    count, start = 0, time.process_time()
    while (elapsed := time.process_time() - start) < TURN_SECONDS:
        await run()
        count += 1
    return elapsed / count


async def compare(runs: dict[str, Run]) -> None:
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(TURNS):
        for name, run in runs.items():
            best[name] = min(best[name], await turn(run))
    slowest = max(best.values())
    for name, seconds in best.items():
        print(f"  {name:32} {seconds * 1e6:8.1f} µs {slowest / seconds:6.1f}")


async def measure_times() -> None:
    found = rows(50)
    prepared = page(found)
    schema = strawberry.Schema(query=Query, config=CONFIG)
    for title, text in DOCUMENTS.items():
        print(title)
        runs = ways(schema, text, prepared)
        answers = [(await run()).data for run in runs.values()]
        assert answers[0] == answers[1] == answers[2] is not None  # noqa: S101
        await compare(runs)

    async def build() -> SessionConnection:
        return page(found)

    async def encode() -> bytes:
        return orjson.dumps(answers[2])

    print("what else a page of 50 costs")
    await compare({"its objects from rows": build, "its JSON": encode})


async def measure_memory() -> None:
    prepared = page(rows(1))
    documents = Documents(strawberry.Schema(query=Query, config=CONFIG)._schema)  # noqa: SLF001  Strawberry has no other
    for number in range(50_001):
        operation = documents.operation(
            f"{{ session(id: {number}) {{ id s{number}: status impersonator {{ email }} }} }}", None
        )
        assert isinstance(operation, Operation)  # noqa: S101
        await operation.execute(None, prepared)
        if number % 5_000 == 0:
            print(f"{number:8,} documents {resident_megabytes():8.1f} MB")


def resident_megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


if __name__ == "__main__":
    asyncio.run(measure_memory() if "--memory" in sys.argv else measure_times())
