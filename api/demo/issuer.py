"""The demo's own issuer of access tokens: a key that lives as long as the process, and tokens for a day."""

import json
import secrets
import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import gettempdir
from typing import Self

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from jwt.algorithms import RSAAlgorithm
from ulid import ULID

from api.settings import Settings
from models.changes import NewSession
from models.session import utc_now

ISSUER = "https://demo.sessiongraph.example"
KEY_ID = "demo"
TOKEN_LIFETIME = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token, and the file with it, which is easier to name than its 700 characters."""

    text: str
    path: Path


class DemoIssuer:
    """A context manager; its key set and tokens are files that go with it, and that nobody else can read."""

    def __init__(self) -> None:
        self._directory = Path(gettempdir()) / f"sessiongraph-demo-{secrets.token_hex(4)}"
        self._jwks = self._directory / "jwks.json"
        self._key = generate_private_key(public_exponent=65537, key_size=2048)

    def __enter__(self) -> Self:
        public = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        self._directory.mkdir(mode=0o700)
        self._jwks.write_text(json.dumps({"keys": [{**public, "kid": KEY_ID, "use": "sig", "alg": "RS256"}]}))
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._directory, ignore_errors=True)

    def believed(self, settings: Settings) -> Settings:
        """Return settings with which the tokens of this issuer, and no others, are accepted."""
        return settings.model_copy(
            update={
                "token_issuers": (ISSUER,),
                "jwks": str(self._jwks),
                "token_audience": None,
                "token_lifetime_limit_seconds": int(TOKEN_LIFETIME.total_seconds()),
            }
        )

    def token(self, name: str, session: NewSession, permissions: tuple[str, ...] = ()) -> AccessToken:
        """Return an access token of this session, as WorkOS writes them; the name is that of its file."""
        now = utc_now()
        claims = {
            "iss": ISSUER,
            "sub": session.user_id,
            "sid": session.id,
            "jti": str(ULID()),
            "iat": now,
            "exp": now + TOKEN_LIFETIME,
            "auth_time": int(now.timestamp()),
            **({"org_id": session.organization_id} if session.organization_id else {}),
            **({"permissions": permissions} if permissions else {}),
        }
        text = jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": KEY_ID})
        path = self._directory / name
        path.write_text(text)
        return AccessToken(text, path)
