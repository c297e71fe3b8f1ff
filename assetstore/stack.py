"""The layers below a store: a backend and the wrappers around it, with one typed and checked method for each operation."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence, Set
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar, cast

import attrs
import pluggy

from assetstore.content.atomic_file import NO_SPACE
from assetstore.content.source import Source
from assetstore.entry_points import described
from assetstore.errors import (
    AssetStoreError,
    IntegrityError,
    NoSpaceError,
    NotFoundError,
    PluginError,
    StoreNotFoundError,
    UnsupportedError,
)
from assetstore.hooks import OPTIONAL, PROJECT, REQUIRED, Hooks
from assetstore.options import (
    OPERATIONS,
    ApplicationOptions,
    BeginPartsOptions,
    CheckOptions,
    CollectOptions,
    ContainerOptions,
    CopyOptions,
    DeleteOptions,
    DownloadOptions,
    EndPartsOptions,
    ListOptions,
    NewAsset,
    PartsOptions,
    PathOptions,
    PresignOptions,
    ReadOptions,
    StatOptions,
    UploadManyOptions,
    UploadOptions,
    UrlOptions,
)
from assetstore.plugin_faults import RAISED, failed, frames_of, is_own_failure, unusable
from assetstore.results import (
    AssetInfo,
    AssetStream,
    CheckReport,
    CollectReport,
    Container,
    DeleteReport,
    ListPage,
    PresignedRequest,
    UploadedPart,
)
from assetstore.settings import OtherStore
from assetstore.wrapper import Wrapper

T = TypeVar("T")

_ASK = "store.can() shows what it supports"
_SWAP = "update.if_match"
_SWAP_BYTES = "keep what must not be lost in the asset's bytes: upload with if_match is guarded where store.can() says so"


@attrs.frozen(eq=False)
class Layer:
    """A backend or a wrapper, in a plugin manager of its own.

    Attributes:
        name: the plugin's name.
        plugin: the plugin.
        manager: its pluggy manager.
        hooks: calls its hooks.
        supports: the option fields that are honoured from this layer down.
    """

    name: str
    plugin: object
    manager: pluggy.PluginManager = attrs.field(repr=False)
    hooks: Hooks = attrs.field(repr=False)
    supports: frozenset[str] = attrs.field(repr=False)

    def has(self, op: str) -> bool:
        """Return whether the operation is implemented here or passed on to a layer that implements it."""
        return bool(getattr(self.hooks, f"assetstore_{op}").get_hookimpls())


class Stack:
    """Calls the operations of the layers and verifies the types of their results.

    Attributes:
        layers: the backend first, the outermost wrapper last.
        supports: the option fields that the whole stack honours.
        location: where the assets are, in a few words for people.
        lasting: whether the assets outlive the backend, so that another process sees them too.
        unreached: places from which the service has refused to copy to this one.
    """

    def __init__(
        self, backend: tuple[str, object], wrappers: Sequence[tuple[str, Callable[[Hooks], object]]] = ()
    ) -> None:
        """Stack the layers; ``wrappers`` are named factories, the outermost first.

        Raises:
            PluginError: a layer breaks the contract of its hooks.
        """
        layers = [backend_layer(*backend)]
        with unusable(functools.partial(described, *backend)):
            self.location: str = str(getattr(backend[1], "location", backend[0]))
            self.prices: dict[str, float] = dict(getattr(backend[1], "prices", {}))
            self.lasting: bool = bool(getattr(backend[1], "lasting", True))
        for name, factory in reversed(wrappers):
            layers.append(wrapper_layer(name, factory, layers[-1]))
        self.layers: tuple[Layer, ...] = tuple(layers)
        self.supports: frozenset[str] = layers[-1].supports | {"list.limit"}
        self._hooks = self._direct(layers[-1].hooks)
        self._able = frozenset((*REQUIRED, *(op for op in OPTIONAL if layers[-1].has(op))))
        self._refused = {op: self._refused_fields(op) for op in OPERATIONS}
        self.unreached: set[Container] = set()

    def has(self, op: str) -> bool:
        """Return whether the stack implements an operation itself."""
        return op in self._able

    def honours(self, op: str, options: object) -> bool:
        """Return whether the stack honours every field of ``options`` that is not at its default."""
        return all(getattr(options, name) == default for name, default in self._refused[op])

    def upload(self, key: str, source: Source, options: UploadOptions) -> AssetInfo:
        """Call ``assetstore_upload``.

        Raises:
            IntegrityError: the backend did not store as many bytes as the source has.
        """
        self.require("upload", options)
        result = self._hooks.assetstore_upload(key, source, options)
        return self._stored(result, source, "upload")

    def _stored(self, result: AssetInfo | None, source: Source, op: str) -> AssetInfo:
        info = self._checked(result, AssetInfo, op)
        sent = source.taken if source.size is None else source.size
        if info.size != sent:
            raise IntegrityError(f"{sent} bytes were sent and {info.size} stored", hint="upload it again")
        return info

    def upload_many(
        self, items: Sequence[NewAsset], options: UploadManyOptions
    ) -> list[AssetInfo | Exception | None] | None:
        """Call ``assetstore_upload_many`` for items that ``require`` let pass; return ``None`` when the stack cannot do it.

        Raises:
            PluginError: the backend did not return one result for each item.
        """
        if not self.has("upload_many") or not self.honours("upload_many", options):
            return None
        results = self._hooks.assetstore_upload_many(items, options)
        if results is None:
            return None
        if not isinstance(results, Sequence) or len(results) != len(items):
            raise PluginError(f"{self._owner} returned {_count(results)} results for {len(items)} uploads")
        return [self._outcome(result, item.source) for result, item in zip(results, items, strict=True)]

    def _outcome(self, result: AssetInfo | Exception | None, source: Source) -> AssetInfo | Exception | None:
        try:
            return result if result is None or isinstance(result, Exception) else self._stored(result, source, "upload_many")
        except AssetStoreError as error:
            return error

    def read(self, key: str, options: ReadOptions) -> AssetStream:
        """Call ``assetstore_read``."""
        self.require("read", options)
        return self._checked(self._hooks.assetstore_read(key, options), AssetStream, "read")

    def stat(self, key: str, options: StatOptions) -> AssetInfo:
        """Call ``assetstore_stat``."""
        self.require("stat", options)
        return self._checked(self._hooks.assetstore_stat(key, options), AssetInfo, "stat")

    def find(self, key: str) -> AssetInfo | None:
        """Return the asset under ``key``, or ``None`` when there is none.

        Raises:
            StoreNotFoundError: the store itself is missing.
        """
        try:
            return self.stat(key, StatOptions())
        except StoreNotFoundError:
            raise
        except NotFoundError:
            return None

    def list(self, prefix: str, options: ListOptions) -> ListPage:
        """Call ``assetstore_list``."""
        self.require("list", options)
        return self._checked(self._hooks.assetstore_list(prefix, options), ListPage, "list")

    def delete(self, keys: Sequence[str], options: DeleteOptions) -> DeleteReport:
        """Call ``assetstore_delete``."""
        self.require("delete", options)
        return self._checked(self._hooks.assetstore_delete(keys, options), DeleteReport, "delete")

    def download(self, key: str, path: Path, options: DownloadOptions) -> AssetInfo | None:
        """Call ``assetstore_download``; return ``None`` when the stack cannot do it."""
        if not self.has("download") or not self.honours("download", options):
            return None
        result = self._hooks.assetstore_download(key, path, options)
        return self._checked_or_none(result, AssetInfo, "download")

    def copy(self, source: str, destination: str, options: CopyOptions) -> AssetInfo | None:
        """Call ``assetstore_copy``; return ``None`` when the stack cannot do it."""
        if not self.has("copy") or not self.honours("copy", options):
            return None
        result = self._hooks.assetstore_copy(source, destination, options)
        return self._checked_or_none(result, AssetInfo, "copy")

    def container(self) -> Container | None:
        """Call ``assetstore_container``; ``None`` when the service must not copy past a wrapper, or the backend has none."""
        return self._container(self.layers[-1])

    def _container(self, layer: Layer) -> Container | None:
        if not layer.has("container"):
            return None
        found = layer.hooks.assetstore_container(options=ContainerOptions())
        return self._checked_or_none(found, Container, "container")

    def shares_assets(self, other: Stack) -> bool:
        """Return whether both stacks have one backend, or two that keep their assets in one place, whatever wraps them."""
        mine, theirs = self.layers[0], other.layers[0]
        if mine.plugin is theirs.plugin:
            return True
        others = other._container(theirs)
        return others is not None and (ours := self._container(mine)) is not None and ours.is_same(others)

    @property
    def folder(self) -> str | None:
        """The folder of this machine in which the backend keeps its assets as files; ``None`` if it keeps them elsewhere."""
        container = self._container(self.layers[0])
        return container.name if container is not None and container.service == Container.FOLDERS else None

    def others(self) -> Iterator[OtherStore]:
        """Yield the other stores that settings of the wrappers name."""
        for layer in self.layers:
            kind = type(layer.plugin)
            values = [getattr(layer.plugin, field.name) for field in attrs.fields(kind)] if attrs.has(kind) else []
            yield from (value for value in values if isinstance(value, OtherStore))

    @property
    def swaps_updates(self) -> bool:
        """Whether of several updates with one ``if_match`` one wins: by a native copy, or by reading and uploading."""
        return swaps_updates(self.supports, copies=self.has("copy"))

    def require_swap(self) -> None:
        """Raise UnsupportedError unless an update with ``if_match`` has one winner."""
        if not self.swaps_updates:
            raise UnsupportedError(
                f"{self._owner} cannot guard an update by if_match, because an update may leave the ETag as it was",
                hint=_SWAP_BYTES,
            )

    def presign(self, key: str, options: PresignOptions) -> PresignedRequest:
        """Call ``assetstore_presign``."""
        self.require("presign", options)
        result = self._hooks.assetstore_presign(key, options)
        return self._required(self._checked_or_none(result, PresignedRequest, "presign"), "sign URLs")

    def presign_many(self, keys: Sequence[str], options: PresignOptions) -> Sequence[PresignedRequest] | None:
        """Call ``assetstore_presign_many``; return ``None`` when the stack cannot do it."""
        if not self.has("presign_many") or not self.honours("presign", options):
            return None
        requests = self._hooks.assetstore_presign_many(keys, options)
        if requests is not None and (not isinstance(requests, Sequence) or len(requests) != len(keys)):
            problem = f"returned {_count(requests)} requests for {len(keys)} keys from assetstore_presign_many"
            raise PluginError(f"{self._owner} {problem}", hint="report it to the plugin's author")
        return None if requests is None else [self._checked(each, PresignedRequest, "presign_many") for each in requests]

    def url(self, key: str, options: UrlOptions) -> str:
        """Call ``assetstore_url``."""
        self.require("url", options)
        result = self._hooks.assetstore_url(key, options)
        return self._required(self._checked_or_none(result, str, "url"), "return public URLs; set public_url if it has one")

    def gives_urls(self, key: str) -> bool:
        """Return whether the stack has public URLs; asks it for that of ``key``, which makes no request."""
        with contextlib.suppress(UnsupportedError):
            self.url(key, UrlOptions())
            return True
        return False

    def path(self, key: str, options: PathOptions) -> Path:
        """Call ``assetstore_path``."""
        self.require("path", options)
        result = self._hooks.assetstore_path(key, options)
        return self._required(self._checked_or_none(result, Path, "path"), "give the file of an asset; as_local() does")

    def gives_paths(self, key: str) -> bool:
        """Return whether the stack has a file of each asset; asks it for that of ``key``, which need not exist."""
        try:
            self.path(key, PathOptions())
        except UnsupportedError:
            return False
        except AssetStoreError:
            return True
        return True

    def begin_parts(self, key: str, options: BeginPartsOptions) -> str:
        """Call ``assetstore_begin_parts``."""
        self.require("begin_parts", options)
        result = self._hooks.assetstore_begin_parts(key, options)
        return self._required(self._checked_or_none(result, str, "begin_parts"), "take uploads in parts")

    def list_parts(self, key: str, options: PartsOptions) -> tuple[UploadedPart, ...]:
        """Call ``assetstore_list_parts``."""
        self.require("list_parts", options)
        parts = self._required(self._hooks.assetstore_list_parts(key, options), "list parts")
        return tuple(self._checked(part, UploadedPart, "list_parts") for part in parts)

    def end_parts(self, key: str, options: EndPartsOptions) -> AssetInfo:
        """Call ``assetstore_end_parts``."""
        self.require("end_parts", options)
        result = self._hooks.assetstore_end_parts(key, options)
        return self._required(self._checked_or_none(result, AssetInfo, "end_parts"), "end uploads in parts")

    def application(self, options: ApplicationOptions) -> Any:
        """Call ``assetstore_application``."""
        self.require("application", options)
        result = self._hooks.assetstore_application(options)
        return self._required(result, "serve its signed requests, which go to the vendor's own servers")

    def check(self, options: CheckOptions) -> CheckReport:
        """Call ``assetstore_check``; an empty report when the stack has none."""
        if not self.has("check"):
            return CheckReport(steps=())
        result = self._hooks.assetstore_check(options)
        return self._checked_or_none(result, CheckReport, "check") or CheckReport(steps=())

    def collect(self, options: CollectOptions) -> CollectReport:
        """Call ``assetstore_collect``; an empty report when the stack has none and nothing is to be repaired."""
        if not self.has("collect"):
            if options.repair:
                raise UnsupportedError(f"{self._owner} does not support collect with repair", hint=_ASK)
            return CollectReport()
        self.require("collect", options)
        result = self._hooks.assetstore_collect(options)
        return self._checked_or_none(result, CollectReport, "collect") or CollectReport()

    def _refused_fields(self, op: str) -> tuple[tuple[str, object], ...]:
        fields = attrs.fields(OPERATIONS[op])
        return tuple((field.name, field.default) for field in fields if f"{op}.{field.name}" not in self.supports)

    def require(self, op: str, options: object) -> None:
        """Raise UnsupportedError unless the stack can do the operation with these options."""
        if op not in self._able:
            raise UnsupportedError(f"{self._owner} does not support {op}", hint=_ASK)
        for name, default in self._refused[op]:
            if getattr(options, name) != default:
                raise UnsupportedError(f"{self._owner} does not support {op} with {name}", hint=_ASK)

    def _direct(self, hooks: Hooks) -> Hooks:
        """Return the same hooks to be called by position, as pluggy calls what implements them.

        A hook with one implementation, no wrapper, that takes all arguments in their order is that implementation: pluggy's
        loop would do nothing but take longer than the store itself.
        """
        calls = SimpleNamespace()
        for op in (*REQUIRED, *OPTIONAL):
            caller = getattr(hooks, f"assetstore_{op}")
            impls, names = caller.get_hookimpls(), caller.spec.argnames
            if len(impls) == 1 and not impls[0].wrapper and not impls[0].hookwrapper and impls[0].argnames == names:
                function = impls[0].function
            else:
                function = functools.partial(_call_by_name, caller, names)
            setattr(calls, f"assetstore_{op}", self._blaming(op, function))
        return cast(Hooks, calls)

    def blamed(self, op: str, error: BaseException) -> BaseException:
        """Return what to raise for an error of a layer: a PluginError that names it, unless the error says enough itself."""
        if isinstance(error, AssetStoreError | MemoryError) or not isinstance(error, RAISED) or not is_own_failure(error):
            return error
        if isinstance(error, OSError) and error.errno in NO_SPACE:
            return NoSpaceError(f"no space is left for a file on this machine: {error.strerror}", hint="free some space")
        return failed(self._culprit(error), op, error)

    def _blaming(self, op: str, function: Callable[..., T]) -> Callable[..., T]:
        def call(*arguments: object) -> T:
            try:
                return function(*arguments)
            except RAISED as error:
                blamed = self.blamed(op, error)
                if blamed is error:
                    raise
                raise blamed from error

        return call

    def _culprit(self, error: BaseException) -> str:
        """Return the layer that raised an error: the last one in its traceback."""
        modules = [type(layer.plugin).__module__ for layer in self.layers]
        names = [frame.f_globals.get("__name__") for frame in frames_of(error)]
        found = [self.layers[modules.index(name)] for name in names if name in modules]
        layer = found[-1] if found else self.layers[-1]
        return described(layer.name, layer.plugin)

    @property
    def _owner(self) -> str:
        return " behind ".join(repr(layer.name) for layer in reversed(self.layers))

    def _required(self, result: T | None, ability: str) -> T:
        if result is None:
            raise UnsupportedError(f"{self._owner} cannot {ability}")
        return result

    def _checked_or_none(self, result: T | None, kind: type[T], op: str) -> T | None:
        return None if result is None else self._checked(result, kind, op)

    def _checked(self, result: T | None, kind: type[T], op: str) -> T:
        if isinstance(result, kind):
            return result
        raise PluginError(
            f"{self._owner} returned {type(result).__name__} from assetstore_{op} instead of {kind.__name__}",
            hint="report it to the plugin's author",
        )


def swaps_updates(supports: Set[str], *, copies: bool) -> bool:
    """Return whether an update with ``if_match`` has one winner, with these option fields and perhaps a native copy."""
    native = copies and "copy.if_match" in supports
    return _SWAP in supports and (native or {"read.if_match", "upload.if_match"} <= supports)


def _count(results: object) -> str:
    return str(len(results)) if isinstance(results, Sequence) else f"a {type(results).__name__} and no"


def _call_by_name(caller: Callable[..., object], names: Sequence[str], *arguments: object) -> object:
    return caller(**dict(zip(names, arguments, strict=True)))


def make_manager(plugins: Sequence[tuple[str, object]]) -> pluggy.PluginManager:
    """Return a manager with these plugins, each checked against ``Hooks``.

    Raises:
        PluginError: a plugin has no hook, an unknown one, one with wrong parameters, or forgot ``@hookimpl`` on one.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    for name, plugin in plugins:
        with unusable(functools.partial(described, name, plugin)):
            _register(manager, name, plugin)
    return manager


