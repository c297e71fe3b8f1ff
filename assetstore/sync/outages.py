"""Tells the failure of one asset from that of a whole store, which ends the work instead of failing every asset."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from assetstore.errors import AssetStoreError, CredentialsError, StoreNotFoundError, UnavailableError

MOST = 16
"""After so many assets in a row that cannot be reached, the store cannot be reached."""

PATIENCE, LONGEST_PAUSE = 120.0, 30.0
"""Seconds for which a store that cannot be reached is tried again, and between two tries."""

MEANWHILE = "another program wrote it meanwhile"


class Patience:
    """Waits longer each time, until it ends."""

    def __init__(self) -> None:
        self._pause, self._spent = 1.0, 0.0

    def renew(self) -> None:
        """Begin anew, since the store answers again."""
        self._pause, self._spent = 1.0, 0.0

    def wait(self, asked: float | None) -> bool:
        """Wait as long as the store asked for, or longer than before; return whether to try again."""
        pause = self._pause if asked is None else asked
        self._spent += pause or self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        if self._spent > PATIENCE:
            return False
        time.sleep(pause)
        return True


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
