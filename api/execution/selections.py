"""The compiled selections of an operation."""

from contextlib import suppress
from typing import Any

from graphql import GraphQLError, GraphQLObjectType, GraphQLOutputType
from graphql.execution import Executor
from graphql.execution.collect_fields import FieldDetailsList

from api.execution.compiler import COMPILED_LIMIT, Compiler, Key, Selection, key_of
from api.execution.plain import NotPlain
from api.execution.values import Complete

NOT_COMPILED = (NotPlain, GraphQLError, RecursionError)
"""What may end a compilation: `@include(if: null)` and endless nesting are for graphql-core to report."""


class Selections:
    """What was compiled for one operation and one combination of its conditions, when it was first met.

    None is kept for what graphql-core must execute.
    """

    def __init__(self) -> None:
        self._completers: dict[Key, Complete | None] = {}
        self._selections: dict[Key, Selection | None] = {}

    def completer(
        self, executor: Executor[Any], type_: GraphQLOutputType, details: FieldDetailsList
    ) -> Complete | None:
        """Return what completes a value of the fields, if all in it is plain."""
        key = key_of(type_, details)
        if key not in self._completers:
            if len(self._completers) >= COMPILED_LIMIT:
                return None
            self._completers[key] = None
            with suppress(*NOT_COMPILED):
                self._completers[key] = Compiler(executor, self._selections).completer(type_, details)
        return self._completers[key]

    def selection(
        self, executor: Executor[Any], type_: GraphQLObjectType, details: FieldDetailsList
    ) -> Selection | None:
        """Return the selection set of the fields for an object type, if something in it is plain."""
        key = key_of(type_, details)
        if key not in self._selections:
            with suppress(*NOT_COMPILED):
                Compiler(executor, self._selections).selection(type_, details)
        return self._selections.get(key)
