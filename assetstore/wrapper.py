"""``Wrapper``, the base of layers between the store and its backend. A layer passes on what it does not change."""

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
    """A plugin that stands between store and backend. Subclass it and override the hooks that you change.

    An optional hook that a wrapper neither implements nor names in ``passes`` is absent from the store, so that a native
    copy or a signed URL cannot slip past what the wrapper does.

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
            hook that passes its options on whole. Hooks that are not overridden support what the layer below supports.
        passes: optional operations, such as ``"copy"``, that go to the layer below untouched.
    """

    supports: ClassVar[frozenset[str]] = frozenset()
    passes: ClassVar[frozenset[str]] = frozenset()

    inner: Hooks = attrs.field(repr=False)

    @hookimpl
    def assetstore_upload(self, key: str, source: Source, options: UploadOptions) -> AssetInfo | None:
        """Pass on."""
        return self.inner.assetstore_upload(key=key, source=source, options=options)

    @hookimpl
    def assetstore_read(self, key: str, options: ReadOptions) -> AssetStream | None:
        """Pass on."""
        return self.inner.assetstore_read(key=key, options=options)

    @hookimpl
    def assetstore_stat(self, key: str, options: StatOptions) -> AssetInfo | None:
        """Pass on."""
        return self.inner.assetstore_stat(key=key, options=options)

    @hookimpl
    def assetstore_list(self, prefix: str, options: ListOptions) -> ListPage | None:
        """Pass on."""
        return self.inner.assetstore_list(prefix=prefix, options=options)

    @hookimpl
    def assetstore_delete(self, keys: Sequence[str], options: DeleteOptions) -> DeleteReport | None:
        """Pass on."""
        return self.inner.assetstore_delete(keys=keys, options=options)
