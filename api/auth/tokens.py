"""Access tokens of users: what a token must be for its claims to be believed (RFC 8725, RFC 9068)."""

import base64
import re
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from api.auth.jwks import SigningKeys, is_key_id
from models.refusals import Unauthenticated

TOKEN_LIMIT = 8192
"""The longest token that is looked at, in characters."""

TEXT_LIMIT = 255
"""The longest claim that is taken for a name, in characters."""

VERIFIED_LIMIT = 10_000
"""How many tokens are remembered as verified."""

COMPACT = re.compile(r"(?:[A-Za-z0-9_-]+\.){2}[A-Za-z0-9_-]*")
"""The compact serialization of RFC 7515 §7.1: base64url without padding, so that a token has one spelling."""

TYPES = frozenset({"jwt", "at+jwt", "application/jwt", "application/at+jwt"})
"""RFC 8725 §3.11: a token for another purpose says so in its type."""

OWN_KEY_HEADERS = ("jku", "jwk", "x5c", "x5u")
"""Headers by which a token names a key of its own. They could be ignored, and nothing would be fetched either;
they are refused because our issuers never send them, so the log shows an attempt for what it is."""

MALFORMED = ("malformed", "This is not an access token; send the JWT exactly as its issuer made it.")

REFUSED_BY_PYJWT: dict[type[jwt.PyJWTError], tuple[str, str]] = {
    jwt.InvalidSignatureError: (
        "wrong_signature",
        "The signature of the access token does not fit; send the token exactly as it was issued.",
    ),
    jwt.ExpiredSignatureError: ("expired", "The access token has expired; refresh it."),
    jwt.ImmatureSignatureError: (
        "not_yet_valid",
        "The access token is not valid yet; check the clocks of this server and of the issuer.",
    ),
    jwt.InvalidIssuerError: (
        "wrong_issuer",
        "The access token comes from an issuer that is not among the configured ones; "
        "`token_issuers` lists them.",
    ),
    jwt.InvalidAudienceError: (
        "wrong_audience",
        "The access token is meant for somebody else; its `aud` must be the configured `token_audience`.",
    ),
}


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
        self, keys: SigningKeys, *, issuers: Iterable[str], audience: str | None, leeway_seconds: float
    ) -> None:
        self._keys = keys
        bare = [issuer.removesuffix("/") for issuer in issuers]
        self._issuers = frozenset([*bare, *(f"{issuer}/" for issuer in bare)])
        self._audience = audience
        self._leeway_seconds = leeway_seconds
        self._verified: OrderedDict[bytes, _Verified] = OrderedDict()

    async def verify(self, token: str) -> AccessToken:
        """Return the claims of a user's access token.

        Raises:
            Unauthenticated: The token does not hold; `reason` is a word for the log.
            Unavailable: The key that the token names is not known, and the issuer does not answer.
        """
        if len(token) > TOKEN_LIMIT:
            raise _refused("too_long", f"An access token has at most {TOKEN_LIMIT} characters.")
        if not COMPACT.fullmatch(token):
            raise _malformed()
        digest = sha256(token.encode()).digest()
        verified = self._remembered(digest)
        if verified is None:
            verified = await self._verify(token)
            self._verified[digest] = verified
            if len(self._verified) > VERIFIED_LIMIT:
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
        key_id = _key_id(token)
        key = await self._keys.find(key_id)
        if key is None:
            raise _refused(
                "unknown_key",
                "The access token is signed with a key that its issuer does not publish; sign in again, "
                "or check `jwks`.",
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
            raise _refused(
                "missing_claim",
                f"The access token has no `{error.claim}`; only tokens of users' sessions are accepted.",
            ) from None
        except jwt.PyJWTError as error:
            # The chain is cut: what the library says may quote the token.
            raise _refused(*REFUSED_BY_PYJWT.get(type(error), MALFORMED)) from None
        access_token = _access_token(claims)
        return _Verified(
            access_token, key_id, key, access_token.expires_at.timestamp() + self._leeway_seconds
        )


def _key_id(token: str) -> str:
    """Return the `kid`, if the unverified header is one that a token of ours could have.

    Raises:
        Unauthenticated: It is not.
    """
    try:
        # More padding than is needed does no harm; COMPACT has checked the alphabet.
        header = orjson.loads(base64.urlsafe_b64decode(f"{token.partition('.')[0]}=="))
    except ValueError:
        raise _malformed() from None
    if not isinstance(header, dict):
        raise _malformed()
    if header.get("alg") != "RS256":
        raise _refused(
            "wrong_algorithm", "The access token must be signed with RS256; no other `alg` is taken."
        )
    if "typ" in header and str(header["typ"]).lower() not in TYPES:
        raise _refused("wrong_type", "The `typ` of the access token must be `JWT` or `at+jwt`.")
    if "crit" in header:
        raise _refused("critical_header", "The access token has a `crit` header; no extension is understood.")
    for name in OWN_KEY_HEADERS:
        if name in header:
            raise _refused(
                "own_key", f"The access token has a `{name}` header; only keys of the issuer count."
            )
    if not is_key_id(header.get("kid")):
        raise _refused("wrong_key_id", "The access token must name the key of its issuer in a `kid` header.")
    key_id: str = header["kid"]
    return key_id


def _access_token(claims: dict[str, Any]) -> AccessToken:
    """Return what verified claims say.

    Raises:
        Unauthenticated: The token is not of a user's session, or a claim is not of its type.
    """
    if "sub_type" in claims or claims.get("sub_profile", "user") != "user":
        raise _refused("not_a_user", "The access token is not a user's; send the one of the user's session.")
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


def _malformed() -> Unauthenticated:
    return _refused(*MALFORMED)


def _wrong_claim(name: str) -> Unauthenticated:
    return _refused("wrong_claim", f"`{name}` in the access token is not of its type.")


def _refused(reason: str, message: str) -> Unauthenticated:
    return Unauthenticated(message, reason=reason)
