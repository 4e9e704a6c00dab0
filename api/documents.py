"""Documents, kept by their text: prepared once, with what is compiled of them.

What is wrong with a document is not kept. So memory is bounded, whatever is sent.
"""

from collections import OrderedDict

from graphql import GraphQLError, GraphQLSchema

from api.execution.operation import Operation
from api.limits.bounds import Bounds
from api.preparation import Document, Preparation
from models.refusals import BadUserInput

DOCUMENTS_LIMIT = 1000
CHARACTERS_LIMIT = 250_000
LENGTH_LIMIT = 16_384


class Documents:
    """The least recently used one goes when there are too many, or too long ones.

    `characters_limit` is for all that are kept: parsed, a character takes up to 300 bytes. A document longer
    than `length_limit` is prepared anew each time.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        bounds: Bounds | None = None,
        *,
        is_open: bool = True,
        documents_limit: int = DOCUMENTS_LIMIT,
        characters_limit: int = CHARACTERS_LIMIT,
        length_limit: int = LENGTH_LIMIT,
    ) -> None:
        self._preparation = Preparation(schema, bounds or Bounds(), is_open=is_open)
        self._documents_limit = documents_limit
        self._characters_limit = characters_limit
        self._length_limit = length_limit
        self._kept: OrderedDict[str, Document] = OrderedDict()
        self._characters = 0

    def operation(self, text: str, name: str | None) -> Operation | list[GraphQLError]:
        """Return the operation that is meant, or what is wrong with the document or the name."""
        document = self._kept.get(text)
        if document is not None:
            self._kept.move_to_end(text)
            return chosen(document, name)
        prepared = self._preparation.document(text)
        if isinstance(prepared, list):
            return prepared
        self._keep(text, prepared)
        return chosen(prepared, name)

    def has(self, text: str) -> bool:
        """Tell whether a document is kept, and so costs nothing to prepare."""
        return text in self._kept

    def _keep(self, text: str, document: Document) -> None:
        if len(text) > self._length_limit:
            return
        self._kept[text] = document
        self._characters += len(text)
        while len(self._kept) > self._documents_limit or self._characters > self._characters_limit:
            oldest, _ = self._kept.popitem(last=False)
            self._characters -= len(oldest)


def chosen(document: Document, name: str | None) -> Operation | list[GraphQLError]:
    """Choose an operation: GraphQL §6.1, GetOperation(). A valid document has one at least."""
    if name is None and len(document) == 1:
        return document[0]
    for operation in document:
        if name is not None and operation.name == name:
            return operation
    if name is None:
        refusal = BadUserInput("The document has several operations; say which by `operationName`.")
    else:
        refusal = BadUserInput(f"`operationName` is {name!r}; the document has no such operation.")
    return [GraphQLError(str(refusal), original_error=refusal)]
