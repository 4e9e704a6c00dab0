"""The endpoint of a server, to which documents go and from which data or a refusal comes back."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import httpx
import orjson

from api.client.events import events
from api.client.refusals import Busy, refusal_of
from models.refusals import Refusal, Unavailable

TIMEOUT = httpx.Timeout(60, connect=10)
"""How long an answer may take, and a stream be silent: a server says every 15 seconds that it is there."""
AWAY = frozenset({429, 502, 503, 504})
"""What a proxy answers while the server behind it is away or has enough to do."""
ACCEPTS = "application/graphql-response+json"
EVENT_STREAM = "text/event-stream"


class Endpoint:
    """One server, for one caller; a context manager.

    Raises:
        ValueError: The URL is none of a server, or the key has characters that no key has.
    """

    def __init__(self, url: str, key: str | None = None) -> None:
        self.url = _endpoint_of(url)
        self._has_answered = False
        headers = {"user-agent": "sessiongraph", "accept-encoding": "identity"}
        if key is not None:
            # It is not repeated: it may be a key with a character too many.
            if not key or not key.isascii() or not key.isprintable() or " " in key:
                raise ValueError("The key is not one: it is empty, or has a character in it that no key has.")
            headers["authorization"] = f"Bearer {key}"
        try:
            self._http = httpx.Client(headers=headers, timeout=TIMEOUT)
        except (ImportError, ValueError, OSError) as error:
            raise ValueError(f"The environment names a proxy or certificates of no use: {error}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._http.close()

    def execute(self, document: str, **variables: object) -> Any:  # noqa: ANN401  data is JSON
        """Return the data of an answer. Long work waits when it is asked to: every call is safe to repeat.

        Raises:
            Unavailable: The server cannot be reached, or asks to come back later.
            Refusal: It says no.
        """
        while True:
            try:
                with self._response(document, variables, accept=ACCEPTS) as response:
                    data = self._data(response)
            except Busy as refusal:
                if not (self._has_answered and refusal.seconds):
                    raise
                time.sleep(refusal.seconds)
            else:
                self._has_answered = True
                return data

    @contextmanager
    def stream(self, document: str, **variables: object) -> Iterator[Iterator[Any]]:
        """Yield the results of a subscription as they come, and None for each sign of life between them.

        They end when the server ends them.

        Raises:
            Unavailable: The server cannot be reached, is lost or asks to come back later.
            Refusal: It says no.
        """
        with self._response(document, variables, accept=EVENT_STREAM) as response:
            if not response.headers.get("content-type", "").startswith(EVENT_STREAM):
                self._data(response)
                raise self._stranger(response)
            yield self._results(response)

    def _results(self, response: httpx.Response) -> Iterator[Any]:
        for event in events(response.iter_raw()):
            if event.name == "complete":
                return
            yield _data_of(orjson.loads(event.data)) if event.name == "next" else None

    @contextmanager
    def _response(
        self, document: str, variables: dict[str, object], *, accept: str
    ) -> Iterator[httpx.Response]:
        body = {"query": document, "variables": variables}
        try:
            with self._http.stream("POST", self.url, json=body, headers={"accept": accept}) as response:
                yield response
        except httpx.TransportError as error:
            raise Unavailable(str(self.url)) from error

    def _data(self, response: httpx.Response) -> Any:  # noqa: ANN401  data is JSON
        if response.is_redirect:
            raise Refusal(f"{self.url} sends callers to {response.headers['location']}; give that as --url.")
        try:
            answer = orjson.loads(response.read())
        except orjson.JSONDecodeError:
            answer = None
        is_graphql = isinstance(answer, dict) and answer.keys() & {"data", "errors"}
        if not is_graphql or response.status_code == httpx.codes.NOT_FOUND:
            raise self._stranger(response)
        return _data_of(answer)

    def _stranger(self, response: httpx.Response) -> Refusal:
        """Return what to say of an answer that no server of ours gives."""
        status = f"{response.status_code} {response.reason_phrase}".strip()
        if response.status_code in AWAY:
            return Busy(f"{self.url} answers {status}; try again in a moment.")
        return Refusal(f"{self.url} answers {status} and no GraphQL; is it the right --url?")


def _data_of(answer: dict[str, Any]) -> Any:  # noqa: ANN401  data is JSON
    if answer.get("errors"):
        raise refusal_of(answer["errors"])
    return answer["data"]


def _endpoint_of(given: str) -> httpx.URL:
    """Return the URL of the endpoint, also for that of its server."""
    try:
        url = httpx.URL(given)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in {"http", "https"} or not url.host or url.userinfo:
        raise ValueError("--url is that of a server, without credentials in it: http://127.0.0.1:8000.")
    return url.copy_with(path="/graphql") if url.path in {"", "/"} else url
