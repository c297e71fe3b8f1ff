"""Measures one call of an S3 client: how long it took, and by how much the memory of its process grew.

Runs with the Python of each peer: reads an order from stdin as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench.memory import MOST, NOW, forget_most, memory
from score.bounded_clients import CLIENTS, Client


def _pipe_up(client: Client, order: Mapping[str, Any]) -> None:
    # An unbuffered pipe of zeros, which another process fills.
    command = ["head", "-c", str(order["size"]), "/dev/zero"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as process:
        client.pipe_up(process.stdout)


def _pipe_down(client: Client, order: Mapping[str, Any]) -> None:
    count = sum(len(piece) for piece in client.pieces())
    if count != order["size"]:
        raise ValueError(f"{count} bytes came of {order['size']}")


CALLS: Mapping[str, Callable[[Client, Mapping[str, Any]], object]] = {
    "put": lambda client, order: client.put(bytes(order["size"])),
    "get": lambda client, order: client.get(),
    "up": _pipe_up,
    "down": _pipe_down,
    "fifo": lambda client, order: client.file_up(Path(order["path"])),
}


def main() -> None:
    """Do what stdin says; a call is announced on stdout before it begins, because it may have to be killed."""
    order = json.load(sys.stdin)
    os.environ |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull}
    client = CLIENTS[order["subject"]](order["url"], order["seconds"])
    if order["warm"]:
        client.put(bytes(4))
        assert client.get() == bytes(4)
    if order["call"] == "down":
        _pipe_up(client, order)
    forget_most()
    idle, began = memory(NOW), time.monotonic()
    print("began", flush=True)
    error = ""
    try:
        CALLS[order["call"]](client, order)
    except NotImplementedError:
        error = "lacking"
    except BaseException as raised:
        error = type(raised).__name__
    seconds = time.monotonic() - began
    print(json.dumps({"seconds": seconds, "grown": memory(MOST) - idle, "error": error}), flush=True)
    # A library may wait for what it began.
    os._exit(0)


if __name__ == "__main__":
    main()
