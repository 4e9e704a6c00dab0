"""Trusted documents: where there is a manifest of them, nothing else is executed."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from graphql import GraphQLError, GraphQLSchema

from api.documents import chosen
from api.execution.operation import Operation
from api.limits.bounds import Bounds
from api.preparation import Document, Preparation
from models.refusals import Forbidden, Refusal

APOLLO_FORMAT = "apollo-persisted-query-manifest"
UNBOUNDED = Bounds.model_construct(None, **dict.fromkeys(Bounds.model_fields, sys.maxsize))


class BadManifest(Refusal):
    """The manifest cannot be used, so the server does not start."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"The manifest of trusted documents {path} cannot be used: {' '.join(why.split())}")


class TrustedDocuments:
    """The documents of a manifest, ready to be executed.

    They are named by their ids, or sent as they are in the manifest, letter for letter. No bound of documents
    holds for them, and none of them has to be prepared again.
    """

    def __init__(self, path: Path, schema: GraphQLSchema, *, is_open: bool) -> None:
        """Read a manifest in the format of Relay or of Apollo.

        Raises:
            BadManifest: It cannot be read, or not all of it is valid.
        """
        preparation = Preparation(schema, UNBOUNDED, is_open=is_open)
        self._by_id: dict[str, Document] = {}
        self._by_text: dict[str, Document] = {}
        for id_, text in _entries(path):
            if id_ in self._by_id:
                raise BadManifest(path, f"the id {id_!r} is in it twice.")
            document = preparation.document(text)
            if isinstance(document, list):
                raise BadManifest(path, f"{id_!r} is not valid: {document[0].message}")
            self._by_id[id_] = self._by_text[text] = document

    def operation(
        self, text: str | None, name: str | None, document_id: str | None
    ) -> Operation | list[GraphQLError]:
        """Return the operation that is meant; without an id, that of the text."""
        if document_id is None:
            document = self._by_text.get(text or "")
            refusal = Forbidden("Only trusted documents are executed here; this text is none of them.")
        else:
            document = self._by_id.get(document_id)
            refusal = Forbidden("Only trusted documents are executed here; none has this id.")
        if document is None:
            return [GraphQLError(str(refusal), original_error=refusal)]
        return chosen(document, name)


def _entries(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the ids and texts of a manifest: `{id: text}` of Relay, or a list of operations of Apollo."""
    try:
        manifest: Any = orjson.loads(path.read_bytes())
    except OSError as error:
        raise BadManifest(path, f"{error.strerror}.") from None
    except ValueError as error:
        raise BadManifest(path, f"it is not JSON ({error}).") from None
    match manifest:
        case {"format": "apollo-persisted-query-manifest", "version": 1, "operations": [*operations]}:
            for operation in operations:
                match operation:
                    case {"id": str(id_), "body": str(text)}:
                        yield id_, text
                    case _:
                        raise BadManifest(path, "an operation has no `id` or no `body` that is text.")
        case dict() if all(isinstance(text, str) for text in manifest.values()):
            yield from manifest.items()
        case _:
            raise BadManifest(path, f"it is neither Relay's object of texts nor an {APOLLO_FORMAT} 1.")


def requested_id(extensions: dict[str, Any] | None) -> str | None:
    """Return the id of the document that a request names: as `documentId`, or as Apollo's clients do.

    The transports move a `documentId` into the extensions.
    """
    match extensions:
        case {"documentId": str(id_)} | {"persistedQuery": {"sha256Hash": str(id_)}}:
            return id_
        case _:
            return None


def with_document_id(members: dict[str, Any]) -> dict[str, Any]:
    """Return a request in which a `documentId` is one of the extensions, which travel together."""
    document_id = members.get("documentId")
    if not isinstance(document_id, str):
        return members
    extensions = members.get("extensions")
    known = extensions if isinstance(extensions, dict) else {}
    return {**members, "extensions": {**known, "documentId": document_id}}
