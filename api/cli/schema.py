"""`sessiongraph schema`: print the GraphQL schema."""

import typer

from api.schema import build_schema


def schema() -> None:
    """Print the GraphQL schema, for code generators.

    Example: sessiongraph schema > schema.graphql
    """
    typer.echo(build_schema().as_str())
