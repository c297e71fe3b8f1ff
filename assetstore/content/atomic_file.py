"""Writes a file that appears whole at its path, or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from assetstore.errors import AlreadyExistsError, InvalidOptionError, NoSpaceError

PART_NAME = re.compile(r"\.[0-9a-f]{16}\.part")
"""The name of a file that is not complete yet."""

NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str], *, overwrite: bool = True) -> Iterator[Path]:
    """Yield an empty file in the folder of ``path``; on a clean exit it takes that path, otherwise it is removed.

    Missing folders are created. A symlink at ``path`` is followed.

    Raises:
        AlreadyExistsError: there is a file and ``overwrite`` is false.
        InvalidOptionError: ``path`` exists and is not a regular file.
        NoSpaceError: the disk is full.
        OSError: the folder cannot be written to.
    """
    target = os.path.realpath(path)
    _refuse(target, overwrite=overwrite)
    with _no_space(target):
        folder = os.path.dirname(target)
        temporary = os.path.join(folder, f".{secrets.token_hex(8)}.part")
        try:
            mode = _create_private(temporary)
        except FileNotFoundError:
            os.makedirs(folder, exist_ok=True)
            mode = _create_private(temporary)
        try:
            yield Path(temporary)
            _commit(temporary, target, mode, overwrite=overwrite)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            raise


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
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        _change_mode(descriptor, path, 0o600)
    finally:
        os.close(descriptor)
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
        os.replace(temporary, target)
    else:
        os.unlink(temporary)


@contextlib.contextmanager
def _no_space(target: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in FULL and not isinstance(error, NoSpaceError):
            raise NoSpaceError(f"there is no space left to write {target!r}", hint="free some space") from error
        raise
