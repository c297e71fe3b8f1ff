"""Maps the operating system's errors to those of assetstore."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator

from assetstore.plugin import AccessDeniedError, AssetStoreError, BackendError, NoSpaceError, UnknownOutcomeError

TABLE: dict[int, tuple[type[AssetStoreError], str]] = {
    errno.ENOSPC: (NoSpaceError, "free some space on the disk"),
    errno.EDQUOT: (NoSpaceError, "free some space in the quota"),
    errno.EFBIG: (NoSpaceError, "raise the limit on the size of files"),
    errno.EACCES: (AccessDeniedError, "look at the owner and the mode of the store's folder"),
    errno.EPERM: (AccessDeniedError, "look at the owner and the attributes of the store's folder"),
    errno.EROFS: (AccessDeniedError, "mount the file system for writing"),
    errno.EMFILE: (BackendError, "raise the limit on open files"),
    errno.ENFILE: (BackendError, "close some files of other programs"),
    errno.ENAMETOOLONG: (BackendError, "use a file system whose names may have 255 bytes"),
    errno.EXDEV: (BackendError, "keep the store's folder on one file system"),
    errno.EIO: (BackendError, "look for a failing disk"),
}
_OTHER = (BackendError, "look at the store's folder")


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Raise the system's errors as those of assetstore; let everything else pass."""
    try:
        yield
    except AssetStoreError:
        raise
    except OSError as error:
        kind, hint = TABLE.get(error.errno or 0, _OTHER)
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise kind(f"the file system refused: {reason}", hint=hint) from error


@contextlib.contextmanager
def in_doubt() -> Iterator[None]:
    """Raise UnknownOutcomeError when what is written already cannot be flushed: it may be gone after a power failure."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno or errno.EIO)
        raise UnknownOutcomeError(
            f"the asset was written, and may not have reached the disk: {reason}", hint="look for a failing disk"
        ) from error
