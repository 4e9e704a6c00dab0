"""GraphQL over server-sent events, in the distinct-connections mode."""

from strawberry.http.streaming import SSETransport


class EventStream(SSETransport):
    """Strawberry's transport, for clients that prefer it, in lines that every client can read."""

    def accepts(self, accept: str) -> bool:
        """Take it only where it is named first: some clients list it as a last resort."""
        return accept.partition(",")[0].partition(";")[0].strip().lower() == "text/event-stream"

    def encode_event(self, event: str, data: str | None = None) -> str:
        return f"event: {event}\ndata: {data or ''}\n\n"

    def encode_comment(self, comment: str) -> str:
        return f": {comment}\n\n"
