"""A certificate authority for tests, and certificates that it signs."""

from __future__ import annotations

import datetime
import functools
import ipaddress
import ssl
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


def name_of(text: str) -> x509.Name:
    """Return a subject."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def alternative(host: str) -> x509.GeneralName:
    """Return a host as a certificate names it."""
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


class Authority:
    """A certificate authority.

    Attributes:
        bundle: the file with its certificate.
        own: the file with the key and the certificate of the server that was made last.
    """

    def __init__(self, folder: Path, name: str = "authority") -> None:
        """Make a key and a certificate."""
        self._folder = folder
        self._name = name_of(f"{name} of the tests")
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.bundle = folder / f"{name}.pem"
        self.bundle.write_bytes(pem(self._signed(self._name, self._key.public_key(), is_authority=True)))

    def _signed(self, subject: x509.Name, key: Any, *hosts: str, is_authority: bool = False, ends: int = 1) -> Any:
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(key)
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - 9 * DAY).not_valid_after(now + ends * DAY)
        builder = builder.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName(map(alternative, hosts)), critical=False)
        return builder.sign(self._key, hashes.SHA256())

    def itself(self, *hosts: str) -> ssl.SSLContext:
        """Return the context of a server whose certificate its own key has signed; ``own`` is the file."""
        return self._context(self._key, self._signed(self._name, self._key.public_key(), *hosts))

    @functools.cache  # noqa: B019 - an authority lives as long as the tests
    def server(self, *hosts: str, ends: int = 1) -> ssl.SSLContext:
        """Return the context of a server for these hosts, whose certificate ends in so many days."""
        key = ec.generate_private_key(ec.SECP256R1())
        return self._context(key, self._signed(name_of(hosts[0]), key.public_key(), *hosts, ends=ends))

    def _context(self, key: Any, certificate: Any) -> ssl.SSLContext:
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path = self.own = self._folder / f"{len(list(self._folder.iterdir()))}.pem"
        path.write_bytes(private + pem(certificate))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


def pem(certificate: Any) -> bytes:
    """Return a certificate as text."""
    data: bytes = certificate.public_bytes(serialization.Encoding.PEM)
    return data
