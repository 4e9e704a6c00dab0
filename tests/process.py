"""The service as an operator runs it: the real command in a process of its own."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

COMMAND = str(Path(sys.executable).with_name("sessiongraph"))


@dataclass
class Process:
    """A `sessiongraph serve`."""

    process: asyncio.subprocess.Process
    port: int
    http: httpx.AsyncClient
    said: str
    """What it printed when it was ready."""

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()

    async def workers(self) -> list[int]:
        """Return the processes that it has started."""
        listing = await asyncio.create_subprocess_exec(
            *("pgrep", "-P", str(self.process.pid)), stdout=asyncio.subprocess.PIPE
        )
        out, _ = await listing.communicate()
        return [int(pid) for pid in out.split()]


@asynccontextmanager
async def running_process(database_url: str, port: int, *flags: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        COMMAND,
        *("serve", "--port", str(port), "--database-url", database_url, *flags),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
    assert process.stdout is not None
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
            said = await process.stdout.readline()
            assert said, "the server did not start"
            yield Process(process, port, http, said.decode())
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@asynccontextmanager
async def stopped(pid: int) -> AsyncIterator[None]:
    """Let a process do nothing meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    yield
    os.kill(pid, signal.SIGCONT)


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port
