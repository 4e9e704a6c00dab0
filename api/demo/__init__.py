"""A believable population and its traffic, for looking around, with credentials of its own."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

from api.auth.keys import key_hash, new_key
from api.demo.issuer import AccessToken, DemoIssuer
from api.demo.past import fill
from api.demo.population import Person, Population
from api.settings import Settings
from models.changes import NewSession, create_session
from models.database import Database
from models.key import NewKey, Scope, create_key, revoke_key
from models.refusals import Unavailable
from models.session import utc_now

SEED = 20260115
"""The same people in every run: so a database that the demo has filled is known again."""

KEY_NAME = "demo"
KEY_LIFETIME = timedelta(days=1)
GUEST_LIFETIME = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the demo lets people in with, for a day at most."""

    api_key: str
    administrator: AccessToken
    user: AccessToken

    @property
    def by_name(self) -> dict[str, str]:
        """Return the texts, by whom they are for."""
        return {
            "Administrator": self.administrator.text,
            "User": self.user.text,
            "Service": self.api_key,
        }


def demo_population() -> Population:
    return Population(random.Random(SEED))  # noqa: S311  a demo, not a secret


@asynccontextmanager
async def prepared_demo(
    database: Database, population: Population, issuer: DemoIssuer, settings: Settings
) -> AsyncIterator[Credentials]:
    """Fill the database if it is empty, and make a key, an administrator and a user.

    The key is revoked in the end; that of a demo which was killed holds for the rest of its day. Another demo
    of the same database has a key of its own, and neither ends what the other's guests are signed in with.

    Raises:
        ForeignDatabase: There are sessions, but none of the demo's.
        Unavailable: The database is away or busy.
    """
    await fill(database, population)
    administrator, user = [await _sign_in(database, population, guest) for guest in population.guests]
    permissions = (settings.read_permission, settings.end_permission)
    api_key, key_id = await _key(database)
    try:
        yield Credentials(
            api_key=api_key,
            administrator=issuer.token("administrator", administrator, permissions),
            user=issuer.token("user", user),
        )
    finally:
        with suppress(Unavailable):
            async with database.write() as tx:
                await revoke_key(tx, key_id, utc_now())


async def _sign_in(database: Database, population: Population, guest: Person) -> NewSession:
    now = utc_now()
    session = population.sign_in(guest, now, GUEST_LIFETIME)
    async with database.write() as tx:
        await create_session(tx, session, now)
    return session


async def _key(database: Database) -> tuple[str, str]:
    """Create a key that may do everything; return it and its id."""
    text, now = new_key(), utc_now()
    new = NewKey(
        name=KEY_NAME, secret_hash=key_hash(text), scopes=tuple(Scope), expires_at=now + KEY_LIFETIME
    )
    async with database.write() as tx:
        return text, await create_key(tx, new, now)
