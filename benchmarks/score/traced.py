"""Runs an operation on a store of local files in a process of its own, with strace attached to it.

Runs with the Python of each peer, so it imports no package. A process is forked for each operation. It sends and receives on
a socket, by calls that strace never makes fail.
"""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from score.local_operations import OPERATIONS, set_up, told
from score.local_stores import STORES, LocalStore, look

HANGS_AFTER = 10.0
CALLS = (
    *("openat", "creat", "read", "pread64", "write", "pwrite64", "writev", "fsync", "fdatasync", "syncfs", "close"),
    *("rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir"),
    *("fstat", "stat", "lstat", "newfstatat", "statx", "getdents64", "utimensat", "flock", "ftruncate"),
    *("fchmod", "chmod", "copy_file_range", "sendfile", "readlink", "fstatfs", "fadvise64", "symlink", "symlinkat"),
)
"""The calls by which a store reads and changes files."""


def missing() -> str | None:
    """Return why nothing can be traced here."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    done = subprocess.run(["strace", "-e", "trace=none", "true"], capture_output=True, check=False)
    return None if done.returncode == 0 else "strace may not trace processes here"


Send: TypeAlias = Callable[[Any], object]


class Forked:
    """A process that opens a store, waits, and then runs something on it.

    Attributes:
        pid: its number.
    """

    def __init__(
        self,
        subject: str,
        root: Path,
        prepare: Callable[[LocalStore], object],
        act: Callable[[LocalStore, Send], object],
    ) -> None:
        """Fork it.

        Args:
            subject: whose store.
            root: of the store.
            prepare: called at once.
            act: called after ``go``, with a function that sends something to the parent; sends what this returns.
        """
        self.socket, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.pid = os.fork()
        if self.pid == 0:
            self.socket.close()
            _serve(other, lambda: STORES[subject](root), prepare, act)
        other.close()

    def wait_until_ready(self) -> None:
        """Return once the store is open and prepared."""
        answer = self.receive()
        if answer != "ready":
            raise RuntimeError(f"the store could not be prepared: {answer}")

    def go(self) -> None:
        """Let it run."""
        self.socket.send(b"go")

    def receive(self) -> Any:
        """Return what it sends; ``None`` when it died, ``"hangs"`` when nothing comes."""
        if not select.select([self.socket], [], [], HANGS_AFTER)[0]:
            return "hangs"
        try:
            data = self.socket.recv(1 << 24)
        except ConnectionResetError:
            # It died before it read what it was sent; what it sent itself comes now.
            data = self.socket.recv(1 << 24)
        return json.loads(data) if data else None

    def kill(self) -> None:
        """Kill it, if it still runs."""
        os.kill(self.pid, signal.SIGKILL)

    def end(self) -> None:
        """Kill it, if it still runs, and wait for its end."""
        self.kill()
        os.waitpid(self.pid, 0)
        self.socket.close()


def _serve(
    channel: socket.socket,
    connect: Callable[[], LocalStore],
    prepare: Callable[[LocalStore], object],
    act: Callable[[LocalStore, Send], object],
) -> None:
    def send(what: Any) -> None:
        channel.send(json.dumps(what).encode())

    channel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
    try:
        store = connect()
        prepare(store)
        send("ready")
        channel.recv(10)
        send(act(store, send))
        channel.recv(10)
    except BaseException as error:
        send(f"{type(error).__name__}: {error}"[:300])
    finally:
        os._exit(0)


class Traced:
    """One operation after ``set_up``, traced.

    Attributes:
        answer: what the operation told, see ``told``; a string or ``None`` when it hung or died.
        lines: what strace wrote.
    """

    def __init__(
        self, subject: str, base: Path, operation: str, options: Sequence[str], ready: Callable[[], object] = lambda: None
    ) -> None:
        """Run it.

        Args:
            subject: whose store.
            base: an empty folder.
            operation: its name in ``OPERATIONS``.
            options: of strace.
            ready: called right before the operation.
        """
        root, target, log = base / "root", base / "target", base / "strace"
        act = OPERATIONS[operation][1]
        forked = Forked(subject, root, lambda store: set_up(store, target), lambda store, _: told(store, act, target))
        try:
            forked.wait_until_ready()
            ready()
            command = ["strace", "-f", "-p", str(forked.pid), "-o", str(log), *options]
            with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
                _wait_until_attached(strace)
                forked.go()
                self.answer = forked.receive()
                forked.end()
        except BaseException:
            forked.end()
            raise
        self.lines = log.read_text(errors="replace").splitlines()


def _wait_until_attached(strace: subprocess.Popen[str]) -> None:
    assert strace.stderr
    line = strace.stderr.readline()
    if "attached" not in line:
        raise RuntimeError(f"strace did not attach: {line}")


def warm_up(subject: str, base: Path) -> None:
    """Load what the operations of a store load, so that no forked process has to."""
    for number, (call, act) in enumerate(OPERATIONS.values()):
        if STORES[subject].can(call):
            store = STORES[subject](base / f"{number}-root")
            set_up(store, base / f"{number}-target")
            told(store, act, base / f"{number}-target")
            look(store, base / f"{number}-target")


def looked(subject: str, base: Path, *, fresh: bool = False) -> tuple[dict[str, Any], list[str]]:
    """Return what a process of its own sees of a store and its target, and what is left over; after ``set_up`` if fresh."""
    root, target = base / "root", base / "target"
    prepare: Callable[[LocalStore], object] = (lambda store: set_up(store, target)) if fresh else (lambda store: None)
    forked = Forked(subject, root, prepare, lambda store, _: (look(store, target), store.hidden()))
    try:
        forked.wait_until_ready()
        forked.go()
        answer = forked.receive()
    finally:
        forked.end()
    if not isinstance(answer, list):
        return {"": f"cannot be listed: {answer}"}, []
    return answer[0], answer[1]


_LINE = re.compile(r"(\d+)\s+(\w+)\(")


def counted(lines: Sequence[str], base: Path) -> list[tuple[str, int]]:
    """Return the calls on files below ``base``: the name of each, and how many of that name its thread had made with it."""
    counts: dict[tuple[str, str], int] = {}
    found: dict[tuple[str, int], None] = {}
    for line in lines:
        if match := _LINE.match(line):
            counts[match[1], match[2]] = count = counts.get((match[1], match[2]), 0) + 1
            if str(base) in line:
                found[match[2], count] = None
    return list(found)
