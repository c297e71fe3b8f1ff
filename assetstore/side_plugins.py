"""Calls the plugins outside the data path of a store: naming, observers, signing keys, statistics, commands, closing."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from typing import Any, cast

from assetstore.direct.signing_keys import SigningKeys
from assetstore.errors import AssetStoreError, ConfigError, PluginError, UnsupportedError
from assetstore.hooks import OPTIONAL, REQUIRED, Hooks
from assetstore.options import NameOptions, SigningKeysOptions, StatsOptions
from assetstore.results import Event, ProposedKey, Stats
from assetstore.stack import make_manager

logger = logging.getLogger("assetstore")


class SidePlugins:
    """All plugins of a store in one manager. Calls observers and closers one by one, so a failure of one stops no other.

    Attributes:
        observed: whether there is an observer.
    """

    def __init__(self, layers: Sequence[tuple[str, object]], plugins: Sequence[tuple[str, object]]) -> None:
        """Register the plugins of the layers and the others. Hooks ask the others first, in the order given.

        Raises:
            PluginError: a plugin breaks the contract of its hooks, or is a backend or wrapper.
        """
        for name, plugin in plugins:
            stray = [op for op in (*REQUIRED, *OPTIONAL) if hasattr(plugin, f"assetstore_{op}")]
            if stray:
                raise PluginError(
                    f"plugin {name!r} implements assetstore_{stray[0]}", hint="give it as the backend or in wrappers"
                )
        # pluggy calls the last registered first.
        manager = make_manager([*layers, *reversed(plugins)])
        self._hooks = cast(Hooks, manager.hook)
        self._observers = [(impl.plugin_name, impl.function) for impl in self._impls("event")]
        self.observed = bool(self._observers)
        self._lock = threading.Lock()
        self._closed = False

    def require_open(self) -> None:
        """Raise AssetStoreError once the store is closed."""
        if self._closed:
            raise AssetStoreError("the store is closed", hint="open it again")

    def name(self, filename: str, options: NameOptions) -> ProposedKey:
        """Call ``assetstore_name``.

        Raises:
            ConfigError: no naming plugin proposes a key.
        """
        proposed = self._hooks.assetstore_name(filename=filename, options=options)
        if proposed is None:
            raise ConfigError("no key was given and no naming plugin makes one", hint="pass key=, or configure naming")
        if not isinstance(proposed, ProposedKey):
            raise PluginError(f"a naming plugin returned {type(proposed).__name__} instead of ProposedKey")
        return proposed

    def emit(self, event: Event) -> None:
        """Call ``assetstore_event`` on each observer."""
        for name, observe in self._observers:
            try:
                observe(event=event)
            except Exception:  # a bug of an observer must not fail the operation
                logger.exception("plugin %s failed to observe %s", name, event.op)

    def signing_keys(self) -> SigningKeys:
        """Call ``assetstore_signing_keys``.

        Raises:
            ConfigError: no plugin has keys.
        """
        keys = self._hooks.assetstore_signing_keys(options=SigningKeysOptions())
        if keys is None:
            hint = "set signing_keys to a list of secrets, 32 or more characters each"
            raise ConfigError("the store has no signing keys", hint=hint)
        if not isinstance(keys, SigningKeys):
            raise PluginError(f"a plugin returned {type(keys).__name__} instead of SigningKeys")
        return keys

    def stats(self) -> Stats:
        """Call ``assetstore_stats``."""
        stats = self._hooks.assetstore_stats(options=StatsOptions())
        if stats is None:
            raise UnsupportedError("the store has no statistics plugin", hint="configure stats, or give one in plugins=")
        if not isinstance(stats, Mapping):
            raise PluginError(f"a plugin returned {type(stats).__name__} instead of a mapping from assetstore_stats")
        return Stats(stats)

    def reset_stats(self) -> None:
        """Call ``assetstore_reset_stats``."""
        self._hooks.assetstore_reset_stats(options=StatsOptions())

    def commands(self) -> tuple[Any, ...]:
        """Call ``assetstore_commands`` and return all commands."""
        offers = cast(list[Sequence[Any] | None], self._hooks.assetstore_commands())
        return tuple(command for offer in offers for command in offer or ())

    def close(self) -> None:
        """Call ``assetstore_close`` on each plugin, once."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        for impl in self._impls("close"):
            try:
                impl.function()
            except Exception:  # the other plugins must still be closed
                logger.exception("plugin %s failed to close", impl.plugin_name)

    def _impls(self, hook: str) -> list[Any]:
        """Return the implementations in the order in which pluggy calls them."""
        return list(reversed(getattr(self._hooks, f"assetstore_{hook}").get_hookimpls()))
