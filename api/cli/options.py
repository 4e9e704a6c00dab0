"""The options that several commands share."""

from typing import Annotated, TypeAlias

import typer

DatabaseUrl: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Where sessions are stored; SESSIONGRAPH_DATABASE_URL, or else sqlite:///sessiongraph.db.",
        show_default=False,
    ),
]
