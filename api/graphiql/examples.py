"""The operations that GraphiQL opens with, each in a tab."""

from pathlib import Path
from typing import NamedTuple

DIRECTORY = Path(__file__).parent / "examples"


class Example(NamedTuple):
    """A document with one operation, and its variables as JSON; empty where it has none."""

    name: str
    query: str
    variables: str


def _example(name: str) -> Example:
    variables = DIRECTORY / f"{name}.json"
    return Example(
        name,
        query=(DIRECTORY / f"{name}.graphql").read_text(encoding="utf-8"),
        variables=variables.read_text(encoding="utf-8") if variables.exists() else "",
    )


EXAMPLES = tuple(map(_example, ("list", "end", "watch", "resume")))
