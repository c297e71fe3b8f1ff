"""The folder of a store: opened for one operation at a time, made by the first write, swept once in each process."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import TypeVar

import attrs

from assetstore.plugin import NotFoundError, PerProcess, StoreNotFoundError
from assetstore_local.disk import parts_folder, staged_file
from assetstore_local.disk.staged_file import StagedFile
from assetstore_local.disk.tree import Tree, make_root
from assetstore_local.errors import explained
from assetstore_local.r2_rules import R2Rules

T = TypeVar("T")


@attrs.define(eq=False, kw_only=True)
class Root:
    """A store's folder.

    Attributes:
        path: absolute.
        create: whether a missing folder counts as an empty one and is made by the first write.
        durable: whether a write returns only when it would survive a power failure.
        rules: what R2 refuses, if that is to be refused here too.
    """

    path: str
    create: bool
    durable: bool
    rules: R2Rules | None
    _swept: PerProcess[bool] = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Prepare the sweep, which the first write in each process does."""
        self._swept = PerProcess(self._sweep)

    def open(self, *, make: bool = False) -> Tree:
        """Open the folder.

        Raises:
            StoreNotFoundError: it is missing and must not be made, or is not a folder.
            NotFoundError: it is missing, and ``make`` is false.
        """
        try:
            return Tree(self.path, durable=self.durable)
        except FileNotFoundError as error:
            if not self.create:
                hint = "make it, or set create = true"
                raise StoreNotFoundError("the store's folder is missing", hint=hint) from error
            if not make:
                raise NotFoundError("there is no asset under this key") from error
        except NotADirectoryError as error:
            raise StoreNotFoundError("the store's root is not a folder", hint="name a folder as root") from error
        make_root(self.path, durable=self.durable)
        return Tree(self.path, durable=self.durable)

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
        """Yield a new file for the bytes of an asset; what was not moved out at the end is removed."""
        with self.writing() as tree, StagedFile(tree, self.rules) as staged:
            yield staged

    def is_missing(self) -> bool:
        """Return whether the folder is not there and counts as empty."""
        return self.create and not os.path.lexists(self.path)

    def free_bytes(self) -> int:
        """Return how many bytes fit on the disk."""
        path = self.path
        while not os.path.lexists(path):
            path = os.path.dirname(path)
        with explained():
            status = os.statvfs(path)
        return status.f_bavail * status.f_frsize

    def patiently(self, write: Callable[[], T]) -> T:
        """Return what ``write`` returns, called again where R2's rules ask for a pause first."""
        return self.rules.patiently(write) if self.rules else write()

    def _sweep(self) -> bool:
        with self.open(make=True) as tree:
            staged_file.sweep(tree)
            parts_folder.sweep(tree)
        return True
