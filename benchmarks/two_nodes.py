"""How long an end takes to reach a subscriber of another node, with two nodes over one PostgreSQL.

Run it with `python benchmarks/two_nodes.py`: sessions are ended through one node at a steady pace, whatever
the answers do, and a WebSocket of the other node waits for them. What is printed is how long it took from
when the request was due, and from its answer; an event may be there before the answer.
"""

import asyncio
import json
import time
from typing import Annotated

import orjson
import typer
import uvloop
import websockets
from load import Measurement, pace
from population import populate, session_id
from questions import CHANGED, END, graphql
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from servers import free_port, postgresql, running, serve


def main(
    per_second: Annotated[int, typer.Option(help="How many sessions end in a second.")] = 200,
    seconds: Annotated[int, typer.Option(help="How long.")] = 30,
) -> None:
    """Measure the way of an end from one node to the other."""
    with postgresql() as url:
        # Every other session is active.
        asyncio.run(populate(url, 20 * (per_second * seconds // 10 + 1)))
        ports = free_port(), free_port()
        with running({port: serve(url, port) for port in ports}, apart=False):
            uvloop.run(_main(Console(), ports, per_second, seconds))


async def _main(console: Console, ports: tuple[int, int], per_second: int, seconds: int) -> None:
    due: dict[str, float] = {}
    answered: dict[str, float] = {}
    arrived: dict[str, float] = {}
    ids = [session_id(2 * number + 1) for number in range(per_second * seconds)]
    is_live = asyncio.Event()

    def note(turn: int, due_at: float, body: bytes) -> None:
        due[ids[turn]], answered[ids[turn]] = due_at, time.perf_counter()
        if orjson.loads(body)["data"]["endSession"]["outcome"] != "ENDED":
            raise RuntimeError(f"{ids[turn]}: {body!r}")

    async with asyncio.TaskGroup() as group:
        group.create_task(_watch(ports[1], arrived, len(ids), is_live))
        await is_live.wait()
        ends = (graphql(END, input={"id": id_}) for id_ in ids)
        await pace(ports[0], ends, per_second=per_second, answered=note)
    table = Table(box=SIMPLE, title=f"milliseconds, {len(ids):,} ends, {per_second} a second")
    for heading in ("", "p50", "p99", "max"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, latencies in {
        "from due to the answer": [answered[id_] - due[id_] for id_ in due],
        "from due to the other node's subscriber": [arrived[id_] - due[id_] for id_ in due],
        "from the answer to the subscriber": [arrived[id_] - answered[id_] for id_ in due],
    }.items():
        found = Measurement(latencies)
        figures = found.percentile(50), found.percentile(99), max(latencies) * 1000
        table.add_row(name, *(f"{figure:.1f}" for figure in figures))
    console.print(table)


async def _watch(port: int, arrived: dict[str, float], count: int, is_live: asyncio.Event) -> None:
    """Write down when the end of each session arrives."""
    protocols = [websockets.Subprotocol("graphql-transport-ws")]
    async with websockets.connect(f"ws://127.0.0.1:{port}/graphql", subprotocols=protocols) as socket:
        await socket.send(json.dumps({"type": "connection_init"}))
        await socket.recv()
        await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": CHANGED}}))
        await socket.send(json.dumps({"type": "ping"}))
        await socket.recv()  # the answer to the ping: it is live
        is_live.set()
        while len(arrived) < count:
            message = orjson.loads(await socket.recv())
            id_ = message["payload"]["data"]["sessionStatusChanged"]["session"]["id"]
            arrived[id_] = time.perf_counter()


if __name__ == "__main__":
    typer.run(main)
