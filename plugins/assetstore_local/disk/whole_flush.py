"""Flushes a whole file system by one call, where that keeps the promise of flushing each file and costs less.

Only Linux has the call, ``syncfs``; Python does not offer it. From Linux 5.8 on it reports lost writes, as ``fsync`` does.
"""

from __future__ import annotations

import errno
import os
import re
import sys
from functools import cache
from typing import Any

MOST_DIRTY_BYTES = 256 << 20
"""With more than this to write on the whole machine, other programs' bytes included, few files are flushed one by one."""

BYTES_FOR_EACH = 8 << 20
"""By how much each further file raises that limit: a flush of its own costs about as much as writing these bytes."""

_MEMORY = "/proc/meminfo"
# Of other file systems it is not known, or known to be false, that the call makes all bytes durable; FUSE ignores it.
_KEEP_THE_PROMISE = {"ext4": 0xEF53, "xfs": 0x58465342, "btrfs": 0x9123683E, "f2fs": 0xF2F52010, "tmpfs": 0x01021994}
_DIRTY = re.compile(rb"^(?:Dirty|Writeback): +(\d+) kB$", re.MULTILINE)


def flush(descriptor: int, count: int) -> bool:
    """Flush the file system of an open file, if that suits ``count`` changed files and folders; return whether it did.

    If it fails the fault may be another program's file: only the flush of each file tells.
    """
    if count < 2 or not keeps_the_promise(descriptor) or _dirty_bytes() > MOST_DIRTY_BYTES + count * BYTES_FOR_EACH:
        return False
    try:
        syncfs(descriptor)
    except OSError:
        return False
    return True


def keeps_the_promise(descriptor: int) -> bool:
    """Return whether all that was written to the file system of an open file is durable after ``syncfs``."""
    library = _library()
    if library is None:
        return False
    # The first field of the structure is the type of the file system; the structure is far smaller than this.
    status = (_ctypes().c_long * 64)()
    return library.fstatfs(descriptor, status) == 0 and status[0] in _KEEP_THE_PROMISE.values()


def syncfs(descriptor: int) -> None:
    """Flush the file system of an open file.

    Raises:
        OSError: some bytes could not be written.
    """
    library = _library()
    assert library is not None
    if library.syncfs(descriptor) != 0:
        number = _ctypes().get_errno() or errno.EIO
        raise OSError(number, os.strerror(number))


def _dirty_bytes() -> int:
    try:
        with open(_MEMORY, "rb", buffering=0) as file:
            return sum(int(kib) << 10 for kib in _DIRTY.findall(file.read(4096)))
    except OSError:
        # A container may have no /proc. What is not known may be much.
        return sys.maxsize


@cache
def _library() -> Any | None:
    version = re.match(r"(\d+)\.(\d+)", os.uname().release)
    if sys.platform != "linux" or version is None or (int(version[1]), int(version[2])) < (5, 8):
        return None
    try:
        library = _ctypes().CDLL(None, use_errno=True)
        return library if library.syncfs and library.fstatfs else None
    except (ImportError, OSError, AttributeError):
        return None


def _ctypes() -> Any:
    # Its import takes milliseconds, which only durable writes need to spend.
    import ctypes

    return ctypes
