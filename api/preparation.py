"""From the text of a document to operations that are ready: parsed, measured and validated."""

from collections.abc import Sequence
from typing import TypeAlias

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    NoSchemaIntrospectionCustomRule,
    OverlappingFieldsCanBeMergedRule,
    parse,
    specified_rules,
    validate,
)

from api.execution.operation import Operation
from api.limits.bounds import Bounds, over
from api.limits.measure import Measurement
from api.limits.merging import Merging
from api.limits.prices import Prices

Document: TypeAlias = Sequence[Operation]

RULES = tuple(rule for rule in specified_rules if rule is not OverlappingFieldsCanBeMergedRule)
"""The rules of validation but the quadratic one, whose work `Merging` does."""


class Preparation:
    """Prepares documents for one schema.

    A document is measured before it is validated, which takes long for some that are over the bounds. Where
    the schema is not `is_open`, nobody may ask for it, and errors suggest no names.
    """

    def __init__(self, schema: GraphQLSchema, bounds: Bounds, *, is_open: bool) -> None:
        self._schema = schema
        self._bounds = bounds
        self._is_open = is_open
        self._prices = Prices(schema)
        self._rules = RULES if is_open else (*RULES, NoSchemaIntrospectionCustomRule)

    def document(self, text: str) -> Document | list[GraphQLError]:
        """Return the operations of a document, or what is wrong with it."""
        node = self._parsed(text)
        if isinstance(node, GraphQLError):
            return [node]
        measurement = Measurement(self._schema, self._prices, node, self._bounds)
        errors = measurement.errors or self._faults(node, measurement)
        if errors:
            return errors
        return tuple(
            Operation(
                self._schema,
                operation,
                measurement.fragments,
                cost=cost,
                hide_suggestions=not self._is_open,
            )
            for operation, cost in zip(measurement.operations, measurement.costs, strict=True)
        )

    def _parsed(self, text: str) -> DocumentNode | GraphQLError:
        bounds = self._bounds
        if len(text) > bounds.document_limit:
            found = f"The document has {len(text):,} characters"
            return over("document_limit", bounds.document_limit, found)
        try:
            return parse(text, max_tokens=bounds.token_limit)
        except GraphQLSyntaxError as error:
            if error.description == f"Document contains more than {bounds.token_limit} tokens. {_ABORTED}":
                return over("token_limit", bounds.token_limit, "The document has more tokens than are read")
            if error.description == f"Document is nested too deeply. {_ABORTED}":
                return over("depth_limit", bounds.depth_limit, "The document is nested deeper than is read")
            return error

    def _faults(self, node: DocumentNode, measurement: Measurement) -> list[GraphQLError]:
        faults = validate(
            self._schema,
            node,
            self._rules,
            max_errors=self._bounds.error_limit - 1,  # the last one says that there are more
            hide_suggestions=not self._is_open,
        )
        if faults:
            return faults
        merging = Merging(self._schema, measurement.fragments)
        conflicts = (merging.conflict(operation) for operation in measurement.operations)
        return [conflict for conflict in conflicts if conflict is not None][: self._bounds.error_limit]


_ABORTED = "Parsing aborted."
