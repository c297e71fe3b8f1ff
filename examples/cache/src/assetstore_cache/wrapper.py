"""The wrapper: reads come from the folder where it has the version that the backend has."""

from __future__ import annotations

from pathlib import Path

import attrs

from assetstore.plugin import AssetStream, ConfigError, ReadOptions, StatOptions, Wrapper, hookimpl
from assetstore_cache.bodies import KeepingBody, Run
from assetstore_cache.folder import Folder


@attrs.define(eq=False)
class Cache(Wrapper):
    """Keeps what was read whole.

    Attributes:
        folder: where to; made when it is missing.
        max_bytes: how many bytes to keep; a larger asset is never kept.
    """

    supports = frozenset({"read.offset", "read.length", "read.if_match"})
    # A download is missing here, so that the store does it by reading, from the cache.
    passes = frozenset({"copy", "presign", "url", "check"})

    folder: Path = attrs.field(kw_only=True)
    max_bytes: int = attrs.field(kw_only=True, default=1_000_000_000)
    _files: Folder = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.max_bytes < 0:
            raise ConfigError("max_bytes is less than 0")
        self._files = Folder(self.folder, self.max_bytes)

    @hookimpl
    def assetstore_read(self, key: str, options: ReadOptions) -> AssetStream | None:
        """Give the kept bytes of the version that the backend has, or its own, and keep those."""
        info = self.inner.assetstore_stat(key=key, options=StatOptions())
        if info is not None and info.etag is not None and options.if_match in (None, info.etag):
            kept = self._files.open(info)
            if kept is not None:
                left = max(0, info.size - options.offset)
                length = left if options.length is None else min(left, options.length)
                return AssetStream(info=info, body=Run(kept, options.offset, length), length=length)
        stream = self.inner.assetstore_read(key=key, options=options)
        if stream is None or stream.info.etag is None or not 0 < stream.length == stream.info.size <= self.max_bytes:
            return stream
        return attrs.evolve(stream, body=KeepingBody(stream.body, self._files.keep(stream.info)))
