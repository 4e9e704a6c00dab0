"""The environment variables of a client; no settings of a server, though one environment may be for both."""

URL = "SESSIONGRAPH_URL"
KEY = "SESSIONGRAPH_KEY"
