"""From a plugin's name to a checked pluggy manager: entry points are resolved by exact name, nothing else is imported."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

import attrs
import pluggy

from assetstore.errors import PluginError
from assetstore.hookspecs import OPTIONAL, PROJECT, REQUIRED, Hooks
from assetstore.wrappers import Wrapper

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint, EntryPoints

GROUP = "assetstore"
SCHEMES = "assetstore.schemes"
DISABLE_VARIABLE = "ASSETSTORE_DISABLE_PLUGINS"


@attrs.frozen(kw_only=True)
class PluginInfo:
    """What is known of one installed plugin.

    Attributes:
        name: its name in a configuration.
        distribution: the package that brought it.
        version: that package's version.
        hooks: the hooks it implements, without ``assetstore_``.
        error: why it cannot be loaded, or ``None``.
    """

    name: str
    distribution: str
    version: str
    hooks: tuple[str, ...] = ()
    error: str | None = None


@attrs.frozen(eq=False)
class Layer:
    """One plugin that owns the operations, a backend or a wrapper, alone in its manager.

    Attributes:
        name: the plugin's name.
        plugin: the plugin.
        manager: its pluggy manager.
        hooks: the relay through which it is called.
        supports: the option fields that are honoured from this layer down.
    """

    name: str
    plugin: object
    manager: pluggy.PluginManager = attrs.field(repr=False)
    hooks: Hooks = attrs.field(repr=False)
    supports: frozenset[str] = attrs.field(repr=False)

    def has(self, op: str) -> bool:
        """Tell whether the operation is implemented here or passed on to a layer that implements it."""
        return bool(getattr(self.hooks, f"assetstore_{op}").get_hookimpls())


def load_factory(name: str, group: str = GROUP) -> Callable[..., object]:
    """Return the factory that is installed under exactly this name.

    Raises:
        PluginError: there is none, there are two, it is disabled, or it cannot be imported.
    """
    kind = "URL scheme" if group == SCHEMES else "plugin"
    if name in disabled_plugins():
        raise PluginError(f"plugin {name!r} is disabled by {DISABLE_VARIABLE}")
    found = _entry_points(group=group, name=name)
    if not found:
        known = sorted({point.name for point in _entry_points(group=group)})
        close = difflib.get_close_matches(name, known, 1)
        raise PluginError(
            f"no {kind} {name!r} is installed, there are: {', '.join(known)}",
            hint=f"did you mean {close[0]!r}?" if close else f"install the package that brings {name!r}",
        )
    if len(found) > 1:
        owners = sorted(_distribution(point)[0] for point in found)
        raise PluginError(f"{kind} {name!r} is brought by {' and '.join(owners)}", hint="uninstall one of them")
    return _load(next(iter(found)))


def installed_plugins() -> tuple[PluginInfo, ...]:
    """Load every installed plugin and tell of each what it is; one that fails is reported and hides no other."""
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
    """Return the names in ``ASSETSTORE_DISABLE_PLUGINS``, which are never imported."""
    return frozenset(name.strip() for name in os.environ.get(DISABLE_VARIABLE, "").split(",") if name.strip())


def make_manager(plugins: Sequence[tuple[str, object]]) -> pluggy.PluginManager:
    """Return a manager with these plugins, each checked against ``Hooks``.

    Raises:
        PluginError: a plugin has no hook, an unknown one, one with wrong parameters, or forgot ``@hookimpl`` on one.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    for name, plugin in plugins:
        _register(manager, name, plugin)
    return manager


def backend_layer(name: str, backend: object) -> Layer:
    """Return the lowest layer.

    Raises:
        PluginError: the backend lacks a required hook.
    """
    manager = make_manager([(name, backend)])
    hooks = cast(Hooks, manager.hook)
    missing = [op for op in REQUIRED if not getattr(hooks, f"assetstore_{op}").get_hookimpls()]
    if missing:
        raise PluginError(f"plugin {name!r} is no backend: it lacks {', '.join(f'assetstore_{op}' for op in missing)}")
    return Layer(name, backend, manager, hooks, frozenset(getattr(backend, "supports", ())))


def wrapper_layer(name: str, factory: Callable[[Hooks], object], below: Layer) -> Layer:
    """Return a layer above another one.

    Raises:
        PluginError: the factory makes no ``Wrapper``.
    """
    wrapper = factory(below.hooks)
    if not isinstance(wrapper, Wrapper):
        raise PluginError(f"plugin {name!r} is no wrapper: {type(wrapper).__name__} does not inherit assetstore.Wrapper")
    manager = make_manager([(name, wrapper)])
    own = {op for op in (*REQUIRED, *OPTIONAL) if _overrides(wrapper, op)}
    for op in OPTIONAL:
        if op in wrapper.passes and op not in own and below.has(op):
            # A passed hook is the very caller of the layer below, so nothing can get between.
            setattr(manager.hook, f"assetstore_{op}", getattr(below.hooks, f"assetstore_{op}"))
    supports = frozenset(
        field
        for field in below.supports
        if (op := field.partition(".")[0]) not in own or field in wrapper.supports or f"{op}.*" in wrapper.supports
    )
    return Layer(name, wrapper, manager, cast(Hooks, manager.hook), supports)


def _overrides(wrapper: Wrapper, op: str) -> bool:
    return getattr(type(wrapper), f"assetstore_{op}", None) is not getattr(Wrapper, f"assetstore_{op}", None)


def _register(manager: pluggy.PluginManager, name: str, plugin: object) -> None:
    for attribute in dir(plugin):
        if attribute.startswith("assetstore_") and manager.parse_hookimpl_opts(plugin, attribute) is None:
            raise PluginError(f"plugin {name!r} defines {attribute} without the marker", hint="put @hookimpl above it")
    try:
        manager.register(plugin, name=name)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise PluginError(f"plugin {name!r} does not fit the hooks: {'; '.join(str(error).splitlines())}") from error
    except ValueError as error:  # its text shows all plugins, and with them what they hide less well than they should
        raise PluginError(f"plugin {name!r} is given twice") from error
    if not manager.get_hookcallers(plugin):
        raise PluginError(f"plugin {name!r} implements no hook")


def _entry_points(**selection: str) -> EntryPoints:
    # The module is slow to load, and a store made of live objects never asks.
    from importlib.metadata import entry_points

    return entry_points(**selection)  # type: ignore[return-value]  # typeshed keeps 3.9's class in the union


def _distribution(point: EntryPoint) -> tuple[str, str]:
    return (point.dist.name, point.dist.version) if point.dist is not None else ("?", "?")


def _load(point: EntryPoint) -> Callable[..., object]:
    try:
        factory = point.load()
    except Exception as error:  # a stranger's module may raise anything while it is imported
        raise PluginError(
            f"plugin {point.name!r} of {_distribution(point)[0]} cannot be loaded: {type(error).__name__}: {error}",
            hint="pip install 'assetstore[all]' brings what our own plugins need" if _is_ours(point) else None,
        ) from error
    if not callable(factory):
        raise PluginError(f"plugin {point.name!r} of {_distribution(point)[0]} is no factory but {type(factory).__name__}")
    return cast(Callable[..., object], factory)


def _is_ours(point: EntryPoint) -> bool:
    return _distribution(point)[0] == PROJECT


def _offered_hooks(factory: Any) -> tuple[str, ...]:
    names = (name.removeprefix("assetstore_") for name in dir(factory) if name.startswith("assetstore_"))
    return tuple(sorted(names))
