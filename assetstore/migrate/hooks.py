"""The contract between a migration and its engines, which say where shards run: in this process, or on other machines.

An engine is a plugin of the entry-point group ``assetstore.engines``; its name there is what ``--engine`` takes. The entry
point names a class, or a function, that gets the text of ``--engine`` (``dask``, or ``dask://host:8786``) and returns the
engine. New facts become new fields of ``options`` and ``ShardResult``, with defaults, so the signature never changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import attrs
import pluggy

from assetstore.hooks import PROJECT
from assetstore.options import UploadManyOptions

if TYPE_CHECKING:
    from assetstore.migrate.shards import Migration, ShardResult


hookspec: pluggy.HookspecMarker = pluggy.HookspecMarker(PROJECT)
hookimpl: pluggy.HookimplMarker = pluggy.HookimplMarker(PROJECT)


@attrs.frozen(kw_only=True)
class EngineOptions:
    """How an engine runs shards.

    Attributes:
        max_concurrency: how many assets of one shard are copied at once; ``None`` finds what brings the most.
        progress: called with a number of assets and of bytes that were done since its last call, by engines that work in
            this process; it cannot be sent to another.
    """

    max_concurrency: int | None = None
    progress: Callable[[int, int], object] | None = attrs.field(default=None, eq=False)

    def __attrs_post_init__(self) -> None:
        """Refuse a number that is out of its range, before any shard is leased."""
        if self.max_concurrency is not None:
            UploadManyOptions(max_concurrency=self.max_concurrency)


class EngineHooks:
    """What an engine implements."""

    @hookspec(firstresult=True)
    def assetstore_run_shards(
        self, shards: Iterable[str], migration: Migration, options: EngineOptions
    ) -> Iterator[ShardResult] | None:
        """Call ``assetstore.migrate.run_shard(migration, shard, ...)`` for each shard, anywhere, and yield each result.

        Take the shards as they are needed, hold a bounded number, and yield a result as soon as it is there, in any order.
        ``migration`` can be pickled unless a store of it is a live object, which ``migration.require_names()`` refuses; it
        names stores by their configuration or URL and holds no secret. What ``run_shard`` raises concerns every shard, for
        example missing credentials: raise it, and start nothing more. A shard whose process was lost may be run again at
        once or not at all: its lease runs out, and ``run`` offers it again. When the iterator is closed, end what runs.

        Args:
            shards: the names of shards.
            migration: what the shards belong to.
            options: how to run them.
        """
