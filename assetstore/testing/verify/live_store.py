"""Opens a configured store for the contract, under one random prefix, and leaves the store as it was."""

from __future__ import annotations

import functools
import itertools
import secrets
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs

from assetstore.config import StoreConfig, build_store
from assetstore.errors import AssetStoreError
from assetstore.hooks import Hooks
from assetstore.results import AssetInfo, DeleteReport
from assetstore.stack import Layer
from assetstore.store import AssetStore
from assetstore.wrapper import Wrapper

DEFAULT_PART_SIZE = 1 << 16


@attrs.frozen(kw_only=True)
class Leftovers:
    """What was found under a prefix when all was over.

    Attributes:
        removed: how many assets are gone now.
        left: how many are not.
        reason: why, or why nobody knows; ``None`` when nothing is left.
    """

    removed: int = 0
    left: int = 0
    reason: str | None = None


@attrs.define(eq=False)
class LiveStore:
    """A part of a store, under a prefix that nobody used before.

    Attributes:
        config: the store's table.
        prefix: what all keys begin with; short, because the longest odd keys have to fit behind it.
        part_size: where the backend begins to send in parts, in bytes.
        wrappers: what the table puts between store and backend, the outermost first.
        is_lasting: whether what one opening of the store wrote is there for the next.
        leftovers: what ``clean_up`` found.
    """

    config: StoreConfig
    prefix: str = attrs.field(factory=lambda: f"verify-{secrets.token_hex(4)}/")
    part_size: int = DEFAULT_PART_SIZE
    wrappers: Sequence[tuple[str, Callable[[Hooks], object]]] = ()
    is_lasting: bool = False
    leftovers: Leftovers = attrs.field(init=False, factory=Leftovers)
    _wrote: bool = attrs.field(init=False, default=False)
    _numbers: Iterator[int] = attrs.field(init=False, factory=itertools.count)

    def explore(self) -> None:
        """Write, read and delete one asset, and find out what the attributes say.

        Raises:
            AssetStoreError: the place does not let us; best found out before a hundred guarantees are.
        """
        with build_store(self.config) as store, build_store(self.config) as other:
            backend, *wrappers = _layers(store)
            self.part_size = getattr(backend.plugin, "part_size", DEFAULT_PART_SIZE)
            self.wrappers = [(layer.name, functools.partial(_wrap_again, layer.plugin)) for layer in reversed(wrappers)]
            part = store.scoped(self.prefix)
            if list(part.list(limit=1)):
                raise AssetStoreError(f"the prefix {self.prefix!r} is taken", hint="run it again")
            self._wrote = True
            part.upload(b"found", "a")
            self.is_lasting = other.scoped(self.prefix).exists("a")
            part.delete("a")

    def open(self) -> AssetStore:
        """Open the whole store."""
        return build_store(self.config)

    def open_backend(self) -> object:
        """Return a new backend."""
        return _layers(build_store(self.config))[0].plugin

    def next_prefix(self) -> str:
        """Return another prefix below that of the place each time."""
        return f"{self.prefix}{next(self._numbers):04x}/"

    def clean_up(self) -> None:
        """Delete all that is left, one by one where a batch fails."""
        if self._wrote:
            self.leftovers = self._clean_up()

    def _clean_up(self) -> Leftovers:
        removed, error = 0, None
        for delete in (AssetStore.delete_many, _delete_each):
            try:
                with self.open() as store:
                    part = store.scoped(self.prefix)
                    report = delete(part, list(part.list()))
            except AssetStoreError as failure:
                return Leftovers(removed=removed, reason=failure.message)
            removed += len(report.deleted)
            error = report.failed[0].error if report.failed else None
            if error is None:
                break
        return Leftovers(removed=removed, left=len(report.failed), reason=None if error is None else error.message)


def _delete_each(store: AssetStore, found: Sequence[AssetInfo]) -> DeleteReport:
    reports = [store.delete_many([asset]) for asset in found]
    deleted = tuple(key for report in reports for key in report.deleted)
    return DeleteReport(deleted=deleted, failed=tuple(failure for report in reports for failure in report.failed))


def _layers(store: AssetStore) -> tuple[Layer, ...]:
    return store._stack.layers  # noqa: SLF001 - users never need the layers, the contract tries them one by one


def _wrap_again(wrapper: Any, inner: Hooks) -> Wrapper:
    """Return the same wrapper around something else."""
    made: Wrapper = attrs.evolve(wrapper, inner=inner)
    return made
