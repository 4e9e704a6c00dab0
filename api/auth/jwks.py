"""The keys that an issuer signs access tokens with, kept at hand.

Tokens are verified with what is at hand; the issuer is asked in the background, and when a token names a key
that is not known. What can be relied on, where nothing else is set:

- The issuer is asked once at a time and once in 30 s at most, whoever sends what, and after failures too.
- A new key is known to the first token that needs it, 30 s after the last time that the issuer was asked.
- A key that the issuer removes is refused 5 minutes later at most, if the issuer answers.
- With the issuer away, the known keys hold for 24 hours. A key is called unknown only on the word of an
  issuer that answers; otherwise the keys are unavailable.

No memory of unknown keys is kept, so none can be filled.
"""

import asyncio
import logging
import math
from time import monotonic
from typing import Self, TypeGuard

import orjson
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import RSAAlgorithm
from jwt.exceptions import InvalidKeyError

from api.auth.jwks_source import KeySetUnreadable, source_at
from models.refusals import Unavailable

logger = logging.getLogger(__name__)

KEY_ID_LIMIT = 256
"""The longest `kid`, in characters."""

RS256 = {"kty": "RSA", "use": "sig", "alg": "RS256"}
KEY_BITS = range(2048, 8193)
"""RFC 7518 §3.3 asks for the least; a key over the most would take long, or fail, to verify with."""


class SigningKeys:
    """The keys of one issuer by their `kid`; an async context manager that asks for them while it is open.

    `location` is a URL or the path of a file; reading a URL may take `read_seconds`. `is_answered` says
    whether there was a key set when it was last asked for.
    """

    def __init__(
        self,
        location: str,
        *,
        cool_down_seconds: float = 30,
        refresh_seconds: float = 300,
        stale_seconds: float = 86_400,
        read_seconds: float = 5,
    ) -> None:
        self._name = f"The signing keys at {location}"
        self._source = source_at(location, read_seconds=read_seconds)
        self._cool_down_seconds = cool_down_seconds
        self._refresh_seconds = max(refresh_seconds, cool_down_seconds)
        self._stale_seconds = stale_seconds
        self._keys: dict[str, RSAPublicKey] = {}
        self._asked_at = self._answered_at = -math.inf
        self.is_answered = False
        self._fetch: asyncio.Task[None] | None = None
        self._refreshing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._refreshing = asyncio.create_task(self._keep_fresh())
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks = [task for task in (self._refreshing, self._fetch) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._source.aclose()

    def at_hand(self, key_id: str) -> RSAPublicKey | None:
        """Return the key if it is known now; the same object for as long as the key is the same."""
        if monotonic() - self._answered_at > self._stale_seconds:
            return None
        return self._keys.get(key_id)

    async def find(self, key_id: str) -> RSAPublicKey | None:
        """Return the key, or None where the issuer has no such key; wait for the issuer if it may be asked.

        Raises:
            Unavailable: The key is not known, and the issuer did not answer when it was last asked.
        """
        key = self.at_hand(key_id)
        if key is None:
            await self._ask()
            key = self.at_hand(key_id)
        if key is None and not self.is_answered:
            raise Unavailable("The issuer of the access tokens")
        return key

    async def _keep_fresh(self) -> None:
        while True:
            pause = self._refresh_seconds if self.is_answered else self._cool_down_seconds
            wait = self._asked_at + pause - monotonic()
            if wait > 0:
                await asyncio.sleep(wait)  # and look again: somebody else may have asked meanwhile
            else:
                await self._ask()

    async def _ask(self) -> None:
        """Wait for the fetch under way, or for a new one unless the last began too recently."""
        if self._fetch is None or self._fetch.done():
            now = monotonic()
            if now < self._asked_at + self._cool_down_seconds:
                return
            self._asked_at = now
            self._fetch = asyncio.create_task(self._fetch_keys())
        await asyncio.shield(self._fetch)  # a caller that leaves does not take the fetch away from the others

    async def _fetch_keys(self) -> None:
        try:
            keys = parse_key_set(await self._source.read())
        except KeySetUnreadable as error:
            self.is_answered = False
            known = len(self._keys)
            logger.warning("%s cannot be had, going on with %s known keys: %s", self._name, known, error)
        except Exception:
            self.is_answered = False
            logger.exception("%s cannot be had, trying again", self._name)
        else:
            self._take(keys)

    def _take(self, keys: dict[str, RSAPublicKey]) -> None:
        if not self.is_answered or keys != self._keys:
            logger.info("%s are %s", self._name, ", ".join(sorted(keys)))
        self._answered_at, self.is_answered = monotonic(), True
        self._keys = {key_id: self._same(key_id, key) for key_id, key in keys.items()}

    def _same(self, key_id: str, key: RSAPublicKey) -> RSAPublicKey:
        known = self._keys.get(key_id)
        return known if known is not None and known == key else key


def parse_key_set(body: bytes) -> dict[str, RSAPublicKey]:
    """Return the keys for RS256 in a JSON Web Key Set (RFC 7517 §5); whatever else is in it is left out.

    A private key is left out: it is not secret any more. Of two keys with one `kid` the first is taken.

    Raises:
        KeySetUnreadable: It is not a key set, or has no such key.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise KeySetUnreadable("it is not JSON") from error
    entries = document.get("keys") if isinstance(document, dict) else None
    keys: dict[str, RSAPublicKey] = {}
    for entry in entries if isinstance(entries, list) else []:
        key = _rs256_key(entry)
        if key is not None:
            keys.setdefault(entry["kid"], key)
    if not keys:
        raise KeySetUnreadable("there is no key for RS256 in it")
    return keys


def is_key_id(value: object) -> TypeGuard[str]:
    """Tell whether a key may be called so: what is longer, or has other characters, is not looked up."""
    return (
        isinstance(value, str) and 0 < len(value) <= KEY_ID_LIMIT and value.isascii() and value.isprintable()
    )


def _rs256_key(entry: object) -> RSAPublicKey | None:
    if not isinstance(entry, dict) or not is_key_id(entry.get("kid")):
        return None
    if "d" in entry or any(entry.get(name, value) != value for name, value in RS256.items()):
        return None
    try:
        key = RSAAlgorithm.from_jwk(entry)
    except (InvalidKeyError, TypeError, ValueError):
        return None
    return key if isinstance(key, RSAPublicKey) and key.key_size in KEY_BITS else None
