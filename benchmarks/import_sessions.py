"""How fast `sessiongraph import` is on SQLite, beside a plain executemany of the same rows.

Run it with `python benchmarks/import_sessions.py [SESSIONS]`: it makes the sessions itself, imports them by
the real command in a process of its own, and prints sessions per second of wall and of processor time, peak
memory, and the ratio to the floor: sqlite3 writing the same rows, and as many events, into the same tables.
The command keeps its bytecode, as where it is installed, whatever the environment says.
"""

import json
import os
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
from rich.console import Console
from ulid import ULID

COMMAND = str(Path(sys.executable).with_name("sessiongraph"))
START = datetime(2026, 1, 1, tzinfo=UTC)
USER_AGENT = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0"
)
BATCH = 10_000


def generate(path: Path, count: int) -> None:
    """Write sessions as JSON lines, oldest first, as an export would be."""
    chance = random.Random(1)  # noqa: S311  rows for a benchmark
    with path.open("wb") as file:
        for number in range(count):
            created = START + timedelta(seconds=number)
            ulid = ULID.from_datetime(created)
            ended = created + timedelta(hours=1) if chance.random() < 0.7 else None  # noqa: PLR2004
            session = {
                "object": "session",
                "id": f"session_{ulid}",
                "user_id": f"user_{chance.randrange(count // 5):026d}",
                "organization_id": f"org_{chance.randrange(1000):026d}",
                "status": "revoked" if ended else "active",
                "auth_method": chance.choice(("password", "sso", "oauth", "passkey")),
                "ip_address": f"192.0.2.{chance.randrange(256)}",
                "user_agent": USER_AGENT,
                "expires_at": stamp(created + timedelta(days=9000)),
                "ended_at": ended and stamp(ended),
                "created_at": stamp(created),
                "updated_at": stamp(ended or created),
            }
            file.write(orjson.dumps(session) + b"\n")


def stamp(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def run(*arguments: str, directory: Path) -> str:
    """Run the command and return what it says."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(directory)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(  # noqa: S603
        [COMMAND, *arguments], check=True, stdout=subprocess.PIPE, text=True, env=environment
    )
    return done.stdout.strip()


def migrated(path: Path) -> str:
    """Return the URL of an empty database at this path."""
    url = f"sqlite:///{path}"
    run("migrate", "--database-url", url, directory=path.parent)
    return url


def floor(lines: Path, database: Path) -> float:
    """Return the processor seconds of the plainest way to write the same rows and their events."""
    migrated(database)
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA synchronous = FULL")
    names = ["id", "user_id", "organization_id", "status", "auth_method", "ip_address", "user_agent"]
    instants = ["expires_at", "ended_at", "created_at", "updated_at"]
    columns = ", ".join([*names, *instants])
    start = time.process_time()
    copied = f"user_id, organization_id, status, auth_method, ip_address, user_agent, {', '.join(instants)}"

    def write(rows: list[list[object]]) -> None:
        with connection:
            connection.executemany(f"INSERT INTO session ({columns}) VALUES ({', '.join('?' * 11)})", rows)  # noqa: S608
            connection.execute(
                f"INSERT INTO event (seq, session_id, occurred_at, recorded_at, {copied}) "  # noqa: S608
                f"SELECT rowid, id, created_at, created_at, {copied} FROM session WHERE id BETWEEN ? AND ?",
                (rows[0][0], rows[-1][0]),
            )

    batch: list[list[object]] = []
    with lines.open("rb") as file:
        for line in file:
            session = json.loads(line)
            texts = [session[name] for name in names]
            batch.append(
                [*texts, *(session[name] and session[name][:-1].replace("T", " ") for name in instants)]
            )
            if len(batch) == BATCH:
                write(sorted(batch, key=lambda row: str(row[0])))
                batch = []
    if batch:
        write(sorted(batch, key=lambda row: str(row[0])))
    return time.process_time() - start


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    console = Console()
    with tempfile.TemporaryDirectory() as directory:
        lines = Path(directory) / "sessions.jsonl"
        generate(lines, count)
        plain = floor(lines, Path(directory) / "floor.db")
        url = migrated(Path(directory) / "sessiongraph.db")
        run("import", os.devnull, "--database-url", url, directory=Path(directory))  # writes the bytecode
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        said = run("import", str(lines), "--database-url", url, directory=Path(directory))
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    console.print(said)
    console.print(
        f"{count / wall:,.0f} sessions a second of wall time, {count / processor:,.0f} of processor time"
    )
    console.print(f"{after.ru_maxrss / 1024:,.0f} MB of memory at the peak")
    console.print(
        f"{plain / processor:.2f} of the floor, {count / plain:,.0f} sessions a second of processor time"
    )


if __name__ == "__main__":
    main()
