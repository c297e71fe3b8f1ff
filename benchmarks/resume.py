"""Bytes that are transferred again after a kill: one large file, killed at 60 %, and the command run once more.

Run: ``PYTHONPATH=tests:benchmarks python benchmarks/resume.py [--size MIB] [--rounds N] [--json PATH]``. Beside assetstore
stand rclone, s5cmd and the command of AWS, on one SeaweedFS behind a proxy that counts what passes and kills. No times are
taken. The proxy keeps its buffers small: what waits in the client's kernel at the kill is sent all the same.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote, urlsplit

import attrs

import servers
from bench.peers import find

AT = 0.6
PART = 8 << 20
_BLOCK = 1 << 16
PEERS = ["rclone", "s5cmd", "awscli"]


class Proxy(socketserver.ThreadingTCPServer):
    """Passes bytes on, counts those of one direction, and kills a process at a count.

    Attributes:
        up: whether it counts what clients send; otherwise what they get.
        count: the bytes that passed.
        limit: at so many the process is killed; ``None`` for never.
        victim: the process.
    """

    daemon_threads = True
    block_on_close = False

    def server_bind(self) -> None:
        """Make the buffers of all connections small."""
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            self.socket.setsockopt(socket.SOL_SOCKET, option, _BLOCK)
        super().server_bind()

    def __init__(self, url: str) -> None:
        self.upstream = (urlsplit(url).hostname, urlsplit(url).port)
        self.up, self.count, self.limit = True, 0, None
        self.victim: subprocess.Popen[bytes] | None = None
        self.lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), Passage)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that is gone."""

    def passed(self, size: int, *, up: bool) -> None:
        """Count bytes."""
        if up is not self.up:
            return
        with self.lock:
            self.count += size
            if self.limit is not None and self.count >= self.limit and self.victim is not None:
                self.limit = None
                os.killpg(self.victim.pid, signal.SIGKILL)


class Passage(socketserver.BaseRequestHandler):
    """One connection."""

    server: Proxy

    def handle(self) -> None:
        """Pass bytes on in both directions until one side ends."""
        with socket.create_connection(self.server.upstream) as upstream:
            for one in (self.request, upstream):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = threading.Thread(target=self.carry, args=[self.request, upstream, True], daemon=True)
            thread.start()
            self.carry(upstream, self.request, False)

    def carry(self, source: socket.socket, target: socket.socket, up: bool) -> None:
        """Pass the bytes of one direction on."""
        with suppress(OSError):
            while data := source.recv(_BLOCK):
                target.sendall(data)
                self.server.passed(len(data), up=up)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)


@contextmanager
def proxied(url: str) -> Iterator[tuple[Proxy, str]]:
    """Give a proxy in front of a server, and its URL."""
    with Proxy(url) as proxy:
        threading.Thread(target=proxy.serve_forever, args=[0.05], daemon=True).start()
        yield proxy, f"http://127.0.0.1:{proxy.server_address[1]}"
        proxy.shutdown()


@attrs.frozen(kw_only=True)
class Tool:
    """A command that uploads and downloads a file.

    Attributes:
        name: its name, with its version.
        up: the arguments that upload ``big`` as the object ``big``.
        down: the arguments that download it to ``out/big``.
        variables: its environment.
    """

    name: str
    up: list[str]
    down: list[str]
    variables: Mapping[str, str]


def tools(server: servers.S3Server, url: str, folder: Path) -> Iterator[Tool]:
    """Yield assetstore and the peers that can be installed, all with parts of 8 MiB and their own number of workers."""
    store = f"s3://{server.bucket}?endpoint_url={quote(url, safe='')}"
    command = [sys.executable, "-m", "assetstore", "-s", store]
    aws = {
        "AWS_ACCESS_KEY_ID": server.access_key,
        "AWS_SECRET_ACCESS_KEY": server.secret_key,
        "AWS_REGION": server.region,
        "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
        "XDG_STATE_HOME": str(folder / "state"),
    }
    upload, download = ["upload", "big", "--key", "big", "-q"], ["download", "big", "-o", "out/big", "-q"]
    yield Tool(name="assetstore", up=[*command, *upload], down=[*command, *download], variables=aws)
    rclone = {
        "RCLONE_CONFIG": "",
        "RCLONE_S3_CHUNK_SIZE": "8Mi",
        **{f"RCLONE_CONFIG_B_{name}": value for name, value in {
            "TYPE": "s3", "PROVIDER": "Other", "ENDPOINT": url, "REGION": server.region, "NO_CHECK_BUCKET": "true",
            "ACCESS_KEY_ID": server.access_key, "SECRET_ACCESS_KEY": server.secret_key}.items()},
    }
    there, at = f"s3://{server.bucket}/big", ["--endpoint-url", url]
    found, missing = find(PEERS)
    for name in missing:
        print(f"{name} cannot be installed and is left out")
    for peer in found:
        name, program = f"{peer.name} {peer.version}", peer.program.splitlines()
        if peer.name == "rclone":
            yield Tool(name=name, up=[*program, "copyto", "big", f"b:{server.bucket}/big"],
                       down=[*program, "copyto", f"b:{server.bucket}/big", "out/big"], variables=rclone)
        elif peer.name == "s5cmd":
            size = ["--part-size", "8"]
            yield Tool(name=name, up=[*program, *at, "cp", *size, "big", there],
                       down=[*program, *at, "cp", *size, there, "out/big"], variables=aws)
        else:
            yield Tool(name=name, up=[*program, *at, "s3", "cp", "big", there],
                       down=[*program, *at, "s3", "cp", there, "out/big"], variables=aws)


