"""The page of GraphiQL, from this machine where it was built and from a CDN where it was not."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from string import Template

from starlette.responses import HTMLResponse

from api.graphiql.examples import EXAMPLES
from api.graphiql.fallback import fallback_page
from api.graphiql.policy import graphiql_headers
from api.pages.assets import Assets

BUILT = Path(__file__).parent / "built"
TEMPLATE = Template((Path(__file__).parent / "page.html").read_text(encoding="utf-8"))


def built_assets() -> Assets:
    """Return what `make graphiql` built."""
    return Assets("graphiql", BUILT)


@dataclass(frozen=True)
class GraphiQL:
    """The page and its files.

    `default_headers` are filled in where the reader sees and changes them. They go with requests, and over
    sockets as the payload of `connection_init`.
    """

    assets: Assets = field(default_factory=built_assets)
    default_headers: Mapping[str, str] = field(default_factory=dict)

    def page(self) -> HTMLResponse:
        headers = json.dumps(dict(self.default_headers), indent=2) if self.default_headers else ""
        if not self.assets.is_built:
            return fallback_page(headers)
        html = TEMPLATE.substitute(
            assets=self.assets.path,
            examples=escape(
                json.dumps([{"query": one.query, "variables": one.variables} for one in EXAMPLES])
            ),
            headers=escape(headers),
        )
        return HTMLResponse(html, headers=graphiql_headers(scripts=["'self'"], styles=["'self'"]))
