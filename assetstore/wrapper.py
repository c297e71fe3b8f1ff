"""``Wrapper``, the base class of layers between the store and its backend: passes every required operation on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs

from assetstore.content.source import Source
from assetstore.hooks import Hooks, hookimpl
from assetstore.options import DeleteOptions, ListOptions, ReadOptions, StatOptions, UploadOptions
from assetstore.results import AssetInfo, AssetStream, DeleteReport, ListPage


@attrs.define(eq=False)
class Wrapper:
    """A plugin between store and backend. Subclass it and override the hooks that you change.

    The store lacks every optional hook that the wrapper neither implements nor names in ``passes``, so that a native copy or
    a signed URL cannot bypass the wrapper.

    Example::

        class ReadOnly(Wrapper):
            supports = frozenset({"upload.*"})
            passes = frozenset({"presign"})

            @hookimpl
            def assetstore_upload(self, key, source, options):
                raise AccessDeniedError("this store is read-only")

    Attributes:
        inner: the hooks of the layer below; call them by keyword.
        supports: option fields that the overridden hooks honour, for example ``"upload.metadata"``, or ``"upload.*"`` for a
            hook that passes its options on whole. Hooks that are not overridden support the fields of the layer below.
        passes: optional operations, for example ``"copy"``, that go straight to the layer below. One for many keys, such as
            ``"presign_many"``, does not where the wrapper overrides the hook of one, ``presign``, which then sees each key.
    """

    supports: ClassVar[frozenset[str]] = frozenset()
    passes: ClassVar[frozenset[str]] = frozenset()

    inner: Hooks = attrs.field(repr=False)

    @hookimpl
    def assetstore_upload(self, key: str, source: Source, options: UploadOptions) -> AssetInfo | None:
        """Pass it on."""
        return self.inner.assetstore_upload(key=key, source=source, options=options)

    @hookimpl
    def assetstore_read(self, key: str, options: ReadOptions) -> AssetStream | None:
        """Pass it on."""
        return self.inner.assetstore_read(key=key, options=options)

    @hookimpl
    def assetstore_stat(self, key: str, options: StatOptions) -> AssetInfo | None:
        """Pass it on."""
        return self.inner.assetstore_stat(key=key, options=options)

    @hookimpl
    def assetstore_list(self, prefix: str, options: ListOptions) -> ListPage | None:
        """Pass it on."""
        return self.inner.assetstore_list(prefix=prefix, options=options)

    @hookimpl
    def assetstore_delete(self, keys: Sequence[str], options: DeleteOptions) -> DeleteReport | None:
        """Pass it on."""
        return self.inner.assetstore_delete(keys=keys, options=options)
