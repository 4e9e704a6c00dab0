"""`sessiongraph import`: store sessions as WorkOS writes them."""

import asyncio
import gc
import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from api.cli.database import prepared
from api.cli.document import Item
from api.cli.items import HEAD, items
from api.cli.options import DatabaseUrl
from models.copies import Tally, store_copies
from models.database import Database
from models.intake import SessionCopy, session_copy
from models.log import number_pending
from models.refusals import BadUserInput
from models.session import utc_now

BATCH = 10_000
COLLECTED_AFTER = 50_000
"""How many new objects the collector looks through at once: those of a batch are in no cycle."""
STANDARD_INPUT = Path("-")


def import_sessions(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE",
            help="JSON lines, a JSON array or a list envelope as WorkOS sends it; - is standard input.",
        ),
    ],
    database_url: DatabaseUrl = None,
) -> None:
    """Store sessions as WorkOS writes them; safe to repeat, and while a server runs.

    A newer copy of a session, by `updated_at`, replaces an older one, and none revives a session that has
    ended. What cannot be stored is refused with its place and the reason, and the rest goes in: the exit
    code is 0 when all went in, 1 when something was refused, and 2 when a file cannot be opened.

    Example: sessiongraph import sessions.jsonl
    """
    for path in files:
        _check(path)
    if asyncio.run(_import(files, database_url)):
        raise typer.Exit(1)


async def _import(files: Sequence[Path], database_url: str | None) -> int:
    """Return how many items were refused."""
    # What is loaded by now stays: the collector need not look through it again and again.
    gc.freeze()
    gc.set_threshold(COLLECTED_AFTER)
    async with prepared(database_url, is_bulk=True) as database:
        run = _Import(files)
        try:
            with run.progress:
                await run.store(database)
        finally:
            typer.echo(
                f"created {run.tally.created}, updated {run.tally.updated}, "
                f"unchanged {run.tally.unchanged}, refused {run.refused}"
            )
    return run.refused


class _Import:
    """One run: what is read, and what became of it."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.tally = Tally()
        self.refused = 0
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[sessions]:,} sessions, {task.fields[rate]:,.0f}/s"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )
        self._files = files
        self._now = utc_now()
        self._bytes_before = 0
        self._file: io.BufferedReader | None = None
        self._task = self.progress.add_task("", total=_size(files), sessions=0, rate=0)

    async def store(self, database: Database) -> None:
        """Store the files in batches, each in one transaction.

        Raises:
            Unavailable: The database is away or busy; the batches before are stored.
        """
        copies = self._copies()
        while batch := list(islice(copies, BATCH)):
            self._now = utc_now()
            self.tally += await store_copies(database, batch, self._now)
            while await number_pending(database):
                pass
            self._show()
            batch.clear()  # or it would be held while the next is read
        self._show()

    def _copies(self) -> Iterator[SessionCopy]:
        for path in self._files:
            name = "<stdin>" if path == STANDARD_INPUT else str(path)
            self.progress.update(self._task, description=name)
            try:
                with self._opened(path) as file:
                    for item in items(file):
                        copy = self._copy(name, item)
                        if copy is not None:
                            yield copy
            except OSError as error:
                self._refuse(name, f"The file cannot be read to its end: {error.strerror}.")

    def _copy(self, name: str, item: Item) -> SessionCopy | None:
        problem = item.problem
        if problem is None:
            try:
                return session_copy(item.value, self._now)
            except BadUserInput as refusal:
                problem = str(refusal)
        number = "" if item.number is None else f" (item {item.number})"
        self._refuse(f"{name}:{item.line}{number}", problem)
        return None

    def _refuse(self, place: str, problem: str) -> None:
        self.refused += 1
        self.progress.console.print(
            f"{place}: {problem}", markup=False, highlight=False, emoji=False, soft_wrap=True
        )

    def _show(self) -> None:
        task = self.progress.tasks[0]
        read = self._file.tell() if self._file is not None and self._file.seekable() else 0
        count = self.tally.created + self.tally.updated + self.tally.unchanged
        self.progress.update(
            self._task,
            completed=self._bytes_before + read,
            sessions=count,
            rate=count / (task.elapsed or 1),
        )

    @contextmanager
    def _opened(self, path: Path) -> Iterator[io.BufferedReader]:
        raw = os.fdopen(0, "rb", closefd=False) if path == STANDARD_INPUT else path.open("rb")
        # A buffer over a buffer is filled whole, also from a pipe.
        self._file = io.BufferedReader(raw, HEAD)
        try:
            yield self._file
        finally:
            self._bytes_before += _size([path]) or 0
            self._file.close()
            self._file = None


def _check(path: Path) -> None:
    """Refuse what cannot be a file of sessions, before anything is stored."""
    if path == STANDARD_INPUT:
        return
    if path.is_dir():
        raise ValueError(f"{path} is a directory; name files, or - for standard input.")
    if not path.exists():
        raise ValueError(f"{path} does not exist; name files, or - for standard input.")
    if not os.access(path, os.R_OK):
        raise ValueError(f"{path} may not be read.")


def _size(files: Sequence[Path]) -> int | None:
    """Return how many bytes there are to read; None when that is not known, as of a pipe."""
    if not all(path.is_file() for path in files):
        return None
    return sum(path.stat().st_size for path in files)
