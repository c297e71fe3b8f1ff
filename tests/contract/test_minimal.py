"""The contract on the smallest backend there can be: what is optional is refused, and everything else holds."""

from __future__ import annotations

import io
from collections.abc import Sequence

import attrs
import pytest

from assetstore import AssetInfo, DeleteReport, ListPage, NotFoundError
from assetstore.plugin import (
    AssetStream,
    DeleteOptions,
    ListOptions,
    ReadOptions,
    Source,
    StatOptions,
    UploadOptions,
    hookimpl,
)
from assetstore.testing.contract import BackendContract


@attrs.define(eq=False)
class DictBackend:
    """A dict with the five required hooks, without a single option."""

    assets: dict[str, bytes] = attrs.field(factory=dict)

    @hookimpl
    def assetstore_upload(self, key: str, source: Source, options: UploadOptions) -> AssetInfo:
        """Replace."""
        self.assets[key] = b"".join(source.chunks())
        return AssetInfo(key=key, size=len(self.assets[key]))

    @hookimpl
    def assetstore_read(self, key: str, options: ReadOptions) -> AssetStream:
        """Read whole."""
        info = self.assetstore_stat(key, StatOptions())
        return AssetStream(info=info, body=io.BytesIO(self.assets[key]), length=info.size)

    @hookimpl
    def assetstore_stat(self, key: str, options: StatOptions) -> AssetInfo:
        """Measure."""
        if key not in self.assets:
            raise NotFoundError("there is no such asset")
        return AssetInfo(key=key, size=len(self.assets[key]))

    @hookimpl
    def assetstore_list(self, prefix: str, options: ListOptions) -> ListPage:
        """List on one page; what is too much for it would need a cursor."""
        keys = sorted(key for key in self.assets if key.startswith(prefix))
        return ListPage(items=tuple(AssetInfo(key=key, size=len(self.assets[key])) for key in keys[: options.limit]))

    @hookimpl
    def assetstore_delete(self, keys: Sequence[str], options: DeleteOptions) -> DeleteReport:
        """Forget."""
        for key in keys:
            self.assets.pop(key, None)
        return DeleteReport(deleted=tuple(keys))


class TestMinimal(BackendContract):
    """Runs every guarantee."""

    @pytest.fixture
    def backend(self) -> DictBackend:
        """Return a new, empty dict."""
        return DictBackend()
