"""What the page of GraphiQL may load."""

from collections.abc import Iterable

from api.pages.policy import page_headers


def graphiql_headers(*, scripts: Iterable[str], styles: Iterable[str]) -> dict[str, str]:
    """Return the headers of the page, which loads these scripts and styles (CSP sources).

    Both of its editors write style elements, and its fonts are in its style sheet.
    """
    return page_headers(
        {
            "script-src": " ".join(scripts),
            "style-src": " ".join(["'unsafe-inline'", *styles]),
            "worker-src": "'self'",
            "font-src": "'self' data:",
        }
    )
