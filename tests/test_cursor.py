"""What is not exactly a cursor of ours is refused, by both kinds of list."""

import base64
import struct

from log import as_of, settled
from node import Node
from stored import START, row, store

from api.cursor import encode_key, encode_position
from models.database import Database
from models.instant import to_microseconds
from models.log import Position

PAGE = """query ($after: String, $before: String) {
  sessions(after: $after, before: $before) { nodes { id } pageInfo { endCursor } }
}"""
LOG = "query ($after: Cursor) { sessionStatusChanges(after: $after) { nodes { cursor } } }"


def text_of(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def bad_cursors(good: str, other: str) -> list[str]:
    """Return what looks like a cursor and is none; `other` is a good one of the other kind."""
    raw = base64.urlsafe_b64decode(good + "=" * (-len(good) % 4))
    return [
        "",
        "0",
        "cursor",
        "%%",
        good[:-1],
        good[:4],
        good + "A",
        good + "=",
        good + "==",
        " " + good,
        good + "\n",
        good[:3] + "%%" + good[3:],
        good[:3] + "\x00" + good[3:],
        "\u0660" + good[1:],
        text_of(bytes([9]) + raw[1:]),
        other,
        "A" * 50_000,
    ]


async def test_refuses_what_is_no_cursor_of_a_list(node: Node, database: Database) -> None:
    await store(database, row(1))
    good = (await node.query(PAGE))["sessions"]["pageInfo"]["endCursor"]
    assert (await node.query(PAGE, after=good))["sessions"]["nodes"] == []
    of_no_session = [encode_key(to_microseconds(START), id_) for id_ in ("", "é", "a\x00b", "x" * 65)]
    # A millisecond before the year 1 and one after the year 9999
    of_no_session += [text_of(struct.pack(">Bq", 2, at) + b"x") for at in (-62135596800001, 253402300800000)]
    for argument in ("after", "before"):
        for wrong in [*bad_cursors(good, other=await as_of(node)), *of_no_session]:
            assert await node.refusal(PAGE, **{argument: wrong}) == (
                "BAD_CURSOR",
                f"`{argument}` is not a cursor of this list; pass a cursor exactly as it was received.",
            ), wrong


async def test_refuses_what_is_no_cursor_of_the_log(node: Node, database: Database) -> None:
    await store(database, row(1))
    good = await settled(node)
    assert (await node.query(LOG, after=good))["sessionStatusChanges"]["nodes"] == []
    other = (await node.query(PAGE))["sessions"]["pageInfo"]["endCursor"]
    too_far = encode_position(Position("00" * 8, 1 << 63))
    for wrong in [*bad_cursors(good, other), too_far]:
        assert await node.refusal(LOG, after=wrong) == (
            "BAD_CURSOR",
            "`after` is not a cursor of this list; pass a cursor exactly as it was received.",
        ), wrong


async def test_refuses_a_cursor_that_is_no_string(node: Node) -> None:
    for document in (PAGE, LOG):
        code, _message = await node.refusal(document, after=7)
        assert code == "BAD_USER_INPUT"


async def test_tells_when_the_log_does_not_reach_a_cursor(node: Node, database: Database) -> None:
    await store(database, row(1))
    epoch = base64.urlsafe_b64decode(await settled(node) + "==")[1:9].hex()
    for position in (Position("00" * 8, 1), Position(epoch, 3)):
        code, message = await node.refusal(LOG, after=encode_position(position))
        assert code == "CURSOR_EXPIRED"
        assert message.endswith("list the sessions again and go on from the new `asOf`.")
