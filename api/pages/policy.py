"""What browsers are told about a page: what it may load, and who may frame it or learn its address."""

from collections.abc import Mapping


def page_headers(loads: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a page that loads only what is said, by directives of CSP, and asks only us.

    The page is not kept, because it may carry a credential.
    """
    policy = {
        "default-src": "'none'",
        **loads,
        "connect-src": "'self'",
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
