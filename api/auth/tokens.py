"""Access tokens of users: what a token must be for its claims to be believed (RFC 8725, RFC 9068)."""

import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from api.auth.jwks import SigningKeys
from api.auth.token_header import check_form, malformed, named_key
from models.refusals import Unauthenticated

TEXT_LIMIT = 255
"""The longest claim that is taken for a name, in characters."""


REFUSED_BY_PYJWT: dict[type[jwt.PyJWTError], tuple[str, str]] = {
    jwt.InvalidSignatureError: (
        "The signature of the access token does not fit; send the token exactly as it was issued.",
        "wrong_signature",
    ),
    jwt.ExpiredSignatureError: ("The access token has expired; refresh it.", "expired"),
    jwt.ImmatureSignatureError: (
        "The access token is not valid yet; check the clocks of this server and of the issuer.",
        "not_yet_valid",
    ),
    jwt.InvalidIssuerError: (
        "The issuer of the access token is not accepted here; the setting `token_issuers` lists who is.",
        "wrong_issuer",
    ),
    jwt.InvalidAudienceError: (
        "The access token is meant for somebody else; its `aud` must have the setting `token_audience`.",
        "wrong_audience",
    ),
}
"""The message and the word for the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """What a verified token says. `organization_id` is of the token: the stored session may have another."""

    user_id: str
    session_id: str
    organization_id: str | None
    permissions: frozenset[str]
    expires_at: datetime
    impersonator_email: str | None


@dataclass(frozen=True, slots=True)
class _Verified:
    """A token that was verified, with what must still be so for it to hold."""

    token: AccessToken
    key_id: str
    key: RSAPublicKey
    holds_until: float


class TokenVerifier:
    """Turns tokens into claims. A token that was verified before costs a hash.

    What is remembered holds while the token is unexpired and its key is still at hand, so it never outlives
    what verifying anew would find. Tokens are remembered by their SHA-256 alone.
    """

    def __init__(
        self,
        keys: SigningKeys,
        *,
        issuers: Iterable[str],
        audience: str | None = None,
        leeway_seconds: float = 10,
        remembered_limit: int = 10_000,
    ) -> None:
        self._keys = keys
        bare = [issuer.removesuffix("/") for issuer in issuers]
        self._issuers = frozenset([*bare, *(f"{issuer}/" for issuer in bare)])
        self._audience = audience
        self._leeway_seconds = leeway_seconds
        self._remembered_limit = remembered_limit
        self._verified: OrderedDict[bytes, _Verified] = OrderedDict()

    def __len__(self) -> int:
        """Return how many tokens are remembered; each takes about 1 kB."""
        return len(self._verified)

    async def verify(self, token: str) -> AccessToken:
        """Return the claims of a user's access token.

        Raises:
            Unauthenticated: The token does not hold; `reason` is a word for the log.
            Unavailable: The key that the token names is not known, and the issuer does not answer.
        """
        check_form(token)
        digest = sha256(token.encode()).digest()
        verified = self._remembered(digest)
        if verified is None:
            verified = await self._verify(token)
            self._verified[digest] = verified
            if len(self._verified) > self._remembered_limit:
                self._verified.popitem(last=False)
        return verified.token

    def _remembered(self, digest: bytes) -> _Verified | None:
        verified = self._verified.get(digest)
        if verified is None:
            return None
        if time.time() >= verified.holds_until or self._keys.at_hand(verified.key_id) is not verified.key:
            del self._verified[digest]
            return None
        self._verified.move_to_end(digest)
        return verified

    async def _verify(self, token: str) -> _Verified:
        key_id = named_key(token)
        key = await self._keys.find(key_id)
        if key is None:
            raise Unauthenticated(
                "The access token is signed with a key that is not at the setting `jwks`; sign in again.",
                reason="unknown_key",
            )
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                issuer=self._issuers,
                audience=self._audience,
                leeway=self._leeway_seconds,
                options={
                    "require": ["exp", "iss", "sid", "sub"],
                    "verify_aud": self._audience is not None,
                    "enforce_minimum_key_length": True,
                },
            )
        except jwt.MissingRequiredClaimError as error:
            raise Unauthenticated(
                f"The access token has no `{error.claim}`; only tokens of users' sessions are accepted.",
                reason="missing_claim",
            ) from None
        except jwt.PyJWTError as error:
            if type(error) not in REFUSED_BY_PYJWT:
                raise malformed() from None  # the library's own words may quote the token
            message, reason = REFUSED_BY_PYJWT[type(error)]
            raise Unauthenticated(message, reason=reason) from None
        access_token = _access_token(claims)
        return _Verified(
            access_token, key_id, key, access_token.expires_at.timestamp() + self._leeway_seconds
        )


def _access_token(claims: dict[str, Any]) -> AccessToken:
    """Return what verified claims say.

    Raises:
        Unauthenticated: The token is not of a user's session, or a claim is not of its type.
    """
    if "sub_type" in claims or claims.get("sub_profile", "user") != "user":
        raise Unauthenticated(
            "The access token is not a user's; send the one of the user's session.", reason="not_a_user"
        )
    for name in ("exp", "iat", "nbf"):
        if type(claims.get(name, 0)) not in {int, float}:  # true would be 1, and "1" is taken by the library
            raise _wrong_claim(name)
    try:
        expires_at = datetime.fromtimestamp(int(claims["exp"]), UTC)
    except (OverflowError, ValueError, OSError):
        raise _wrong_claim("exp") from None
    actor = claims.get("act")
    if not isinstance(actor, dict | None):
        raise _wrong_claim("act")
    return AccessToken(
        user_id=_text(claims, "sub"),
        session_id=_text(claims, "sid"),
        organization_id=None if claims.get("org_id") is None else _text(claims, "org_id"),
        permissions=_texts(claims, "permissions"),
        expires_at=expires_at,
        impersonator_email=None if actor is None else _text(actor, "sub"),
    )


def _text(claims: dict[str, Any], name: str) -> str:
    """Return a name of at most TEXT_LIMIT characters; one that cannot be printed cannot be stored or sent."""
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= TEXT_LIMIT or not value.isprintable():
        raise _wrong_claim(name)
    return value


def _texts(claims: dict[str, Any], name: str) -> frozenset[str]:
    values = claims.get(name)
    if values is None:
        return frozenset()
    # A text is a collection of texts as well, in which "read" is found in "already".
    if not isinstance(values, list) or not all(isinstance(v, str) and v.isprintable() for v in values):
        raise _wrong_claim(name)
    return frozenset(values)


def _wrong_claim(name: str) -> Unauthenticated:
    return Unauthenticated(f"`{name}` in the access token is not of its type.", reason="wrong_claim")
