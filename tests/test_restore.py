"""A database that is put back to an earlier state: what was handed out after it holds no longer."""

from pathlib import Path

import pytest
from commands import run
from conftest import StartNode
from credentials import jwks_settings, make_key
from issuer import SESSION, until, user_token
from log import CHANGES, as_of, changes_until, settled
from node import Node, Socket
from sqlalchemy import delete, update
from sqlmodel import col
from test_log import EVERYTHING

from models.changes import Ending, end_session
from models.database import Database
from models.key import Scope
from models.log import Position, log_state, number_pending, renew_epoch
from models.session import EventRow, FeedRow, InitiatingEntity, SessionRow, utc_now

SAID = "Every cursor that was handed out before is CURSOR_EXPIRED now.\n"
WATCH = """subscription ($after: Cursor) {
  sessionStatusChanged(after: $after) { cursor status session { id } }
}"""


async def put_back(database: Database, last_seq: int) -> None:
    """Let the database be as it was when the log ended here, as a restored backup or a late replica is."""
    while await number_pending(database):
        pass
    async with database.write() as tx:
        await tx.execute(delete(EventRow).where(col(EventRow.seq) > last_seq))
        await tx.execute(delete(SessionRow))
        await tx.execute(update(FeedRow).values(last_seq=last_seq))


async def last_seq(database: Database) -> int:
    async with database.read() as tx:
        return (await log_state(tx)).last_seq


async def test_expires_the_cursors_of_a_log_that_was_put_back(
    database: Database, database_url: str, start_node: StartNode, tmp_path: Path
) -> None:
    first = await start_node()
    await settled(first)
    backup = await last_seq(database)
    lost = await settled(first)
    first.server.should_exit = True
    await until(lambda: not first.server.servers or not first.server.servers[0].is_serving())
    await put_back(database, backup)
    assert await run("expire-cursors", "--database-url", database_url, cwd=tmp_path) == (0, SAID, "")
    second = await start_node()
    for _ in range(3):
        later = await settled(second)
    assert (await second.refusal(CHANGES, after=lost))[0] == "CURSOR_EXPIRED"
    (change,) = await changes_until(second, await second.create(), after=later)
    assert change["status"] == "ACTIVE"


async def test_lets_the_streams_of_a_running_server_end(
    node: Node, database_url: str, tmp_path: Path
) -> None:
    kept = await settled(node)
    async with node.socket() as socket:
        await socket.subscribe(WATCH)
        assert (await run("expire-cursors", "--database-url", database_url, cwd=tmp_path))[1] == SAID
        await refused(socket)
        assert (await node.refusal(CHANGES, after=kept))[0] == "CURSOR_EXPIRED"
        start = await as_of(node)
        created = await node.create()
        await socket.subscribe(WATCH, "2", after=start)
        change = (await socket.next())["sessionStatusChanged"]
        assert change["session"]["id"] == created
        assert [one["cursor"] for one in await changes_until(node, created, after=start)] == [
            change["cursor"]
        ]


async def test_notices_that_the_log_ends_before_what_was_read(
    node: Node, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """As after a failover to a replica that was behind: nobody tells the servers."""
    await settled(node)
    backup = await last_seq(database)
    async with node.socket() as socket:
        await socket.subscribe(WATCH)
        lost = await settled(node)
        assert (await socket.next())["sessionStatusChanged"]["cursor"] == lost
        await put_back(database, backup)
        await refused(socket)
        await socket.subscribe(WATCH, "2")
        for _ in range(3):  # the first has the position of what is lost
            created = await node.create()
            assert (await socket.next())["sessionStatusChanged"]["session"]["id"] == created
        assert (await node.refusal(CHANGES, after=lost))[0] == "CURSOR_EXPIRED"
    assert [one.message for one in caplog.records if "replaced" in one.message] == [
        f"The log was replaced: from {backup + 1} on, it goes on from {backup}"
    ]


async def test_closes_the_sockets_of_who_ended_in_the_other_log(
    database: Database, start_node: StartNode, tmp_path: Path
) -> None:
    """The end has a position that this node has read before, with something else at it."""
    key, _ = await make_key(database, *Scope)
    node = await start_node(**jwks_settings(tmp_path))
    async with node.acting(key) as service, node.acting(user_token()) as user:
        await service.create(id=SESSION)
        await settled(service)
        async with user.socket() as socket:
            ending = Ending(by=InitiatingEntity.SYSTEM, user_id=None, reason=None, now=utc_now())
            async with database.write() as tx:
                await tx.execute(delete(EventRow).where(col(EventRow.seq) > 1))
                await tx.execute(update(FeedRow).values(last_seq=1))
                await renew_epoch(tx)
            await end_session(database, SESSION, ending, readable=EVERYTHING, endable=EVERYTHING)
            assert await socket.close_code() == 4401


async def test_goes_on_watching_for_the_end_in_the_other_log(
    database: Database, start_node: StartNode, tmp_path: Path
) -> None:
    key, _ = await make_key(database, *Scope)
    node = await start_node(**jwks_settings(tmp_path))
    async with node.acting(key) as service, node.acting(user_token()) as user:
        await service.create(id=SESSION)
        async with user.socket() as socket:
            await socket.subscribe(WATCH)
            async with database.write() as tx:
                await renew_epoch(tx)
            await refused(socket)
            assert await service.end(SESSION) == "ENDED"
            assert await socket.close_code() == 4401


async def refused(socket: Socket) -> None:
    """Wait until the stream that runs on the socket has ended with its cursor."""
    message = await socket.receive()
    (error,) = message["payload"]["errors"]
    assert error["extensions"]["code"] == "CURSOR_EXPIRED"
    assert (await socket.receive())["type"] == "complete"


async def test_renews_only_a_log_that_was_not_reached(database: Database) -> None:
    async with database.write() as tx:
        before = await log_state(tx)
        await renew_epoch(tx, Position(before.epoch, 0))
        await renew_epoch(tx, Position("11" * 8, 5))
        assert await log_state(tx) == before
        await renew_epoch(tx, Position(before.epoch, 1))
        after = await log_state(tx)
        assert (after.epoch != before.epoch, after.pruned_seq, after.last_seq) == (True, 0, 0)
        assert len(bytes.fromhex(after.epoch)) == 8
        await renew_epoch(tx)
        assert (await log_state(tx)).epoch not in {before.epoch, after.epoch}
