"""Writes a file that appears whole at its path, or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from assetstore.errors import (
    AccessDeniedError,
    AlreadyExistsError,
    AssetStoreError,
    BackendError,
    InvalidOptionError,
    NoSpaceError,
)

PART_NAME = re.compile(r"\.[0-9a-f]{16}\.part")
"""The name of a file that is not complete yet."""

PRIVATE = 0o600
"""The mode of files that their owner alone may read and write."""
NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FITTING: tuple[tuple[frozenset[int], type[AssetStoreError], str], ...] = (
    (NO_SPACE, NoSpaceError, "free some space"),
    (frozenset({errno.EACCES, errno.EPERM, errno.EROFS}), AccessDeniedError, "check the owner and the mode of the folder"),
    (
        frozenset({errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP, errno.ENOENT}),
        InvalidOptionError,
        "choose another path",
    ),
)
_OTHER: tuple[type[AssetStoreError], str] = (BackendError, "check the disk")


@contextlib.contextmanager
def replacing(
    path: str | os.PathLike[str],
    *,
    overwrite: bool = True,
    name: str | None = None,
    keeps: Callable[[BaseException], bool] = lambda _: False,
) -> Iterator[Path]:
    """Yield an empty file in the folder of ``path``; on a clean exit it takes that path, otherwise it is removed.

    With ``name``, 16 hex digits that nobody else uses at the time, it may hold bytes: those that were there when an earlier
    block with this name ended by an error that ``keeps`` returned true for, or was killed.

    Missing folders are created. A symlink at ``path`` is followed. An OSError in the block is taken for one of that file.

    Raises:
        AlreadyExistsError: there is a file and ``overwrite`` is false.
        InvalidOptionError: ``path`` exists and is not a regular file, or no file can have it.
        NoSpaceError: the disk is full.
        AccessDeniedError: the folder must not be written to.
        BackendError: the disk failed in another way.
    """
    with writing_errors(repr(os.fspath(path))):
        target = os.path.realpath(path)
        _refuse(target, overwrite=overwrite)
        folder = os.path.dirname(target)
        temporary = _unfinished(folder, secrets.token_hex(8))
        try:
            mode = _create_private(temporary)
        except FileNotFoundError:
            os.makedirs(folder, exist_ok=True)
            mode = _create_private(temporary)
        try:
            if name is not None:
                temporary = _take_over(temporary, _unfinished(folder, name))
            yield Path(temporary)
            _commit(temporary, target, mode, overwrite=overwrite)
        except BaseException as error:
            if not keeps(error):
                with contextlib.suppress(OSError):
                    os.unlink(temporary)
            raise


def _unfinished(folder: str, name: str) -> str:
    return os.path.join(folder, f".{name}.part")


def _take_over(fresh: str, named: str) -> str:
    """Return the unfinished file with this name: the one that was left behind, or otherwise the fresh one."""
    with contextlib.suppress(FileNotFoundError):
        left = os.lstat(named)
        # What anybody else may write to, or might have put there, is not taken over.
        own = left.st_uid == os.geteuid() and left.st_nlink == 1 and stat.S_IMODE(left.st_mode) == PRIVATE
        if stat.S_ISREG(left.st_mode) and own:
            os.unlink(fresh)
            return named
    os.replace(fresh, named)
    return named


@contextlib.contextmanager
def writing_errors(name: str) -> Iterator[None]:
    """Raise each OSError of writing a file, which messages call ``name``, as the matching error of assetstore."""
    try:
        yield
    except OSError as error:
        if isinstance(error, AssetStoreError):
            raise
        kind, hint = next(((kind, hint) for numbers, kind, hint in _FITTING if error.errno in numbers), _OTHER)
        raise kind(f"cannot write {name}: {error.strerror or error}", hint=hint) from error
    except ValueError as error:
        # Python refuses a name with a NUL, by a text that differs between versions, and one with a lone surrogate.
        is_of_name = isinstance(error, UnicodeEncodeError) or "null" in str(error)
        if isinstance(error, AssetStoreError) or not is_of_name:
            raise
        raise InvalidOptionError(f"cannot write {name}: no file can have such a name", hint="choose another path") from error


def _refuse(target: str, *, overwrite: bool) -> None:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        mode = os.stat(target).st_mode
        if not stat.S_ISREG(mode):
            kind = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
            raise InvalidOptionError(f"{target!r} is {kind}", hint="choose a file to write to")
        if not overwrite:
            raise AlreadyExistsError(f"the file {target!r} exists", hint="choose another path or allow overwriting")


def _create_private(path: str) -> int:
    """Make an empty file that only its owner can read, and return the mode that the umask would have given it."""
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    try:
        try:
            mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
            _change_mode(descriptor, path, PRIVATE)
        finally:
            os.close(descriptor)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(path)
        raise
    return mode


def _change_mode(descriptor: int, path: str, mode: int) -> None:
    # Windows can do it by the path alone.
    os.chmod(descriptor if os.chmod in os.supports_fd else path, mode)


def _commit(temporary: str, target: str, mode: int, *, overwrite: bool) -> None:
    descriptor = os.open(temporary, os.O_RDWR)
    try:
        os.fsync(descriptor)
        _change_mode(descriptor, temporary, mode)
    finally:
        os.close(descriptor)
    if overwrite:
        os.replace(temporary, target)
        return
    try:
        _take(temporary, target)
    except FileExistsError as error:
        raise AlreadyExistsError(f"the file {target!r} exists", hint="choose another path") from error


def _take(temporary: str, target: str) -> None:
    """Rename the file to a name that must be free."""
    try:
        os.link(temporary, target)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        # Without hard links an empty file reserves the name first.
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        try:
            os.replace(temporary, target)
        except OSError:
            os.unlink(target)
            raise
    else:
        # The file has its path; its first name stays behind if it cannot be removed.
        with contextlib.suppress(OSError):
            os.unlink(temporary)
