"""Finds engines, and has the one that runs shards in this process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs
import pluggy

from assetstore.entry_points import ENGINES, load_factory
from assetstore.errors import InvalidOptionError, PluginError
from assetstore.hooks import PROJECT
from assetstore.migrate.hooks import EngineHooks, EngineOptions, hookimpl
from assetstore.migrate.shards import Migration, ShardResult, run_shard


@attrs.frozen
class Threads:
    """Runs one shard after the other in this process, the assets of each in threads. Start more processes for more.

    Attributes:
        text: ``threads``.
    """

    text: str = "threads"

    def __attrs_post_init__(self) -> None:
        """Refuse an address: there is nothing to connect to."""
        if self.text != "threads":
            raise InvalidOptionError(f"the engine threads must have no address, got {self.text!r}", hint="use threads")

    @hookimpl
    def assetstore_run_shards(
        self, shards: Iterable[str], migration: Migration, options: EngineOptions
    ) -> Iterator[ShardResult]:
        """Run each shard when its result is asked for."""
        return (run_shard(migration, shard, options) for shard in shards)


def load_engine(text: str) -> pluggy.HookRelay:
    """Return the hooks of the engine that a text names, for example ``threads`` or ``dask://host:8786``.

    Raises:
        PluginError: it is not installed, or cannot be used.
    """
    return hooks_of(load_factory(text.partition(":")[0], ENGINES)(text))


def hooks_of(engine: object) -> pluggy.HookRelay:
    """Return the hooks of an engine.

    Raises:
        PluginError: it does not implement them as it must.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(EngineHooks)
    try:
        manager.register(engine)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise PluginError(f"the engine {type(engine).__name__} must implement assetstore_run_shards: {error}") from error
    if not manager.hook.assetstore_run_shards.get_hookimpls():
        raise PluginError(f"the engine {type(engine).__name__} must implement assetstore_run_shards")
    return manager.hook
