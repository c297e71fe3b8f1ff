"""Where figure 4 takes place: SeaweedFS, an address at which nobody listens, and one with the certificate of a stranger."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import attrs

import servers
from assetstore import AssetStore
from bench.server import certificates
from score.network_cases import store_at


@attrs.frozen(kw_only=True)
class World:
    """The server, places where it is not, and a store that looks at it directly."""

    server: servers.S3Server
    truth: AssetStore
    places: Mapping[str, str]
    ca: Path


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """Run the server until the block ends."""
    for name in ("server", "stranger"):
        (folder / name).mkdir()
    certificates(folder / "stranger")
    with ExitStack() as stack:
        server = stack.enter_context(servers.seaweedfs(folder / "server"))
        truth = stack.enter_context(store_at(server, server.endpoint_url))
        places = {"nobody": f"http://127.0.0.1:{stack.enter_context(reserved())}"}
        places["stranger"] = f"https://127.0.0.1:{stack.enter_context(stranger(folder / 'stranger'))}"
        yield World(server=server, truth=truth, places=places, ca=certificates(folder / "server"))


@contextmanager
def reserved() -> Iterator[int]:
    """Yield a port on which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@contextmanager
def stranger(folder: Path) -> Iterator[int]:
    """Run a server of TLS whose certificate nobody trusts; it answers nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_shake_hands, args=(listening, context), daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


def _shake_hands(listening: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        try:
            connection.settimeout(10)
            context.wrap_socket(connection, server_side=True).close()
        except OSError:
            connection.close()
