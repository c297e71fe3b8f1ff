"""Drives a peer: its operations run in a process of its own, with the Python that has it."""

from __future__ import annotations

import base64
import json
import os
import queue
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import servers
from bench import peers
from score.network_cases import BIG, OPERATIONS, SMALL
from score.network_plan import BOUND, SILENCE, Attempt, Case
from score.network_world import World
from score.peer_worker import LACKING


class Worker:
    """A process that runs the calls of ``score.peer_worker``; one that hangs is ended, and another begun."""

    def __init__(self, peer: peers.Peer, folder: Path) -> None:
        self._peer, self._folder = peer, folder
        self._start()

    def _start(self) -> None:
        home = self._folder / "home"
        home.mkdir(parents=True, exist_ok=True)
        self._process = subprocess.Popen(
            [self._peer.python, "-W", "ignore", "-m", "score.peer_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=self._folder,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(peers.ROOT / "benchmarks"), "HOME": str(home)},
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._listen, args=(self._process, self._lines), daemon=True).start()

    @staticmethod
    def _listen(process: subprocess.Popen[str], lines: queue.SimpleQueue[str]) -> None:
        assert process.stdout
        for line in process.stdout:
            lines.put(line)
        lines.put("")

    def call(self, call: str, place: Mapping[str, str], **order: Any) -> dict[str, Any] | None:
        """Return ``value`` or ``error``; ``None`` if there was no answer within ``BOUND`` seconds.

        Raises:
            RuntimeError: the process ended.
        """
        assert self._process.stdin
        order |= {"name": self._peer.name, "call": call, "place": dict(place)}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        try:
            line = self._lines.get(timeout=BOUND)
        except queue.Empty:
            self.close()
            self._start()
            return None
        if not line:
            self._start()
            return {"error": "its process ended"}
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


def place_at(server: servers.S3Server, url: str, ca: Path) -> dict[str, str]:
    """Return where a client of the benchmarks finds the server, or the proxy before it."""
    place = {"url": url, "region": server.region, "bucket": server.bucket, "ca": str(ca)}
    return place | {"access_key": server.access_key, "secret_key": server.secret_key, "seconds": str(int(SILENCE))}


class Peer:
    """A peer in figure 4."""

    def __init__(self, peer: peers.Peer, world: World, folder: Path) -> None:
        self._world, self._worker, self._folder = world, Worker(peer, folder), folder
        self.methods: Mapping[str, str] = {"delete": "POST"} if peer.name == "obstore" else {}  # as others delete many
        (folder / "small").write_bytes(SMALL)
        (folder / "big").write_bytes(BIG)

    def attempt(self, case: Case, url: str, prefix: str) -> Attempt | None:
        """Let the worker run it."""
        op = case.op
        place = place_at(self._world.server, url, self._world.ca)
        file = self._folder / ("big" if op == "complete" else "small")
        order = {"key": f"{prefix}a", "target": f"{prefix}b", "prefix": prefix, "file": str(file)}
        began = time.monotonic()
        answer = self._worker.call(op, place, **order)
        seconds = time.monotonic() - began
        if answer is None:
            return Attempt(error="no answer", seconds=2 * BOUND)
        if "error" in answer:
            return None if answer["error"] == LACKING else Attempt(error=answer["error"], seconds=seconds)
        value = answer["value"]
        if op == "read":
            value = base64.b64decode(value)
        elif op == "list":
            value = [key.removeprefix(prefix) for key in value]
        else:
            value = OPERATIONS[op].value
        return Attempt(value=value, seconds=seconds)

    def close(self) -> None:
        """End the worker."""
        self._worker.close()
