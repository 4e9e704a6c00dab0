"""An issuer on this machine: it signs tokens and publishes its keys, well or badly, and counts who asks."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache

import uvicorn
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

ISSUER = "https://api.workos.com"
USER = "user_01E4ZCR3C56J083X43JQXF3JK5"
SESSION = "session_01H93ZY4F80QPBEZ1R5B2SHQG8"
ORGANIZATION = "org_01H945H0YD4F97JN9MATX7BYAG"


@cache
def rsa_key(name: str, bits: int = 2048) -> RSAPrivateKey:  # noqa: ARG001  the cache tells keys by it
    """Return the key of this name, made once in a run."""
    return generate_private_key(public_exponent=65537, key_size=bits)


def pem(key: RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def jwk(key_id: str, key: RSAPrivateKey | None = None, /, **changed: object) -> dict[str, object]:
    """Return a public key as a key set has it; None leaves a member out."""
    public = (key or rsa_key(key_id)).public_key()
    entry = {
        **RSAAlgorithm.to_jwk(public, as_dict=True),
        "kid": key_id,
        "use": "sig",
        "alg": "RS256",
        **changed,
    }
    return {name: value for name, value in entry.items() if value is not None}


def user_claims(**changed: object) -> dict[str, object]:
    """Return the claims of a user's token; None leaves a claim out."""
    now = int(time.time())
    all_ = {
        "iss": ISSUER,
        "sub": USER,
        "sid": SESSION,
        "jti": "01H93ZY4F80QPBEZ1R5B2SHQG9",
        "iat": now,
        "exp": now + 300,
        "auth_time": now,
        "client_id": "client_01H93ZY4F80QPBEZ1R5B2SHQG0",
        **changed,
    }
    return {name: value for name, value in all_.items() if value is not None}


def user_token(key_id: str = "first", /, **changed: object) -> str:
    """Return a user's token, signed with the key of that name."""
    return signed({"typ": "JWT", "alg": "RS256", "kid": key_id}, user_claims(**changed), rsa_key(key_id))


def signed(header: object, payload: object, key: RSAPrivateKey | None = None) -> str:
    """Return the parts with an RS256 signature, whatever the parts say."""
    signing_input = f"{encoded(header)}.{encoded(payload)}"
    signature = (key or rsa_key("first")).sign(signing_input.encode(), PKCS1v15(), SHA256())
    return f"{signing_input}.{encoded(signature)}"


def encoded(part: object) -> str:
    """Return what a token has between its dots: JSON, or bytes as they are, as base64url."""
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not is_so():
            await asyncio.sleep(0.005)


class Issuer:
    """Publishes `keys` at `url`, or whatever `body` is; `asked` counts the requests to any path.

    Answers wait while `gate` is closed, and never end while it `drips`.
    """

    def __init__(self) -> None:
        self.keys = [jwk("first")]
        self.body: bytes | None = None
        self.status = 200
        self.headers: dict[str, str] = {}
        self.asked = 0
        self.drips = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.port = 0
        self._server: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        return self._server is not None

    @property
    def url(self) -> str:
        """Where the keys are."""
        return f"http://127.0.0.1:{self.port}/jwks"

    async def start(self) -> None:
        """Listen; after a stop, at the same port."""
        app = Starlette(routes=[Route("/{path:path}", self._answer)])
        config = uvicorn.Config(app, port=self.port, log_level="critical", lifespan="off")
        self._server = uvicorn.Server(config)
        self._serving = asyncio.create_task(self._server.serve())
        while not self._server.started:
            assert not self._serving.done(), "the issuer did not start"
            await asyncio.sleep(0.01)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening: connections are refused."""
        assert self._server is not None
        assert self._serving is not None
        self.gate.set()
        self._server.should_exit = True
        await self._serving
        self._server = self._serving = None

    async def _answer(self, _request: Request) -> Response:
        self.asked += 1
        await self.gate.wait()
        if self.drips:
            return StreamingResponse(_drops())
        body = json.dumps({"keys": self.keys}).encode() if self.body is None else self.body
        return Response(body, self.status, self.headers, media_type="application/json")


async def _drops() -> AsyncIterator[bytes]:
    while True:
        yield b" "
        await asyncio.sleep(0.02)


@asynccontextmanager
async def running_issuer() -> AsyncIterator[Issuer]:
    issuer = Issuer()
    await issuer.start()
    try:
        yield issuer
    finally:
        if issuer.is_running:
            await issuer.stop()
