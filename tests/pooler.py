"""A real PgBouncer in transaction mode, in front of the PostgreSQL of the tests."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from process import free_port

from models.engine import engine_url

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.defpath}:/usr/sbin:/usr/local/sbin")

# Two servers for all clients, and nothing reset in between: what one leaves behind, another meets.
CONFIGURATION = """\
[databases]
* = host={host} port={port} user={user} {password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen_port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 2
server_reset_query =
"""


@asynccontextmanager
async def running_pooler(database_url: str) -> AsyncIterator[str]:
    """Start a PgBouncer; yield the URL of the same database through it."""
    url, port = engine_url(database_url), free_port()
    host = str(url.host or url.query["host"])
    configuration = CONFIGURATION.format(
        host=host,
        port=url.port or 5432,
        user=url.username,
        password=f"password={url.password}" if url.password else "",
        listen_port=port,
    )
    with _file(configuration) as name:
        process = await asyncio.create_subprocess_exec(str(PGBOUNCER), "-q", name, user=_user(host))
        try:
            while not await _listens(port):
                assert process.returncode is None, "PgBouncer did not start"
                await asyncio.sleep(0.02)
            through = url.set(host="127.0.0.1", port=port, password=None, query={})
            yield through.render_as_string(hide_password=False)
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


@contextmanager
def _file(content: str) -> Iterator[str]:
    """Yield the name of a file that everybody can read."""
    with tempfile.NamedTemporaryFile("w", suffix=".ini") as file:
        file.write(content)
        file.flush()
        Path(file.name).chmod(0o644)
        yield file.name


def _user(host: str) -> int | str | None:
    """Return who runs it, for it will not be root: whoever can reach PostgreSQL's own socket."""
    if os.getuid():
        return None
    return Path(host).stat().st_uid if host.startswith("/") else "nobody"


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return False
    writer.close()
    await writer.wait_closed()
    return True
