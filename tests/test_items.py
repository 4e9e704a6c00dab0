"""A file is read whichever way it is written, and what is wrong with it is said with its place."""

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import Buffer
from upstream import json_lines, session, sessions

from api.cli.document import Item
from api.cli.items import HEAD, items

THREE = sessions(3)
MANY = sessions(500)
REST = "The rest of the document was not read."
DEEP = 200_000


class Trickle(io.RawIOBase):
    """A pipe whose writer takes its time: each read gets a few bytes."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        return self._content.readinto(memoryview(buffer)[:7])


def read(content: bytes) -> list[Item]:
    trickling = list(items(io.BufferedReader(io.BufferedReader(Trickle(content)), HEAD)))
    at_once = list(items(io.BufferedReader(io.BytesIO(content), HEAD)))
    assert str(trickling) == str(at_once)
    return at_once


def problems(content: bytes) -> list[tuple[int, int | None, str]]:
    return [(item.line, item.number, item.problem) for item in read(content) if item.problem]


def values(content: bytes) -> list[Any]:
    found = read(content)
    assert [item.problem for item in found if item.problem] == []
    return [item.value for item in found]


def envelope(given: list[Any]) -> dict[str, Any]:
    return {"object": "list", "data": given, "list_metadata": {"before": None, "after": given[-1]["id"]}}


def json_of(given: Any, indent: int | None = None) -> bytes:
    return json.dumps(given, indent=indent).encode()


@pytest.mark.parametrize("given", [THREE, MANY], ids=["small", "large"])
@pytest.mark.parametrize("indent", [None, 0, 2])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_reads_documents(given: list[Any], indent: int | None, bom: bytes) -> None:
    metadata_first = dict(reversed(envelope(given).items()))
    for document in (given, envelope(given), metadata_first, {"data": given}):
        assert values(bom + json_of(document, indent)) == given


@pytest.mark.parametrize("given", [THREE, MANY], ids=["small", "large"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_reads_json_lines(given: list[Any], bom: bytes) -> None:
    lines = json_lines(*given)
    assert values(bom + lines) == given
    assert values(bom + lines.rstrip()) == given
    assert values(bom + lines.replace(b"\n", b"\r\n")) == given
    assert values(bom + b"\n\r\n" + lines.replace(b"\n", b"\n \t\n\n")) == given


def test_reads_a_single_object() -> None:
    for indent in (None, 2):
        assert values(json_of(THREE[0], indent)) == [THREE[0]]


@pytest.mark.parametrize("indent", [None, 2])
def test_leaves_a_session_its_data(indent: int | None) -> None:
    given = [session(data=[1]) for _ in range(2)]
    for written in (given, envelope(given), given[0]):
        assert values(json_of(written, indent)) == (given if len(written) < 13 else given[:1])
    assert values(json_lines(*given)) == given


def test_reads_one_document_after_another() -> None:
    for separator in (b"", b"\n", b"\n\n \n"):
        for indent in (None, 2):
            pages = (json_of(envelope([one]), indent) for one in THREE)
            assert values(separator.join(pages)) == THREE
    objects = b"\n".join(json_of(one, 2) for one in THREE)
    assert values(objects) == THREE


@pytest.mark.parametrize(
    "empty",
    [b"", b"\n", b" \r\n\t\n", b"\xef\xbb\xbf", b"[]", b"[ ]\n", b'{"data":[]}', b"[]\n[]"],
)
def test_finds_nothing_in_an_empty_file(empty: bytes) -> None:
    assert read(empty) == []


@given(
    st.lists(st.dictionaries(st.text(), st.text() | st.booleans() | st.none())), st.sampled_from([None, 1])
)
def test_reads_what_json_writes(given: list[dict[str, Any]], indent: int | None) -> None:
    assert values(json_of(given, indent)) == given


def test_tells_the_line_of_each_bad_line_and_reads_the_rest() -> None:
    good = json_lines(*THREE).splitlines(keepends=True)
    bad = [
        b'{"id": \n',
        b"{not json\n",
        b'{"id": NaN}\n',
        b'{"id": "\xff"}\n',
        b'{"id": "\\ud800"}\n',
        b"[" * DEEP + b"]" * DEEP + b"\n",
        b'{"id": "' + b"x" * 3_000_000 + b'"}\n',
    ]
    content = good[0] + b"".join(bad[:4]) + b"\n" + good[1] + b"".join(bad[4:]) + good[2] + b'{"id": 1'
    found = read(content)
    assert [item.value for item in found if not item.problem] == THREE
    assert [item.line for item in found if not item.problem] == [1, 7, 11]
    problem = {line: said for line, _, said in problems(content)}
    assert list(problem) == [2, 3, 4, 5, 8, 9, 10, 12]
    assert problem[3] == "This is not JSON: unexpected character, expected a string key at column 2."
    assert problem[10] == "This is longer than 1,048,576 bytes."
    assert all(said.startswith("This is not JSON: ") for line, said in problem.items() if line != 10)


@pytest.mark.parametrize(
    "bad",
    [
        b"no json at all\n",
        b'{"id": "cut off\n',
        b'{"id": "a",\n',
        b'{"id": "a"\n',
        b'{"id":\n',
        b"{\n",
        b'{"id": "' + b"x" * 2_000_000 + b'"}\n',
        b'{"id": "\xff"}\n',
        b'{"id": NaN}\n',
        b'{"id": ' + b"1" * 5000 + b"1e}\n",
    ],
    ids=range(10),
)
def test_reads_json_lines_of_which_the_first_is_bad(bad: bytes) -> None:
    found = read(bad + json_lines(*THREE))
    assert [item.value for item in found[1:]] == THREE
    assert (found[0].line, bool(found[0].problem)) == (1, True)


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b'[{"id": NaN}, 1]', "NaN is no number."),
        (b'[{"id": [-Infinity, NaN]}, 1]', "-Infinity is no number."),
    ],
)
def test_goes_on_after_a_number_that_is_none(content: bytes, value: str) -> None:
    assert problems(content) == [(1, 1, f"This is not JSON: {value}")]
    assert read(content)[1] == Item(1, 2, 1)


@pytest.mark.parametrize(
    ("tail", "line", "problem"),
    [
        (b"", 4, "This is not JSON: `]` is missing."),
        (b",", 4, "This is not JSON: Expecting value."),
        (b",]", 4, "This is not JSON: Expecting value."),
        (b"}", 4, "This is not JSON: `]` is missing."),
        (b',\n{"id": "cut', 5, "This is not JSON: Unterminated string starting at."),
        (b',\n{"id": 1', 5, "This is not JSON: Expecting ',' delimiter."),
        (b',\n{"id": "a\nb"}]', 5, "This is not JSON: Invalid control character at."),
        (b",\nnull null]", 5, "This is not JSON: `]` is missing."),
        (b",\n\n" + b"[" * DEEP + b"]" * DEEP + b"]", 6, "This is nested too deep."),
        (b",\n" + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"]", 5, "This is nested too deep."),
        (
            b',\n{"id": "' + b"x" * 3_000_000 + b'"}]',
            5,
            "This is not JSON (Unterminated string starting at), or longer than 1,048,576 characters.",
        ),
    ],
    ids=range(11),
)
def test_tells_the_place_where_a_document_breaks_off(tail: bytes, line: int, problem: str) -> None:
    content = b"[\n" + b",\n".join(json_of(one) for one in THREE[:2]) + b"\n" + tail
    found = read(content)
    assert [item.value for item in found[:2]] == THREE[:2]
    assert [(item.line, item.number) for item in found[:2]] == [(2, 1), (3, 2)]
    number = 4 if b"null" in tail else 3
    assert found[number - 1 :] == [Item(line, number, None, f"{problem} {REST}")]


@pytest.mark.parametrize("broken", [b'{"data": [1, 2], "a"', b'{"data": [1, 2], 3: 4}', b'{"data": [1, 2]'])
def test_tells_that_an_envelope_breaks_off(broken: bytes) -> None:
    found = read(broken)
    assert [item.value for item in found] == [1, 2, None]
    assert found[2].problem is not None
    assert found[2].problem.endswith(REST)


def test_keeps_what_is_no_text_from_being_taken_for_text() -> None:
    assert values(b'[{"a": "\\ud800", "b": "\xff", "c": "\\u0000"}]') == [
        {"a": "\ud800", "b": "\udcff", "c": "\x00"}
    ]


def test_reads_numbers_of_any_length() -> None:
    digits = b"1" * 5000
    assert values(b"[" + digits + b", 1e999999, 12]") == [float("inf"), float("inf"), 12]
    assert values(b"[" + b" " * (HEAD - 2) + b"1234567]") == [1234567]


def test_refuses_an_object_that_never_ends() -> None:
    members = b",".join(b'"%d": 1' % number for number in range(200_000))
    content = json_of(envelope([session()])) + b"\n{" + members + b"}"
    assert problems(content) == [(2, 2, f"This is longer than 1,048,576 characters. {REST}")]
    assert values(json_of({"data": [1], "more": None})[:-1] + b"," + members + b"}") == [1]
