"""The sessions in a file, whichever way it is written: JSON lines, an array, a list envelope or an object."""

import io
import json
from collections.abc import Iterator

import orjson

from api.cli.document import ITEM_LIMIT, Document, Item, is_envelope

HEAD = 65_536
"""How much of a file tells how it is written."""

_BOM = b"\xef\xbb\xbf"


def items(file: io.BufferedReader) -> Iterator[Item]:
    """Yield the items of a file whose buffer holds `HEAD` bytes, in their order; blank lines are none."""
    if file.peek().startswith(_BOM):
        file.read(len(_BOM))
    return iter(Document(file)) if _is_document(file.peek()) else _lines(file)


def _is_document(head: bytes) -> bool:
    """Tell a document from JSON lines, the first of which may be a bad one."""
    head = head.lstrip()
    if head.startswith(b"["):
        return True
    try:
        # Not by orjson: a line that is whole stays a line, even if what is in it is refused.
        line = head.partition(b"\n")[0].decode(errors="surrogateescape")
        first = json.loads(line, parse_int=float)
    except (ValueError, RecursionError):
        item = next(iter(Document(io.BytesIO(head))), None)
        return item is None or item.problem is None
    return isinstance(first, dict) and is_envelope(first) and isinstance(first.get("data"), list)


def _lines(file: io.BufferedReader) -> Iterator[Item]:
    number = 0
    while line := file.readline(ITEM_LIMIT + 1):
        number += 1
        if len(line) > ITEM_LIMIT:
            while line and not line.endswith(b"\n"):
                line = file.readline(ITEM_LIMIT)
            yield Item(number, None, None, f"This is longer than {ITEM_LIMIT:,} bytes.")
        elif not line.isspace():
            yield _item(number, line)


def _item(number: int, line: bytes) -> Item:
    try:
        return Item(number, None, orjson.loads(line.rstrip()))
    except orjson.JSONDecodeError as error:
        return Item(number, None, None, f"This is not JSON: {error.msg} at column {error.colno}.")
