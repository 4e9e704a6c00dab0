"""How a process connects to PostgreSQL: limits, TLS, a pooler between, a node that stopped."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import StartNode
from pooler import PGBOUNCER, running_pooler
from sqlalchemy import text
from test_log import create, end, whole_log
from tls import Authority, running_way_in

from api.settings import Settings
from models.database import Database
from models.engine import Connections
from models.listen import listen
from models.log import number_pending
from models.refusals import Unavailable

CHANGED = "subscription { sessionStatusChanged { status session { id } } }"


@pytest.fixture
def engine() -> str:
    return "postgresql"


@pytest.fixture
async def pooled(database_url: str) -> AsyncIterator[Database]:
    if PGBOUNCER is None:
        pytest.skip("there is no PgBouncer on this machine")
    async with running_pooler(database_url) as url:
        database = Database(url, Connections(direct_url=database_url, pool_size=20, lock_seconds=3))
        yield database
        await database.close()


@contextmanager
def listening(database: Database) -> Iterator[None]:
    task = asyncio.create_task(listen(database))
    yield
    task.cancel()


async def shown(database: Database, setting: str) -> str:
    async with database.read() as tx:
        value: str = await tx.scalar(text(f"SHOW {setting}"))
        return value


LIMITS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")


async def test_tells_postgresql_its_limits(database_url: str) -> None:
    settings = Settings(
        database_url=database_url,
        database_statement_seconds=7,
        database_lock_seconds=0.25,
        database_idle_seconds=0,
    )
    database = Database(settings.database_url, settings.connections)
    assert [await shown(database, limit) for limit in LIMITS] == ["7s", "250ms", "0"]
    async with database.administer() as connection:
        assert await connection.scalar(text("SHOW statement_timeout")) == "0"  # a migration may take longer
    assert await shown(database, "statement_timeout") == "7s"
    assert await shown(database, "application_name") == "sessiongraph"
    await database.close()


async def test_gives_up_on_a_statement_that_takes_too_long(database_url: str) -> None:
    database = Database(database_url, Connections(statement_seconds=0.1))
    with pytest.raises(Unavailable) as refusal:
        async with database.read() as tx:
            await tx.scalar(text("SELECT pg_sleep(60)"))
    assert "statement timeout" in str(refusal.value.__cause__)
    await database.close()


async def test_gives_up_waiting_for_a_connection(database_url: str) -> None:
    database = Database(database_url, Connections(pool_size=1, pool_seconds=0.1))
    async with database.read():
        with pytest.raises(Unavailable):
            await shown(database, "lock_timeout")
    assert await shown(database, "lock_timeout") == "5s"
    await database.close()


HOLD = """
import asyncio, sys
from sqlalchemy import text
from models.database import Database
from models.engine import Connections

async def hold():
    database = Database(sys.argv[1], Connections(idle_seconds=0.5))
    async with database.write() as tx:
        await tx.scalar(text("SELECT last_seq FROM feed FOR UPDATE"))
        print("held", flush=True)
        sys.stdin.readline()
        await tx.execute(text("UPDATE feed SET last_seq = 1000"))

