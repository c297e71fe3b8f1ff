"""Tells the failure of one asset from that of a whole store, which ends the work instead of failing every asset."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from assetstore.errors import AssetStoreError, CredentialsError, StoreNotFoundError, UnavailableError

MOST = 16
"""After so many assets in a row that cannot be reached, the store cannot be reached."""


class Outages:
    """Counts the assets in a row that could not be reached.

    Attributes:
        most: so many of them mean that the store cannot be reached.
        count: how many there are.
    """

    def __init__(self, most: int = MOST) -> None:
        self.most: int = most
        self.count: int = 0

    def note(self, error: Exception | None) -> None:
        """Take what became of the next asset.

        Raises:
            UnavailableError: the last assets could not be reached, one and all.
        """
        self.count = self.count + 1 if isinstance(error, UnavailableError) else 0
        if self.count >= self.most and error is not None:
            raise error


def concerns_all(error: Exception | None) -> bool:
    """Return whether an error would come again for every other asset."""
    return isinstance(error, CredentialsError | StoreNotFoundError)


def reason(error: Exception) -> str:
    """Return why one asset failed, in one sentence."""
    if isinstance(error, AssetStoreError):
        return error.message
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


@contextlib.contextmanager
def named(op: str) -> Iterator[None]:
    """Name the operation in each error that names none."""
    try:
        yield
    except AssetStoreError as error:
        error.op = error.op or op
        raise
