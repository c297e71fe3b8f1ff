"""Runs the operations of a peer, with its Python: reads orders as JSON lines, prints what became of each.

Run: ``python -m score.peer_worker``. It imports nothing that a peer's environment lacks.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench.clients import connect
from bench.clients.base import Client

LACKING = "lacking"


def small(client: Client, order: Mapping[str, Any]) -> bytes:
    """Return the bytes to store."""
    return Path(order["file"]).read_bytes()


def text(data: bytes) -> str:
    """Return bytes as JSON can hold them."""
    return base64.b64encode(data).decode()


CALLS: Mapping[str, Callable[[Client, Mapping[str, Any]], Any]] = {
    "upload": lambda client, order: client.put(order["key"], small(client, order)),
    "create": lambda client, order: client.create(order["key"], small(client, order)),
    "complete": lambda client, order: client.in_parts(Path(order["file"]), order["key"]),
    "read": lambda client, order: text(client.get(order["key"])),
    "list": lambda client, order: client.names(order["prefix"]),
    "copy": lambda client, order: client.copy(order["key"], order["target"]),
    "delete": lambda client, order: client.delete(order["key"]),
    "download": lambda client, order: client.down(order["key"], Path(order["file"])),
}


def main() -> None:
    """Do what each line says; a client is made once for each place."""
    clients: dict[str, Client] = {}
    for line in sys.stdin:
        order = json.loads(line)
        place = json.dumps(order["place"], sort_keys=True)
        try:
            if place not in clients:
                clients[place] = connect(order["name"], "", order["place"])
            answer = {"value": CALLS[order["call"]](clients[place], order)}
        except NotImplementedError:
            answer = {"error": LACKING}
        except BaseException as error:
            answer = {"error": type(error).__name__, "text": str(error)[:300]}
        sys.__stdout__.write(json.dumps(answer) + "\n")  # type: ignore[union-attr] # it is there
        sys.__stdout__.flush()  # type: ignore[union-attr] # as above


if __name__ == "__main__":
    main()
