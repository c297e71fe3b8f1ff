"""Finds installed plugins by their entry points. Looks them up by exact name, so no other plugin is imported."""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import re
import sys
from collections.abc import Callable, Collection, Iterator
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import attrs

from assetstore.errors import PluginError
from assetstore.plugin_faults import RAISED, is_own_failure, unusable, watched, words_of

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint, EntryPoints

GROUP = "assetstore"
SCHEMES = "assetstore.schemes"
ENGINES = "assetstore.engines"
PAGES = "assetstore.pages"
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
        loaded: whether it was imported to look at its hooks.
    """

    name: str
    distribution: str
    version: str
    hooks: tuple[str, ...] = ()
    error: str | None = None
    loaded: bool = False


def load_factory(name: str, group: str = GROUP) -> Callable[..., object]:
    """Return the factory that is installed under exactly this name.

    Raises:
        PluginError: the plugin is missing, installed twice, disabled, or cannot be imported.
    """
    kind = {SCHEMES: "URL scheme", ENGINES: "engine", PAGES: "page"}.get(group, "plugin")
    if name in disabled_plugins():
        raise PluginError(f"plugin {name!r} is disabled by {DISABLE_VARIABLE}")
    if (written := _written(group, name)) is not None:
        return _load(written)
    found = _entry_points(group=group, name=name)
    if not found:
        import difflib  # slow to load, and seldom needed

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


def installed_plugins(load: Collection[str] | None = None) -> tuple[PluginInfo, ...]:
    """Describe every installed plugin; list a plugin that fails to load with its error.

    Args:
        load: the names or URL schemes of the plugins to import, to see their hooks; by default all.
    """
    schemes = [] if load is None else [point.value for point in _entry_points(group=SCHEMES) if point.name in load]
    infos = []
    for point in sorted(_entry_points(group=GROUP), key=lambda point: point.name):
        distribution, version = _distribution(point)
        info = PluginInfo(name=point.name, distribution=distribution, version=version)
        try:
            if point.name in disabled_plugins():
                raise PluginError(f"disabled by {DISABLE_VARIABLE}")
            if load is None or point.name in load or point.value in schemes:
                with unusable(functools.partial(described, point.name)):
                    info = attrs.evolve(info, hooks=_offered_hooks(_load(point)), loaded=True)
            infos.append(info)
        except PluginError as error:
            infos.append(attrs.evolve(info, error=error.message))
    return tuple(infos)


def described(name: str, plugin: object = None) -> str:
    """Return a plugin's name with its distribution and version for messages: ``plugin 'slugs' (acme-assets 1.2)``.

    Args:
        name: its name in a configuration, or a URL scheme.
        plugin: the object, which tells the distribution of a plugin that a program has under a name of its own.
    """
    points = [point for group in (GROUP, SCHEMES) for point in _entry_points(group=group)]
    module = str(type(plugin).__module__).partition(".")[0]
    of_module = (point for point in points if plugin is not None and point.module.partition(".")[0] == module)
    point = next((point for point in points if point.name == name), None) or next(of_module, None)
    return f"plugin {name!r} ({' '.join(_distribution(point))})" if point else f"plugin {name!r}"


def is_installed(name: str, group: str = GROUP) -> bool:
    """Return whether some distribution has an entry point of exactly this name."""
    return _written(group, name) is not None or bool(_entry_points(group=group, name=name))


def disabled_plugins() -> frozenset[str]:
    """Return the names in ``ASSETSTORE_DISABLE_PLUGINS``. These plugins are never imported."""
    return frozenset(name.strip() for name in os.environ.get(DISABLE_VARIABLE, "").split(",") if name.strip())


def _entry_points(**selection: str) -> EntryPoints:
    # The module is slow to load, and a store made of live objects never needs it.
    from importlib.metadata import entry_points

    return entry_points(**selection)  # type: ignore[return-value]  # typeshed keeps 3.9's class in the union


class _Written(NamedTuple):
    """An entry point that was read without ``importlib.metadata``.

    Attributes:
        group: its group.
        name: its name.
        value: what it names, for example ``package.module:Class``.
    """

    group: str
    name: str
    value: str

    def load(self) -> object:
        """Import and return what it names."""
        module, _, attribute = map(str.strip, self.value.partition("[")[0].partition(":"))
        return functools.reduce(getattr, filter(None, attribute.split(".")), importlib.import_module(module))

    @property
    def dist(self) -> Distribution | None:
        """Its distribution, for errors."""
        return next(iter(_entry_points(group=self.group, name=self.name))).dist


def _written(group: str, name: str) -> _Written | None:
    """Return the entry point of this name if the folders of ``sys.path`` have exactly one.

    ``importlib.metadata``, which loads ``email``, takes longer than all else that a short command needs. It is asked only
    where there is none or more than one, where distributions lie in archives, and where other finders may know of more.
    """
    if any(hasattr(finder, "find_distributions") and finder is not PathFinder for finder in sys.meta_path):
        return None
    found: dict[str, list[_Written]] = {}
    for folder in (entry or "." for entry in sys.path):
        if os.path.isfile(folder) or folder.endswith(".egg"):
            return None
        with contextlib.suppress(OSError):
            # The first distribution of a name counts, whatever it has.
            found = _written_in(folder, os.stat(folder).st_mtime_ns) | found
    points = [point for points in found.values() for point in points if point[:2] == (group, name)]
    return points[0] if len(points) == 1 else None


@functools.lru_cache(maxsize=64)
def _written_in(folder: str, changed: int) -> dict[str, list[_Written]]:
    """Return our entry points of each distribution in a folder that was changed last at ``changed``."""
    found: dict[str, list[_Written]] = {}
    for entry in os.listdir(folder):
        stem, suffix = os.path.splitext(entry)
        if suffix.lower() in (".dist-info", ".egg-info"):
            points = found.setdefault(re.sub(r"[-_.]+", "_", stem.partition("-")[0]).lower(), [])
            with contextlib.suppress(OSError):
                points += _parsed(Path(folder, entry, "entry_points.txt").read_text(encoding="utf-8"))
    return found


def _parsed(text: str) -> Iterator[_Written]:
    group = ""
    for line in map(str.strip, text.splitlines() if f"[{GROUP}" in text else ()):
        if line.startswith("["):
            group = line.strip("[]")
        elif group.startswith(GROUP) and "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            yield _Written(group, name.strip(), value.strip())


def _distribution(point: EntryPoint | _Written) -> tuple[str, str]:
    return (point.dist.name, point.dist.version) if point.dist is not None else ("?", "?")


def _load(point: EntryPoint | _Written) -> Callable[..., object]:
    def owner() -> str:
        return f"plugin {point.name!r} ({' '.join(_distribution(point))})"

    try:
        factory = watched(point.load, lambda: f"{owner()} has not returned from its import")()
    except RAISED as error:  # a foreign module may raise anything on import
        if not is_own_failure(error):
            raise
        is_cured = "pip install" in str(error) or not _is_ours(point)
        raise PluginError(
            f"{owner()} cannot be loaded: {words_of(error)}",
            hint=None if is_cured else "pip install 'assetstore[all]' installs what assetstore's own plugins need",
        ) from error
    if not callable(factory):
        raise PluginError(f"{owner()} must be callable, got {type(factory).__name__}")
    return cast(Callable[..., object], factory)


def require_extra(module: str, extra: str) -> None:
    """Import what an extra of assetstore installs.

    Raises:
        ModuleNotFoundError: it is not installed; the message is one line with the ``pip install`` that cures it.
    """
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        if not f"{module}.".startswith(f"{error.name}."):
            raise
        raise ModuleNotFoundError(f"{error.name} is not installed: pip install 'assetstore[{extra}]'", name=module) from None


def _is_ours(point: EntryPoint | _Written) -> bool:
    from assetstore.hooks import PROJECT  # to find a plugin needs no pluggy

    return _distribution(point)[0] == PROJECT


def _offered_hooks(factory: Any) -> tuple[str, ...]:
    names = (name.removeprefix("assetstore_") for name in dir(factory) if name.startswith("assetstore_"))
    return tuple(sorted(names))
