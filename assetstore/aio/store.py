"""``AsyncAssetStore``: the methods of ``AssetStore``, to be awaited."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping
from datetime import timedelta
from functools import partial
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, ParamSpec, Self, TypeAlias, TypeVar, Unpack, cast, overload

from assetstore import config as configuration
from assetstore.aio.results import AsyncBulkResults, AsyncListing
from assetstore.aio.source import Adapted, AsyncSourceLike, adapted, unwrapped
from assetstore.aio.streams import AsyncAssetReader, AsyncAssetWriter, Opening
from assetstore.aio.threads import Bridge, Threads
from assetstore.bulk.pool import BulkResults
from assetstore.content.checkpoint import Resumed
from assetstore.content.reader import AssetReader
from assetstore.content.writer import AssetWriter
from assetstore.limits import LEFTOVER_AGE, PAGE
from assetstore.options import Duration, Interface, Method, Progress, UploadKeywords, UploadPolicy
from assetstore.results import (
    AssetInfo,
    CheckReport,
    CollectReport,
    DeleteReport,
    DirectUpload,
    ListPage,
    Prefix,
    PresignedRequest,
    UploadedPart,
)
from assetstore.store import AssetStore

P = ParamSpec("P")
T = TypeVar("T")

UploadItem: TypeAlias = (
    AsyncSourceLike | tuple[AsyncSourceLike, str | None] | tuple[AsyncSourceLike, str | None, Mapping[str, Any]]
)
Many: TypeAlias = Iterable[T] | AsyncIterable[T]

MAX_THREADS = 32
"""Threads of a store by default."""


class AsyncAssetStore:
    """The methods of an ``AssetStore`` for asyncio and trio: same names, parameters, results and errors.

    What talks to the backend is awaited. ``list`` and the calls about many items return asynchronous iterators, ``writer``
    and ``as_local`` asynchronous context managers, ``open`` what is either awaited or entered. The work is done in threads,
    with the context variables of the caller, and never in the event loop; ``progress`` is called in those threads.

    A task that is cancelled ends the work of its call and goes on when the thread has ended. The call then leaves nothing
    half-done behind: an upload that was cancelled before the end of its source has stored nothing.

    Attributes:
        wrapped: the ``AssetStore``.
    """

    def __init__(self, store: AssetStore, *, max_threads: int = MAX_THREADS) -> None:
        """Wrap a store.

        Args:
            store: the store, which stays usable.
            max_threads: the most operations at once; others wait. What is uploaded from asynchronous sources has as many
                threads of its own, and so has what cleans up.
        """
        self.wrapped = store
        self._threads = Threads(max_threads)

    @property
    def name(self) -> str:
        """Its name in errors, events and the command line."""
        return self.wrapped.name

    @property
    def location(self) -> str:
        """Where the assets are, in a few words for people."""
        return self.wrapped.location

    async def _run(self, function: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        return await self._threads.run(partial(function, *arguments, **keywords))

    async def upload(
        self,
        source: AsyncSourceLike,
        key: str | None = None,
        *,
        category: str | None = None,
        filename: str | None = None,
        content_type: str | None = None,
        cache_control: str | None = None,
        content_disposition: str | None = None,
        content_encoding: str | None = None,
        content_language: str | None = None,
        metadata: Mapping[str, str] | None = None,
        overwrite: bool = True,
        if_match: str | None = None,
        progress: Progress | None = None,
        resume: bool | Resumed = False,
    ) -> AssetInfo:
        """Write an asset, whole or not at all.

        ``source`` may also be an asynchronous iterator of bytes, a file whose ``read`` is awaited, or the ``UploadFile`` of
        Starlette, FastAPI or Litestar, whose file name and type are the defaults of ``filename`` and ``content_type``. An
        asynchronous generator is closed at the end. The other arguments are those of ``AssetStore.upload``.
        """
        found = adapted(source)
        upload = partial(
            self.wrapped.upload,
            found.source,
            key,
            category=category,
            cache_control=cache_control,
            content_disposition=content_disposition,
            content_encoding=content_encoding,
            content_language=content_language,
            metadata=metadata,
            overwrite=overwrite,
            if_match=if_match,
            progress=progress,
            resume=resume,
            **self._named(found, {"filename": filename, "content_type": content_type}),
        )
        try:
            return await self._threads.run(upload, bridge=found.bridge)
        finally:
            if found.bridge is not None:
                await found.bridge.close()

    def _named(self, found: Adapted, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return keywords with the name and the type of a source where they are not given."""
        named = {name: value for name, value in given.items() if value is not None}
        if found.filename is not None:
            named.setdefault("filename", found.filename)
        if found.content_type is not None and self.can("upload.content_type"):
            named.setdefault("content_type", found.content_type)
        return named

    @contextlib.asynccontextmanager
    async def writer(self, key: str, **options: Unpack[UploadKeywords]) -> AsyncIterator[AsyncAssetWriter]:
        """Yield a binary file to write to; a clean exit uploads it, an exception leaves the store as it was."""
        writer = AssetWriter()
        try:
            yield AsyncAssetWriter(writer, self._threads)
            await self.upload(writer.written(), key, **options)
        finally:
            await self._threads.finish(writer.discard)

    async def generate_key(self, filename: str, *, category: str | None = None, content_type: str | None = None) -> str:
        """Return the first key that an upload of ``filename`` would try. Nothing is written."""
        return await self._run(self.wrapped.generate_key, filename, category=category, content_type=content_type)

    async def read(self, key: str, *, offset: int = 0, length: int | None = None, if_match: str | None = None) -> bytes:
        """Return the bytes of an asset, or ``length`` of them from ``offset``; fewer where the asset ends."""
        return await self._run(self.wrapped.read, key, offset=offset, length=length, if_match=if_match)

    def open(
        self, key: str, *, offset: int = 0, length: int | None = None, if_match: str | None = None
    ) -> Opening[AsyncAssetReader]:
        """Return a binary file object over the bytes that ``read`` returns. Close it, best with ``async with``.

        ``async with store.open(key) as reader`` opens and closes it; ``reader = await store.open(key)`` leaves
        ``await reader.close()`` to you.
        """
        return Opening(
            partial(self._open, partial(self.wrapped.open, key, offset=offset, length=length, if_match=if_match))
        )

    async def _open(self, open_it: Callable[[], AssetReader]) -> AsyncAssetReader:
        exits = contextlib.ExitStack()
        reader = await self._threads.run(lambda: exits.enter_context(open_it()), undo=exits.close)
        return AsyncAssetReader(reader, self._threads)

    async def download(
        self,
        key: str,
        path: str | PathLike[str],
        *,
        overwrite: bool = True,
        progress: Progress | None = None,
        resume: bool | Resumed = False,
    ) -> AssetInfo:
        """Write an asset to a file that appears whole and verified, or not at all. Missing folders are created."""
        return await self._run(
            self.wrapped.download, key, path, overwrite=overwrite, progress=progress, resume=resume
        )

    @contextlib.asynccontextmanager
    async def as_local(self, key: str) -> AsyncIterator[Path]:
        """Yield the path of a file with the bytes of an asset, for programs that want a file. Only read it."""
        with_file = self.wrapped.as_local(key)
        exits = contextlib.ExitStack()
        try:
            yield await self._threads.run(partial(exits.enter_context, with_file))
        finally:
            await self._threads.finish(exits.close)

    async def path(self, key: str) -> Path:
        """Return the file that a local store keeps an asset in. Only read it: what is written to it damages the asset."""
        return await self._run(self.wrapped.path, key)

    async def stat(self, key: str) -> AssetInfo:
        """Return what the store knows of an asset."""
        return await self._run(self.wrapped.stat, key)

    async def exists(self, key: str) -> bool:
        """Return whether there is an asset under ``key``."""
        return await self._run(self.wrapped.exists, key)

    @overload
    def list(
        self, prefix: str = "", *, start_after: str | None = None, limit: int | None = None, recursive: Literal[True] = True
    ) -> AsyncIterator[AssetInfo]: ...

    @overload
    def list(
        self, prefix: str = "", *, start_after: str | None = None, limit: int | None = None, recursive: bool
    ) -> AsyncIterator[AssetInfo | Prefix]: ...

    def list(
        self, prefix: str = "", *, start_after: str | None = None, limit: int | None = None, recursive: bool = True
    ) -> AsyncIterator[AssetInfo | Prefix]:
        """Yield the assets under ``prefix`` in the order of their keys' UTF-8 bytes, holding one page at a time."""
        found = self.wrapped.list(prefix, start_after=start_after, limit=limit, recursive=recursive)
        return AsyncListing(found, self._threads)

    async def list_page(
        self,
        prefix: str = "",
        *,
        cursor: str | None = None,
        limit: int = PAGE,
        recursive: bool = True,
        start_after: str | None = None,
    ) -> ListPage:
        """Return one page of a listing. Pass ``next_cursor`` back as ``cursor`` for the next one."""
        return await self._run(
            self.wrapped.list_page, prefix, cursor=cursor, limit=limit, recursive=recursive, start_after=start_after
        )

    async def delete(self, key: str | AssetInfo) -> None:
        """Delete an asset; a missing one counts as deleted."""
        await self._run(self.wrapped.delete, key)

    async def delete_many(self, keys: Many[str | AssetInfo]) -> DeleteReport:
        """Delete any number of assets in batches of 1,000. A failure of one is reported, not raised."""
        ordinary, bridge = _ordinary(keys)
        return await self._threads.run(partial(self.wrapped.delete_many, ordinary), bridge=bridge)

    async def copy(
        self, source: str, destination: str, *, overwrite: bool = True, if_match: str | None = None
    ) -> AssetInfo:
        """Copy an asset with its headers and metadata; ``if_match`` is the ETag that the source must have."""
        return await self._run(self.wrapped.copy, source, destination, overwrite=overwrite, if_match=if_match)

    async def move(
        self, source: str, destination: str, *, overwrite: bool = True, if_match: str | None = None
    ) -> AssetInfo:
        """Copy an asset, then delete the original. A move onto itself changes nothing."""
        return await self._run(self.wrapped.move, source, destination, overwrite=overwrite, if_match=if_match)

    async def update(
        self,
        key: str,
        *,
        content_type: str | None = None,
        cache_control: str | None = None,
        content_disposition: str | None = None,
        content_encoding: str | None = None,
        content_language: str | None = None,
        metadata: Mapping[str, str] | None = None,
        if_match: str | None = None,
    ) -> AssetInfo:
        """Replace headers or metadata and keep the bytes. ``None`` keeps a value, ``""`` or ``{}`` clears it."""
        return await self._run(
            self.wrapped.update,
            key,
            content_type=content_type,
            cache_control=cache_control,
            content_disposition=content_disposition,
            content_encoding=content_encoding,
            content_language=content_language,
            metadata=metadata,
            if_match=if_match,
        )

    def upload_many(
        self,
        items: Many[UploadItem],
        *,
        category: str | None = None,
        ordered: bool = False,
        max_concurrency: int | None = None,
        progress: Progress | None = None,
        resume: bool | Resumed = False,
        **options: Unpack[UploadKeywords],
    ) -> AsyncBulkResults[AssetInfo]:
        """Write many assets at once; loop over the results, since nothing is sent before the first is asked for.

        The items may come from an asynchronous iterator. A source may be the ``UploadFile`` of a form, but not one that only
        a task can read: upload that by ``upload``, in a task of its own.
        """
        upload_many = partial(
            self.wrapped.upload_many,
            category=category,
            ordered=ordered,
            max_concurrency=max_concurrency,
            progress=progress,
            resume=resume,
            **options,
        )
        return self._many(upload_many, items, self._upload_item)

    def _upload_item(self, item: Any) -> Any:
        """Return an item as ``AssetStore`` takes it; what has another shape is for it to refuse."""
        source, *rest = item if isinstance(item, tuple) and item else (item,)
        found = unwrapped(source)
        if found.source is source:
            return item
        rest += [None, {}][len(rest) :]
        key, keywords, *others = rest
        named = self._named(found, keywords) if isinstance(keywords, Mapping) else keywords
        return found.source, key, named, *others

    def download_many(
        self,
        keys: Many[str | AssetInfo | tuple[str, str]],
        folder: str | PathLike[str],
        *,
        overwrite: bool = True,
        ordered: bool = False,
        max_concurrency: int | None = None,
        progress: Progress | None = None,
        resume: bool | Resumed = False,
    ) -> AsyncBulkResults[AssetInfo]:
        """Write many assets to files below a folder, at once, as ``upload_many`` writes assets."""
        download_many = partial(
            self.wrapped.download_many,
            folder=folder,
            overwrite=overwrite,
            ordered=ordered,
            max_concurrency=max_concurrency,
            progress=progress,
            resume=resume,
        )
        return self._many(download_many, keys)

    def read_many(
        self, keys: Many[str | AssetInfo], *, ordered: bool = False, max_concurrency: int | None = None
    ) -> AsyncBulkResults[bytes]:
        """Read many assets at once, as ``upload_many`` writes them; the results hold the bytes."""
        return self._many(partial(self.wrapped.read_many, ordered=ordered, max_concurrency=max_concurrency), keys)

    def stat_many(
        self, keys: Many[str | AssetInfo], *, ordered: bool = False, max_concurrency: int | None = None
    ) -> AsyncBulkResults[AssetInfo]:
        """Look many assets up at once, as ``upload_many`` writes them."""
        return self._many(partial(self.wrapped.stat_many, ordered=ordered, max_concurrency=max_concurrency), keys)

    def copy_many(
        self,
        pairs: Many[tuple[str, str]],
        *,
        overwrite: bool = True,
        ordered: bool = False,
        max_concurrency: int | None = None,
    ) -> AsyncBulkResults[AssetInfo]:
        """Copy many assets at once, each from the first to the second key of a pair, as ``upload_many`` writes them."""
        copy_many = partial(
            self.wrapped.copy_many, overwrite=overwrite, ordered=ordered, max_concurrency=max_concurrency
        )
        return self._many(copy_many, pairs)

    def move_many(
        self,
        pairs: Many[tuple[str, str]],
        *,
        overwrite: bool = True,
        ordered: bool = False,
        max_concurrency: int | None = None,
    ) -> AsyncBulkResults[AssetInfo]:
        """Move many assets at once, each from the first to the second key of a pair, as ``upload_many`` writes them."""
        move_many = partial(
            self.wrapped.move_many, overwrite=overwrite, ordered=ordered, max_concurrency=max_concurrency
        )
        return self._many(move_many, pairs)

    def _many(
        self, call: Callable[[Any], BulkResults[T]], items: Many[Any], each: Callable[[Any], Any] | None = None
    ) -> AsyncBulkResults[T]:
        ordinary, bridge = _ordinary(items)
        if each is not None and _are_several(ordinary):
            ordinary = map(each, ordinary)
        return AsyncBulkResults(call(ordinary), bridge, self._threads)

    async def presign(
        self,
        key: str,
        *,
        method: Method = "GET",
        expires: Duration = 3600,
        content_type: str | None = None,
        download_as: str | None = None,
        content_length: int | None = None,
        sha256: str | None = None,
        cache_control: str | None = None,
        content_disposition: str | None = None,
        content_encoding: str | None = None,
        content_language: str | None = None,
        metadata: Mapping[str, str] | None = None,
        overwrite: bool = True,
        window: Duration | None = None,
    ) -> PresignedRequest:
        """Return a request that its holder may send without credentials until it expires."""
        return await self._run(
            self.wrapped.presign,
            key,
            method=method,
            expires=expires,
            content_type=content_type,
            download_as=download_as,
            content_length=content_length,
            sha256=sha256,
            cache_control=cache_control,
            content_disposition=content_disposition,
            content_encoding=content_encoding,
            content_language=content_language,
            metadata=metadata,
            overwrite=overwrite,
            window=window,
        )

    async def presign_many(
        self, keys: Iterable[str], *, method: Method = "GET", expires: Duration = 3600, window: Duration | None = None
    ) -> dict[str, PresignedRequest]:
        """Return a signed request for each key, for example all pictures of a page, by the keys as given."""
        return await self._run(self.wrapped.presign_many, keys, method=method, expires=expires, window=window)

    async def begin_upload(
        self,
        *,
        filename: str | None = None,
        key: str | None = None,
        size: int,
        content_type: str | None = None,
        sha256: str | None = None,
        category: str | None = None,
        cache_control: str | None = None,
        content_disposition: str | None = None,
        content_encoding: str | None = None,
        content_language: str | None = None,
        metadata: Mapping[str, str] | None = None,
        expires: Duration = 3600,
        policy: UploadPolicy | None = None,
        part_size: int | None = None,
    ) -> DirectUpload:
        """Choose a key and sign the request by which somebody else, for example a browser, sends the bytes to the backend.

        They are an asset once ``finish_upload`` has got the token.
        """
        return await self._run(
            self.wrapped.begin_upload,
            filename=filename,
            key=key,
            size=size,
            content_type=content_type,
            sha256=sha256,
            category=category,
            cache_control=cache_control,
            content_disposition=content_disposition,
            content_encoding=content_encoding,
            content_language=content_language,
            metadata=metadata,
            expires=expires,
            policy=policy,
            part_size=part_size,
        )

    async def presign_parts(
        self, token: str, numbers: Iterable[int], *, expires: Duration = 3600
    ) -> dict[int, PresignedRequest]:
        """Return a signed PUT for each of these parts, numbered from 1, of a direct upload in parts."""
        return await self._run(self.wrapped.presign_parts, token, numbers, expires=expires)

    async def list_parts(self, token: str) -> tuple[UploadedPart, ...]:
        """Return the parts of a direct upload that the backend has, so that the sender can resume."""
        return await self._run(self.wrapped.list_parts, token)

    async def finish_upload(self, token: str, *, parts: Mapping[int, str] | None = None) -> AssetInfo:
        """Verify the bytes of a direct upload and move them to their key. A repeated call returns the same asset."""
        return await self._run(self.wrapped.finish_upload, token, parts=parts)

    async def cancel_upload(self, token: str) -> None:
        """Delete the bytes of a direct upload; a finished asset stays."""
        await self._run(self.wrapped.cancel_upload, token)

    async def sweep_pending(self, older_than: timedelta = timedelta(days=1)) -> DeleteReport:
        """Delete the bytes of direct uploads that were sent longer ago than this and never finished."""
        return await self._run(self.wrapped.sweep_pending, older_than)

    def application(self, interface: Interface = "asgi", *, max_size: int | None = None) -> Any:
        """Return the web application, ``asgi`` or ``wsgi``, that answers the requests that ``presign`` signs."""
        return self.wrapped.application(interface, max_size=max_size)

    async def url(self, key: str) -> str:
        """Return the public URL of an asset, which need not exist."""
        return await self._run(self.wrapped.url, key)

    async def check(self) -> CheckReport:
        """Let the backend examine its settings and its connection. Nothing is changed."""
        return await self._run(self.wrapped.check)

    async def collect(
        self, *, older_than: Duration = LEFTOVER_AGE, remove: bool = False, repair: bool = False
    ) -> CollectReport:
        """Find what killed programs and broken connections left behind: unfinished files, uploads in parts, ``pending/``."""
        return await self._run(self.wrapped.collect, older_than=older_than, remove=remove, repair=repair)

    def can(self, capability: str) -> bool:
        """Return whether the store supports an operation (``"presign"``) or an option (``"upload.if_match"``)."""
        return self.wrapped.can(capability)

    async def stats(self) -> Mapping[str, Mapping[str, float]]:
        """Return ``{"uploads": {"count", "bytes", "errors", "seconds"}, "downloads": …, …}``."""
        return await self._run(self.wrapped.stats)

    async def reset_stats(self) -> None:
        """Set all counters to zero."""
        await self._run(self.wrapped.reset_stats)

    def commands(self) -> tuple[Any, ...]:
        """Return the click commands that the store's plugins offer."""
        return self.wrapped.commands()

    def scoped(self, prefix: str) -> AsyncAssetStore:
        """Return the part of the store under ``prefix`` as a store of its own that cannot leave it."""
        part = object.__new__(type(self))
        vars(part).update(vars(self), wrapped=self.wrapped.scoped(prefix))
        return part

    async def close(self) -> None:
        """Close every plugin, once. The store cannot be used afterwards."""
        await self._threads.finish(self.wrapped.close)
        self._threads.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __reduce__(self) -> tuple[object, ...]:
        return partial(type(self), max_threads=self._threads.most), (self.wrapped,)

    def __repr__(self) -> str:
        return f"<Async{repr(self.wrapped)[1:]}"


