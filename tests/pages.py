"""The pages of `docs/`, and the files that their blocks are."""

import re
from dataclasses import dataclass
from pathlib import Path

from scripts import CLIENTS

DOCS = Path(__file__).parent.parent / "docs"
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_NAME = re.compile(r"(?://|#) ([\w./-]+\.\w+)\n")


@dataclass(frozen=True)
class Block:
    """A fenced block; one that is a file names it in a comment on its first line."""

    page: str
    language: str
    text: str

    @property
    def name(self) -> str | None:
        found = _NAME.match(self.text)
        return None if found is None else found[1]


def pages() -> list[Path]:
    return sorted(DOCS.glob("*.md"))


def blocks(page: Path) -> list[Block]:
    return [Block(page.name, *found) for found in _BLOCK.findall(page.read_text(encoding="utf-8"))]


def unpack(page: str, directory: Path) -> list[str]:
    """Write the files of a page where the npm clients can be imported; return their names."""
    if not (directory / "node_modules").exists():
        (directory / "node_modules").symlink_to(CLIENTS / "node_modules")
    (directory / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    names = []
    for block in blocks(DOCS / page):
        if block.name is not None:
            path = directory / block.name
            path.parent.mkdir(exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
            names.append(block.name)
    return names
