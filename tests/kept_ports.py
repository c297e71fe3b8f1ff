"""Ports at which nothing listens."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator


@contextlib.contextmanager
def kept_port() -> Iterator[int]:
    """Give a port of loopback that nobody gets by chance until the block ends; who is told of it may listen there.

    Else a server of another test, or any connection, could have it between its choice and its use.
    """
    with socket.socket() as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # or no server that is told of it could listen
        keeper.bind(("127.0.0.1", 0))
        yield keeper.getsockname()[1]
