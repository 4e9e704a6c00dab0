"""The messages that a client may send over graphql-transport-ws, and what can be wrong with one."""

from typing import Any

from api.trusted import requested_id, with_document_id

TYPES = frozenset({"connection_init", "ping", "pong", "subscribe", "complete"})


class Unreadable:
    """Stands for a frame that is no JSON; it says why."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


def fault_of(message: object, *, id_limit: int) -> str | None:
    """Return what is wrong with a message, if anything."""
    if isinstance(message, Unreadable):
        return message.reason
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return "A message must be an object with a `type`."
    type_ = message["type"]
    if type_ not in TYPES:
        return "The `type` is none that a client may send."
    if type_ in {"subscribe", "complete"}:
        return _fault_of_id(message.get("id"), id_limit) or (
            _fault_of_operation(message.get("payload")) if type_ == "subscribe" else None
        )
    if not isinstance(message.get("payload"), dict | None):
        return "`payload` must be an object."
    return None


def _fault_of_id(id_: object, limit: int) -> str | None:
    if not isinstance(id_, str) or not id_:
        return "`id` must be a string that is not empty."
    if len(id_) > limit:
        return f"`id` is longer than {limit:,} characters."
    return None


def _fault_of_operation(payload: Any) -> str | None:  # noqa: ANN401  as it was sent
    if not isinstance(payload, dict) or not _names_document(payload):
        return "`payload` must be an object with a `query`."
    if not isinstance(payload.get("operationName"), str | None):
        return "`operationName` must be a string."
    for name in ("variables", "extensions"):
        if not isinstance(payload.get(name), dict | None):
            return f"`{name}` must be an object."
    return None


def _names_document(payload: dict[str, Any]) -> bool:
    """Tell whether there is a document, or the id of one that is trusted."""
    query = payload.get("query")
    if query is None:
        return requested_id(with_document_id(payload).get("extensions")) is not None
    return isinstance(query, str)
