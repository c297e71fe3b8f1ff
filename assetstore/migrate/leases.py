"""Leases: say which process runs a shard. They spare work; that a shard ends once is up to its result, written once.

A lease is an object, ``000012.1``, which its holder creates and writes again from time to time. When that stops for longer
than the plan allows, by the clock of the store, another process creates the next number, and the highest number counts. A
lease that is given back is empty, and the next number is free at once. So a store needs no more than to write only where
nothing is, and the clocks of two machines are never compared.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from datetime import timedelta

import attrs

from assetstore.errors import AlreadyExistsError, AssetStoreError
from assetstore.migrate.work import PlanFolder
from assetstore.results import AssetInfo

BEATS = 4
"""How often a lease is written again within the time for which it lasts."""


@attrs.define
class Lease:
    """A shard that this process holds.

    Attributes:
        folder: the folder of the plan.
        shard: the shard.
        owner: the name of the process, for people.
        number: the number of the lease.
        lost: whether another process has taken the shard, because this one gave no sign of life for too long.
    """

    folder: PlanFolder
    shard: str
    owner: str
    number: int = 1
    lost: bool = False

    @classmethod
    def take(cls, folder: PlanFolder, shard: str, owner: str, seconds: float) -> Lease | None:
        """Return a lease, or ``None`` while another process holds the shard.

        Args:
            folder: the folder of the plan.
            shard: the shard.
            owner: the name of the process.
            seconds: how long a lease lasts after it was last written.
        """
        first = cls(folder, shard, owner)
        if first._create():
            return first
        found = {int(info.key.rpartition(".")[2]): info for info in folder.store.list(f"leases/{shard}.")}
        if not found:  # the shard has ended meanwhile
            return None
        number = max(found)
        if is_held(found[number]):
            written = found[number].last_modified
            if written is None or folder.now(owner) - written < timedelta(seconds=seconds):
                return None
        following = cls(folder, shard, owner, number + 1)
        return following if following._create() else None

    @property
    def is_repeated(self) -> bool:
        """Whether the shard may have been run before, in part."""
        return self.number > 1

    def beat(self) -> None:
        """Give a sign of life, unless the shard is lost."""
        if self.folder.store.exists(self._key(self.number + 1)):
            self.lost = True
        else:
            self.folder.store.upload(self.owner.encode(), self._key(), content_type="text/plain")

    def give_back(self) -> None:
        """Let another process have the shard at once."""
        if not self.lost:
            self.folder.store.upload(b"", self._key(), content_type="text/plain")

    def clear(self) -> None:
        """Delete the leases of a shard that has ended."""
        self.folder.store.delete_many([self._key(number) for number in range(1, self.number + 1)])

    @contextlib.contextmanager
    def beating(self, seconds: float) -> Iterator[None]:
        """Give signs of life, on a thread, while the block runs; give the shard back if an error ends it."""
        ended = threading.Event()

        def beat() -> None:
            while not ended.wait(seconds / BEATS) and not self.lost:
                with contextlib.suppress(AssetStoreError):  # there is time for some more
                    self.beat()

        thread = threading.Thread(target=beat, name="assetstore lease", daemon=True)
        thread.start()
        try:
            yield
        except BaseException:
            ended.set()
            thread.join()
            with contextlib.suppress(AssetStoreError):  # it runs out by itself
                self.give_back()
            raise
        finally:
            ended.set()
            thread.join()

    def _create(self) -> bool:
        try:
            self.folder.store.upload(self.owner.encode(), self._key(), content_type="text/plain", overwrite=False)
        except AlreadyExistsError:
            return False
        return True

    def _key(self, number: int | None = None) -> str:
        return f"leases/{self.shard}.{number or self.number}"


def is_held(lease: AssetInfo) -> bool:
    """Return whether the entry of a lease in a listing is one that was not given back."""
    return lease.size > 0
