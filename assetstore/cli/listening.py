"""Where ``serve`` listens: its socket, by which address it is reached, and whether signed URLs lead there."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
from urllib.parse import SplitResult, urlsplit

import attrs

from assetstore.content.content_types import guess_content_type
from assetstore.errors import AssetStoreError
from assetstore.limits import PENDING
from assetstore.store import AssetStore

LOOPBACK = "127.0.0.1"
PORT = 8420

# An SVG can hold scripts, so the browser would save it.
IMAGES = frozenset(f"image/{name}" for name in ("avif", "gif", "jpeg", "png", "webp"))
SAMPLE = 100  # assets among which an image is looked for
WILDCARDS = ("0.0.0.0", "::")  # noqa: S104 - only to recognise them


def address_of(base: SplitResult, host: str | None, port: int | None) -> tuple[str, int]:
    """Return the address to listen at: by default that of the signed URLs, if they lead to this machine."""
    here = is_loopback(str(base.hostname))
    return host or (str(base.hostname) if here else LOOPBACK), ((here and base.port) or PORT) if port is None else port


def is_loopback(host: str) -> bool:
    """Return whether a host name or address leads to this machine alone."""
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"


@attrs.frozen
class Listener:
    """A listening socket; a context manager.

    Attributes:
        host: the address as given.
        socket: the socket.
    """

    host: str
    socket: socket.socket

    @classmethod
    def at(cls, host: str, port: int) -> Listener:
        """Listen.

        Raises:
            AssetStoreError: the port is taken, or the address is not one of this machine.
        """
        try:
            family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
            made = socket.create_server(address[:2], family=family, backlog=1024)
            # asyncio sets it only if the socket names its protocol; without it answers wait 40 ms for an acknowledgement.
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return cls(host, made)
        except OSError as error:
            why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
            hint = "stop the program that listens there, or choose another --host or --port and set serve_url to match"
            raise AssetStoreError(f"cannot listen at {_netloc(host, port)}: {why}", op="serve", hint=hint) from error

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    @property
    def port(self) -> int:
        """The actual port."""
        return int(self.socket.getsockname()[1])

    @property
    def url(self) -> str:
        """The URL of the server."""
        return f"http://{_netloc(self.host, self.port)}"

    @property
    def reached(self) -> str:
        """The URL of the server for a browser on this machine."""
        return f"http://{_netloc(LOOPBACK if self.host in WILDCARDS else self.host, self.port)}"

    def link(self, store: AssetStore, base: SplitResult) -> str | None:
        """Return a signed URL of an asset that this server answers, of an image if there is one, or ``None``."""
        if is_loopback(str(base.hostname)):
            here = LOOPBACK if self.host in WILDCARDS else self.host
            if not is_loopback(here):
                return None
            base = base._replace(scheme="http", netloc=_netloc(here, self.port))
        with contextlib.suppress(AssetStoreError):
            found = [info.key for info in store.list(limit=SAMPLE) if info.valid and not info.key.startswith(PENDING)]
            images = [key for key in found if guess_content_type(key) in IMAGES]
            for key in (images or found)[:1]:
                return urlsplit(store.presign(key).url)._replace(scheme=base.scheme, netloc=base.netloc).geturl()
        return None

    def warning(self, base: SplitResult) -> str | None:
        """Return what to do if signed URLs, which begin with ``base``, lead elsewhere."""
        host, there = str(base.hostname), f"{base.scheme}://{base.netloc}"
        if not is_loopback(host) and host != self.host:
            return f"signed URLs lead to {there}: a proxy there must pass requests on to {self.url} and keep Host"
        if (base.scheme, base.port or 80, is_loopback(host)) == ("http", self.port, is_loopback(self.host)):
            return None
        wanted = "the address by which other machines reach it" if self.host in WILDCARDS else f"{self.url}{base.path}"
        return f"signed URLs lead to {there}: set serve_url to {wanted} in the store's settings"


def _netloc(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
