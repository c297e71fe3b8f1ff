"""Writes a new file under a random name; once it is complete and flushed, renames it to its final one."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import stat
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from assetstore_local.disk.json_file import TEMPORARY, write_all
from assetstore_local.disk.locks import hold, hold_now
from assetstore_local.disk.paths import Names
from assetstore_local.disk.tree import FILE, NEW, Tree, close_quietly
from assetstore_local.errors import explained
from assetstore_local.r2_rules import R2Rules

_LEFT_OVER_SECONDS = 3600
_MOST_SWEPT = 1000
# The flush of more bytes may take long, so it happens before the key is locked.
_BIG_BYTES = 8 << 20
_PIECE_BYTES = 8 << 20
_READ_BYTES = 1 << 20
# The system says so where the files are on different or odd file systems, or opened in an odd way.
_NO_COPY = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF, errno.ETXTBSY}
_CLOSED = -1
_STEPS_NS = (0, *(10**power for power in range(11)))


class StagedFile:
    """A new file in the folder for temporary files, removed at the end of the ``with`` block unless it was moved.

    Attributes:
        tree: the store's folder, open.
        size: the bytes written so far.
        status: the status of the file when it was settled.
    """

    status: os.stat_result

    def __init__(self, tree: Tree, rules: R2Rules | None = None) -> None:
        self.tree = tree
        self.size: int = 0
        self._rules = rules
        self._hash = hashlib.sha256()
        self._name: str | None = secrets.token_hex(16)
        with explained():
            # Nobody else may read an incomplete file. The mode that it gets later is the one that the first of a batch has.
            mode = 0o666 if tree.usual_mode is None else 0o600
            self._descriptor = os.open(self._name, NEW, mode, dir_fd=tree.folder(TEMPORARY, make=True))
            try:
                if tree.usual_mode is None:
                    tree.usual_mode = stat.S_IMODE(os.fstat(self._descriptor).st_mode)
                    os.fchmod(self._descriptor, 0o600)
                hold(self._descriptor)
            except BaseException:
                self._discard()
                raise

    def write(self, data: bytes) -> None:
        """Append ``data``."""
        with explained():
            write_all(self._descriptor, data)
        self._hash.update(data)
        self.size += len(data)
        if self._rules:
            self._rules.require_size(self.size)

    def copy_from(self, source: int, size: int, report: Callable[[int], None] = lambda total: None) -> bool:
        """Let the system copy a big file, whose blocks may be shared; return whether it can, otherwise nothing was written.

        The copy is hashed, not the source: so the digest is that of the stored bytes, even if the source changes meanwhile.

        Args:
            source: the descriptor of the file.
            size: how many bytes it has.
            report: called with the number of all bytes copied so far.
        """
        if size < _BIG_BYTES or not hasattr(os, "copy_file_range"):
            return False
        from concurrent.futures import ThreadPoolExecutor

        # One thread hashes what the other has copied; both let go of the interpreter while they do.
        hashing = ThreadPoolExecutor(1)
        hashed = []
        try:
            with explained():
                while count := self._copy_piece(source, size):
                    hashed.append(hashing.submit(self._hash_piece, self.size, count))
                    self.size += count
                    report(self.size)
                for piece in hashed:
                    piece.result()
        finally:
            hashing.shutdown(cancel_futures=True)
        return self.size > 0

    def _copy_piece(self, source: int, size: int) -> int:
        """Copy the next piece and return its size, 0 at the end or if the system cannot copy this file."""
        try:
            return os.copy_file_range(source, self._descriptor, min(_PIECE_BYTES, size - self.size), self.size, self.size)
        except OSError as error:
            if self.size or error.errno not in _NO_COPY:
                raise
            return 0

    def _hash_piece(self, start: int, count: int) -> None:
        buffer = memoryview(bytearray(_READ_BYTES))
        for offset in range(start, start + count, _READ_BYTES):
            wanted = min(_READ_BYTES, start + count - offset)
            if os.preadv(self._descriptor, [buffer[:wanted]], offset) != wanted:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            self._hash.update(buffer[:wanted])
        if self.tree.durable:
            # Begins to write these bytes to the disk, and waits for none of them.
            os.posix_fadvise(self._descriptor, start, count, os.POSIX_FADV_DONTNEED)

    @property
    def sha256(self) -> bytes:
        """The SHA-256 of the bytes written so far."""
        return self._hash.digest()

    @property
    def digest(self) -> str:
        """The SHA-256 of the bytes written so far, as ``sha256:`` and hex digits."""
        return f"sha256:{self._hash.hexdigest()}"

    def settle(self, after: int = 0) -> None:
        """Give the complete file its mode and a modification time later than ``after``, in ns; close it.

        It is flushed now if it is big, later otherwise.
        """
        assert self._name is not None
        if self._descriptor == _CLOSED:
            self._descriptor = os.open(self._name, FILE, dir_fd=self.tree.folder(TEMPORARY))
        os.fchmod(self._descriptor, self.tree.usual_mode or 0o600)
        self.status = self.stamp(after)
        if self.size > _BIG_BYTES and not after:
            self.tree.sync(self._descriptor)
        else:
            self.tree.flush_later(TEMPORARY, self._name)
        self._close()

    def stamp(self, after: int) -> os.stat_result:
        """Give the file a modification time later than ``after``, in ns, and return its status.

        The kernel's own times have steps of milliseconds, too coarse to distinguish versions. File systems may have steps of
        up to 2 seconds, hence the loop. After the last time that a file system can store, which only a file put in by hand
        can have, the present is good enough.
        """
        now = time.time_ns()
        for step in _STEPS_NS:
            status = self._stamp(max(now, after + 1) + step)
            if status.st_mtime_ns > after:
                return status
        return self._stamp(now)

    def _stamp(self, wanted: int) -> os.stat_result:
        os.utime(self._descriptor, ns=(wanted, wanted))
        return os.fstat(self._descriptor)

    def move(self, names: Names) -> None:
        """Rename the flushed file, replacing any file of that name in an existing folder; have that flushed later."""
        assert self._name is not None
        folder = self.tree.folder(names[:-1])
        os.rename(self._name, names[-1], src_dir_fd=self.tree.folder(TEMPORARY), dst_dir_fd=folder)
        self._name = None
        self.tree.flush_later(names[:-1])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._discard()

    def _discard(self) -> None:
        if self._name is not None:
            with contextlib.suppress(OSError):
                os.unlink(self._name, dir_fd=self.tree.folder(TEMPORARY))
        with contextlib.suppress(OSError):
            self._close()

    def _close(self) -> None:
        # After an error too the descriptor is closed, and its number may already be another file's.
        descriptor, self._descriptor = self._descriptor, _CLOSED
        if descriptor != _CLOSED:
            os.close(descriptor)


def sweep(tree: Tree) -> None:
    """Remove the files of killed writers: those an hour old that no process has locked."""
    folder = tree.folder(TEMPORARY, make=True)
    oldest = time.time() - _LEFT_OVER_SECONDS
    with os.scandir(folder) as entries:
        for _, entry in zip(range(_MOST_SWEPT), entries, strict=False):
            with contextlib.suppress(OSError):
                if entry.stat(follow_symlinks=False).st_mtime < oldest:
                    remove_left(tree, entry.name, lambda status: status.st_mtime < oldest)


def remove_left(tree: Tree, name: str, is_old: Callable[[os.stat_result], bool], *, look_only: bool = False) -> bool:
    """Remove a temporary file that is old and that no process has locked; return whether it is such a file.

    Args:
        tree: the store's folder, open.
        name: the name of the file.
        is_old: whether a file of this status is old enough.
        look_only: leave it where it is.
    """
    folder = tree.folder(TEMPORARY)
    try:
        descriptor = os.open(name, FILE, dir_fd=folder)
    except FileNotFoundError:
        return False
    try:
        hold_now(descriptor)
        # Its writer may have completed it, which gives it a new time, and let go of it, a moment ago.
        left = is_old(os.fstat(descriptor))
        if left and not look_only:
            os.unlink(name, dir_fd=folder)
        return left
    except (BlockingIOError, FileNotFoundError):
        return False
    finally:
        close_quietly(descriptor)
