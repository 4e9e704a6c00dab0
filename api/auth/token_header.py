"""The form and the header of an access token: what is looked at before its signature is."""

import base64
import re

import orjson

from api.auth.jwks import is_key_id
from models.refusals import Unauthenticated

TOKEN_LIMIT = 8192
"""The longest token that is looked at, in characters."""

COMPACT = re.compile(r"(?:[A-Za-z0-9_-]+\.){2}[A-Za-z0-9_-]*")
"""The compact serialization of RFC 7515 §7.1: base64url without padding, so that a token has one spelling."""

TYPES = frozenset({"jwt", "at+jwt", "application/jwt", "application/at+jwt"})
"""RFC 8725 §3.11: a token for another purpose says so in its type."""

OWN_KEY_HEADERS = ("jku", "jwk", "x5c", "x5u")
"""Headers by which a token brings a key of its own.

If they were ignored nothing would be fetched either. They are refused because no issuer of ours sends them,
so that the log shows an attempt for what it is.
"""


def malformed() -> Unauthenticated:
    return Unauthenticated(
        "This is not an access token; send the JWT exactly as its issuer made it.", reason="malformed"
    )


def check_form(token: str) -> None:
    """See that the token is of bounded size and three parts.

    Raises:
        Unauthenticated: It is not.
    """
    if len(token) > TOKEN_LIMIT:
        raise Unauthenticated(
            f"This is not an access token: those have at most {TOKEN_LIMIT} characters.", reason="too_long"
        )
    if not COMPACT.fullmatch(token):
        raise malformed()


def named_key(token: str) -> str:
    """Return the `kid` of a token of checked form, if the header is one that an issuer of ours could write.

    Raises:
        Unauthenticated: It is not.
    """
    header = _header(token)
    if header.get("alg") != "RS256":
        raise Unauthenticated(
            "The access token must be signed with RS256; no other `alg` is accepted.",
            reason="wrong_algorithm",
        )
    if "typ" in header and str(header["typ"]).lower() not in TYPES:
        raise Unauthenticated("The `typ` of an access token must be `JWT` or `at+jwt`.", reason="wrong_type")
    if "crit" in header:
        raise Unauthenticated(
            "The access token has a `crit` header; no extension is understood here.", reason="critical_header"
        )
    for name in OWN_KEY_HEADERS:
        if name in header:
            raise Unauthenticated(
                f"The access token has a `{name}` header; only keys that the issuer publishes count.",
                reason="own_key",
            )
    key_id = header.get("kid")
    if not is_key_id(key_id):
        raise Unauthenticated(
            "The access token must name its issuer's key in a `kid` header.", reason="wrong_key_id"
        )
    return key_id


def _header(token: str) -> dict[str, object]:
    try:
        # More padding than is needed does no harm, and COMPACT has checked the alphabet.
        header = orjson.loads(base64.urlsafe_b64decode(f"{token.partition('.')[0]}=="))
    except ValueError:
        raise malformed() from None
    if not isinstance(header, dict):
        raise malformed()
    return header
