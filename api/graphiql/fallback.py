"""The page where GraphiQL was not built: that of Strawberry, which loads an older one from a CDN.

Each file that it loads is pinned by its hash. It has no tabs for the examples, so a notice links to them. It
would take headers from its address, where no credential may be: here they come from the notice.
"""

import re
from base64 import b64encode
from hashlib import sha256
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import quote, urlencode

from starlette.responses import HTMLResponse
from strawberry.http.ides import get_graphql_ide_html

from api.graphiql.examples import EXAMPLES, Example
from api.graphiql.policy import graphiql_headers

SCRIPT = re.compile(r'<script[^>]*\ssrc="(https:[^"]+)"')
INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
STYLE = re.compile(r'<link[^>]*\shref="(https:[^"]+)"')

HEADERS = "React.useState(parameters.headers)"
HEADERS_OF_NOTICE = 'React.useState(document.getElementById("notice").dataset.headers)'

NOTICE = Template((Path(__file__).parent / "notice.html").read_text(encoding="utf-8"))


def fallback_page(default_headers: str) -> HTMLResponse:
    """Return the page, with `default_headers`, as JSON, filled in."""
    html = get_graphql_ide_html().replace(HEADERS, HEADERS_OF_NOTICE)
    hashes = [_hash_source(script) for script in INLINE_SCRIPT.findall(html)]
    notice = NOTICE.substitute(
        examples=" · ".join(_link(one) for one in EXAMPLES), headers=escape(default_headers)
    )
    return HTMLResponse(
        html.replace("<body>", f"<body>{notice}", 1),
        headers=graphiql_headers(scripts=[*SCRIPT.findall(html), *hashes], styles=STYLE.findall(html)),
    )


def _hash_source(script: str) -> str:
    return f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'"


def _link(example: Example) -> str:
    """Link to the page with an example filled in; it reads a plus as a plus, so spaces may not be one."""
    query = {"q": example.query, "variables": example.variables}
    return f'<a href="?{escape(urlencode(query, quote_via=quote))}">{example.name}</a>'
