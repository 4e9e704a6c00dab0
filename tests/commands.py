"""The command line as a user has it: a process with its exit code and what it wrote."""

import asyncio
import os
import pty
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from select import select

from process import COMMAND

INTERRUPT = "\x03"


async def run(
    *arguments: str, cwd: Path | None = None, given: str = "", **environment: str
) -> tuple[int | None, str, str]:
    """Return how it exited, and what it wrote to standard output and standard error."""
    async with started(*arguments, cwd=cwd, **environment) as process:
        out, errors = await asyncio.wait_for(process.communicate(given.encode()), 60)
        return process.returncode, out.decode(), errors.decode()


@asynccontextmanager
async def started(
    *arguments: str, cwd: Path | None = None, **environment: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        COMMAND,
        *arguments,
        cwd=cwd,
        env={**os.environ, "COLUMNS": "80", "PYTHONWARNINGS": "error", **environment},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=2**20,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def line(stream: asyncio.StreamReader | None) -> str:
    assert stream is not None
    return (await asyncio.wait_for(stream.readline(), 20)).decode().removesuffix("\n")


async def run_on_terminal(*arguments: str, typed: str) -> tuple[int, str]:
    """Return how it exited, and what was on the terminal; `typed` is typed when there is a question."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(COMMAND, [COMMAND, *arguments])  # noqa: S606  our own command
    return await asyncio.wait_for(asyncio.to_thread(_conversation, pid, terminal, typed), 60)


def _conversation(pid: int, terminal: int, typed: str) -> tuple[int, str]:
    shown, again = b"", ""
    while True:
        if not select([terminal], [], [], 1)[0]:
            os.write(terminal, again.encode())
            continue
        try:
            shown += os.read(terminal, 4096)
        except OSError:  # nobody is at the other end any more
            os.close(terminal)
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()
        if shown.endswith(b"[y/N]: "):
            os.write(terminal, typed.encode())
            # Python misses a signal that comes just before readline waits; who types it presses again.
            again = typed if typed == INTERRUPT else ""
