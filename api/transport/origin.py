"""Which web pages may call over HTTP; WebSockets are checked by Strawberry, by the same list."""

from collections.abc import Collection, Mapping

from starlette.exceptions import HTTPException
from strawberry.http.websocket_origin import is_same_origin, normalize_origin


def require_welcome(headers: Mapping[bytes, bytes], allowed: Collection[str]) -> None:
    """Let in what is no browser, pages of this server, and those of the allowed origins.

    Browsers add Origin to what could change something, and Sec-Fetch-Site to everything.

    Raises:
        HTTPException: A page from elsewhere calls.
    """
    origin, site = headers.get(b"origin"), headers.get(b"sec-fetch-site")
    if origin is None and site in {None, b"same-origin", b"none"}:
        return
    if site == b"same-origin" or "*" in allowed:
        return
    if origin is not None:
        text = origin.decode("latin-1")
        if normalize_origin(text) in allowed:
            return
        # Only where the browser does not say itself how the page is related
        if site in {None, b"none"} and is_same_origin(text, headers.get(b"host", b"").decode("latin-1")):
            return
    raise HTTPException(403, "Pages of this origin may not call; see the setting `allowed_origins`.")
