"""Uploads several assets by one call of the backend, with an outcome and an event for each."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from assetstore.content.source import Source, SourceLike
from assetstore.keys import Scope
from assetstore.operation import Operation, twin
from assetstore.options import NewAsset, Progress, UploadManyOptions, UploadOptions
from assetstore.results import AssetInfo
from assetstore.stack import Stack


@attrs.frozen(eq=False)
class Upload:
    """One upload among many. Called, it is done alone.

    Attributes:
        alone: ``AssetStore.upload``.
        source: the bytes.
        key: where to write, or ``None`` for a generated key.
        keywords: the others of ``AssetStore.upload``.
        progress: called with the number of bytes read since its last call.
    """

    alone: Callable[..., AssetInfo]
    source: SourceLike
    key: str | None
    keywords: dict[str, Any]
    progress: Progress

    def __call__(self) -> AssetInfo:
        """Upload it."""
        return self.alone(self.source, self.key, **self.keywords, progress=self.progress)


@attrs.frozen(eq=False)
class JointUploads:
    """Uploads for a store.

    Attributes:
        stack: the layers that upload.
        scope: translates keys.
        begin: starts the operation of one key.
        choose: returns the options for a source, its key and the keywords of ``AssetStore.upload``.
    """

    stack: Stack
    scope: Scope
    begin: Callable[[str, str | None], Operation]
    choose: Callable[[Source, str | None, dict[str, Any]], UploadOptions]

    def upload(self, uploads: Sequence[Upload], most: int) -> list[AssetInfo | Exception | None] | None:
        """Upload all, ``most`` of them at once, and return what became of each, ``None`` for what is to be uploaded alone.

        ``None`` for all if the backend cannot.
        """
        operations = [self.begin("upload", upload.key) for upload in uploads]
        ends: list[AssetInfo | Exception | None] = [None] * len(uploads)
        items: dict[int, NewAsset] = {}
        with contextlib.ExitStack() as opened:
            for number, (operation, upload) in enumerate(zip(operations, uploads, strict=True)):
                try:
                    items[number] = self._prepare(opened, operation, upload)
                except Exception as error:
                    ends[number] = error
            try:
                # What they share counts for the first.
                results = operations[0].run(self._upload, list(items.values()), UploadManyOptions(max_concurrency=most))
            except BaseException as error:
                for operation in operations:
                    operation.finish(error)
                raise
        if results is None:
            return None
        for number, result in zip(items, results, strict=True):
            ends[number] = result
        pairs = zip(operations, ends, strict=True)
        return [None if end is None else self._finish(operation, end) for operation, end in pairs]

    def _prepare(self, opened: contextlib.ExitStack, operation: Operation, upload: Upload) -> NewAsset:
        source = opened.enter_context(contextlib.closing(Source(upload.source, progress=upload.progress)))
        options = self.choose(source, upload.key, upload.keywords)
        key = operation.locate(self.scope)
        self.stack.require("upload", options)
        return NewAsset(key=key, source=source, options=options)

    def _upload(self, items: list[NewAsset], options: UploadManyOptions) -> Sequence[AssetInfo | Exception | None] | None:
        if not items:
            return []
        try:
            return self.stack.upload_many(items, options)
        except Exception as error:
            return [twin(error) for _ in items]

    def _finish(self, operation: Operation, end: AssetInfo | Exception) -> AssetInfo | Exception:
        if isinstance(end, Exception):
            operation.fail(end)
            return end
        operation.bytes = end.size
        operation.finish()
        return self.scope.outward(end)