def backend_layer(name: str, backend: object) -> Layer:
    """Return the lowest layer, a backend.

    Raises:
        PluginError: the backend lacks a required hook.
    """
    manager = make_manager([(name, backend)])
    hooks = cast(Hooks, manager.hook)
    missing = [op for op in REQUIRED if not getattr(hooks, f"assetstore_{op}").get_hookimpls()]
    if missing:
        raise PluginError(f"plugin {name!r} is not a backend: it lacks {', '.join(f'assetstore_{op}' for op in missing)}")
    with unusable(functools.partial(described, name, backend)):
        return Layer(name, backend, manager, hooks, frozenset(getattr(backend, "supports", ())))


def wrapper_layer(name: str, factory: Callable[[Hooks], object], below: Layer) -> Layer:
    """Return a layer above another one, a wrapper.

    Raises:
        PluginError: the factory does not make a ``Wrapper``.
    """
    with unusable(functools.partial(described, name, factory)):
        wrapper = factory(below.hooks)
    if not isinstance(wrapper, Wrapper):
        kind = type(wrapper).__name__
        raise PluginError(f"plugin {name!r} is not a wrapper: {kind} must inherit assetstore.plugin.Wrapper")
    manager = make_manager([(name, wrapper)])
    own = {op for op in (*REQUIRED, *OPTIONAL) if _overrides(wrapper, op)}
    for op in OPTIONAL:
        # "presign_many" would go past a "presign" of the wrapper's own.
        if op in wrapper.passes and (not below.has(op) or own.isdisjoint({op, op.removesuffix("_many")})):
            # The very hook caller of the layer below, so nothing can come between.
            setattr(manager.hook, f"assetstore_{op}", getattr(below.hooks, f"assetstore_{op}"))
    supports = frozenset(
        field
        for field in below.supports
        if (op := _hook_of(field)) not in own or field in wrapper.supports or f"{op}.*" in wrapper.supports
    )
    return Layer(name, wrapper, manager, cast(Hooks, manager.hook), supports)


def _hook_of(field: str) -> str:
    op = field.partition(".")[0]
    return "copy" if op == "update" else op


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
    except ValueError as error:  # its text shows the reprs of all plugins, which may hold secrets
        raise PluginError(f"plugin {name!r} is given twice") from error
    if not manager.get_hookcallers(plugin):
        raise PluginError(f"plugin {name!r} implements no hook")
