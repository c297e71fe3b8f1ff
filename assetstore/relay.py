"""The way from a store to its backend: one typed, checked method for each operation, through all wrappers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import attrs

from assetstore.direct_models import ApplicationOptions, EndPartsOptions, PartsOptions, UploadedPart
from assetstore.errors import PluginError, UnsupportedError
from assetstore.hookspecs import REQUIRED, Hooks
from assetstore.models import (
    AssetInfo,
    AssetStream,
    CheckOptions,
    CheckReport,
    CopyOptions,
    DeleteOptions,
    DeleteReport,
    DownloadOptions,
    ListOptions,
    ListPage,
    ReadOptions,
    StatOptions,
    UploadOptions,
    UrlOptions,
)
from assetstore.plugins import backend_layer, wrapper_layer
from assetstore.signed import PresignedRequest, PresignOptions
from assetstore.sources import Source

T = TypeVar("T")

_OPTIONS: dict[str, type[Any]] = {
    "upload": UploadOptions,
    "read": ReadOptions,
    "stat": StatOptions,
    "list": ListOptions,
    "delete": DeleteOptions,
    "download": DownloadOptions,
    "copy": CopyOptions,
    "presign": PresignOptions,
    "url": UrlOptions,
    "check": CheckOptions,
    "begin_parts": UploadOptions,
    "list_parts": PartsOptions,
    "end_parts": EndPartsOptions,
    "application": ApplicationOptions,
}

OPTION_FIELDS = frozenset(f"{op}.{field.name}" for op, options in _OPTIONS.items() for field in attrs.fields(options))


class Relay:
    """Calls the operations of a stack of layers and checks what comes back; ``None`` never gets past it.

    Attributes:
        layers: the backend first, the outermost wrapper last.
        supports: the option fields that the whole stack honours.
    """

    def __init__(
        self, backend: tuple[str, object], wrappers: Sequence[tuple[str, Callable[[Hooks], object]]] = ()
    ) -> None:
        """Stack the layers; ``wrappers`` are named factories, the outermost first.

        Raises:
            PluginError: a layer breaks the contract of its hooks.
        """
        layers = [backend_layer(*backend)]
        for name, factory in reversed(wrappers):
            layers.append(wrapper_layer(name, factory, layers[-1]))
        self.layers = tuple(layers)
        self.supports = layers[-1].supports | {"list.limit"}
        self._hooks = layers[-1].hooks
        self._refused = {op: self._refused_fields(op) for op in _OPTIONS}

    def has(self, op: str) -> bool:
        """Tell whether the stack implements an operation itself."""
        return op in REQUIRED or (op in _OPTIONS and self.layers[-1].has(op))

    def honours(self, op: str, options: object) -> bool:
        """Tell whether the stack honours every field of ``options`` that is not at its default."""
        return all(getattr(options, name) == default for name, default in self._refused[op])

    def upload(self, key: str, source: Source, options: UploadOptions) -> AssetInfo:
        """Call ``assetstore_upload``."""
        self.require("upload", options)
        return self._sound(self._hooks.assetstore_upload(key=key, source=source, options=options), AssetInfo, "upload")

    def read(self, key: str, options: ReadOptions) -> AssetStream:
        """Call ``assetstore_read``."""
        self.require("read", options)
        return self._sound(self._hooks.assetstore_read(key=key, options=options), AssetStream, "read")

    def stat(self, key: str, options: StatOptions) -> AssetInfo:
        """Call ``assetstore_stat``."""
        self.require("stat", options)
        return self._sound(self._hooks.assetstore_stat(key=key, options=options), AssetInfo, "stat")

    def list(self, prefix: str, options: ListOptions) -> ListPage:
        """Call ``assetstore_list``."""
        self.require("list", options)
        return self._sound(self._hooks.assetstore_list(prefix=prefix, options=options), ListPage, "list")

    def delete(self, keys: Sequence[str], options: DeleteOptions) -> DeleteReport:
        """Call ``assetstore_delete``."""
        self.require("delete", options)
        return self._sound(self._hooks.assetstore_delete(keys=keys, options=options), DeleteReport, "delete")

    def download(self, key: str, path: Path, options: DownloadOptions) -> AssetInfo | None:
        """Call ``assetstore_download``; ``None`` when the stack cannot do so."""
        if not self.has("download") or not self.honours("download", options):
            return None
        result = self._hooks.assetstore_download(key=key, path=path, options=options)
        return self._perhaps(result, AssetInfo, "download")

    def copy(self, source: str, destination: str, options: CopyOptions) -> AssetInfo | None:
        """Call ``assetstore_copy``; ``None`` when the stack cannot do so."""
        if not self.has("copy") or not self.honours("copy", options):
            return None
        result = self._hooks.assetstore_copy(source=source, destination=destination, options=options)
        return self._perhaps(result, AssetInfo, "copy")

    def presign(self, key: str, options: PresignOptions) -> PresignedRequest:
        """Call ``assetstore_presign``."""
        self.require("presign", options)
        result = self._hooks.assetstore_presign(key=key, options=options)
        return self._able(self._perhaps(result, PresignedRequest, "presign"), "sign URLs")

    def url(self, key: str, options: UrlOptions) -> str:
        """Call ``assetstore_url``."""
        self.require("url", options)
        result = self._hooks.assetstore_url(key=key, options=options)
        return self._able(self._perhaps(result, str, "url"), "tell public URLs; set public_url if it has one")

    def begin_parts(self, key: str, options: UploadOptions) -> str:
        """Call ``assetstore_begin_parts``."""
        self.require("begin_parts", options)
        result = self._hooks.assetstore_begin_parts(key=key, options=options)
        return self._able(self._perhaps(result, str, "begin_parts"), "take uploads in parts")

    def list_parts(self, key: str, options: PartsOptions) -> tuple[UploadedPart, ...]:
        """Call ``assetstore_list_parts``."""
        self.require("list_parts", options)
        return tuple(self._able(self._hooks.assetstore_list_parts(key=key, options=options), "list parts"))

    def end_parts(self, key: str, options: EndPartsOptions) -> AssetInfo:
        """Call ``assetstore_end_parts``."""
        self.require("end_parts", options)
        result = self._hooks.assetstore_end_parts(key=key, options=options)
        return self._able(self._perhaps(result, AssetInfo, "end_parts"), "end uploads in parts")

    def application(self, options: ApplicationOptions) -> Any:
        """Call ``assetstore_application``."""
        self.require("application", options)
        result = self._hooks.assetstore_application(options=options)
        return self._able(result, "serve its signed requests, which go to the vendor's own servers")

    def check(self, options: CheckOptions) -> CheckReport:
        """Call ``assetstore_check``; an empty report when the stack has none."""
        if not self.has("check"):
            return CheckReport(steps=())
        result = self._hooks.assetstore_check(options=options)
        return self._perhaps(result, CheckReport, "check") or CheckReport(steps=())

    def _refused_fields(self, op: str) -> tuple[tuple[str, object], ...]:
        fields = attrs.fields(_OPTIONS[op])
        return tuple((field.name, field.default) for field in fields if f"{op}.{field.name}" not in self.supports)

    def require(self, op: str, options: object) -> None:
        """Raise UnsupportedError unless the stack can do the operation with these options."""
        if not self.has(op):
            raise UnsupportedError(f"{self._owner} does not support {op}", hint="store.can() tells what it supports")
        for name, default in self._refused[op]:
            if getattr(options, name) != default:
                raise UnsupportedError(
                    f"{self._owner} does not support {op} with {name}", hint="store.can() tells what it supports"
                )

    @property
    def _owner(self) -> str:
        return " behind ".join(repr(layer.name) for layer in reversed(self.layers))

    def _able(self, result: T | None, ability: str) -> T:
        if result is None:
            raise UnsupportedError(f"{self._owner} cannot {ability}")
        return result

    def _perhaps(self, result: T | None, kind: type[T], op: str) -> T | None:
        return None if result is None else self._sound(result, kind, op)

    def _sound(self, result: T | None, kind: type[T], op: str) -> T:
        if isinstance(result, kind):
            return result
        raise PluginError(
            f"{self._owner} returned {type(result).__name__} from assetstore_{op} instead of {kind.__name__}",
            hint="report it to the plugin's author",
        )
