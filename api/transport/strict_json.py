"""JSON as it must be: orjson takes no NaN and no lone surrogates; here are the names that come twice."""

import json
import re
from collections.abc import Iterable
from typing import Any

import orjson

_NAME = re.compile(rb'"[ \t\n\r]*:')


class MalformedJSONError(ValueError):
    """The text is not JSON, is nested too deeply, or has an object with two members of the same name."""


def read_json(text: bytes, *, depth_limit: int) -> Any:  # noqa: ANN401  it can be anything
    """Return what the text says.

    Which of two members of the same name counts is up to each reader (RFC 8259 §4), so that a proxy could be
    shown another document than the one that runs: there may be no two.

    Raises:
        MalformedJSONError: It says nothing, or two things, or in more levels than the limit.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise MalformedJSONError(f"It is not JSON: {error}.") from None
    # Each member has a quote and a colon in the text, and so may a string: no more of them, no doubt.
    if len(_NAME.findall(text)) != _members(value, depth_limit):
        json.loads(text, object_pairs_hook=_distinct)
    return value


def _members(value: object, depth_limit: int) -> int:
    """Return how many members all objects have together."""
    count = depth = 0
    level = [value]
    while level:
        if depth == depth_limit and any(type(one) in {dict, list} for one in level):
            raise MalformedJSONError(f"It is nested more than {depth_limit} levels deep.")
        below: list[object] = []
        for one in level:
            if type(one) is dict:
                count += len(one)
                below += one.values()
            elif type(one) is list:
                below += one
        depth += 1
        level = below
    return count


def _distinct(members: Iterable[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in members:
        if name in found:
            raise MalformedJSONError(f"The member {name[:50]!r} comes twice in one object.")
        found[name] = value
    return found