def open_store(
    store: str | Mapping[str, Any] | None = None, *, config: str | os.PathLike[str] | None = None
) -> Opening[AsyncAssetStore]:
    """Open a store.

    ``async with open_store(...) as store`` closes it, ``store = await open_store(...)`` leaves that to you. Arguments and
    errors are those of ``assetstore.open_store``.
    """
    given = [store]
    # It may hold secrets, and a traceback may show the variables.
    del store
    return Opening(partial(_open_store, given, config))


async def _open_store(given: list[Any], config: str | os.PathLike[str] | None) -> AsyncAssetStore:
    threads, exits = Threads(1), contextlib.ExitStack()

    def begin() -> AssetStore:
        return exits.enter_context(configuration.open_store(given.pop(), config=config))

    try:
        return AsyncAssetStore(await threads.run(begin, undo=exits.close))
    finally:
        threads.close()


def _are_several(items: object) -> bool:
    """Return whether there are items; anything else is for ``AssetStore`` to refuse."""
    return isinstance(items, Iterable) and not isinstance(items, str | bytes | bytearray | memoryview)


def _ordinary(items: Many[T]) -> tuple[Iterable[T], Bridge[T] | None]:
    """Return what a thread can iterate over, and the bridge to it that the task has to serve, if there is one."""
    if isinstance(items, AsyncListing):
        return items.rest(), None
    if isinstance(items, AsyncIterable) and not isinstance(items, Iterable):
        bridge = Bridge(items)
        return bridge, bridge
    return cast(Iterable[T], items), None
