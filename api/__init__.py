"""What is served: GraphQL over HTTP, WebSocket and SSE, and the command line."""
