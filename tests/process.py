"""The service as an operator runs it: the real command in a process of its own."""

import asyncio
import os
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

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def running_process(database_url: str, port: int) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        COMMAND,
        *("serve", "--port", str(port), "--database-url", database_url),
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
            while not await _is_ready(http):
                assert process.returncode is None, "the server did not start"
                await asyncio.sleep(0.05)
            yield Process(process, port, http)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


async def _is_ready(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/readyz")).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
