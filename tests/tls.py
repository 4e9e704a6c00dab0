"""TLS in front of the PostgreSQL of the tests, which has none: a certificate authority and a way in."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from models.engine import engine_url

SSL_REQUEST = (8).to_bytes(4) + (80877103).to_bytes(4)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


class Authority:
    """An authority that certifies `localhost`, and nothing else."""

    def __init__(self, directory: Path, name: str) -> None:
        self.file = directory / f"{name}.pem"
        self._name, self._key = _name(name), generate_private_key(SECP256R1())
        own = self._certificate(self._name, self._key, x509.BasicConstraints(ca=True, path_length=0))
        self.file.write_bytes(own.public_bytes(Encoding.PEM))

    def certified(self) -> ssl.SSLContext:
        """Return what a server shows that is called localhost."""
        key, here = generate_private_key(SECP256R1()), x509.DNSName("localhost")
        certificate = self._certificate(_name("localhost"), key, x509.SubjectAlternativeName([here]))
        file = self.file.with_suffix(".server.pem")
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(secret + certificate.public_bytes(Encoding.PEM))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(file)
        return context

    def _certificate(
        self, subject: x509.Name, key: EllipticCurvePrivateKey, extension: x509.ExtensionType
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(
            issuer_name=self._name,
            subject_name=subject,
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - timedelta(hours=1),
            not_valid_after=now + timedelta(hours=1),
        )
        return builder.add_extension(extension, critical=True).sign(self._key, SHA256())


@asynccontextmanager
async def running_way_in(database_url: str, context: ssl.SSLContext) -> AsyncIterator[str]:
    """Take TLS, as PostgreSQL does, and hand on what is said; yield the URL of the same database there."""
    url = engine_url(database_url)
    said: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said.append(await reader.readexactly(len(SSL_REQUEST)))
        writer.write(b"S")
        try:
            await writer.start_tls(context)
            there, back = await _reach(str(url.host or url.query["host"]), url.port or 5432)
        except OSError:
            return  # the client does not like what it was shown
        await asyncio.gather(_hand_on(reader, back), _hand_on(there, writer))

    async with await asyncio.start_server(take, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield url.set(host="localhost", port=port, query={}).render_as_string(hide_password=False)
    assert set(said) == {SSL_REQUEST}


async def _reach(host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if host.startswith("/"):
        return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
    return await asyncio.open_connection(host, port)


async def _hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(65536):
        writer.write(chunk)
        await writer.drain()
    writer.close()
