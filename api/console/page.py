"""The page of the console, and what it is told: the names of permissions, and credentials to fill in."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from string import Template

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from api.pages.assets import Assets
from api.pages.policy import page_headers

BUILT = Path(__file__).parent / "built"
TEMPLATE = Template((Path(__file__).parent / "page.html").read_text(encoding="utf-8"))
POLICY = {
    "script-src": "'self'",
    "style-src": "'self'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "lit-html",
}


def built_assets() -> Assets:
    """Return what `make console` built."""
    return Assets("console", BUILT)


@dataclass(frozen=True)
class Console:
    """The page and its files.

    `credentials` are API keys and access tokens by the names of who has them: the page begins with the first.
    """

    read_permission: str
    end_permission: str
    credentials: Mapping[str, str] = field(default_factory=dict)
    assets: Assets = field(default_factory=built_assets)

    async def page(self, _request: Request) -> Response:
        if not self.assets.is_built:
            return PlainTextResponse("The console is not built here: run `make console`.\n", 503)
        html = TEMPLATE.substitute(
            assets=self.assets.path,
            read_permission=escape(self.read_permission),
            end_permission=escape(self.end_permission),
            credentials=escape(json.dumps(dict(self.credentials))),
        )
        return HTMLResponse(html, headers=page_headers(POLICY))
