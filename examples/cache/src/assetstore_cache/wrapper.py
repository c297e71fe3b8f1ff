"""The wrapper: serves a read from the folder if the folder has the version that the backend has."""

from __future__ import annotations

from pathlib import Path

import attrs

from assetstore.plugin import AssetStream, ConfigError, ReadOptions, StatOptions, Wrapper, hookimpl
from assetstore_cache.bodies import CachingBody, FileRange
from assetstore_cache.folder import Folder


@attrs.define(eq=False)
class Cache(Wrapper):
    """Caches assets that were read whole.

    Attributes:
        folder: where the files are kept; created when it is missing.
        max_bytes: how many bytes to keep at most; a larger asset is never kept.
    """

    supports = frozenset({"read.offset", "read.length", "read.if_match"})
    # Without "download" the store downloads by reading, which the cache serves.
    passes = frozenset({"copy", "presign", "presign_many", "url", "path", "check", "collect"})

    folder: Path = attrs.field(kw_only=True)
    max_bytes: int = attrs.field(kw_only=True, default=1_000_000_000)
    _files: Folder = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.max_bytes < 0:
            raise ConfigError(f"max_bytes must be 0 or more, got {self.max_bytes}")
        self._files = Folder(self.folder, self.max_bytes)

    @hookimpl
    def assetstore_read(self, key: str, options: ReadOptions) -> AssetStream | None:
        """Return the cached bytes if they are the backend's version; otherwise read from the backend and cache."""
        info = self.inner.assetstore_stat(key=key, options=StatOptions())
        if info is not None and info.etag is not None and options.if_match in (None, info.etag):
            kept = self._files.open(info)
            if kept is not None:
                left = max(0, info.size - options.offset)
                length = left if options.length is None else min(left, options.length)
                return AssetStream(info=info, body=FileRange(kept, options.offset, length), length=length)
        stream = self.inner.assetstore_read(key=key, options=options)
        if stream is None or stream.info.etag is None or not 0 < stream.length == stream.info.size <= self.max_bytes:
            return stream
        return attrs.evolve(stream, body=CachingBody(stream.body, self._files.draft(stream.info)))
