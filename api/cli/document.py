"""Reading a JSON document as a stream, in memory that does not grow with it.

Each session is decoded by the standard library, which can begin anywhere in a text; what is read here are the
brackets and commas between sessions. (ijson was tried: it reads a lone surrogate as a question mark, knows no
lines, and 400 kB of text nested 200,000 deep takes it more memory than a machine has.)
"""

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

CHUNK = 65_536
ITEM_LIMIT = 1_048_576

_SPACE = re.compile(r"[ \t\r\n]*")


class Item(NamedTuple):
    """A parsed value, or the problem with it, and where it begins; a document counts its items from 1."""

    line: int
    number: int | None
    value: object
    problem: str | None = None


def is_envelope(members: dict[str, Any]) -> bool:
    """Tell whether `data` among these is a list of sessions, and not a key from the future of one session."""
    return members.get("object") != "session"


class _UnreadableError(Exception):
    """The document cannot be followed any further."""


class Document:
    """The sessions of one document or several: arrays, list envelopes (their `data`) and objects.

    A value that cannot be decoded is the last item, with its problem: nothing tells where the next begins.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._bytes = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._constants: list[str] = []
        # No key of a session is a number, and of an integer there may be more digits than Python reads.
        self._json = json.JSONDecoder(parse_int=float, parse_constant=self._constants.append)
        self._text = ""
        self._at = 0
        self._dropped = 0
        self._is_at_end = False
        self._line = 1
        self._number = 0

    def __iter__(self) -> Iterator[Item]:
        try:
            while opening := self._next():
                if opening == "[":
                    yield from self._elements()
                elif opening == "{":
                    yield from self._object()
                else:
                    yield self._item(self._line, self._value())
        except _UnreadableError as error:
            problem = f"{error} The rest of the document was not read."
            yield Item(self._line, self._number + 1, None, problem)

    def _elements(self) -> Iterator[Item]:
        for _ in self._parts("[", "]"):
            self._next()
            yield self._item(self._line, self._value())

    def _object(self) -> Iterator[Item]:
        line, start, is_list = self._line, self._position, False
        members: dict[str, Any] = {}
        for _ in self._parts("{", "}"):
            key = self._value()
            if not isinstance(key, str):
                raise _UnreadableError("This is not JSON: the name of a member is no string.")
            self._take(":")
            if key == "data" and is_envelope(members) and self._next() == "[":
                is_list = True
                yield from self._elements()
            else:
                members[key] = self._value()
            if is_list:
                members.clear()
            elif self._position - start > ITEM_LIMIT:
                raise _UnreadableError(f"This is longer than {ITEM_LIMIT:,} characters.")
        if not is_list:
            yield self._item(line, members)

    def _item(self, line: int, value: object) -> Item:
        self._number += 1
        problem = f"This is not JSON: {self._constants[0]} is no number." if self._constants else None
        self._constants.clear()
        return Item(line, self._number, value, problem)

    def _parts(self, opening: str, closing: str) -> Iterator[None]:
        """Yield before each part of an array or object, which the caller then reads."""
        self._take(opening)
        if self._next() != closing:
            yield
            while self._next() == ",":
                self._take(",")
                yield
        self._take(closing)

    def _next(self) -> str:
        """Return the next character that is no space, without taking it; empty at the end."""
        while True:
            space = _SPACE.match(self._text, self._at)
            assert space is not None, "it matches nothing as well"  # noqa: S101
            self._advance(space.end())
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._read():
                return ""

    def _take(self, character: str) -> None:
        if self._next() != character:
            raise _UnreadableError(f"This is not JSON: `{character}` is missing.")
        self._advance(self._at + 1)

    def _value(self) -> Any:  # noqa: ANN401  any JSON
        self._next()
        while True:
            try:
                value, end = self._json.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if self._read():
                    continue
                if not self._is_at_end:
                    raise _UnreadableError(
                        f"This is not JSON ({error.msg}), or longer than {ITEM_LIMIT:,} characters."
                    ) from None
                raise _UnreadableError(f"This is not JSON: {error.msg}.") from None
            except RecursionError:
                raise _UnreadableError("This is nested too deep.") from None
            if end == len(self._text) and self._read():
                continue  # a number may go on
            self._advance(end)
            return value

    @property
    def _position(self) -> int:
        return self._dropped + self._at

    def _advance(self, to: int) -> None:
        self._line += self._text.count("\n", self._at, to)
        self._at = to

    def _read(self) -> bool:
        """Read on; False at the end, or when what is not taken yet is too much for one item."""
        if self._is_at_end or len(self._text) - self._at > ITEM_LIMIT:
            return False
        chunk = self._file.read(CHUNK)
        self._is_at_end = not chunk
        self._dropped += self._at
        self._text = self._text[self._at :] + self._bytes.decode(chunk, final=self._is_at_end)
        self._at = 0
        return not self._is_at_end
