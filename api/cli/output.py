"""What commands write for people and for programs: to standard output, and as soon as it is known."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class _Console(Console):
    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def console() -> Console:
    """Return what writes text, coloured on a terminal only; `read` has to be around it."""
    return _Console(highlight=False, markup=False, emoji=False, soft_wrap=True)


def write_json(value: object) -> None:
    """Write one line."""
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()


@contextmanager
def read() -> Iterator[None]:
    """End quietly when the reader of standard output has enough, as `head` has."""
    try:
        yield
    except BrokenPipeError:
        # What Python would write at its end goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def plain(text: str) -> str:
    """Return a text that does nothing to a terminal: much of what is shown was sent by a stranger."""
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )


def device_text(session: dict[str, Any]) -> str:
    """Return what the session was signed in with, as in "Chrome 138 on macOS"; if need be, as it was sent."""
    device = session["device"]
    if device is None:
        return plain(session["userAgent"] or "unknown device")
    version = (device["browserVersion"] or "").partition(".")[0]
    browser = f"{device['browser']} {version}".strip() if device["browser"] else ""
    named = " on ".join(part for part in (browser, device["os"]) if part)
    return plain(named + (" (robot)" if device["isBot"] else "")) or "unknown device"


def progress_bar(unit: str, *, is_shown: bool = True) -> Progress:
    """Return a bar with the rate and the time that is left; it is quiet where nobody watches."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(unit),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not (is_shown and sys.stderr.isatty()),
    )


class _Rate(ProgressColumn):
    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        return Text(f"{self._unit}, {task.completed / (task.elapsed or 1):,.0f}/s")
