"""Turns our errors into those that programs expect of a file system."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

from assetstore import AssetStoreError


@contextlib.contextmanager
def as_os_errors() -> Iterator[None]:
    """Raise an error of the store as an OSError, with the store's own as its cause.

    Many of ours are Python's own classes too, for example FileNotFoundError or ValueError. They pass as they are.
    """
    try:
        yield
    except AssetStoreError as error:
        if isinstance(error, OSError | ValueError | NotImplementedError):
            raise
        raise OSError(errno.EIO, str(error)) from error
