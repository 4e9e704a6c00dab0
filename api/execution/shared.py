"""Answers to subscriptions that are made and written once for all who are told the same."""

from typing import Any

import orjson
from graphql.execution.collect_fields import collect_fields

from api.execution.executor import SURPRISED, Executor, attempt
from api.execution.plain import NotPlain, check_directives

ANSWERS_LIMIT = 32
"""How many different selections of one value are kept."""


class Shared:
    """A value that shows everybody the same, who then share what is made of it: its answers, as JSON."""

    answers: dict["SharedField", orjson.Fragment]


class SharedField:
    """The field of a subscription, all of whose selections are plain."""

    def __init__(self, executor: Executor) -> None:
        """Look at an operation.

        Raises:
            NotPlain: Something that it selects takes more than to read the value.
            GraphQLError: It is not valid.
        """
        operation, schema = executor.operation, executor.schema
        type_ = schema.get_root_type(operation.operation)
        if type_ is None or executor.selections is None:
            raise NotPlain
        fields = collect_fields(schema, executor.fragments, executor.variable_values, type_, operation)
        ((self._key, details),) = fields.grouped_field_set.items()
        check_directives(details)
        field = schema.get_field(type_, details[0].node.name.value)
        complete = None if field is None else executor.selections.completer(executor, field.type, details)
        if complete is None:
            raise NotPlain
        self._complete = complete

    def answer(self, value: Shared) -> Any:  # noqa: ANN401  `data` as orjson writes it
        """Return the data for a value of the field; None where graphql-core has to complete it."""
        known = value.answers.get(self)
        if known is None:
            completed = attempt(self._complete, value)
            if completed is SURPRISED:
                return None
            known = orjson.Fragment(orjson.dumps({self._key: completed}))
            if len(value.answers) < ANSWERS_LIMIT:
                value.answers[self] = known
        return known
