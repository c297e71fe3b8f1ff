"""Opens the folder of a store for each operation, makes it on the first write, and sweeps it once in each process."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import TypeVar

import attrs

from assetstore.plugin import NotFoundError, PerProcess, StoreNotFoundError
from assetstore_local.disk import own_folder, parts_folder, staged_file
from assetstore_local.disk.staged_file import StagedFile
from assetstore_local.disk.tree import Tree, is_there, make_root
from assetstore_local.errors import explained
from assetstore_local.r2_rules import R2Rules

T = TypeVar("T")


@attrs.define(eq=False, kw_only=True)
class Root:
    """A store's folder.

    Attributes:
        path: the absolute path.
        create: whether a missing folder counts as empty until the first write makes it.
        durable: whether a write returns only when it would survive a power failure.
        rules: R2's rules, if they apply.
    """

    path: str
    create: bool
    durable: bool
    rules: R2Rules | None
    _swept: PerProcess[bool] = attrs.field(init=False, repr=False)
    _digests: dict[tuple[str, str], str] = attrs.field(init=False, repr=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        """Prepare the sweep, which the first write in each process runs."""
        self._swept = PerProcess(self._sweep)

    def open(self, *, make: bool = False) -> Tree:
        """Open the folder.

        Raises:
            StoreNotFoundError: it is missing and ``create`` is false, is not a folder, or is a link to nothing.
            NotFoundError: it is missing, and ``make`` is false.
        """
        try:
            return Tree(self.path, durable=self.durable, digests=self._digests)
        except FileNotFoundError as error:
            if not self.create:
                hint = "make it, or set create = true"
                raise StoreNotFoundError("the store's folder is missing", hint=hint) from error
            if os.path.islink(self.path):
                hint = "make that folder, or mount its file system"
                raise StoreNotFoundError("the store's root is a link to a folder that does not exist", hint=hint) from error
            if not make:
                raise NotFoundError("there is no asset under this key") from error
        except NotADirectoryError as error:
            raise StoreNotFoundError("the store's root is not a folder", hint="name a folder as root") from error
        make_root(self.path, durable=self.durable)
        return Tree(self.path, durable=self.durable, digests=self._digests)

    @contextlib.contextmanager
    def writing(self) -> Iterator[Tree]:
        """Open the folder for a write."""
        with explained():
            self._swept.get()
            tree = self.open(make=True)
        with tree:
            yield tree

    @contextlib.contextmanager
    def new_file(self) -> Iterator[StagedFile]:
        """Yield a new file for the bytes of an asset, removed at the end unless it was moved."""
        with self.writing() as tree, StagedFile(tree, self.rules) as staged:
            yield staged

    def is_missing(self) -> bool:
        """Return whether the folder does not exist and counts as empty.

        Raises:
            AssetStoreError: it cannot be told whether it exists.
        """
        with explained(), contextlib.suppress(NotADirectoryError):
            return self.create and not is_there(self.path)
        return False

    def free_bytes(self) -> int:
        """Return the free bytes on the disk."""
        path = self.path
        with explained():
            while not is_there(path):
                path = os.path.dirname(path)
            status = os.statvfs(path)
        return status.f_bavail * status.f_frsize

    def patiently(self, write: Callable[[], T]) -> T:
        """Return the result of ``write``, retried where R2's rules demand a pause."""
        return self.rules.patiently(write) if self.rules else write()

    def _sweep(self) -> bool:
        with self.open(make=True) as tree:
            own_folder.guard(tree)
            staged_file.sweep(tree)
            parts_folder.sweep(tree)
        return True
