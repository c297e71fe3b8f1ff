"""Answers HTTP at a listening socket while a test runs."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def serving(app: Any, listener: socket.socket, **config: Any) -> Iterator[None]:
    """Answer what comes to a listening socket until the block ends; ``config`` is uvicorn's."""
    import uvicorn

    class Server(uvicorn.Server):
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            await super().shutdown(sockets)
            # A browser that stopped reading a sound keeps its connection.
            for connection in list(self.server_state.connections):
                connection.transport.abort()
            await asyncio.sleep(0)

    usual = {"log_level": "warning", "ws": "none", "timeout_graceful_shutdown": 1}
    server = Server(uvicorn.Config(app, **(usual | config)))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="uvicorn")
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()
