"""Generated documents and variables, right and wrong: each gets an answer, and none finds a fault of ours."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from conftest import StartNode
from graphql import StringValueNode
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import Mode, from_schema, nodes
from node import Node

from api.errors import ErrorCode

SCHEMA = (Path(__file__).parent.parent / "schema.graphql").read_text(encoding="utf-8")
EXPECTED = {code.value for code in ErrorCode} - {ErrorCode.INTERNAL, ErrorCode.UNAVAILABLE}
INSTANTS = [
    "2026-01-15T12:00:00Z",
    "2026-01-15T12:00:00",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-12:00",
]
TEXTS = st.one_of(st.sampled_from([*INSTANTS, "2026-01-15", "", "1"]), st.text(max_size=40))
SCALARS: dict[str, st.SearchStrategy[StringValueNode]] = {
    name: TEXTS.map(nodes.String) for name in ("DateTime", "Date", "Cursor")
}
"""Custom scalars, of which the library knows nothing; most of these are none."""

RIGHT = from_schema(SCHEMA, custom_scalars=SCALARS)
WRONG = from_schema(SCHEMA, custom_scalars=SCALARS, mode=Mode.NEGATIVE)
PIECES = [
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "...",
    "@",
    "$",
    '"',
    '"""',
    "#",
    "\\u",
    "\x00",
    "\ud800",
    "on",
    "query",
    "9" * 400,
]

NAMES = st.sampled_from(
    [
        "ids",
        "userId",
        "organizationId",
        "status",
        "authMethod",
        "impersonated",
        "impersonatorEmail",
        "ipAddress",
        "createdAt",
        "expiresAt",
        "endedAt",
        "from",
        "to",
        "field",
        "direction",
        "other",
    ]
)

# Bounded by the number of examples; nothing here depends on what an earlier example did.
once = settings(
    max_examples=100,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
    ],
)


@pytest.fixture
async def node(start_node: StartNode) -> Node:
    return await start_node(viewer_rate=0, address_rate=0)


@st.composite
def mangled(draw: st.DrawFn) -> str:
    """Generated documents with pieces put in, cut out and doubled."""
    text: Any = draw(RIGHT)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(start + draw(st.integers(0, 20)), len(text))
        piece = draw(st.sampled_from([*PIECES, text[start:end] * 2, ""]))
        text = text[:start] + piece + text[end:]
    return text  # type: ignore[no-any-return]


async def check(node: Node, caplog: pytest.LogCaptureFixture, document: object, **variables: object) -> None:
    """Send a document, and look for faults in what is answered and in what is logged."""
    caplog.clear()
    body = json.dumps({"query": document, "variables": variables})
    answer = await node.http.post("/graphql", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in {200, 400}, answer.text
    errors = answer.json().get("errors", [])
    assert {error["extensions"]["code"] for error in errors} <= EXPECTED, answer.text
    assert len(errors) <= 10
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@once
@given(document=RIGHT)
async def test_answers_documents_that_are_right(
    node: Node, caplog: pytest.LogCaptureFixture, document: object
) -> None:
    await check(node, caplog, document)


@once
@given(document=WRONG)
async def test_answers_documents_that_are_wrong(
    node: Node, caplog: pytest.LogCaptureFixture, document: object
) -> None:
    await check(node, caplog, document)


@once
@given(document=mangled())
async def test_answers_documents_that_are_hardly_documents(
    node: Node, caplog: pytest.LogCaptureFixture, document: str
) -> None:
    await check(node, caplog, document)


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
VARIABLES = st.fixed_dictionaries(
    {"filter": st.dictionaries(NAMES, ANY_JSON, max_size=4) | ANY_JSON},
    optional=dict.fromkeys(("orderBy", "first", "after", "last"), ANY_JSON),
)
LIST = """query ($filter: SessionFilter, $orderBy: SessionOrder, $first: Int, $after: String, $last: Int) {
  sessions(filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last) {
    totalCount nodes { id history { cursor } }
  }
}"""


@once
@given(variables=VARIABLES)
async def test_answers_any_variables(
    node: Node, caplog: pytest.LogCaptureFixture, variables: dict[str, object]
) -> None:
    await check(node, caplog, LIST, **variables)
