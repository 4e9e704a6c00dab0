"""Which web pages may call, and by what name; the origin of a WebSocket is left to Strawberry."""

import re
from collections.abc import Collection, Mapping

from starlette.exceptions import HTTPException
from strawberry.http.websocket_origin import is_same_origin, normalize_origin

_NAME_OF_THIS_MACHINE = re.compile(rb"(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d*)?", re.IGNORECASE)


def is_for_this_machine(headers: Mapping[bytes, bytes]) -> bool:
    """Tell whether the Host is a name that every machine has for itself.

    A page from elsewhere can have its own name lead here, and is then of the same origin (DNS rebinding): no
    protection where nobody has to say who they are.
    """
    host = headers.get(b"host")
    return host is None or _NAME_OF_THIS_MACHINE.fullmatch(host) is not None


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
