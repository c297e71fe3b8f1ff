"""The S3 server of the measurements: SeaweedFS on loopback, plain and over TLS, and relays in front of it."""

from __future__ import annotations

import ipaddress
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import servers
from servers.seaweedfs import free_ports


@attrs.frozen
class Site:
    """A running server.

    Attributes:
        server: its plain endpoint and its keys.
        tls: HOST:PORT of its TLS endpoint.
        ca: the file with the certificate that clients have to trust.
        folder: for what a measurement needs.
    """

    server: servers.S3Server
    tls: str
    ca: Path
    folder: Path

    @contextmanager
    def relay(self, *options: str, plain: bool = False) -> Iterator[str]:
        """Run a relay in front of the server; yield its URL."""
        target = self.server.endpoint_url.partition("//")[2] if plain else self.tls
        with _printing_port(["bench.network", target, *options]) as port:
            yield f"http{'' if plain else 's'}://127.0.0.1:{port}"

    @contextmanager
    def second(self) -> Iterator[Site]:
        """Run another server."""
        folder = self.folder / "second"
        folder.mkdir(exist_ok=True)
        with _served(folder, self.folder) as site:
            yield site

    @contextmanager
    def bucket(self, name: str, *, kept: bool = False) -> Iterator[str]:
        """Make a bucket; it ends with the block, and with it the disk space of all that was written to it.

        A kept one ends with the server, which takes a minute to delete one of 10,000 assets.
        """
        with self.server.client() as client:
            client.create_bucket(Bucket=name)
            client.put_object(
                Bucket=name, Key="ready", Body=b"ready"
            )  # the first write makes the server's files, which takes time
            client.delete_object(Bucket=name, Key="ready")
            try:
                yield name
            finally:
                if not kept:
                    client.delete_bucket(Bucket=name)


@contextmanager
def running(folder: Path) -> Iterator[Site]:
    """Run the server until the block ends."""
    certificates(folder)
    with _served(folder, folder) as site:
        yield site


@contextmanager
def listings(count: int) -> Iterator[str]:
    """Run a server that only lists so many keys; yield its URL."""
    with _printing_port(["bench.listings", str(count)]) as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _printing_port(command: list[str]) -> Iterator[int]:
    """Run a module that prints its port and ends with its standard input."""
    arguments = [sys.executable, "-m", *command]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()


@contextmanager
def _served(folder: Path, certified: Path) -> Iterator[Site]:
    port = free_ports(1)[0]
    options = [
        f"-s3.port.https={port}",
        f"-s3.cert.file={certified / 'server.pem'}",
        f"-s3.key.file={certified / 'server.key'}",
        "-master.volumeSizeLimitMB=1024",
        "-volume.max=1000",
    ]
    with servers.seaweedfs(folder, *options) as server:
        yield Site(server=server, tls=f"127.0.0.1:{port}", ca=certified / "ca.pem", folder=folder)


def certificates(folder: Path) -> Path:
    """Write ``server.pem`` and ``server.key`` for 127.0.0.1, signed by a throw-away CA; return the CA's file."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "throw-away CA")])
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    addresses = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")])
    ca = _certificate(ca_name, ca_key, x509.BasicConstraints(ca=True, path_length=0), ca_name, ca_key)
    leaf = _certificate(name, key, addresses, ca_name, ca_key)
    for file, certificate in (("ca.pem", ca), ("server.pem", leaf)):
        (folder / file).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    encoding = serialization.PrivateFormat.PKCS8
    (folder / "server.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, encoding, serialization.NoEncryption())
    )
    return folder / "ca.pem"


def _certificate(
    name: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    extension: x509.ExtensionType,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(issuer, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=2))
    builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    return builder.add_extension(authority, critical=False).sign(issuer_key, hashes.SHA256())
