"""The pages of `docs/` and the README name only what there is: settings, commands, pages, fields."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from graphql import build_schema, parse, validate
from pages import DOCS, Block, blocks, pages
from typer import Context
from typer.core import TyperGroup

from api.cli import app
from api.client import variables
from api.settings import PREFIX, Settings

ROOT = DOCS.parent
PAGES = [ROOT / "README.md", *pages()]
LINE_LIMIT = 100
TESTED = {
    "ts": "test_docs_clients",
    "js": "test_docs_clients, test_docs_gateway",
    "python": "test_docs_python",
    "graphql": "here",
    "sh": "here, test_docs_operators",
    "json": "test_docs_clients",
    "sql": "test_docs_operators",
    "ini": "test_docs_operators",
    "dockerfile": "test_docs_operators",
    "nginx": "nobody",
}
"""Who runs the blocks of a language."""

OF_OTHERS = {"auth_request", "forward_auth", "max_connections", "synchronous_standby_names"}
"""What is written like a setting of ours, and is one of somebody else's."""

_COMMENT = re.compile(r"\s+#.*$", re.MULTILINE)
_COMMAND = re.compile(r"(?:^|[\s(/])(?:sessiongraph|sg) ([a-z][^|;&)<>`\n]*)", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]+\]\(([^)]+)\)", re.DOTALL)

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose_of(page: Path) -> str:
    return re.sub(r"^```.*?^```$", "", text_of(page), flags=re.DOTALL | re.MULTILINE)


def anchors_of(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", prose_of(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def calls_in(page: Path) -> Iterator[str]:
    """Yield the arguments of each call of the command, in blocks of shell and in the text."""
    for block in blocks(page):
        if block.language in {"sh", "ini"}:
            yield from _COMMAND.findall(_COMMENT.sub("", block.text))
    for quoted in re.findall(r"`([^`]+)`", prose_of(page)):
        yield from _COMMAND.findall(quoted)


def of_language(language: str) -> list[Block]:
    return [block for page in PAGES for block in blocks(page) if block.language == language]


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_is_short(page: Path) -> None:
    lines = text_of(page).splitlines()
    assert len(lines) <= LINE_LIMIT
    assert max(len(line) for line in prose_of(page).splitlines() if not line.startswith("|")) <= 120


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_shows_only_what_a_test_runs(page: Path) -> None:
    assert {block.language for block in blocks(page)} <= set(TESTED)
    assert text_of(page).count("```") == 2 * len(blocks(page)) + 2 * text_of(page).count("   ```sh")


@each_page
def test_names_only_settings_that_there_are(page: Path) -> None:
    named = set(re.findall(rf"\b{PREFIX}[A-Z_]+[A-Z]\b", text_of(page))) - {variables.URL, variables.KEY}
    assert {name.removeprefix(PREFIX).lower() for name in named} <= set(Settings.model_fields)
    if page.parent == DOCS:
        for name in re.findall(r"`([a-z]+(?:_[a-z]+)+)`", prose_of(page)):
            assert name in Settings.model_fields or name in OF_OTHERS


@each_page
def test_shows_only_commands_that_there_are(page: Path) -> None:
    for call in calls_in(page):
        command: Any = typer.main.get_command(app)
        words = shlex.split(call)
        while isinstance(command, TyperGroup) and words:
            name = words.pop(0)
            command = command.get_command(Context(command), name)
            assert command is not None, call
        if words:  # or it is only named
            command.make_context(command.name, words)


@each_page
def test_leads_to_what_there_is(page: Path) -> None:
    for link in _LINK.findall(prose_of(page)):
        if link.startswith("https:"):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.is_file(), link
        assert not anchor or anchor in anchors_of(target), link


def test_can_be_found_from_the_readme() -> None:
    linked = {link.partition("#")[0] for link in _LINK.findall(prose_of(ROOT / "README.md"))}
    assert {f"docs/{page.name}" for page in pages()} <= linked


@pytest.mark.parametrize("block", of_language("graphql"), ids=lambda block: block.page)
def test_asks_only_for_what_the_schema_has(block: Block) -> None:
    schema = build_schema(text_of(ROOT / "schema.graphql"))
    assert validate(schema, parse(block.text)) == []


def test_finds_the_calls_of_a_page() -> None:
    """The other tests see nothing of what is not found."""
    called = set(calls_in(DOCS / "running.md")) | set(calls_in(DOCS / "backup.md"))
    assert {
        "migrate",
        "serve",
        "expire-cursors",
        "keys create --name gateway --scope sessions:read",
        "keys revoke key_01KB5T7HJ6R7QNDVPEVY0X8M2A",
    } <= called
