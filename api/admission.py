"""Which operations are let in: those that are within all limits, and can be paid for."""

from typing import Any, NamedTuple

from graphql import GraphQLError, GraphQLSchema

from api.context import Context
from api.documents import Documents
from api.execution.operation import Operation
from api.limits.bounds import excess_of_variables, over
from api.limits.budget import CHARACTERS_PER_NODE, Budgets
from api.limits.settings import Limits
from api.trusted import TrustedDocuments, requested_id
from models.refusals import BadUserInput


class Admitted(NamedTuple):
    """An operation that is paid for.

    `report` is what is said about its cost, if that was asked for. `is_prepared` tells that its document took
    its time just now, so that others should have theirs before it is executed.
    """

    operation: Operation
    report: dict[str, Any] | None
    is_prepared: bool


class Admission:
    """Decides for all transports."""

    def __init__(self, schema: GraphQLSchema, limits: Limits, *, is_open: bool) -> None:
        self._cost_limit = limits.cost_limit
        self._variable_limit = limits.variable_limit
        self._budgets = Budgets(limits)
        self._documents = Documents(schema, limits, is_open=is_open)
        self._trusted: TrustedDocuments | None = None
        if limits.trusted_documents is not None:
            self._trusted = TrustedDocuments(limits.trusted_documents, schema, is_open=is_open)

    def admitted(
        self,
        text: str | None,
        name: str | None,
        variables: dict[str, Any] | None,
        extensions: dict[str, Any] | None,
        context: Context,
    ) -> Admitted | list[GraphQLError]:
        """Return the operation that is meant, or why it is not executed.

        The work of preparing a document is paid for even where it is refused.
        """
        account = self._budgets.account(context.viewer, context.address)
        refusal = account.refusal()
        if refusal is not None:
            return [refusal]
        document_id = None if extensions is None else requested_id(extensions)
        is_prepared = False
        if self._trusted is not None:
            operation = self._trusted.operation(text, name, document_id)
        elif not text:
            return [_without_text(document_id)]
        else:
            is_prepared = not self._documents.has(text)
            if is_prepared:
                account.spend(1 + len(text) // CHARACTERS_PER_NODE)
            operation = self._documents.operation(text, name)
        if isinstance(operation, list):
            return operation
        excess = excess_of_variables(variables, self._variable_limit) if variables else None
        if excess is not None:
            return [excess]
        cost = operation.cost.under(variables)
        if cost > self._cost_limit:
            return [over("cost_limit", self._cost_limit, f"The operation may cost {cost:,} nodes")]
        account.spend(cost)
        report = None
        if extensions is not None and extensions.get("cost") is True:
            report = {"cost": {"nodes": cost, "limit": self._cost_limit, "left": account.left()}}
        return Admitted(operation, report, is_prepared)


def _without_text(document_id: str | None) -> GraphQLError:
    # The word of Apollo's clients for it, which send the text then.
    refusal = BadUserInput("There is no `query`." if document_id is None else "PersistedQueryNotSupported")
    return GraphQLError(str(refusal), original_error=refusal)