@attrs.define(eq=False, kw_only=True)
class Bench:
    """The measurement.

    Attributes:
        server: stores.
        proxy: counts and kills.
        folder: the working directory.
        size: of the file, in bytes.
    """

    server: servers.S3Server
    proxy: Proxy
    folder: Path
    size: int

    def again(self, tool: Tool, *, up: bool) -> int:
        """Return the bytes that both runs moved beyond those of the file, after a kill at 60 %."""
        self.clean(uploaded=not up)
        self.proxy.up, self.proxy.count = up, 0
        code, err = self.run(tool, up, int(AT * self.size))
        if code != -signal.SIGKILL:
            raise SystemExit(f"{tool.name} ended before it was killed: {err[-500:]}")
        code, err = self.run(tool, up, None)
        moved = self.proxy.count
        if code or not self.is_whole(up):
            raise SystemExit(f"{tool.name} failed the second time: {err[-500:]}")
        return max(0, moved - self.size)

    def run(self, tool: Tool, up: bool, limit: int | None) -> tuple[int, str]:
        """Run a command, which is killed when so many bytes have passed."""
        environment = {**os.environ, **tool.variables}
        with self.proxy.lock:
            process = subprocess.Popen(
                tool.up if up else tool.down, cwd=self.folder, env=environment, start_new_session=True,
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            )
            self.proxy.victim, self.proxy.limit = process, limit
        with process:
            _, err = process.communicate()
        return process.returncode, err.decode(errors="replace")

    def clean(self, *, uploaded: bool) -> None:
        """Begin anew: with or without the object, without open uploads, notes and files."""
        for name in ("out", "state"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        (self.folder / "out").mkdir()
        with self.server.client() as client:
            place = {"Bucket": self.server.bucket, "Key": "big"}
            for upload in client.list_multipart_uploads(Bucket=self.server.bucket).get("Uploads", []):
                client.abort_multipart_upload(Bucket=self.server.bucket, Key=upload["Key"], UploadId=upload["UploadId"])
            client.delete_object(**place)
            if uploaded:
                client.upload_file(str(self.folder / "big"), self.server.bucket, "big")

    def is_whole(self, up: bool) -> bool:
        """Compare the object or the file with the original."""
        if up:
            with self.server.client() as client:
                client.download_file(self.server.bucket, "big", str(self.folder / "out" / "big"))
        return not subprocess.run(["cmp", "-s", "big", "out/big"], cwd=self.folder, check=False).returncode


def main() -> None:
    """Print a row for each tool and direction."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1024, help="MiB of the file")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="a pattern of names")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder, size = Path(name), options.size << 20
        with (folder / "big").open("wb") as file:
            for _ in range(options.size):
                file.write(os.urandom(1 << 20))
        (folder / "server").mkdir()
        with servers.seaweedfs(folder / "server") as server, proxied(server.endpoint_url) as (proxy, url):
            bench = Bench(server=server, proxy=proxy, folder=folder, size=size)
            print(f"{options.size} MiB, killed at {AT:.0%}, run again: MiB that were moved again (and parts of 8 MiB)")
            for tool in tools(server, url, folder):
                for direction in ("upload", "download") if re.search(options.only, tool.name) else ():
                    found = [bench.again(tool, up=direction == "upload") for _ in range(options.rounds)]
                    rows.append({"tool": tool.name, "direction": direction, "again": found})
                    shown = ", ".join(f"{again / (1 << 20):,.1f} ({again / PART:.1f})" for again in found)
                    print(f"{tool.name:20} {direction:9} {shown}", flush=True)
    if options.json is not None:
        options.json.write_text(json.dumps(rows))


if __name__ == "__main__":
    main()
