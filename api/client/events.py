"""Reading server-sent events, of which the service sends those of GraphQL over SSE."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Event(NamedTuple):
    """What a block of lines says; a comment, which only keeps the connection, has no name."""

    name: str
    data: bytes


def events(chunks: Iterable[bytes]) -> Iterator[Event]:
    """Yield the events of a stream; one that was cut off is none.

    Only line feeds part lines: a text in them may have any other character that does so elsewhere.
    """
    name, data = "", b""
    for line in _lines(chunks):
        field, _, value = line.partition(b":")
        match field:
            case b"event":
                name = value.strip().decode()
            case b"data":
                data = value.strip()
            case b"" if line:
                yield Event("", value)
            case b"" if name:
                yield Event(name, data)
                name, data = "", b""


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest: list[bytes] = []
    for chunk in chunks:
        first, *others = chunk.split(b"\n")
        rest.append(first)
        for other in others:
            yield b"".join(rest).removesuffix(b"\r")
            rest = [other]
