"""Where a request carries its credential: RFC 6750 §2.1, and the payload of `connection_init`."""

from collections.abc import Mapping
from typing import Any

from models.refusals import Unauthenticated


def bearer_credential(headers: Mapping[str, Any]) -> str | None:
    """Return the credential of an `Authorization: Bearer …`, whatever the case of its name; None without one.

    Raises:
        Unauthenticated: The header is there, but of another scheme or without a credential.
    """
    for name, value in headers.items():
        if name.lower() != "authorization":
            continue
        scheme, _, credential = value.strip().partition(" ") if isinstance(value, str) else ("", "", "")
        if scheme.lower() != "bearer" or not credential.strip():
            raise Unauthenticated("The authorization must be `Bearer` and an access token or an API key.")
        return credential.strip()
    return None
