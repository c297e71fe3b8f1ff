"""What every contender can do."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

THREADS = 64
PART = 8 << 20
SMALL_PART = 5 << 20


class Client:
    """What the measurements call.

    ``place`` has the strings ``url``, ``region``, ``access_key``, ``secret_key``, ``bucket``, ``ca`` and, for a command,
    ``program``; for works between two places also ``other``, which is such a place as JSON. With ``seconds`` faults are
    tried, not speed: then silence of so long ends a request, checksums are compared and caches left out, where a library can
    be told so.
    """

    def __init__(self, place: Mapping[str, str], option: str = "") -> None:
        self.place = place
        self.bucket = place["bucket"]
        self.secure = place["url"].startswith("https")
        self.keys = (place["access_key"], place["secret_key"])
        self.open(option)

    def open(self, option: str) -> None:
        """Make the library's own object."""

    def put(self, key: str, data: bytes) -> None:
        """Store bytes."""
        raise NotImplementedError

    def get(self, key: str) -> bytes:
        """Return the bytes of an object."""
        raise NotImplementedError

    def head(self, key: str) -> None:
        """Ask for an object's size and headers."""
        raise NotImplementedError

    def delete(self, key: str) -> None:
        """Delete an object."""
        raise NotImplementedError

    def create(self, key: str, data: bytes) -> None:
        """Store bytes unless there is such an object."""
        raise NotImplementedError

    def copy(self, source: str, target: str) -> None:
        """Copy an object."""
        raise NotImplementedError

    def names(self, prefix: str) -> list[str]:
        """Return the keys of all objects below a prefix."""
        raise NotImplementedError

    def count(self, prefix: str) -> int:
        """Count all objects below a prefix, each as an object of Python."""
        raise NotImplementedError

    def folder(self, prefix: str) -> int:
        """List what is directly below a prefix, with all that the listing tells of each, and count it."""
        raise NotImplementedError

    def opened(self, key: str) -> Any:
        """Return an object as a file that seeks."""
        raise NotImplementedError

    def up(self, path: Path, key: str) -> None:
        """Upload a file of any size."""
        raise NotImplementedError

    def in_parts(self, path: Path, key: str) -> None:
        """Upload a file in parts of ``SMALL_PART`` bytes."""
        raise NotImplementedError

    def down(self, key: str, path: Path) -> None:
        """Download a file of any size."""
        raise NotImplementedError

    def sync_up(self, folder: Path, prefix: str) -> None:
        """Make what is below a prefix equal to a folder."""
        raise NotImplementedError

    def sync_across(self, prefix: str) -> None:
        """Make what is below a prefix in the other place equal to what is below it here."""
        raise NotImplementedError

    def check(self, prefix: str) -> None:
        """Compare what is below a prefix here and in the other place, by listings alone."""
        raise NotImplementedError

    def many_up(self, folder: Path, prefix: str, names: list[str]) -> None:
        """Upload small files."""
        in_threads(lambda name: self.put(prefix + name, (folder / name).read_bytes()), names)

    def many_down(self, prefix: str, names: list[str], folder: Path) -> None:
        """Download small files."""
        in_threads(lambda name: (folder / name).write_bytes(self.get(prefix + name)), names)


def in_threads(call: Callable[[str], object], names: Iterable[str], threads: int = THREADS) -> int:
    """Call for each name in a pool; return how many."""
    with ThreadPoolExecutor(threads) as pool:
        return sum(1 for _ in pool.map(call, names))


class Command(Client):
    """A command line, run once for each call; its start counts."""

    peak = 0
    """The most memory that a run had, in bytes."""

    def run(self, *arguments: str) -> str:
        """Run the program; return what it printed."""
        command = [*self.place["program"].split("\n"), *arguments]
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(command, env={**os.environ, **self.environment()}, stdout=output, stderr=errors)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            self.peak = max(self.peak, usage.ru_maxrss * 1024)
            output.seek(0)
            errors.seek(0)
            if process.returncode:
                raise RuntimeError(f"{arguments} ended with {process.returncode}: {errors.read()[-2000:].decode()}")
            return output.read().decode()

    def environment(self) -> Mapping[str, str]:
        """Return the variables that the program needs."""
        return {
            "AWS_ACCESS_KEY_ID": self.place["access_key"],
            "AWS_SECRET_ACCESS_KEY": self.place["secret_key"],
            "AWS_DEFAULT_REGION": self.place["region"],
            "AWS_REGION": self.place["region"],
        }
