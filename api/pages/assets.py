"""The files that the sources and npm packages of a page were built into, as they are served."""

import hashlib
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".ttf": "font/ttf"}

HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Encoding": "gzip",
    "Content-Security-Policy": "default-src 'none'",  # a worker is bound by its own, not by the page's
    "X-Content-Type-Options": "nosniff",
}


class Assets:
    """What `make` built of the page of this name, in memory; nothing where it did not run.

    `path` has a digest of the contents in it, so that browsers may keep them for ever.
    """

    def __init__(self, name: str, directory: Path) -> None:
        self._name = name
        self._bodies = {path.stem: path.read_bytes() for path in sorted(directory.glob("*.gz"))}
        self._version = hashlib.sha256(b"".join(self._bodies.values())).hexdigest()[:16]

    @property
    def is_built(self) -> bool:
        return "page.js" in self._bodies

    @property
    def path(self) -> str:
        return f"{self._name}/{self._version}"

    @property
    def route(self) -> Route:
        """Where the files are."""
        return Route(f"/{self._name}/{{version}}/{{name}}", self.response)

    async def response(self, request: Request) -> Response:
        """Answer with a file; every browser that runs the page reads gzip.

        Raises:
            HTTPException: There is no such file, or not in this version.
        """
        version, name = request.path_params["version"], request.path_params["name"]
        if version != self._version or name not in self._bodies:
            raise HTTPException(404)
        return Response(self._bodies[name], headers=HEADERS, media_type=MEDIA_TYPES[Path(name).suffix])
