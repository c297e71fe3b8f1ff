"""Flips bits under a peer, as ``flipped_bits`` does under assetstore, as far as the peer can be asked."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import attrs

import servers
from assetstore_r2.testing import Fault, FaultProxy, FlipBit
from bench.server import certificates
from score.figure import Run
from score.flips import BIG, NOT_STRUCK, REST, SMALL, WAY, Case, Flip, Rotten, Summed
from score.network_cases import PART, failing
from score.peer import Worker, place_at

_READS = (("one PUT", False), ("parts", False), ("one PUT", True), ("parts", True))


@contextmanager
def cases(run: Run) -> Iterator[list[Case]]:
    """Give the cases of a peer: reads with a checksum in the answer's headers too, as S3 sends it."""
    (run.folder / "server").mkdir()
    for name, data in (("small", SMALL), ("big", BIG)):
        (run.folder / name).write_bytes(data)
    with ExitStack() as stack:
        server = stack.enter_context(servers.emulator(run.folder / "server"))
        proxy = stack.enter_context(FaultProxy(server.endpoint_url, seed=run.seed))
        worker = Worker(run.subject, run.folder)
        stack.callback(worker.close)
        asked = Asked(worker, server, proxy, run.folder, certificates(run.folder))
        asked.store()
        yield list(asked.cases())


@attrs.frozen
class Asked:
    """A peer behind the proxy."""

    worker: Worker
    server: servers.S3Server
    proxy: FaultProxy
    folder: Path
    ca: Path

    def call(self, call: str, key: str, file: str = "down") -> tuple[object, bool]:
        """Return what a call returned, and whether it raised."""
        place = place_at(self.server, self.proxy.url, self.ca)
        answer = self.worker.call(call, place, key=key, file=str(self.folder / file))
        return (None, True) if answer is None or "error" in answer else (answer["value"], False)

    def store(self) -> None:
        """Store what is read."""
        self.call("upload", "one PUT", "small")
        self.call("complete", "parts", "big")

    def cases(self) -> Iterator[Case]:
        """Yield the cases."""
        for key, download in _READS:
            way = "a download" if download else "a read"
            rate = 1 if key == "one PUT" else 4

            def passing(chance: random.Random) -> Fault:
                return FlipBit(method="GET", bit=chance.randrange(8 * PART))

            def summed(chance: random.Random) -> Fault:
                return Summed(method="GET", bit=chance.randrange(8 * PART))

            def lasting(chance: random.Random, size: int = len(self.right(key))) -> Fault:
                return Rotten(bit=chance.randrange(8 * size))

            name = f"{way} of {key}"
            yield Case(where=WAY, name=name, count=120 // rate, flip=self.down(key, download, passing))
            yield Case(where=WAY, name=f"{name} with a CRC-32", count=60 // rate, flip=self.down(key, download, summed))
            yield Case(where=REST, name=name, count=200 // rate, flip=self.down(key, download, lasting))
        yield Case(where=WAY, name="an upload, one PUT", count=40, flip=self.up("upload", "small"))
        yield Case(where=WAY, name="an upload, parts", count=10, flip=self.up("complete", "big"))

    @staticmethod
    def right(key: str) -> bytes:
        """Return the bytes of an asset."""
        return BIG if key == "parts" else SMALL

    def down(self, key: str, download: bool, fault: Callable[[random.Random], Fault]) -> Flip:
        """Return what flips a bit under a read or a download."""

        def once(chance: random.Random) -> str | None:
            with failing(self.proxy, fault(chance)) as requests:
                value, raised = self.call("download" if download else "read", key)
            if not any(request.fault for request in requests):
                return NOT_STRUCK
            found = (self.folder / "down").read_bytes() if download else base64.b64decode(str(value))
            return None if raised or found == self.right(key) else "wrong bytes"

        return once

    def up(self, call: str, file: str) -> Flip:
        """Return what flips a bit under an upload; what is stored then has to be what was sent, or nothing."""

        def once(chance: random.Random) -> str | None:
            key = f"up {chance.random()}"
            fault = FlipBit(method="PUT", direction="request", bit=chance.randrange(8 * PART))
            with failing(self.proxy, fault) as requests:
                self.call(call, key, file)
            if not any(request.fault for request in requests):
                return NOT_STRUCK
            with self.server.client() as client:
                there = client.list_objects_v2(Bucket=self.server.bucket, Prefix=key).get("Contents")
                found = client.get_object(Bucket=self.server.bucket, Key=key)["Body"].read() if there else None
            return None if found in (None, (self.folder / file).read_bytes()) else "wrong bytes"

        return once