asyncio.run(hold())
"""


async def test_waits_for_no_node_that_stopped_while_it_held_the_log(
    database: Database, database_url: str
) -> None:
    """PostgreSQL ends the transaction of the stopped node before the others give up on the row."""
    stopped = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HOLD, database_url),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert stopped.stdout is not None
    assert await stopped.stdout.readline() == b"held\n"
    stopped.send_signal(signal.SIGSTOP)
    session_id = await create(database)
    assert await number_pending(database) == 1

    stopped.send_signal(signal.SIGCONT)
    _, errors = await stopped.communicate(b"go on\n")
    assert (stopped.returncode, b"models.refusals.Unavailable" in errors) == (1, True)
    assert [(event.seq, event.session_id) for event in await whole_log(database)] == [(1, session_id)]


async def test_serves_through_a_pooler_in_transaction_mode(
    pooled: Database, start_node: StartNode, database_url: str
) -> None:
    pooled_url = pooled.url.render_as_string(hide_password=False)
    one, other = [
        await start_node(database_url=pooled_url, database_direct_url=database_url) for _ in range(2)
    ]
    async with other.socket() as socket:
        await socket.subscribe(CHANGED)
        created = await asyncio.gather(*(one.create() for _ in range(30)))
        outcomes = await asyncio.gather(*(one.end(session_id) for session_id in created))
        assert outcomes == ["ENDED"] * 30
        changes = [(await socket.next())["sessionStatusChanged"] for _ in range(60)]
    for status in ("ACTIVE", "REVOKED"):
        ids = [change["session"]["id"] for change in changes if change["status"] == status]
        assert sorted(ids) == sorted(created)


async def test_keeps_to_its_limits_behind_a_pooler(pooled: Database, database_url: str) -> None:
    """They are part of each transaction, and of no other client's."""
    assert [await shown(pooled, limit) for limit in LIMITS] == ["30s", "3s", "5s"]
    url = pooled.url.render_as_string(hide_password=False)
    other = Database(url, Connections(direct_url=database_url, lock_seconds=1))
    found = await asyncio.gather(*(shown(which, "lock_timeout") for which in (pooled, other) * 10))
    assert found == ["3s", "1s"] * 10
    await other.close()


async def test_is_woken_past_a_pooler(pooled: Database, database: Database) -> None:
    with listening(pooled):
        await asyncio.wait_for(pooled.wake_up.wait(), 10)  # the connection has been made
        pooled.wake_up.clear()
        await end(database, await create(database))
        assert await number_pending(database) == 2
        await asyncio.wait_for(pooled.wake_up.wait(), 10)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"), "authority")


async def test_speaks_tls_with_a_server_that_it_can_verify(
    database: Database, database_url: str, authority: Authority
) -> None:
    async with running_way_in(database_url, authority.certified()) as url:
        verified = Database(f"{url}?sslmode=verify-full&sslrootcert={authority.file}")
        session_id = await create(verified)
        with listening(verified):
            await asyncio.wait_for(verified.wake_up.wait(), 10)
        await verified.close()
    assert [event.session_id for event in await whole_log(database)] == [session_id]


@pytest.mark.parametrize("is_by_another", [True, False], ids=["authority", "name"])
async def test_refuses_a_server_that_it_cannot_verify(
    database_url: str, authority: Authority, tmp_path: Path, *, is_by_another: bool
) -> None:
    root = Authority(tmp_path, "another").file if is_by_another else authority.file
    async with running_way_in(database_url, authority.certified()) as url:
        host = url if is_by_another else url.replace("localhost", "127.0.0.1")
        database = Database(f"{host}?sslmode=verify-full&sslrootcert={root}")
        with pytest.raises(Unavailable) as refusal:
            await shown(database, "lock_timeout")
        await database.close()
    assert "certificate verify failed" in str(refusal.value.__cause__)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"database_url": "postgresql://h/d?sslmode=yes"}, "`sslmode` in the database URL is one of disable"),
        (
            {"database_url": "postgresql://h/d?sslrootcert=/no/such.pem"},
            "`sslrootcert` in the database URL names /no/such.pem, which is no file",
        ),
        ({"database_url": "postgresql://h/d?ssl=require"}, "PostgreSQL calls it `sslmode`"),
        ({"database_url": "postgresql://h/d?connect_timeout=3"}, "Leave `connect_timeout` out"),
        (
            {"database_direct_url": "postgresql://h/d"},
            "database_direct_url is for PostgreSQL behind a pooler",
        ),
        ({"database_url": "postgresql://h/d", "database_direct_url": "sqlite:///a.db"}, "behind a pooler"),
    ],
)
def test_refuses_settings_that_would_be_misunderstood(given: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Settings(**given)  # type: ignore[arg-type]


async def test_is_cut_off_although_its_connection_is_lost_meanwhile(database: Database) -> None:
    """Or a loop that goes on after an Unavailable would never end."""
    began = asyncio.Event()

    async def write() -> None:
        async with database.write():
            began.set()
            await asyncio.Event().wait()

    writing = asyncio.create_task(write())
    await began.wait()
    writing.cancel()
    await database.close()
    await asyncio.wait([writing])
    assert writing.cancelled()
