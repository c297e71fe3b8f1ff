"""Opens a configured store for the contract under one random prefix, and cleans up afterwards."""

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
    """The assets that were left under the prefix after the run.

    Attributes:
        removed: how many of them were deleted.
        left: how many could not be deleted.
        reason: why not, or why their number is unknown; ``None`` when nothing is left.
    """

    removed: int = 0
    left: int = 0
    reason: str | None = None


@attrs.define(eq=False)
class LiveStore:
    """A part of a store, under an unused prefix.

    Attributes:
        config: the store's table.
        prefix: the beginning of all keys; short, so that the longest odd keys still fit.
        part_size: the size in bytes from which the backend uploads in parts.
        wrappers: the wrappers of the table, the outermost first.
        is_lasting: whether assets outlive the opening of the store that wrote them.
        leftovers: the result of ``clean_up``.
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
        """Write, find and delete one asset, and set the attributes.

        Raises:
            AssetStoreError: the store refuses, which should show before a hundred guarantees fail.
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
        """Return a new prefix below ``prefix``."""
        return f"{self.prefix}{next(self._numbers):04x}/"

    def clean_up(self) -> None:
        """Delete all remaining assets, one by one where a batch fails."""
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
    return store._stack.layers  # noqa: SLF001 - users never need the layers, the contract tests each


def _wrap_again(wrapper: Any, inner: Hooks) -> Wrapper:
    """Return a copy of the wrapper around another layer."""
    made: Wrapper = attrs.evolve(wrapper, inner=inner)
    return made
