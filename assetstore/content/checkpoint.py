"""Keeps notes of a large transfer in a file of the user's, so that another process goes on where one was interrupted."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from assetstore.content.atomic_file import PRIVATE
from assetstore.errors import AccessDeniedError, AssetStoreError, UnknownOutcomeError
from assetstore.limits import RESUMABLE

# Windows has no fcntl. Without a lock two processes would write to one file, so nothing is resumed there.
with contextlib.suppress(ImportError):
    import fcntl

Resumed: TypeAlias = Callable[[str, int, int], None]
"""Is called when a transfer goes on, with its key, the bytes that need not be transferred again, and all bytes."""

_WEEK = 7 * 86_400


class Checkpoint:
    """The notes of one transfer: a line of JSON that says how it began, then one for each part that is done.

    They hold digests and the service's id of an upload, but no key, URL or secret. The file is locked: of two that transfer
    the same at once, one has the notes, and the other works without.

    Attributes:
        begun: what ``begin`` noted, in this process or an earlier one; empty before.
        parts: what ``note`` noted of each part.
    """

    def __init__(self, path: Path, resumed: Callable[[int, int], None], least: int) -> None:
        """Open and lock the file, and read what an earlier process noted.

        Args:
            path: the file.
            resumed: called when the transfer goes on, with the bytes that are there and all bytes.
            least: the smallest transfer, in bytes, that goes on later.

        Raises:
            OSError: it cannot be opened, or another process or thread has it.
        """
        self.begun: dict[str, str] = {}
        self.parts: dict[int, str] = {}
        self.resumed: Callable[[int, int], None] = resumed
        self._path = path
        self._least = least
        self._lock = threading.Lock()
        self._closed = False
        self._file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, PRIVATE)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            mine = os.fstat(self._file)
            if not os.path.samestat(mine, os.lstat(path)):
                raise BlockingIOError("another process has just ended with the file")
            self._read(mine)
        except BaseException:
            os.close(self._file)
            raise

    def _read(self, found: os.stat_result) -> None:
        if not stat.S_ISREG(found.st_mode):
            raise OSError("the file must be a regular one")
        *lines, cut = os.pread(self._file, found.st_size, 0).split(b"\n")
        if cut:  # by a kill or a full disk; the next note must not go on in its line
            os.ftruncate(self._file, found.st_size - len(cut))
        with contextlib.suppress(ValueError, TypeError, AttributeError, OverflowError, RecursionError):
            begun = json.loads(lines[0]) if lines else {}
            self.begun = {str(name): str(value) for name, value in begun.items()}
            self.parts = {int(number): str(text) for number, text in map(json.loads, lines[1:])}

    @property
    def name(self) -> str:
        """What names the transfer: 64 hex digits, the same in each process."""
        return self._path.name

    def resumes(self, size: int) -> bool:
        """Return whether a transfer of ``size`` bytes goes on later; a smaller one begins anew."""
        return size >= self._least

    def begin(self, size: int, **facts: str) -> None:
        """Note how a transfer of ``size`` bytes begins, in place of all earlier notes; one that is too small has none."""
        self.forget()
        if self.resumes(size):
            self.begun = facts
            self._write(facts)

    def note_leftover(self, **facts: str) -> None:
        """Note what this transfer, which does not go on, leaves at the service if it is killed; the next one finds it.

        The next one finds it in ``begun`` and ends it there. Every other end of this one drops the note.
        """
        self.forget()
        self._write(facts)

    def note(self, number: int, text: str) -> None:
        """Note that a part is done; several threads may."""
        if self.begun:
            self.parts[number] = text
            self._write([number, text])

    def _write(self, value: object) -> None:
        # Without room for a note the part is transferred again; that is no reason to fail.
        with self._lock, contextlib.suppress(OSError):
            if not self._closed:
                os.write(self._file, json.dumps(value).encode() + b"\n")

    def keeps(self, error: BaseException) -> bool:
        """Return whether the transfer, which ends by this error, may go on later: it began, and nothing of it was wrong."""
        again = not isinstance(error, Exception)  # Ctrl-C, a signal, a call about many assets that was closed
        if isinstance(error, AssetStoreError):
            again = error.retryable or isinstance(error, AccessDeniedError | UnknownOutcomeError)
        return bool(self.begun) and again

    def forget(self) -> None:
        """Drop all notes, because the transfer is over or must begin anew."""
        self.begun, self.parts = {}, {}
        with self._lock, contextlib.suppress(OSError):
            os.ftruncate(self._file, 0)

    def close(self) -> None:
        """Release the file, and remove it if it has no notes."""
        # Ctrl-C does not wait long for threads, and the number of the file may soon be that of another one.
        with self._lock:
            self._closed = True
            with contextlib.suppress(OSError):
                if not self.begun:
                    os.unlink(self._path)
            os.close(self._file)


@contextlib.contextmanager
def opened(
    identity: tuple[str, ...], resumed: Callable[[int, int], None], *, least: int = RESUMABLE
) -> Iterator[Checkpoint | None]:
    """Yield the checkpoint of a transfer, which lasts if the block ends by an error that a later run may not meet.

    Args:
        identity: what the transfer is, the same texts in each process.
        resumed: called when the transfer goes on, with the bytes that are there and all bytes.
        least: the smallest transfer, in bytes, that goes on later.

    Yields ``None`` where no notes can be kept: the disk refuses, the system has no locks, or somebody else has these notes.
    """
    checkpoint = _open(identity, resumed, least)
    if checkpoint is None:
        yield None
        return
    try:
        yield checkpoint
    except BaseException as error:
        if not checkpoint.keeps(error):
            checkpoint.forget()
        raise
    else:
        checkpoint.forget()
    finally:
        checkpoint.close()


def any_left() -> bool:
    """Return whether there are notes of any transfer that can go on: of how it began, and of a part at least."""
    with contextlib.suppress(OSError, RuntimeError):
        return any(path.read_bytes().count(b"\n") > 1 for path in _folder().iterdir())
    return False


def _open(identity: tuple[str, ...], resumed: Callable[[int, int], None], least: int) -> Checkpoint | None:
    if os.name == "nt":
        return None
    name = hashlib.sha256(json.dumps(identity).encode()).hexdigest()
    try:
        folder = _folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sweep(folder)
        return Checkpoint(folder / name, resumed, least)
    except (OSError, RuntimeError):  # the latter for a user without a home
        return None


def _folder() -> Path:
    """Return the folder of all notes (XDG Base Directory Specification)."""
    state = os.environ.get("XDG_STATE_HOME", "")
    return Path(state if os.path.isabs(state) else Path.home() / ".local" / "state", "assetstore", "transfers")


def _sweep(folder: Path) -> None:
    """Remove notes that are too old to be of use: services end uploads in parts that nobody ended after a week."""
    with os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                if entry.stat(follow_symlinks=False).st_mtime < time.time() - _WEEK:
                    os.unlink(entry.path)
