"""A believable population and its traffic, for looking around, with credentials of its own."""

import random
from dataclasses import dataclass
from datetime import timedelta

from api.auth.keys import key_hash, new_key
from api.demo.issuer import DemoIssuer
from api.demo.past import fill
from api.demo.population import Population
from api.settings import Settings
from models.changes import NewSession, create_session
from models.database import Database
from models.key import NewKey, Scope, all_keys, create_key, revoke_key
from models.session import utc_now

SEED = 20260115
"""The same people in every run: so a database that the demo has filled is known again."""

KEY_NAME = "demo"
KEY_LIFETIME = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the demo lets people in with, for a day."""

    api_key: str
    administrator_token: str
    user_token: str
    session_ids: tuple[str, str]


def demo_population() -> Population:
    return Population(random.Random(SEED))  # noqa: S311  a demo, not a secret


async def prepare_demo(
    database: Database, population: Population, issuer: DemoIssuer, settings: Settings
) -> Credentials:
    """Fill the database if it is empty, and make a key, an administrator and a user.

    Raises:
        ForeignDatabase: There are sessions that the demo did not make.
        Unavailable: The database is away or busy.
    """
    await fill(database, population)
    administrator, user = await _sign_in(database, population), await _sign_in(database, population)
    permissions = (settings.read_permission, settings.end_permission)
    return Credentials(
        api_key=await _key(database),
        administrator_token=issuer.token(administrator, permissions),
        user_token=issuer.token(user),
        session_ids=(str(administrator.id), str(user.id)),
    )


async def _sign_in(database: Database, population: Population) -> NewSession:
    """Sign in somebody of the largest organization, where there is most to see, for a month."""
    now = utc_now()
    while True:
        session = population.sign_in(now, lifetime=timedelta(days=30))
        if session.organization_id == population.largest_organization_id and not session.impersonator_email:
            break
    async with database.write() as tx:
        await create_session(tx, session, now)
    return session


async def _key(database: Database) -> str:
    """Create a key that may do everything; those of earlier runs hold no longer."""
    text, now = new_key(), utc_now()
    new = NewKey(
        name=KEY_NAME, secret_hash=key_hash(text), scopes=tuple(Scope), expires_at=now + KEY_LIFETIME
    )
    async with database.write() as tx:
        for key in await all_keys(tx):
            if key.name == KEY_NAME:
                await revoke_key(tx, key.id, now)
        await create_key(tx, new, now)
    return text
