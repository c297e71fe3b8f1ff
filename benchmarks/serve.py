"""GET of files over HTTP: ``assetstore serve`` beside nginx, ``python -m http.server`` and Starlette's StaticFiles.

Run: ``tox -e bench`` or ``python benchmarks/serve.py [ROUNDS]``; nginx takes part where it is installed.

One process serves in each case, none writes a log, and a client in a process of its own, ``http_load.py``, loads them in
turn. Prints the medians over all rounds and each server's ratio to assetstore, paired by round. ``http.server`` sends head
and body apart without TCP_NODELAY, so that a client that keeps connections alive waits for its own delayed
acknowledgement of 40 ms.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs

from assetstore import open_store

BIG, SMALL = 100_000_000, 16 * 1024
FILES = 64
CONNECTIONS = 8

STATIC = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

site = Starlette(routes=[Mount("/", StaticFiles(directory=sys.argv[2]))])
uvicorn.run(site, port=int(sys.argv[1]), log_config=None, access_log=False, lifespan="off", ws="none")
"""
NGINX = """
daemon off; worker_processes 1; pid nginx.pid; error_log error.log; {user}
events {{ worker_connections 256; }}
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""


@attrs.frozen
class Contender:
    """A server that runs.

    Attributes:
        name: what it is.
        url_of: from the name of a file to its URL.
    """

    name: str
    url_of: Callable[[str], str]


def free_ports(count: int) -> Iterator[int]:
    """Return ports, no two alike, that nobody has just now."""
    with contextlib.ExitStack() as stack:
        taken = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return iter([int(made.getsockname()[1]) for made in taken])


@contextlib.contextmanager
def running(command: list[str], port: int) -> Iterator[None]:
    """Run a server until the block ends; the block begins when it listens.

    Raises:
        SystemExit: it ended before, so that somebody else may have answered at its port.
    """
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(1000):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.01)
        yield
        if process.poll() is not None:
            raise SystemExit(f"{command} ended with {process.returncode}")
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def assetstore(root: Path, port: int) -> Iterator[Contender]:
    """Serve by signed URLs."""
    with (
        open_store({"url": f"file:{root}", "serve_url": f"http://127.0.0.1:{port}"}) as store,
        running([sys.executable, "-m", "assetstore", "serve", f"file:{root}", "--port", str(port), "--quiet"], port),
    ):
        yield Contender("assetstore serve", lambda name: store.presign(name).url)


@contextlib.contextmanager
def peer(name: str, command: list[str], port: int) -> Iterator[Contender]:
    """Serve the bare files by something else."""
    with running(command, port):
        yield Contender(name, lambda file: f"http://127.0.0.1:{port}/{file}")


def nginx(root: Path, home: Path, port: int) -> list[str]:
    """Write nginx's configuration and return its command."""
    home.mkdir()
    user = "user root;" if os.geteuid() == 0 else ""
    (home / "nginx.conf").write_text(NGINX.format(port=port, root=root, user=user))
    return [_nginx(), "-p", str(home), "-c", "nginx.conf", "-e", "error.log"]


def _nginx() -> str:
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or ""


def contenders(root: Path, home: Path, stack: contextlib.ExitStack) -> list[Contender]:
    """Start all servers."""
    ports = free_ports(4)
    started = [stack.enter_context(assetstore(root, next(ports)))]
    if _nginx():
        port = next(ports)
        started.append(stack.enter_context(peer("nginx", nginx(root, home, port), port)))
    port = next(ports)
    command = [sys.executable, "-m", "http.server", str(port), "-b", "127.0.0.1", "-d", str(root), "-p", "HTTP/1.1"]
    started.append(stack.enter_context(peer("python -m http.server", command, port)))
    port = next(ports)
    command = [sys.executable, "-c", STATIC, str(port), str(root)]
    started.append(stack.enter_context(peer("Starlette StaticFiles", command, port)))
    return started


def load(urls: list[str], connections: int, count: int, size: int) -> float:
    """Return how many seconds the client needed for files of this size."""
    client = [sys.executable, str(Path(__file__).with_name("http_load.py")), str(connections), str(count)]
    done = subprocess.run(client, input="\n".join(urls), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{urls[0].partition('?')[0]}: {done.stderr}")
    seconds, received = done.stdout.split()
    if int(received) != count * size:
        raise SystemExit(f"{urls[0].partition('?')[0]}: {received} bytes instead of {count * size}")
    return float(seconds)


def report(title: str, unit: str, rates: dict[str, list[float]]) -> None:
    """Print the medians, and the ratios by round."""
    print(title)
    ours = rates["assetstore serve"]
    for name, values in rates.items():
        ratios = [theirs / mine for theirs, mine in zip(values, ours, strict=True)]
        rate = f"{statistics.median(values):8.0f} {unit} ({min(values):.0f} to {max(values):.0f})"
        print(f"  {name:22} {rate}; {statistics.median(ratios):5.2f} times assetstore's")


def main(rounds: int) -> None:
    """Measure in rounds in which each has its turn, so that a noisy machine is noisy for all."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        root = Path(folder, "assets")
        small = [f"small-{number}.bin" for number in range(FILES)]
        with open_store(f"file:{root}") as store:
            store.upload(os.urandom(BIG), "big.bin")
            for name in small:
                store.upload(os.urandom(SMALL), name)
        servers = contenders(root, Path(folder, "nginx"), stack)
        expected = (root / small[0]).read_bytes()
        for server in servers:
            with urllib.request.urlopen(server.url_of(small[0])) as answer:
                assert expected == answer.read(), f"{server.name} answers with something else"
        throughput: dict[str, list[float]] = {server.name: [] for server in servers}
        requests: dict[str, list[float]] = {server.name: [] for server in servers}
        for turn in range(rounds + 1):
            for server in servers:
                big = 3 * BIG / load([server.url_of("big.bin")], 1, 3, BIG) / 1e6
                many = 2000 / load([server.url_of(name) for name in small], CONNECTIONS, 2000, SMALL)
                if turn:  # the first round warms up
                    throughput[server.name].append(big)
                    requests[server.name].append(many)
    print(f"{rounds} rounds in which each had its turn, {os.cpu_count()} CPUs")
    report("a file of 100 MB, one connection", "MB/s", throughput)
    report(f"files of 16 KiB, {CONNECTIONS} connections kept alive", "requests/s", requests)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
