"""What browsers are told about a page: what it may load, and who may frame it or learn its address."""

from collections.abc import Iterable


def page_headers(*, scripts: Iterable[str], styles: Iterable[str]) -> dict[str, str]:
    """Return the headers of a page that loads only `scripts` and `styles` (CSP sources), and asks only us.

    Both editors of GraphiQL write style elements, and its fonts are in its style sheet. The page is not kept,
    because it may carry a credential.
    """
    policy = {
        "default-src": "'none'",
        "script-src": " ".join(scripts),
        "style-src": " ".join(["'unsafe-inline'", *styles]),
        "worker-src": "'self'",
        "connect-src": "'self'",
        "font-src": "'self' data:",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "; ".join(f"{name} {sources}" for name, sources in policy.items()),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
