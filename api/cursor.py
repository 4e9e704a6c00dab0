"""The opaque forms of positions: of the log (`Cursor`) and of a list (a page's cursors).

Versioned and URL-safe; whatever is not exactly as it was handed out is refused.
"""

import base64
import binascii
import struct
from binascii import b2a_base64

from models.instant import from_unix_milliseconds, to_unix_milliseconds
from models.log import Position
from models.queries import Key
from models.refusals import BadCursor

_LOG_VERSION = 1
_LIST_VERSION = 2
_LOG = struct.Struct(">B8sQ")
_LIST = struct.Struct(">Bq")
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_ID_LIMIT = 64
# What a datetime can hold, from the year 1 to the year 9999
_FIRST_MILLISECOND = -62_135_596_800_000
_LAST_MILLISECOND = 253_402_300_799_999


def encode_position(position: Position) -> str:
    return _encode(_LOG.pack(_LOG_VERSION, bytes.fromhex(position.epoch), position.seq))


def decode_position(cursor: str, *, argument: str = "after") -> Position:
    """Return the position in the log.

    Raises:
        BadCursor: The text is not a cursor of the log.
    """
    try:
        version, epoch, seq = _LOG.unpack(_decode(cursor))
    except (ValueError, struct.error):
        raise BadCursor(argument) from None
    if version != _LOG_VERSION or seq >= 1 << 63:
        raise BadCursor(argument)
    return Position(epoch.hex(), seq)


def encode_key(created_at: int | str, session_id: str) -> str:
    """Return the cursor of a session, whose instant is as it is stored."""
    raw = _LIST.pack(_LIST_VERSION, to_unix_milliseconds(created_at)) + session_id.encode()
    # As `_encode` does: a page has a hundred cursors, and to call it is a tenth of the time of one.
    return b2a_base64(raw, newline=False).translate(_URL_SAFE).rstrip(b"=").decode()


def decode_key(cursor: str, *, argument: str) -> Key:
    """Return the place in a list of sessions.

    Raises:
        BadCursor: The text is not a cursor of a list.
    """
    try:
        raw = _decode(cursor)
        version, milliseconds = _LIST.unpack_from(raw)
        session_id = raw[_LIST.size :].decode("ascii")
    except (ValueError, struct.error):
        raise BadCursor(argument) from None
    if (
        version != _LIST_VERSION
        or not _FIRST_MILLISECOND <= milliseconds <= _LAST_MILLISECOND
        or not session_id.isprintable()
        or not 0 < len(session_id) <= _ID_LIMIT
    ):
        raise BadCursor(argument)
    return Key(from_unix_milliseconds(milliseconds), session_id)


def _encode(raw: bytes) -> str:
    # `urlsafe_b64encode` does the same in twice the time, and a page has a hundred cursors.
    return b2a_base64(raw, newline=False).translate(_URL_SAFE).rstrip(b"=").decode()


def _decode(cursor: str) -> bytes:
    """Decode strictly: the library's own decoder skips characters that are not of the alphabet."""
    padded = cursor + "=" * (-len(cursor) % 4)
    try:
        raw = base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError from error
    if _encode(raw) != cursor:
        raise ValueError
    return raw
