"""What must hold before a server starts."""

from api.demo import demo_population
from api.demo.past import fill
from api.settings import Settings
from models.database import Database
from models.key import all_keys
from models.migrations import prepare
from models.refusals import Refusal


class OpenToEveryone(Refusal):
    """The server could be reached from elsewhere, and nobody would have to say who they are."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"Nobody could be authenticated, so {host} would be open to everyone. Set "
            "SESSIONGRAPH_TOKEN_ISSUERS and SESSIONGRAPH_JWKS, or create a key with `sessiongraph keys "
            "create`, or listen on 127.0.0.1."
        )


async def require_authentication(settings: Settings, database: Database) -> None:
    """Make sure that whoever can reach the server from elsewhere has to say who they are.

    Raises:
        OpenToEveryone: No issuer is configured and no API key was ever created.
        Unavailable: The database is away or busy.
    """
    if settings.is_loopback or settings.token_issuers:
        return
    async with database.read() as tx:
        if not await all_keys(tx):
            raise OpenToEveryone(settings.host)


async def check(settings: Settings) -> None:
    """Prepare the database; fail with a sentence before a server is up, which would do so with a traceback.

    Raises:
        OpenToEveryone: Nobody could be authenticated, and others can reach the server.
        SchemaMismatch: `sessiongraph migrate` has to be run.
        Unavailable: The database is away or busy.
    """
    database = Database(settings.database_url, settings.connections)
    try:
        await prepare(database)
        await require_authentication(settings, database)
        if settings.demo:
            await fill(database, demo_population())
    finally:
        await database.close()
