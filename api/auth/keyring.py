"""The API keys that hold, in memory, so that checking one costs no query.

They are few, so each process keeps them all. A poll reads two counts, and the keys themselves only when the
counts have changed. A key that is not known may be newer than what was read, so its request waits for the
next reading, together with all others that do; readings keep a distance, so that any number of wrong keys
costs at most 20 such queries a second.

What was read is trusted for one second. So a revoked key stops within that second on every node, also on one
that can no longer read: there all keys, known or not, get Unavailable, as the sessions themselves would.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from api.auth.keys import digest, require_key
from models.database import Database, Record
from models.key import KeyVersion, Scope, key_version, keys_that_hold, record_use
from models.refusals import Unauthenticated, Unavailable
from models.session import utc_now

logger = logging.getLogger(__name__)

TRUST_SECONDS = 1.0
READ_DISTANCE_SECONDS = 0.05
READ_TIMEOUT_SECONDS = 5.0
"""A connection can be dead without a word; after this long another one is tried."""

RECORD_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What a service presented, and what it allows; without an organization it is for all."""

    id: str
    name: str
    scopes: frozenset[Scope]
    organization_id: str | None
    expires_at: datetime | None

    def has_expired(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now


class KeyRing:
    """Keep `run()` going in a task."""

    def __init__(self, database: Database, *, poll_seconds: float) -> None:
        self._database = database
        self._poll_seconds = poll_seconds
        self._version: KeyVersion | None = None
        self._read_at = float("-inf")
        self._keys: dict[str, Key] = {}
        self._gone: dict[str, asyncio.Event] = {}
        self._used: set[str] = set()
        self._waiting: list[asyncio.Future[bool]] = []
        self._wanted = asyncio.Event()
        self._wanted.set()

    async def run(self) -> None:
        """Read the keys and put down their use for ever; after a fault both go on."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._record_uses())

    async def verify(self, text: str) -> Key:
        """Return the key that this text is.

        Raises:
            Unauthenticated: It is no key, or one that is unknown, revoked or expired.
            Unavailable: The keys cannot be read, so nobody can tell.
        """
        secret_hash = digest(text)
        if secret_hash not in self._keys:
            require_key(text)
        if secret_hash not in self._keys or not self._is_current:
            await self.refresh()
        key = self._keys.get(secret_hash)
        if key is None or key.has_expired(utc_now()):
            raise Unauthenticated("The API key is unknown, revoked or expired; ask for another one.")
        self._used.add(key.id)
        return key

    async def refresh(self) -> None:
        """Wait until every key that was created or revoked before the call is known to be so.

        Raises:
            Unavailable: The keys cannot be read.
        """
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._wanted.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(READ_TIMEOUT_SECONDS):
                if await future:
                    return
        raise Unavailable

    async def gone(self, key: Key) -> None:
        """Return when a key that was verified holds no longer: at its end, or when it is found revoked."""
        event = self._gone.get(key.id)
        while event is not None and not key.has_expired(now := utc_now()):
            left = None if key.expires_at is None else (key.expires_at - now).total_seconds()
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await event.wait()
                return

    @property
    def is_empty(self) -> bool:
        """Whether it is known that no key was ever created."""
        return self._version is not None and self._version[0] == 0

    @property
    def _is_current(self) -> bool:
        return asyncio.get_running_loop().time() - self._read_at < TRUST_SECONDS

    async def _follow(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll_seconds):
                    await self._wanted.wait()
            self._wanted.clear()
            waiting, self._waiting = self._waiting, []
            is_read = False
            try:
                async with asyncio.timeout(READ_TIMEOUT_SECONDS):
                    await self._read()
                is_read = True
            except (Unavailable, TimeoutError) as refusal:
                logger.warning("The API keys cannot be read, trying again: %r", refusal.__cause__)
            except Exception:
                logger.exception("The API keys cannot be read, trying again")
            finally:
                for future in waiting:
                    if not future.done():
                        future.set_result(is_read)
            await asyncio.sleep(READ_DISTANCE_SECONDS if is_read else self._poll_seconds)

    async def _read(self) -> None:
        read_at = asyncio.get_running_loop().time()
        async with self._database.read() as tx:
            version = await key_version(tx)
            if version != self._version:
                self._take(await keys_that_hold(tx, utc_now()))
        self._version, self._read_at = version, read_at

    def _take(self, rows: Sequence[Record]) -> None:
        self._keys = {row.secret_hash: _key(row) for row in rows}
        before = self._gone
        self._gone = {row.id: before.get(row.id) or asyncio.Event() for row in rows}
        for key_id in before.keys() - self._gone.keys():
            before[key_id].set()

    async def _record_uses(self) -> None:
        recorded: set[str] = set()
        minute = None
        while True:
            await asyncio.sleep(RECORD_SECONDS)
            used, self._used = self._used, set()
            now = utc_now().replace(second=0, microsecond=0)
            if now != minute:
                minute, recorded = now, set()
            due = used - recorded
            if not due:
                continue
            try:
                async with self._database.write() as tx:
                    await record_use(tx, due, now)
                recorded |= due
            except Unavailable as refusal:
                self._used |= due
                logger.warning("The use of API keys cannot be put down, trying again: %r", refusal.__cause__)
            except Exception:
                logger.exception("The use of API keys cannot be put down")


def _key(row: Record) -> Key:
    """Return the key of a row; a scope from the future allows nothing here."""
    words = row.scopes.split()
    return Key(
        id=row.id,
        name=row.name,
        scopes=frozenset(scope for scope in Scope if scope.value in words),
        organization_id=row.organization_id,
        expires_at=row.expires_at,
    )
