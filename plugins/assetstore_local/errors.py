"""Maps the operating system's errors to those of assetstore."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from types import TracebackType

from assetstore.plugin import AccessDeniedError, AssetStoreError, BackendError, NoSpaceError, UnknownOutcomeError

TABLE: dict[int, tuple[type[AssetStoreError], str]] = {
    errno.ENOSPC: (NoSpaceError, "free some space on the disk"),
    errno.EDQUOT: (NoSpaceError, "free some space in the quota"),
    errno.EFBIG: (NoSpaceError, "raise the limit on the size of files"),
    errno.EACCES: (AccessDeniedError, "check the owner and the mode of the store's folder"),
    errno.EPERM: (AccessDeniedError, "check the owner and the attributes of the store's folder"),
    errno.EROFS: (AccessDeniedError, "mount the file system for writing"),
    errno.EMFILE: (BackendError, "raise the limit on open files"),
    errno.ENFILE: (BackendError, "close files in other programs"),
    errno.ENAMETOOLONG: (BackendError, "use a file system that allows names of 255 bytes"),
    errno.EXDEV: (BackendError, "keep the store's folder on one file system"),
    errno.EIO: (BackendError, "check the disk"),
}
_OTHER = (BackendError, "check the store's folder")


class _Explained:
    # A context manager made from a generator costs three times as much, and each call of the system is in this one.

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, OSError) and not isinstance(error, AssetStoreError):
            fitting, hint = TABLE.get(error.errno or 0, _OTHER)
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise fitting(f"the file system refused: {reason}", hint=hint) from error


_EXPLAINED = _Explained()


def explained() -> contextlib.AbstractContextManager[None]:
    """Raise each OSError as the matching error of assetstore; let everything else pass."""
    return _EXPLAINED


@contextlib.contextmanager
def in_doubt(done: str) -> Iterator[None]:
    """Raise UnknownOutcomeError when what was ``done`` cannot be flushed: a power failure may undo it."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno or errno.EIO)
        raise UnknownOutcomeError(
            f"the asset was {done} but that may not have reached the disk: {reason}", hint="check the disk"
        ) from error
