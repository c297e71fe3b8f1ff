"""Finds installed plugins by their entry points. Looks them up by exact name, so no other plugin is imported."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import attrs

from assetstore.errors import PluginError
from assetstore.hooks import PROJECT

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint, EntryPoints

GROUP = "assetstore"
SCHEMES = "assetstore.schemes"
DISABLE_VARIABLE = "ASSETSTORE_DISABLE_PLUGINS"


@attrs.frozen(kw_only=True)
class PluginInfo:
    """One installed plugin.

    Attributes:
        name: its name in a configuration.
        distribution: the package that installs it.
        version: that package's version.
        hooks: the hooks it implements, without ``assetstore_``.
        error: why it cannot be loaded, or ``None``.
    """

    name: str
    distribution: str
    version: str
    hooks: tuple[str, ...] = ()
    error: str | None = None


def load_factory(name: str, group: str = GROUP) -> Callable[..., object]:
    """Return the factory that is installed under exactly this name.

    Raises:
        PluginError: the plugin is missing, installed twice, disabled, or cannot be imported.
    """
    kind = "URL scheme" if group == SCHEMES else "plugin"
    if name in disabled_plugins():
        raise PluginError(f"plugin {name!r} is disabled by {DISABLE_VARIABLE}")
    found = _entry_points(group=group, name=name)
    if not found:
        known = sorted({point.name for point in _entry_points(group=group)})
        close = difflib.get_close_matches(name, known, 1)
        raise PluginError(
            f"no {kind} {name!r} is installed; these are: {', '.join(known)}",
            hint=f"did you mean {close[0]!r}?" if close else f"install the package that provides {name!r}",
        )
    if len(found) > 1:
        owners = sorted(_distribution(point)[0] for point in found)
        raise PluginError(f"{kind} {name!r} is installed twice, by {' and '.join(owners)}", hint="uninstall one of them")
    return _load(next(iter(found)))


def installed_plugins() -> tuple[PluginInfo, ...]:
    """Load and describe every installed plugin; list a plugin that fails to load with its error."""
    infos = []
    for point in sorted(_entry_points(group=GROUP), key=lambda point: point.name):
        distribution, version = _distribution(point)
        info = PluginInfo(name=point.name, distribution=distribution, version=version)
        try:
            if point.name in disabled_plugins():
                raise PluginError(f"disabled by {DISABLE_VARIABLE}")
            infos.append(attrs.evolve(info, hooks=_offered_hooks(_load(point))))
        except PluginError as error:
            infos.append(attrs.evolve(info, error=error.message))
    return tuple(infos)


def disabled_plugins() -> frozenset[str]:
    """Return the names in ``ASSETSTORE_DISABLE_PLUGINS``. These plugins are never imported."""
    return frozenset(name.strip() for name in os.environ.get(DISABLE_VARIABLE, "").split(",") if name.strip())


def _entry_points(**selection: str) -> EntryPoints:
    # The module is slow to load, and a store made of live objects never needs it.
    from importlib.metadata import entry_points

    return entry_points(**selection)  # type: ignore[return-value]  # typeshed keeps 3.9's class in the union


def _distribution(point: EntryPoint) -> tuple[str, str]:
    return (point.dist.name, point.dist.version) if point.dist is not None else ("?", "?")


def _load(point: EntryPoint) -> Callable[..., object]:
    try:
        factory = point.load()
    except Exception as error:  # a foreign module may raise anything on import
        raise PluginError(
            f"plugin {point.name!r} of {_distribution(point)[0]} cannot be loaded: {type(error).__name__}: {error}",
            hint="pip install 'assetstore[all]' installs what assetstore's own plugins need" if _is_ours(point) else None,
        ) from error
    if not callable(factory):
        owner, kind = _distribution(point)[0], type(factory).__name__
        raise PluginError(f"plugin {point.name!r} of {owner} must be callable, got {kind}")
    return cast(Callable[..., object], factory)


def _is_ours(point: EntryPoint) -> bool:
    return _distribution(point)[0] == PROJECT


def _offered_hooks(factory: Any) -> tuple[str, ...]:
    names = (name.removeprefix("assetstore_") for name in dir(factory) if name.startswith("assetstore_"))
    return tuple(sorted(names))
