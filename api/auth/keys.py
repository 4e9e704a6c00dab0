"""The text of an API key, and the hash that is stored of it.

A key is `sgk_`, 43 random characters of base62 (256 bits) and the CRC-32 of all that in 6 more, so that
secret scanners recognise it, and a typo is told from a wrong key without the database.
"""

import hashlib
import re
import secrets
import string
import zlib

from models.refusals import Unauthenticated

PREFIX = "sgk_"
RANDOM_LENGTH = 43
CHECKSUM_LENGTH = 6

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_KEY = re.compile(f"{PREFIX}[0-9A-Za-z]{{{RANDOM_LENGTH + CHECKSUM_LENGTH}}}")


def new_key() -> str:
    body = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(RANDOM_LENGTH))
    return body + _checksum(body)


def key_hash(text: str) -> str:
    """Return the SHA-256 by which a key is known, in hexadecimal.

    Raises:
        Unauthenticated: The text is no key.
    """
    require_key(text)
    return digest(text)


def require_key(text: str) -> None:
    """Check the form of a key.

    Raises:
        Unauthenticated: Some of it is missing, added or mistyped.
    """
    if _KEY.fullmatch(text) is None or _checksum(text[:-CHECKSUM_LENGTH]) != text[-CHECKSUM_LENGTH:]:
        raise Unauthenticated(
            f"The API key is incomplete or mistyped; one is `{PREFIX}` and "
            f"{RANDOM_LENGTH + CHECKSUM_LENGTH} letters and digits."
        )


def digest(text: str) -> str:
    """Return the SHA-256 of a text that may be a key, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def _checksum(body: str) -> str:
    number = zlib.crc32(body.encode())
    digits = ""
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
