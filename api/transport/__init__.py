"""How GraphQL travels: over HTTP, as server-sent events, and over WebSockets."""
