"""Where a key set is read from: a URL or a file."""

import asyncio
from http import HTTPStatus
from pathlib import Path
from typing import Protocol

import httpx

SIZE_LIMIT = 128_000
"""The largest key set that is read, in bytes: room for more than fifty keys with their certificates."""


class KeySetUnreadable(Exception):  # noqa: N818  its text is half of a line in the log
    """There is no key set to be had, or nothing usable is in it; the text says why."""


class KeySetSource(Protocol):
    """Something that holds a key set."""

    async def read(self) -> bytes:
        """Return the key set as it is now, at most SIZE_LIMIT bytes.

        Raises:
            KeySetUnreadable: It is away, slow or too large.
        """
        ...

    async def aclose(self) -> None: ...


class KeySetUrl:
    """A key set that an issuer publishes; redirects are not followed.

    For https, the usual variables name a proxy and other certificates (HTTPS_PROXY, SSL_CERT_FILE); http is
    for issuers on this machine, and no proxy may stand between.
    """

    def __init__(self, url: str, *, read_seconds: float) -> None:
        self._url = httpx.URL(url)
        self._read_seconds = read_seconds
        self._client = httpx.AsyncClient(
            # A compressed answer could be unpacked to any size before it is measured.
            headers={"Accept": "application/jwk-set+json, application/json", "Accept-Encoding": "identity"},
            follow_redirects=False,
            timeout=read_seconds,
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=0),
            trust_env=self._url.scheme == "https",
        )

    async def read(self) -> bytes:
        try:
            # The client's own timeout starts anew with each byte.
            async with asyncio.timeout(self._read_seconds), self._client.stream("GET", self._url) as response:
                if response.status_code != HTTPStatus.OK:
                    raise KeySetUnreadable(f"the answer is {response.status_code}")
                body = bytearray()
                async for part in response.aiter_raw():
                    body += part
                    if len(body) > SIZE_LIMIT:
                        raise KeySetUnreadable(f"it has more than {SIZE_LIMIT} bytes")
                return bytes(body)
        except (httpx.HTTPError, OSError) as error:
            raise KeySetUnreadable(f"{type(error).__name__} {error}".strip()) from error

    async def aclose(self) -> None:
        await self._client.aclose()


class KeySetFile:
    """A key set that somebody puts on this machine, and may replace."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    async def read(self) -> bytes:
        try:
            body = await asyncio.to_thread(self._read)
        except OSError as error:
            raise KeySetUnreadable(f"{error.strerror}") from error
        if len(body) > SIZE_LIMIT:
            raise KeySetUnreadable(f"it has more than {SIZE_LIMIT} bytes")
        return body

    def _read(self) -> bytes:
        if not self._path.is_file():  # a pipe would hold the thread until somebody writes
            raise FileNotFoundError(None, "there is no such file")
        with self._path.open("rb") as file:
            return file.read(SIZE_LIMIT + 1)

    async def aclose(self) -> None:
        """Nothing is held open."""


def source_at(location: str, *, read_seconds: float) -> KeySetSource:
    """Return the URL or the file; a URL may take `read_seconds` from the connection to the last byte."""
    return KeySetUrl(location, read_seconds=read_seconds) if "://" in location else KeySetFile(location)
