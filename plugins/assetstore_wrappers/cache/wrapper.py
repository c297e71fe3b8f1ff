"""The wrapper: serves a read from the folder if the folder has the version that the layer below has."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

import attrs

from assetstore.plugin import (
    AssetInfo,
    AssetStream,
    Body,
    ConfigError,
    CopyOptions,
    DeleteOptions,
    DeleteReport,
    EndPartsOptions,
    IntegrityError,
    ReadOptions,
    Source,
    StatOptions,
    UploadOptions,
    Wrapper,
    hookimpl,
)
from assetstore_wrappers.cache.bodies import CachingBody, KeptRange
from assetstore_wrappers.cache.folder import Folder

MAX_KNOWN = 10_000
"""Of how many assets the last description is remembered for ``max_age``."""


@attrs.define(eq=False)
class Cache(Wrapper):
    """Caches assets that were read whole.

    Attributes:
        folder: where the files are kept; created when it is missing.
        max_bytes: how many bytes to keep at most; a larger asset is never kept.
        max_age: for how many seconds a read need not ask whether the asset has changed. What this store itself changes is
            known at once.
    """

    supports: ClassVar[frozenset[str]] = frozenset(
        {"read.offset", "read.length", "read.if_match", "upload.*", "copy.*", "delete.*", "end_parts.*"}
    )
    # Without "download" the store downloads by reading, which the cache serves.
    passes: ClassVar[frozenset[str]] = frozenset(
        {"copy", "presign", "presign_many", "url", "path", "check", "collect", "application"}
        # "end_parts" is overridden, and there where the layer below has it.
        | {"begin_parts", "list_parts", "end_parts"}
    )

    folder: Path = attrs.field(kw_only=True)
    max_bytes: int = attrs.field(kw_only=True, default=1_000_000_000)
    max_age: int = attrs.field(kw_only=True, default=0)
    _files: Folder = attrs.field(init=False, repr=False)
    _known: dict[str, tuple[AssetInfo, float]] = attrs.field(init=False, repr=False, factory=dict)
    _changes: int = attrs.field(init=False, repr=False, default=0)
    _lock: threading.Lock = attrs.field(init=False, repr=False, factory=threading.Lock)
    _now: Callable[[], float] = attrs.field(init=False, repr=False, default=time.monotonic)

    def __attrs_post_init__(self) -> None:
        for name in ("max_bytes", "max_age"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} must be 0 or more, got {getattr(self, name)}")
        self._files = Folder(self.folder, self.max_bytes)

    @hookimpl
    def assetstore_read(self, key: str, options: ReadOptions) -> AssetStream | None:
        """Return the cached bytes if they are of the present version; otherwise read and cache."""
        info = self._described(key, options.if_match)
        if info is not None and info.etag is not None and options.if_match in (None, info.etag):
            kept = self._files.open(info)
            if kept is not None:
                left = max(0, info.size - options.offset)
                length = left if options.length is None else min(left, options.length)
                body = KeptRange(kept, options.offset, length, again=self._rest_of(info))
                return AssetStream(info=info, body=body, length=length)
        stream = self.inner.assetstore_read(key=key, options=options)
        if stream is None or stream.info.etag is None or not 0 < stream.length == stream.info.size <= self.max_bytes:
            return stream
        return attrs.evolve(stream, body=CachingBody(stream.body, self._files.draft(stream.info)))

    def _described(self, key: str, if_match: str | None) -> AssetInfo | None:
        """Ask the layer below for the asset's version, unless it was asked within ``max_age``."""
        info, asked = self._known.get(key, (None, 0.0))
        if info is not None and self._now() < asked + self.max_age and if_match in (None, info.etag):
            return info
        now, changes = self._now(), self._changes
        info = self.inner.assetstore_stat(key=key, options=StatOptions())
        if info is not None and self.max_age:
            with self._lock:
                self._known.pop(key, None)
                # What was asked before a change of our own may be what it was before.
                if changes == self._changes:
                    self._known[key] = info, now
                if len(self._known) > MAX_KNOWN:
                    del self._known[next(iter(self._known))]
        return info

    def _rest_of(self, info: AssetInfo) -> Callable[[int, int], Body]:
        def again(offset: int, length: int) -> Body:
            options = ReadOptions(offset=offset, length=length, if_match=info.etag)
            stream = self.inner.assetstore_read(key=info.key, options=options)
            if stream is not None and (stream.info.etag, stream.length) == (info.etag, length):
                return stream.body
            if stream is not None:
                stream.body.close()
            raise IntegrityError("the cached file was damaged and has been removed", hint="read the asset again")

        return again

    @hookimpl
    def assetstore_upload(self, key: str, source: Source, options: UploadOptions) -> AssetInfo | None:
        """Pass it on; the version that was known is the old one then, also after a failure."""
        try:
            return self.inner.assetstore_upload(key=key, source=source, options=options)
        finally:
            self._forget(key)

    @hookimpl
    def assetstore_copy(self, source: str, destination: str, options: CopyOptions) -> AssetInfo | None:
        """Pass it on, as an upload."""
        try:
            return self.inner.assetstore_copy(source=source, destination=destination, options=options)
        finally:
            self._forget(destination)

    @hookimpl
    def assetstore_delete(self, keys: Sequence[str], options: DeleteOptions) -> DeleteReport | None:
        """Pass it on, as an upload."""
        try:
            return self.inner.assetstore_delete(keys=keys, options=options)
        finally:
            self._forget(*keys)

    @hookimpl
    def assetstore_end_parts(self, key: str, options: EndPartsOptions) -> AssetInfo | None:
        """Pass it on, as an upload."""
        try:
            return self.inner.assetstore_end_parts(key=key, options=options)
        finally:
            self._forget(key)

    def _forget(self, *keys: str) -> None:
        with self._lock:
            self._changes += 1
            for key in keys:
                self._known.pop(key, None)
