"""The bounds of documents: settings, and how a refusal names one."""

from typing import Any

from graphql import GraphQLError
from pydantic import BaseModel, Field

from models.refusals import LimitExceeded


class Bounds(BaseModel):
    """How large a document may be, and how much one operation of it may ask for.

    They are such that the worst document within them holds the event loop for less than 20 ms on a usual
    machine: `benchmarks/hostile_documents.py`.
    """

    document_limit: int = Field(
        default=16_384, ge=100, le=1_000_000, description="The longest document that is read, in characters."
    )
    token_limit: int = Field(
        default=1000,
        ge=10,
        le=100_000,
        description="How many tokens a document may have: names, values, punctuators and comments.",
    )
    operation_limit: int = Field(
        default=20, ge=1, description="How many operations one document may have, of which one is executed."
    )
    depth_limit: int = Field(
        default=20,
        ge=1,
        le=100,
        description="How deep fields may be nested, and likewise the lists and objects of a value. The usual "
        "introspection takes 15.",
    )
    field_limit: int = Field(
        default=500,
        ge=1,
        description="How many fields the operations of a document may select together; those of a fragment "
        "count wherever it is spread.",
    )
    alias_limit: int = Field(
        default=30, ge=0, description="How many fields of one operation may have an alias."
    )
    root_field_limit: int = Field(
        default=20, ge=1, description="How many fields of its root one operation may select."
    )
    directive_limit: int = Field(default=50, ge=0, description="How many directives one operation may have.")
    value_limit: int = Field(
        default=150,
        ge=1,
        description="How many values an argument may have in it, in its lists and objects, where they are in "
        "the document; those of variables do not count.",
    )
    variable_limit: int = Field(
        default=1000,
        ge=1,
        description="How many values the variables of a request may have, with those in their lists and "
        "objects.",
    )
    cost_limit: int = Field(
        default=10_000,
        ge=1,
        description="What one operation may cost: an estimate of how many nodes its answer has at the most, "
        "from the sizes of its pages. Ask for it with `extensions: {cost: true}` in a request.",
    )
    error_limit: int = Field(
        default=10, ge=2, le=100, description="How many errors one answer shows at the most."
    )


def over(bound: str, limit: int, found: str) -> GraphQLError:
    """Return the refusal of what is over a bound; repeating it is of no use, unlike with a spent budget."""
    refusal = LimitExceeded(f"{found}; `{bound}` is {limit:,}.")
    return GraphQLError(str(refusal), original_error=refusal, extensions={"bound": bound, "limit": limit})


def excess_of_variables(variables: dict[str, Any] | None, limit: int) -> GraphQLError | None:
    """Refuse more values than it may take time to look at."""
    size = 0
    inner: list[Any] = [variables]
    while inner:
        value = inner.pop()
        if isinstance(value, dict):
            value = value.values()
        elif not isinstance(value, list):
            continue
        size += len(value)
        if size > limit:
            return over("variable_limit", limit, "The variables have more values than are read")
        inner.extend(value)
    return None
