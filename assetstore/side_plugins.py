"""Calls the plugins outside the data path of a store: naming, observers, signing keys, statistics, commands, closing."""

from __future__ import annotations

import copy
import functools
import logging
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self, cast, get_args

from assetstore.direct.signing_keys import SigningKeys
from assetstore.entry_points import described
from assetstore.errors import AssetStoreError, ConfigError, PluginError, UnsupportedError
from assetstore.hooks import OPTIONAL, REQUIRED, Hooks
from assetstore.options import NameOptions, SigningKeysOptions, StatsOptions
from assetstore.plugin_faults import RAISED, failed, is_own_failure, unusable, watched
from assetstore.results import Event, OnClash, ProposedKey, Stats
from assetstore.stack import make_manager

logger: logging.Logger = logging.getLogger("assetstore")

_LAYER = " at layer "
"""Between the name of a layer's plugin and its number: one plugin may be several layers."""


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
            with unusable(functools.partial(described, name, plugin)):
                stray = [op for op in (*REQUIRED, *OPTIONAL) if hasattr(plugin, f"assetstore_{op}")]
            if stray:
                raise PluginError(
                    f"plugin {name!r} implements assetstore_{stray[0]}", hint="give it as the backend or in wrappers"
                )
        # pluggy calls the last registered first.
        named = [(f"{name}{_LAYER}{number}", plugin) for number, (name, plugin) in enumerate(layers)]
        manager = make_manager([*named, *reversed(plugins)])
        self._hooks = cast(Hooks, manager.hook)
        self._observers = [(impl, self._watched(impl, "event")) for impl in self._impls("event")]
        self.observed: bool = bool(self._observers)
        self._closers = self._impls("close")
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
        proposed = self._first("name", _is_proposed_key, "a ProposedKey", filename=filename, options=options)
        if proposed is None:
            raise ConfigError("no key was given and no naming plugin makes one", hint="pass key=, or configure naming")
        return cast(ProposedKey, proposed)

    def emit(self, event: Event) -> None:
        """Call ``assetstore_event`` on each observer."""
        for impl, observe in self._observers:
            try:
                observe(event=event)
            except RAISED as error:  # a bug of an observer must not fail the operation
                self._log(impl, "event", error)

    def signing_keys(self) -> SigningKeys:
        """Call ``assetstore_signing_keys``.

        Raises:
            ConfigError: no plugin has keys.
        """
        keys = self._first(
            "signing_keys", lambda keys: isinstance(keys, SigningKeys), "SigningKeys", options=SigningKeysOptions()
        )
        if keys is None:
            hint = "set signing_keys to a list of secrets, 32 or more characters each"
            raise ConfigError("the store has no signing keys", hint=hint)
        return cast(SigningKeys, keys)

    def stats(self) -> Stats:
        """Call ``assetstore_stats``."""
        kind = "a mapping of names to mappings of names to numbers"
        stats = self._first("stats", _are_stats, kind, options=StatsOptions())
        if stats is None:
            raise UnsupportedError("the store has no statistics plugin", hint="configure stats, or give one in plugins=")
        return Stats(cast(Mapping[str, Mapping[str, float]], stats))

    def reset_stats(self) -> None:
        """Call ``assetstore_reset_stats``."""
        for impl in self._impls("reset_stats"):
            self._call(impl, "reset_stats", options=StatsOptions())

    def commands(self) -> tuple[Any, ...]:
        """Call ``assetstore_commands`` and return all commands; what is none is left out and logged."""
        commands: list[Any] = []
        for impl in self._impls("commands"):
            try:
                for command in cast(Sequence[Any], self._call(impl, "commands") or ()):
                    if not isinstance(getattr(command, "name", None), str) or not callable(command):
                        raise TypeError("a command must be one of click's")
                    commands.append(command)
            except RAISED as error:  # the commands of other plugins, and our own, must still work
                self._log(impl, "commands", error)
        return tuple(commands)

    def lent(self) -> Self:
        """Return the same plugins for one of several stores that share them: its ``close`` ends that store alone."""
        lent = copy.copy(self)
        vars(lent)["_closers"] = ()
        return lent

    def close(self) -> None:
        """Call ``assetstore_close`` on each plugin, once."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        for impl in self._closers:
            try:
                self._watched(impl, "close")()
            except RAISED as error:  # the other plugins must still be closed
                self._log(impl, "close", error)

    def _impls(self, hook: str) -> list[Any]:
        """Return the implementations in the order in which pluggy calls them."""
        return list(reversed(getattr(self._hooks, f"assetstore_{hook}").get_hookimpls()))

    def _first(self, hook: str, fits: Callable[[object], bool], kind: str, **arguments: object) -> object:
        """Return the first result of a hook that is not ``None``.

        Raises:
            PluginError: a plugin that was asked failed, or its result does not fit.
        """
        for impl in self._impls(hook):
            result = self._call(impl, hook, **arguments)
            if result is not None:
                if not fits(result):
                    text = f"{_owner(impl)} returned {type(result).__name__} from assetstore_{hook} instead of {kind}"
                    raise PluginError(text, hint="report it to the plugin's author")
                return result
        return None

    def _call(self, impl: Any, hook: str, **arguments: object) -> object:
        try:
            return self._watched(impl, hook)(**{name: arguments[name] for name in impl.argnames})
        except AssetStoreError:
            raise
        except RAISED as error:
            if not is_own_failure(error):
                raise
            raise failed(_owner(impl), hook, error) from error

    def _watched(self, impl: Any, hook: str) -> Callable[..., object]:
        return watched(impl.function, lambda: f"{_owner(impl)} has not returned from assetstore_{hook}")

    def _log(self, impl: Any, hook: str, error: BaseException) -> None:
        """Log the failure of a plugin that must not stop anything; raise what is none of the plugin's."""
        if not is_own_failure(error):
            raise error
        logger.error("%s failed in assetstore_%s", _owner(impl), hook, exc_info=error)


def _owner(impl: Any) -> str:
    return described(impl.plugin_name.partition(_LAYER)[0], impl.plugin)


def _is_proposed_key(value: object) -> bool:
    return isinstance(value, ProposedKey) and isinstance(value.key, str) and value.on_clash in get_args(OnClash)


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _are_stats(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(name, str)
        and isinstance(sums, Mapping)
        and all(isinstance(each, str) and _is_finite(number) for each, number in sums.items())
        for name, sums in value.items()
    )
