"""API keys and access tokens for tests, made as an operator and an issuer make them."""

import json
from datetime import datetime
from pathlib import Path

from issuer import ISSUER, jwk

from api.auth.keys import key_hash, new_key
from models.database import Database
from models.key import NewKey, Scope, create_key, revoke_key
from models.session import utc_now


def jwks_settings(directory: Path) -> dict[str, object]:
    """Return the settings of a server that believes the tokens of `issuer.token`."""
    path = directory / "jwks.json"
    path.write_text(json.dumps({"keys": [jwk("first")]}))
    return {"token_issuers": (ISSUER,), "jwks": str(path)}


async def make_key(
    database: Database,
    *scopes: Scope,
    organization_id: str | None = None,
    expires_at: datetime | None = None,
) -> tuple[str, str]:
    """Create a key; return its text and its id."""
    text = new_key()
    new = NewKey(
        name="test",
        secret_hash=key_hash(text),
        scopes=scopes,
        organization_id=organization_id,
        expires_at=expires_at,
    )
    async with database.write() as tx:
        return text, await create_key(tx, new, utc_now())


async def take_away(database: Database, key_id: str) -> None:
    async with database.write() as tx:
        assert await revoke_key(tx, key_id, utc_now())
