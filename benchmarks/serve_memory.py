"""Memory of ``assetstore serve`` while many clients upload at once by signed URLs, and what is left of uploads that fail.

Run: ``python benchmarks/serve_memory.py [CLIENTS]``, on Linux. Each client PUTs 20 MB, bound to size and digest; all have to
succeed, and every asset is read back. Then each hangs up half-way, and then each sends too much: nothing may be left.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from assetstore import AssetStore, PresignedRequest, open_store

SIZE = 20_000_000
MAX_SIZE = "30M"
PIECE = 1 << 16


def peak(pid: int) -> float:
    """Return the most memory that a process has had so far, in MB."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024 / 1e6


def begin(request: PresignedRequest, size: int) -> http.client.HTTPConnection:
    """Send the head of a signed PUT of this size."""
    parts = urlsplit(request.url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=300)
    connection.putrequest("PUT", f"{parts.path}?{parts.query}")
    for name, value in {**request.headers, "content-length": str(size)}.items():
        connection.putheader(name, value)
    connection.endheaders()
    return connection


def send(request: PresignedRequest, data: memoryview) -> int:
    """Send a signed PUT in pieces, as a browser does; return the status."""
    connection = begin(request, len(data))
    try:
        for start in range(0, len(data), PIECE):
            connection.send(data[start : start + PIECE])
    except (BrokenPipeError, ConnectionResetError):
        pass  # the answer is there already
    status = connection.getresponse().status
    connection.close()
    return status


def everyone(clients: int, work: Callable[[int], object]) -> tuple[list[object], float]:
    """Let all clients work at once; return what came of it, and the seconds."""
    start = threading.Barrier(clients)

    def one(number: int) -> object:
        start.wait()
        return work(number)

    began = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        results = list(pool.map(one, range(clients)))
    return results, time.perf_counter() - began


def files(root: Path) -> set[str]:
    """Return all files below a folder, whatever they are for."""
    return {str(path) for path in root.rglob("*") if path.is_file()}


def uploads(store: AssetStore, root: Path, clients: int) -> str:
    """Upload from all clients at once, and read everything back."""
    body = os.urandom(SIZE)
    bodies = [memoryview(number.to_bytes(8, "big") + body[8:]) for number in range(clients)]
    digests = [hashlib.sha256(data).hexdigest() for data in bodies]
    requests = [
        store.presign(f"{number}.bin", method="PUT", content_length=SIZE, sha256=digest)
        for number, digest in enumerate(digests)
    ]
    statuses, seconds = everyone(clients, lambda number: send(requests[number], bodies[number]))
    assert [200] * clients == statuses, statuses
    for number, digest in enumerate(digests):
        assert digest == hashlib.sha256((root / f"{number}.bin").read_bytes()).hexdigest()
    return f"{clients} clients sent {SIZE / 1e6:.0f} MB each in {seconds:.1f} s, {clients * SIZE / seconds / 1e6:.0f} MB/s"


def failures(store: AssetStore, root: Path, clients: int) -> str:
    """Let all clients fail, and say what is left of it."""
    before = files(root)
    half = memoryview(bytes(SIZE // 2))
    requests = [store.presign(f"half/{number}.bin", method="PUT", content_length=SIZE) for number in range(clients)]

    def hang_up(number: int) -> None:
        connection = begin(requests[number], SIZE)
        connection.send(half)
        connection.close()

    everyone(clients, hang_up)
    most = memoryview(bytes(2 * SIZE))
    requests = [store.presign(f"big/{number}.bin", method="PUT") for number in range(clients)]

    statuses, _ = everyone(clients, lambda number: send(requests[number], most))
    assert [413] * clients == statuses, statuses
    for _ in range(1000):
        if files(root) == before:
            return f"{clients} that hung up and {clients} that sent too much left nothing"
        time.sleep(0.01)
    raise SystemExit(f"left behind: {sorted(files(root) - before)[:5]}")


def main(clients: int) -> None:
    """Measure."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "assets")
        command = [sys.executable, "-m", "assetstore", "serve", f"file:{root}", "--port", "0", "--max-size", MAX_SIZE, "-q"]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            assert server.stdout is not None
            found = re.search(r"http://\S+", server.stdout.readline())
            assert found, "the server did not start"
            with open_store({"url": f"file:{root}", "serve_url": found[0]}) as store:
                send(store.presign("first", method="PUT", content_length=1), memoryview(b"x"))
                idle = peak(server.pid)
                print(uploads(store, root, clients))
                print(f"the server's memory at most: {idle:.0f} MB before, {peak(server.pid):.0f} MB then")
                print(failures(store, root, clients))
                print(f"the server's memory at most: {peak(server.pid):.0f} MB after all")
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
