"""Bodies of requests, read up to a limit. How long one may take is a matter of the connection: `api.wire`."""

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Receive

CLOSE = {"connection": "close"}
"""Nobody reads what is left of the body, so nothing can follow it."""


async def read_body(receive: Receive, headers: Mapping[bytes, bytes], *, limit: int) -> bytes:
    """Return the body.

    Raises:
        HTTPException: It is over the limit, by its announced length or when so much has come.
        ClientDisconnect: The client left.
    """
    announced = headers.get(b"content-length", b"")
    if announced.isdigit() and int(announced) > limit:
        raise _too_long(limit)
    body, is_whole = await _part(receive)
    while not is_whole and len(body) <= limit:
        more, is_whole = await _part(receive)
        body += more
    if len(body) > limit:
        raise _too_long(limit)
    return body


async def _part(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message.get("body", b""), not message.get("more_body", False)


def _too_long(limit: int) -> HTTPException:
    return HTTPException(413, f"The body is larger than {limit:,} bytes.", CLOSE)
