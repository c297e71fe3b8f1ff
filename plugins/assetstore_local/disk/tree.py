"""Opens a root folder and the folders below it step by step, so that no symlink is followed."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from assetstore.plugin import BackendError
from assetstore_local.disk import whole_flush
from assetstore_local.disk.paths import RESERVED, Names, spellings
from assetstore_local.errors import explained

_CLOSE_ON_EXEC = getattr(os, "O_CLOEXEC", 0)
FOLDER = os.O_RDONLY | _CLOSE_ON_EXEC | getattr(os, "O_DIRECTORY", 0)
# Opening a FIFO without O_NONBLOCK would wait for its writer.
FILE = os.O_RDONLY | _CLOSE_ON_EXEC | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | _CLOSE_ON_EXEC | getattr(os, "O_NOFOLLOW", 0)
_INNER_FOLDER = FOLDER | getattr(os, "O_NOFOLLOW", 0)
# The error for a symlink differs between systems.
_NO_FOLDER = (errno.ENOTDIR, errno.ELOOP)
_MAX_OPEN = 64
_NONE = -1


class InTheWayError(BackendError):
    """A file, link or device has the name of a folder that is needed.

    Attributes:
        names: its path below the root.
    """

    def __init__(self, names: Names) -> None:
        super().__init__(f"{'/'.join(names)!r} is neither a folder nor an asset", hint="move it out of the store's folder")
        self.names = names


def is_there(path: str) -> bool:
    """Return whether there is something at a path.

    Raises:
        OSError: that cannot be told; ``os.path.lexists`` would say no.
    """
    try:
        os.lstat(path)
    except FileNotFoundError:
        return False
    return True


def close_quietly(descriptor: int) -> None:
    """Close a folder, or a file that was only read or is already flushed: an error says nothing about what was stored."""
    try:  # noqa: SIM105 - contextlib.suppress takes longer than the call
        os.close(descriptor)
    except OSError:
        pass


def make_root(path: str, *, durable: bool) -> None:
    """Make a folder and its missing parents."""
    missing = [path]
    while not is_there(above := os.path.dirname(missing[-1])):
        missing.append(above)
    os.makedirs(path, exist_ok=True)
    for folder in missing if durable else ():
        descriptor = os.open(os.path.dirname(folder), FOLDER)
        try:
            os.fsync(descriptor)
        finally:
            close_quietly(descriptor)


class Tree:
    """The folders below a root, open for one operation of one thread.

    Attributes:
        durable: whether changes must reach the disk.
        digests: digests by key and ETag, remembered between operations.
        usual_mode: the mode of a new file, once one was made.
    """

    def __init__(self, root: str, *, durable: bool, digests: dict[tuple[str, str], str] | None = None) -> None:
        """Open the root, which may itself be a symlink.

        Args:
            root: path of a folder.
            durable: whether changes must reach the disk.
            digests: digests by key and ETag, remembered between operations.
        """
        self.durable = durable
        self.usual_mode: int | None = None
        self.digests: dict[tuple[str, str], str] = {} if digests is None else digests
        self._root = os.open(root, FOLDER)
        self._open: dict[Names, int] = {}
        self._pinned: dict[Names, int] = {}
        self._unflushed: list[tuple[Names, str | None]] = []

    def folder(self, names: Names, *, make: bool = False) -> int:
        """Return a descriptor of a folder; the 64 last used stay open.

        Raises:
            FileNotFoundError: there is no such folder, and ``make`` is false.
            InTheWayError: something other than a folder has the name, and ``make`` is true or the folder is our own.
        """
        if not names:
            return self._root
        if names in self._pinned:
            return self._pinned[names]
        opened = self._open.pop(names, _NONE)
        if opened == _NONE:
            if len(names) > 1 and names[0] == RESERVED:
                # Every write needs our own folder more than once.
                self.folder(names[:1], make=make)
            opened = self._walk(names, make)
            while len(self._open) >= _MAX_OPEN:
                close_quietly(self._open.pop(next(iter(self._open))))
        self._open[names] = opened
        return opened

    @contextlib.contextmanager
    def pinned(self, names: Names) -> Iterator[int]:
        """Yield a descriptor of a folder, which is made if it is missing and stays open whatever else is opened."""
        self.folder(names[:-1], make=True)
        self._pinned[names] = self._walk(names, True)
        try:
            yield self._pinned[names]
        finally:
            close_quietly(self._pinned.pop(names))

    def _walk(self, names: Names, make: bool) -> int:
        # A listing has just opened the parent, so one of the nearest few is likely open.
        if len(names) == 1:
            return self._enter(self._root, names, 0, make)
        nearest = range(len(names) - 1, max(len(names) - 5, 0), -1)
        depth = next((depth for depth in nearest if names[:depth] in self._open), 0)
        current = start = self._open[names[:depth]] if depth else self._root
        for index in range(depth, len(names)):
            try:
                below = self._enter(current, names, index, make)
            finally:
                if current != start:
                    close_quietly(current)
            current = below
        return current

    def _enter(self, folder: int, names: Names, index: int, make: bool) -> int:
        for name in spellings(names[index]):
            try:
                return os.open(name, _INNER_FOLDER, dir_fd=folder)
            except FileNotFoundError:
                continue
            except OSError as error:
                if error.errno not in _NO_FOLDER:
                    raise
                # A file with the name of a folder of keys is an asset; in place of our own folders it hides records.
                if make or names[0] == RESERVED:
                    raise InTheWayError(names[: index + 1]) from error
        if not make:
            raise FileNotFoundError(errno.ENOENT, "there is no such folder")
        with contextlib.suppress(FileExistsError):
            # What we keep beside the assets, for example the signing key and metadata, is for this user alone.
            os.mkdir(names[index], 0o700 if names[: index + 1] == (RESERVED,) else 0o777, dir_fd=folder)
            self.flush_later(names[:index])
        return os.open(names[index], _INNER_FOLDER, dir_fd=folder)

    def status(self, names: Names) -> os.stat_result | None:
        """Return the status of a file, or of a link itself; ``None`` when there is none."""
        try:
            return os.stat(names[-1], dir_fd=self.folder(names[:-1]), follow_symlinks=False)
        except FileNotFoundError:
            return None

    def sync(self, descriptor: int) -> None:
        """Flush a file or folder to the disk, if changes must be durable."""
        if self.durable:
            os.fsync(descriptor)

    def flush_later(self, folder: Names, name: str | None = None) -> None:
        """Have a folder, or the file ``name`` in it, flushed by the next ``flush``, at the latest at the end of the tree."""
        if self.durable:
            self._unflushed.append((folder, name))

    def flush(self) -> None:
        """Flush what ``flush_later`` noted: by one flush of the whole file system if that costs less than one for each."""
        unflushed, self._unflushed = dict.fromkeys(self._unflushed), []
        if not whole_flush.flush(self._root, len(unflushed)):
            for folder, name in unflushed:
                # Another process may have removed an empty folder.
                with contextlib.suppress(FileNotFoundError):
                    self._flush_one(self.folder(folder), name)

    def _flush_one(self, folder: int, name: str | None) -> None:
        descriptor = folder if name is None else os.open(name, FILE, dir_fd=folder)
        try:
            os.fsync(descriptor)
        finally:
            if descriptor != folder:
                close_quietly(descriptor)

    def prune(self, names: Names) -> None:
        """Remove the folder and its parents, as far as they are empty."""
        self.forget()
        for depth in range(len(names), 0, -1):
            try:
                # Each folder is opened from its parent: opening each from the root would cost the square of the depth.
                for above in range(max(depth - _MAX_OPEN // 2, 0), depth):
                    folder = self.folder(names[:above])
                os.rmdir(names[depth - 1], dir_fd=folder)
            except OSError:
                return

    def forget(self) -> None:
        """Close every folder but the root, because some of them may have been removed."""
        while self._open:
            close_quietly(self._open.popitem()[1])

    def forget_assets(self) -> None:
        """Close every folder but the root and our own, because others may have taken the names of removed ones."""
        for names in [names for names in self._open if names[0] != RESERVED]:
            close_quietly(self._open.pop(names))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._unflushed:
                # What failed keeps its own error. The folders that it made may serve a writer who does not flush them.
                with explained() if error is None else contextlib.suppress(OSError):
                    self.flush()
        finally:
            self.forget()
            close_quietly(self._root)
