"""``AssetStore``, the class that users hold: validates arguments, refuses unsupported options, emits events."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from os import PathLike
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, Unpack, overload

import attrs

from assetstore import fallbacks, named_upload
from assetstore.content.atomic_file import replacing
from assetstore.content.content_types import DEFAULT_CONTENT_TYPE, canonical, guess_content_type, guess_headers
from assetstore.content.ranges import RANGE, by_ranges
from assetstore.content.reader import AssetReader
from assetstore.content.source import Source, SourceLike
from assetstore.content.writer import AssetWriter
from assetstore.errors import (
    AccessDeniedError,
    AssetStoreError,
    BackendError,
    ConfigError,
    InvalidKeyError,
    InvalidOptionError,
    NotFoundError,
    PluginError,
    PreconditionError,
    StoreNotFoundError,
    UnknownOutcomeError,
    UnsupportedError,
)
from assetstore.hooks import Hooks
from assetstore.keys import Scope, normalize_prefix
from assetstore.limits import HEAD_BYTES, LEFTOVER_AGE, MIN_PART, PAGE
from assetstore.operation import Operation
from assetstore.options import (
    CREATE_ONLY_CACHE_CONTROL,
    OPERATIONS,
    ApplicationOptions,
    CheckOptions,
    CollectOptions,
    CopyOptions,
    DeleteOptions,
    DownloadOptions,
    Duration,
    Interface,
    ListOptions,
    Method,
    PathOptions,
    PresignOptions,
    Progress,
    ReadOptions,
    StatOptions,
    UploadKeywords,
    UploadOptions,
    UploadPolicy,
    UrlOptions,
    every,
    require_resume,
    require_text,
)
from assetstore.per_process import PerProcess
from assetstore.results import (
    AssetInfo,
    AssetStream,
    CheckReport,
    CollectReport,
    DeleteReport,
    DirectUpload,
    Listing,
    ListPage,
    Prefix,
    PresignedRequest,
    UploadedPart,
)
from assetstore.side_plugins import SidePlugins
from assetstore.stack import Stack

if TYPE_CHECKING:
    from assetstore.bulk.calls import Call
    from assetstore.bulk.pool import BulkResults
    from assetstore.config import Recipe
    from assetstore.content.checkpoint import Checkpoint, Resumed
    from assetstore.direct.context import Context


class AssetStore:
    """A configured store of assets. It is safe to share between threads, usable after a fork, and a context manager.

    Every method but ``close`` may raise the errors of ``assetstore.errors`` that fit it, with ``op``, ``key`` and ``store``
    filled in. Any other exception is a bug, or comes from the caller's own stream or callback. What a plugin raises beside
    them becomes a PluginError that names the plugin, with the plugin's own error as its cause.

    Attributes:
        name: its name in errors, events and the command line.
        location: where the assets are, in a few words for people.
        prices: what the service charges for a million requests of each class in ``Event.requests``, and under ``out`` for a
            GB that is read; empty where the backend does not know.
    """

    def __init__(
        self,
        backend: object,
        *,
        wrappers: Sequence[Callable[[Hooks], object] | tuple[str, Callable[[Hooks], object]]] = (),
        plugins: Sequence[object | tuple[str, object]] = (),
        name: str | None = None,
    ) -> None:
        """Build a store from live objects, each alone or as ``(name, object)``.

        Args:
            backend: the plugin that holds the assets.
            wrappers: ``Wrapper`` classes, or functions that build one from ``inner``; the outermost first.
            plugins: naming plugins and observers; the first naming plugin that proposes a key wins.
            name: the store's name; by default the backend's.

        Raises:
            PluginError: a plugin breaks the contract of its hooks.
            ConfigError: a wrapper uses another store that has assets of this one, as a mirror onto itself would.
        """
        named_backend = _named(backend)
        self._stack = Stack(named_backend, [_named(wrapper) for wrapper in wrappers])
        self._plugins = SidePlugins(
            [(layer.name, layer.plugin) for layer in self._stack.layers],
            [_named(plugin) for plugin in plugins],
        )
        self._emit = self._plugins.emit if self._plugins.observed else None
        self._scope = Scope()
        self._recipe: Recipe | None = None
        # That of a folder may hold bytes that are not UTF-8, over which exporters of metrics and spans would fail.
        self.name: str = (name or named_backend[0]).encode(errors="backslashreplace").decode()
        self.location: str = self._stack.location
        self.prices: Mapping[str, float] = MappingProxyType(self._stack.prices)
        self._require_apart()

    def upload(
        self,
        source: SourceLike,
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

        Args:
            source: a path (``str`` or ``PathLike``), bytes, a binary file object or an iterator of bytes. A file object is
                read from where it stands; SourceError when that is the end of its bytes. Of an ``UploadFile`` of Starlette
                or FastAPI, pass ``upload.file`` and ``filename=upload.filename``.
            key: where to write; without one the naming plugin makes a key and nothing is overwritten.
            category: for a generated key; by default taken from the content type.
            filename: the file name for a generated key and the content type; by default the name of the source's file.
            content_type: media type; by default guessed from the name's suffix.
            cache_control: HTTP header Cache-Control, ASCII.
            content_disposition: HTTP header Content-Disposition, ASCII.
            content_encoding: HTTP header Content-Encoding, for example ``gzip``; the bytes are stored and read as they are.
                ``""`` sets none where the name tells of one, as ``.svgz`` does.
            content_language: HTTP header Content-Language, ASCII.
            metadata: maps lower-case ASCII names to text, at most 8,192 bytes in all.
            overwrite: ``False`` raises AlreadyExistsError when the key is taken.
            if_match: the ETag that the stored asset must have; PreconditionError otherwise.
            progress: called with the number of bytes read since its last call.
            resume: ``True`` keeps what was sent of 64 MiB or more when the process is killed, Ctrl-C is pressed or the store
                cannot be reached, with notes in the user's state folder, and goes on where an earlier call with this key
                ended, in any process. The source is read again, and what differs from the stored parts is sent. Instead of
                ``True``, a function that is called with the key, the bytes that are there and all bytes when it goes on.
                Needs a key, a source whose length is known, and a backend that sends in parts, as R2 does; otherwise the
                upload begins anew. Of a smaller asset, what a killed call left open at the service is ended.
        """
        require_resume(resume)
        with self._operation("upload", key) as operation, Source(source, progress=progress) as opened:
            filename = filename if filename is not None else opened.filename or ""
            options, guessed = self._upload_options(
                opened,
                key,
                filename,
                content_type=content_type,
                cache_control=cache_control,
                content_disposition=content_disposition,
                content_encoding=content_encoding,
                content_language=content_language,
                metadata=metadata,
                overwrite=overwrite,
                if_match=if_match,
            )
            if key is None:
                if if_match is not None:
                    raise InvalidOptionError("if_match needs a key", hint="pass key=")
                propose = named_upload.proposer(self._plugins, filename, guessed, category, opened.size, opened.digest)
                info = named_upload.upload_named(self._stack, self._scope, operation, propose, opened, options)
            else:
                _refuse_category(category)
                info = self._upload(operation, key, opened, options, resume)
            return self._scope.outward(info)

    def _upload(
        self, operation: Operation, key: str, source: Source, options: UploadOptions, resume: bool | Resumed
    ) -> AssetInfo:
        """Upload under a key that the caller gave, with notes of what may be sent in parts."""
        full_key = operation.locate(self._scope)
        in_parts = source.size is not None and source.size > MIN_PART
        with self._noting("upload", key, full_key, "", resume if in_parts else False) as source.checkpoint:
            info = self._stack.upload(full_key, source, options)
        operation.bytes = info.size
        return info

    def _upload_options(
        self, source: Source, key: str | None, filename: str, **given: Unpack[UploadKeywords]
    ) -> tuple[UploadOptions, str]:
        """Return the options with type and encoding as guessed where they are not given, and the guessed type."""
        content_type = given.get("content_type")
        require_text("filename", filename)
        require_text("content_type", content_type)
        guessed, encoding = self._guess(source, [key, filename] if isinstance(key, str) else [filename])
        if content_type and canonical(content_type) != canonical(guessed):
            guessed, encoding = content_type, None
        given["content_type"] = content_type or (guessed if "upload.content_type" in self._stack.supports else None)
        if given.get("content_encoding") is None:
            given["content_encoding"] = encoding
        elif given["content_encoding"] == "":
            given["content_encoding"] = None
        return UploadOptions(**given), guessed

    def _guess(self, source: Source, names: list[str]) -> tuple[str, str | None]:
        """Return Content-Type and Content-Encoding by name; packed bytes whose coding cannot be stored have its own type."""
        kind, encoding = guess_headers(*names)
        if encoding is None:
            return kind, None
        # Slow to load, and few names tell of packed bytes.
        from assetstore.content.sniffing import has_encoding

        if not has_encoding(source.peek(HEAD_BYTES), encoding):
            return kind, None
        if "upload.content_encoding" not in self._stack.supports:
            return "application/gzip" if encoding == "gzip" else DEFAULT_CONTENT_TYPE, None
        return kind, encoding

    def _noting(
        self, op: str, key: str, full_key: str, path: str, resume: bool | Resumed
    ) -> contextlib.AbstractContextManager[Checkpoint | None]:
        """Open the checkpoint of a transfer; ``path`` tells those apart that read one asset."""
        if not resume:
            return contextlib.nullcontext()
        # Few programs resume anything.
        from assetstore.content import checkpoint

        resumed = (lambda *_: None) if resume is True else functools.partial(resume, key)
        return checkpoint.opened((op, self.name, self.location, full_key, path), resumed)

    @contextlib.contextmanager
    def writer(self, key: str, **options: Unpack[UploadKeywords]) -> Iterator[AssetWriter]:
        """Yield a binary file to write to; a clean exit uploads it, an exception leaves the store as it was.

        Args:
            key: where to write.
            **options: the headers, ``metadata``, ``overwrite`` and ``if_match``, as for ``upload``.
        """
        writer = AssetWriter()
        try:
            yield writer
            self.upload(writer.written(), key, **options)
        finally:
            writer.discard()

    def generate_key(self, filename: str, *, category: str | None = None, content_type: str | None = None) -> str:
        """Return the first key that an upload of ``filename`` would try. Nothing is written."""
        with self._explaining("upload"):
            require_text("filename", filename)
            kind = content_type or guess_content_type(filename)
            propose = named_upload.proposer(self._plugins, filename, kind, category, None, named_upload.no_digest)
            return propose(0).key

    def read(self, key: str, *, offset: int = 0, length: int | None = None, if_match: str | None = None) -> bytes:
        """Return the bytes of an asset, or ``length`` of them from ``offset``; fewer where the asset ends."""
        with self._open(key, offset, length, if_match, seeks=False) as reader:
            return reader.read()

    def open(
        self, key: str, *, offset: int = 0, length: int | None = None, if_match: str | None = None
    ) -> AssetReader:
        """Return a binary file object over the bytes that ``read`` returns. Close it, best with ``with``.

        It seeks where ``can("read.offset")``: to read it in order takes one request, to read elsewhere further ones.
        """
        return self._open(key, offset, length, if_match, seeks="read.offset" in self._stack.supports)

    def _open_whole(self, key: str, if_match: str | None) -> AssetReader:
        """Open an asset to read all of it in order, a large one by several requests at a time, of one version."""
        return self._open(key, 0, None, if_match, seeks=False, ranges=True)

    def _open(
        self, key: str, offset: int, length: int | None, if_match: str | None, *, seeks: bool, ranges: bool = False
    ) -> AssetReader:
        operation = self._operation("read", key)
        stream: AssetStream | None = None
        try:
            ranges = ranges and fallbacks.gains_by_ranges(self._stack)
            options = ReadOptions(offset=offset, length=RANGE if ranges else length, if_match=if_match)
            full_key = operation.locate(self._scope)
            stream = operation.run(self._stack.read, full_key, options)
            if ranges and stream.info.size > stream.length:
                stream = by_ranges(stream, fallbacks.run_opener(self._stack, operation, 0, stream.info.etag))
            open_run = fallbacks.run_opener(self._stack, operation, offset, stream.info.etag) if seeks else None
            if self._scope.prefix:
                stream = attrs.evolve(stream, info=self._scope.outward(stream.info))
        except BaseException as error:
            if stream is not None:
                stream.body.close()
            operation.explain(error)
            operation.finish(error)
            raise

        def finish(count: int, whole: bool, error: BaseException | None) -> None:
            operation.bytes = count
            operation.finish(error, abandoned=not whole)

        return AssetReader(
            stream, on_close=finish, explain=operation.explain, blame=self._stack.blamed, open_run=open_run
        )

    def download(
        self,
        key: str,
        path: str | PathLike[str],
        *,
        overwrite: bool = True,
        progress: Progress | None = None,
        resume: bool | Resumed = False,
    ) -> AssetInfo:
        """Write an asset to a file that appears whole and verified, or not at all. Missing folders are created.

        Args:
            key: the asset.
            path: the file; a symlink is followed. A folder, which exists or is written with a ``/`` at the end, gets a file
                with the last name of the key.
            overwrite: ``False`` raises AlreadyExistsError when the file exists.
            progress: called with the number of bytes received since its last call.
            resume: as for ``upload``. The bytes wait in a hidden file beside ``path``, whose name ends in ``.part``. They
                are used only if the asset still has the same ETag, and each range only if its checksum is right.
        """
        return self._download(key, lambda: _file_for(key, path), overwrite, progress, resume)

    def _download(
        self,
        key: str,
        file: Callable[[], str | PathLike[str]],
        overwrite: bool,
        progress: Progress | None,
        resume: bool | Resumed,
    ) -> AssetInfo:
        require_resume(resume)
        with self._operation("download", key) as operation, fallbacks.passing(progress) as report:
            full_key, path = operation.locate(self._scope), file()
            notes = resume if self._stack.has("download") and "download.checkpoint" in self._stack.supports else False
            with self._noting("download", key, full_key, os.path.abspath(path) if notes else "", notes) as checkpoint:
                options = DownloadOptions(progress=report, checkpoint=checkpoint)
                with _unfinished(path, overwrite, checkpoint) as temporary:
                    info = fallbacks.download(self._stack, full_key, temporary, options)
            operation.bytes = info.size
            return self._scope.outward(info)

    @contextlib.contextmanager
    def as_local(self, key: str) -> Iterator[Path]:
        """Yield the path of a file with the bytes of an asset, for programs that want a file. Only read it.

        Where ``can("path")`` it is the store's own file, and nothing is copied; otherwise it is a verified copy in the
        folder for temporary files, with the suffix of the key, which is removed at the end of the ``with`` block.
        """
        with contextlib.ExitStack() as exits:
            with self._operation("as_local", key) as operation:
                path, operation.bytes = fallbacks.local_file(self._stack, operation.locate(self._scope), exits)
            yield path

    def path(self, key: str) -> Path:
        """Return the file that a local store keeps an asset in. Only read it: what is written to it damages the asset.

        An overwrite or a delete in the store gives the path another file, or none; an open file stays what it was.

        Raises:
            UnsupportedError: the store has no files, see ``can("path")``; ``as_local`` copies the asset then.
        """
        with self._operation("path", key) as operation:
            return self._stack.path(operation.locate(self._scope), PathOptions())

    def stat(self, key: str) -> AssetInfo:
        """Return what the store knows of an asset."""
        with self._operation("stat", key) as operation:
            return self._scope.outward(self._stack.stat(operation.locate(self._scope), _STAT))

    def exists(self, key: str) -> bool:
        """Return whether there is an asset under ``key``."""
        with self._operation("exists", key) as operation:
            return self._stack.find(operation.locate(self._scope)) is not None

    @overload
    def list(
        self, prefix: str = "", *, start_after: str | None = None, limit: int | None = None, recursive: Literal[True] = True
    ) -> Iterator[AssetInfo]: ...

    @overload
    def list(
        self, prefix: str = "", *, start_after: str | None = None, limit: int | None = None, recursive: bool
    ) -> Iterator[AssetInfo | Prefix]: ...

    def list(
        self, prefix: str = "", *, start_after: str | None = None, limit: int | None = None, recursive: bool = True
    ) -> Iterator[AssetInfo | Prefix]:
        """Yield the assets under ``prefix`` in the order of their keys' UTF-8 bytes, holding one page at a time.

        Args:
            prefix: the beginning of the keys.
            start_after: only keys after this one.
            limit: how many at most, ``None`` for all.
            recursive: ``False`` yields one ``Prefix`` for all keys that share the next ``/``.
        """
        with self._explaining("list"):
            most = PAGE if limit is None else 1 if limit == 0 else limit
            options = ListOptions(start_after=start_after, recursive=recursive, limit=most)
            self._scope.inward_prefix(prefix)
        return Listing(prefix, iter(()) if limit == 0 else self._list(prefix, options, limit))

    def _list(self, prefix: str, options: ListOptions, limit: int | None) -> Iterator[AssetInfo | Prefix]:
        left = limit
        while True:
            options = attrs.evolve(options, limit=PAGE if left is None else min(PAGE, left))
            page = self._list_page(prefix, options)
            entries: tuple[AssetInfo | Prefix, ...] = (*page.items, *page.prefixes)
            yield from sorted(entries, key=lambda entry: entry.key) if page.prefixes else entries
            left = None if left is None else left - len(entries)
            if page.next_cursor is None or left == 0:
                return
            options = attrs.evolve(options, cursor=page.next_cursor)

    def list_page(
        self,
        prefix: str = "",
        *,
        cursor: str | None = None,
        limit: int = PAGE,
        recursive: bool = True,
        start_after: str | None = None,
    ) -> ListPage:
        """Return one page of a listing. Pass ``next_cursor`` back as ``cursor`` for the next one."""
        with self._explaining("list"):
            options = ListOptions(cursor=cursor, limit=limit, recursive=recursive, start_after=start_after)
        return self._list_page(prefix, options)

    def _list_page(self, prefix: str, options: ListOptions) -> ListPage:
        with self._operation("list", prefix) as operation:
            full_prefix = operation.full_key = self._scope.inward_prefix(prefix)
            if self._scope.prefix:  # who lists all of a part names nothing by which an error could say what failed
                operation.key = full_prefix
            if options.start_after is not None and self._scope.prefix:
                options = attrs.evolve(options, start_after=self._scope.prefix + options.start_after)
            page = self._stack.list(full_prefix, options)
            if page.next_cursor is not None and page.next_cursor == options.cursor:
                raise BackendError("the listing does not move on", hint="report it to the backend's author")
            if not self._scope.prefix:
                return page
            return attrs.evolve(
                page,
                items=tuple(map(self._scope.outward, page.items)),
                prefixes=tuple(map(self._scope.outward, page.prefixes)),
            )

    def delete(self, key: str | AssetInfo) -> None:
        """Delete an asset; a missing one counts as deleted.

        To delete a foreign key, which a listing returned with ``valid=False``, pass that ``AssetInfo``.
        """
        for failure in self.delete_many([key]).failed:
            raise failure.error

    def delete_many(self, keys: Iterable[str | AssetInfo]) -> DeleteReport:
        """Delete any number of assets in batches of 1,000. A failure of one is reported, not raised."""
        from assetstore.bulk.delete import Deleter

        self._plugins.require_open()
        return Deleter(self._stack, self._scope, lambda key: self._operation("delete", key)).delete(keys)

    def copy(
        self, source: str, destination: str, *, overwrite: bool = True, if_match: str | None = None
    ) -> AssetInfo:
        """Copy an asset with its headers and metadata; ``if_match`` is the ETag that the source must have."""
        with self._operation("copy", destination) as operation:
            options = CopyOptions(overwrite=overwrite, if_match=if_match)
            return self._copy(operation, source, options)

    def move(
        self, source: str, destination: str, *, overwrite: bool = True, if_match: str | None = None
    ) -> AssetInfo:
        """Copy an asset, then delete the original. A move onto itself changes nothing.

        Raises:
            UnknownOutcomeError: the copy is there, and the original could not be deleted.
        """
        with self._operation("move", destination) as operation:
            options = CopyOptions(overwrite=overwrite, if_match=if_match)
            full_source = self._inward(operation, source)
            if full_source == operation.locate(self._scope):
                info = self._stack.stat(full_source, StatOptions())
                if if_match is not None and info.etag != if_match:
                    raise PreconditionError("the asset has another ETag", hint="stat it again")
                return self._scope.outward(info)
            info = self._copy(operation, source, options)
            try:
                for failure in self._stack.delete([full_source], DeleteOptions()).failed:
                    raise failure.error
            except AssetStoreError as error:
                raise UnknownOutcomeError(
                    f"{source!r} was copied to {destination!r} and could not be deleted: {error.message}",
                    hint=f"delete {source!r} to finish the move, or {destination!r} to undo it",
                ) from error
            return info

    def update(
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
        """Replace headers or metadata and keep the bytes. ``None`` keeps a value, ``""`` or ``{}`` clears it.

        Args:
            key: the asset.
            content_type: the media type.
            cache_control: the Cache-Control header.
            content_disposition: the Content-Disposition header.
            content_encoding: the Content-Encoding header.
            content_language: the Content-Language header.
            metadata: all metadata, in place of the old.
            if_match: the ETag that the asset must have; PreconditionError otherwise. Of several updates with one ETag, one
                wins. A store whose ETag is a digest of the bytes, as on S3 and R2, cannot tell such updates apart and raises
                UnsupportedError before it sends anything.
        """
        with self._operation("update", key) as operation:
            options = CopyOptions(
                content_type=content_type,
                cache_control=cache_control,
                content_disposition=content_disposition,
                content_encoding=content_encoding,
                content_language=content_language,
                metadata=metadata,
                if_match=if_match,
            )
            return self._copy(operation, key, options)

    def _copy(self, operation: Operation, source: str, options: CopyOptions) -> AssetInfo:
        full_source = self._inward(operation, source)
        try:
            info = fallbacks.copy(self._stack, full_source, operation.locate(self._scope), options)
        except (NotFoundError, PreconditionError) as error:
            error.key = error.key or source
            raise
        operation.bytes = info.size
        return self._scope.outward(info)

    def _has_asset_of(self, key: str, other: AssetStore, other_key: str) -> bool:
        """Return whether a key of this store and one of another are one asset, as far as their backends tell.

        Raises:
            InvalidKeyError: one of the keys is not valid.
        """
        with self._explaining("copy"):
            full_key = self._scope.inward(key)
        with other._explaining("copy"):
            other_full_key = other._scope.inward(other_key)
        one, two = self._disk_path(full_key), other._disk_path(other_full_key)
        if one is not None and two is not None:
            return one == two
        return full_key == other_full_key and self._stack.shares_assets(other._stack)

    def _copies_from(self, source: AssetStore, options: CopyOptions) -> CopyOptions | None:
        """Return the options with which this store copies from another without moving the bytes; ``None`` if it cannot."""
        if source._stack is self._stack:
            return options if self._stack.has("copy") and self._stack.honours("copy", options) else None
        here, there = self._stack.container(), source._stack.container()
        if here is None or there is None or not there.is_reached_from(here) or there in self._stack.unreached:
            return None
        options = options if there.is_same(here) else attrs.evolve(options, container=there)
        return options if self._stack.has("copy") and self._stack.honours("copy", options) else None

    def _copy_from(self, source: AssetStore, key: str, to: str, options: CopyOptions) -> AssetInfo | None:
        """Let the service copy an asset of another store; return ``None`` if it refuses to.

        Args:
            source: the other store.
            key: the asset there.
            to: the key here.
            options: what ``_copies_from`` returned.
        """
        try:
            with self._operation("copy", to) as operation:
                full_key = operation.locate(self._scope)
                info = self._stack.copy(source._scope.inward(key), full_key, options)
                if info is None:
                    raise UnsupportedError("the backend cannot make this copy")
                operation.bytes = info.size
                return self._scope.outward(info)
        except (AccessDeniedError, BackendError, StoreNotFoundError, UnsupportedError):
            if options.container is not None:
                self._stack.unreached.add(options.container)
            return None
        except (NotFoundError, PreconditionError) as error:
            error.key, error.store = key, source.name
            raise

    def _inward(self, operation: Operation, key: str) -> str:
        try:
            return self._scope.inward(key)
        except InvalidKeyError as error:
            error.key = key
            raise

    def upload_many(
        self,
        items: Iterable[SourceLike | tuple[SourceLike, str | None] | tuple[SourceLike, str | None, Mapping[str, Any]]],
        *,
        category: str | None = None,
        ordered: bool = False,
        max_concurrency: int | None = None,
        progress: Progress | None = None,
        resume: bool | Resumed = False,
        **options: Unpack[UploadKeywords],
    ) -> BulkResults[AssetInfo]:
        """Write many assets at once; loop over the results, since nothing is sent before the first is asked for.

        The failure of one item stops no other, and Ctrl-C or closing the results stops all. Any number of items may come; a
        few hundred are held at a time. They run at once and in no order, so an item fails that has the key of an earlier
        one, which is remembered for the next 32,768 at least.

        Args:
            items: for each asset its source, for a generated key, or ``(source, key)``, or ``(source, key, keywords)`` with
                keywords of ``upload`` for this asset alone, for example ``{"metadata": {"by": "gm"}}``.
            category: for generated keys; by default taken from the content type.
            ordered: ``True`` gives the results in the order of the items, otherwise each comes as soon as it is there.
            max_concurrency: the most operations at once, from 1 to 1,024; by default the store finds what brings the most.
            progress: called with the number of bytes read since its last call; never twice at once.
            resume: as for ``upload``, for each asset.
            **options: the headers, ``metadata`` and ``overwrite`` of every asset, as for ``upload``.
        """
        from assetstore.bulk.uploads import JointUploads

        call = self._call("upload", items, ordered, max_concurrency)
        joint = JointUploads(self._stack, self._scope, self._operation, self._joint_options)
        keywords: dict[str, Any] = {**options} if category is None else {**options, "category": category}
        if resume:
            keywords["resume"] = resume
        return call.upload(keywords, progress, joint if self._stack.has("upload_many") else None)

    def _joint_options(self, source: Source, key: str | None, keywords: Mapping[str, Any]) -> UploadOptions:
        given = {name: value for name, value in keywords.items() if name not in ("filename", "category", "resume")}
        filename = keywords.get("filename")
        _refuse_category(keywords.get("category"))
        return self._upload_options(source, key, filename if filename is not None else source.filename or "", **given)[0]

    def download_many(
        self,
        keys: Iterable[str | AssetInfo | tuple[str, str]],
        folder: str | PathLike[str],
        *,
        overwrite: bool = True,
        ordered: bool = False,
        max_concurrency: int | None = None,
        progress: Progress | None = None,
        resume: bool | Resumed = False,
    ) -> BulkResults[AssetInfo]:
        """Write many assets to files below a folder, at once, as ``upload_many`` writes assets.

        Each file appears whole and verified, or not at all, and never outside the folder.

        Args:
            keys: for each asset its key, or the entry of a listing, which is also the path of the file below the folder; or
                ``(key, path)``, where the path has ``/`` between its parts.
            folder: the folder; missing ones are created.
            overwrite: ``False`` gives an item AlreadyExistsError when its file exists.
            ordered: ``True`` gives the results in the order of the items.
            max_concurrency: the most downloads at once, from 1 to 1,024.
            progress: called with the number of bytes received since its last call; never twice at once.
            resume: as for ``download``, for each asset.
        """
        call = self._call("download", keys, ordered, max_concurrency)
        # Where the backend's own download reports nothing, it is still better than a read.
        reports = progress is not None or not self._stack.has("download") or "download.progress" in self._stack.supports
        report = call.report(progress) if reports else None
        return call.download(Path(folder), lambda key, file: self._download(key, file, overwrite, report, resume))

    def read_many(
        self, keys: Iterable[str | AssetInfo], *, ordered: bool = False, max_concurrency: int | None = None
    ) -> BulkResults[bytes]:
        """Read many assets at once, as ``upload_many`` writes them; the results hold the bytes."""
        return self._call("read", keys, ordered, max_concurrency).each(self.read, len)

    def stat_many(
        self, keys: Iterable[str | AssetInfo], *, ordered: bool = False, max_concurrency: int | None = None
    ) -> BulkResults[AssetInfo]:
        """Look many assets up at once, as ``upload_many`` writes them."""
        return self._call("stat", keys, ordered, max_concurrency).each(self.stat, lambda _: 0)

    def copy_many(
        self,
        pairs: Iterable[tuple[str, str]],
        *,
        overwrite: bool = True,
        ordered: bool = False,
        max_concurrency: int | None = None,
    ) -> BulkResults[AssetInfo]:
        """Copy many assets at once, each from the first to the second key of a pair, as ``upload_many`` writes them.

        An item fails whose source or destination an earlier one writes, or whose destination an earlier one reads.
        """
        copy = functools.partial(self.copy, overwrite=overwrite)
        return self._call("copy", pairs, ordered, max_concurrency).pairs(copy, removes=False)

    def move_many(
        self,
        pairs: Iterable[tuple[str, str]],
        *,
        overwrite: bool = True,
        ordered: bool = False,
        max_concurrency: int | None = None,
    ) -> BulkResults[AssetInfo]:
        """Move many assets at once, each from the first to the second key of a pair, as ``upload_many`` writes them.

        An item fails that has a key of an earlier one.
        """
        move = functools.partial(self.move, overwrite=overwrite)
        return self._call("move", pairs, ordered, max_concurrency).pairs(move, removes=True)

    def _call(self, op: str, items: Iterable[Any], ordered: bool, max_concurrency: int | None) -> Call:
        # A program that calls nothing about many assets loads nothing for it.
        from assetstore.bulk.calls import Call
        from assetstore.bulk.concurrency import Concurrency

        with self._explaining(f"{op}_many"):
            if isinstance(items, str | bytes | bytearray | memoryview) or not isinstance(items, Iterable):
                raise InvalidOptionError(f"the items must be several, got {type(items).__name__}", hint="pass a list")
            return Call(
                store=self,
                scope=self._scope,
                begin=self._operation,
                op=op,
                items=items,
                ordered=ordered,
                concurrency=Concurrency(max_concurrency),
            )

    def presign(
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
        """Return a request that its holder may send without credentials until it expires.

        Args:
            key: the asset, which need not exist.
            method: GET, HEAD, PUT or DELETE. R2 has no POST forms.
            expires: seconds, 1 to 604,800, a ``timedelta``, or a text such as ``"90s"``, ``"15m"``, ``"1h"`` or ``"7d"``.
            content_type: for PUT the type that the upload must have; for GET the type of the answer.
            download_as: for GET the file name, in any script, under which a browser saves the asset.
            content_length: for PUT the size that the upload must have.
            sha256: for PUT the digest, in hex, that the upload must have.
            cache_control: for PUT the HTTP header Cache-Control that must be sent and is stored.
            content_disposition: for PUT the HTTP header Content-Disposition.
            content_encoding: for PUT the HTTP header Content-Encoding.
            content_language: for PUT the HTTP header Content-Language.
            metadata: for PUT the metadata of the asset, as for ``upload``.
            overwrite: for PUT; ``False`` refuses a key that is taken. Without ``cache_control`` it binds ``private``, since
                browsers would add ``max-age=0`` to such a request, and every server would store it.
            window: for GET and HEAD, as ``expires``: all calls within one such span of the clock return the same URL, which
                lives between ``expires`` and ``expires + window`` seconds.
        """
        with self._operation("presign", key) as operation:
            bound: tuple[object, ...] = (download_as, content_length, sha256, metadata, window, content_type, cache_control)
            bound += (content_disposition, content_encoding, content_language)
            if overwrite is True and bound.count(None) == len(bound):
                options = _link_options(method, expires)
            else:
                options = PresignOptions(
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
            if not overwrite and options.cache_control is None and "presign.cache_control" in self._stack.supports:
                options = attrs.evolve(options, cache_control=CREATE_ONLY_CACHE_CONTROL)
            return self._stack.presign(operation.locate(self._scope), options)

    def presign_many(
        self, keys: Iterable[str], *, method: Method = "GET", expires: Duration = 3600, window: Duration | None = None
    ) -> dict[str, PresignedRequest]:
        """Return a signed request for each key, for example all pictures of a page, by the keys as given."""
        keys = list(keys)
        requests = self._presign_at_once(keys, method, expires, window) if keys else ()
        if requests is not None:
            return dict(zip(keys, requests, strict=True))
        return {key: self.presign(key, method=method, expires=expires, window=window) for key in keys}

    def _presign_at_once(
        self, keys: Sequence[str], method: Method, expires: Duration, window: Duration | None
    ) -> Sequence[PresignedRequest] | None:
        """Sign all keys by one call; return ``None`` where one by one is the only way, or finds the key that fails."""
        operation = self._operation("presign", None)
        try:
            options = PresignOptions(method=method, expires=expires, window=window)
            full_keys = [self._scope.inward(key) for key in keys]
            requests = operation.run(self._stack.presign_many, full_keys, options)
        except BaseException as error:
            if isinstance(error, AssetStoreError) and not isinstance(error, PluginError):
                return None  # nothing was sent, so signing again costs time alone
            operation.explain(error)
            operation.finish(error)
            raise
        if requests is not None:
            operation.finish_each(full_keys)
        return requests

    def begin_upload(
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

        The bytes lie under ``pending/`` and are not an asset until ``finish_upload`` gets the token. The server keeps
        nothing in the meantime.

        Args:
            filename: the file name for a generated key and the content type.
            key: the key of the asset; without one the naming plugin makes a key.
            size: the exact number of bytes that will be sent.
            content_type: media type; by default guessed from the name's suffix.
            sha256: the digest of the bytes in hex, if the sender knows it.
            category: for a generated key; by default taken from the content type.
            cache_control: HTTP header Cache-Control, ASCII.
            content_disposition: HTTP header Content-Disposition, ASCII.
            content_encoding: HTTP header Content-Encoding, for example ``gzip``; the bytes are stored and read as they are.
            content_language: HTTP header Content-Language, ASCII.
            metadata: as for ``upload``; ``upload-id`` is added.
            expires: how long the request lives, as for ``presign``; the token lives a day longer.
            policy: the types and sizes that are allowed.
            part_size: sends the bytes in parts of this size, 5 MiB or more; ``presign_parts`` makes the requests.

        Raises:
            RefusedError: the policy does not allow it.
        """
        from assetstore.direct.begin import Begin

        with self._operation("begin_upload", key) as operation:
            put = PresignOptions(
                method="PUT",
                expires=expires,
                content_type=content_type,
                content_length=size,
                sha256=sha256,
                cache_control=cache_control,
                content_disposition=content_disposition,
                content_encoding=content_encoding,
                content_language=content_language,
                metadata=metadata,
            )
            begin = Begin(
                context=self._direct,
                operation=operation,
                put=put,
                filename=filename,
                key=key,
                category=category,
                policy=policy or UploadPolicy(),
                part_size=part_size,
            )
            return begin.run()

    def presign_parts(
        self, token: str, numbers: Iterable[int], *, expires: Duration = 3600
    ) -> dict[int, PresignedRequest]:
        """Return a signed PUT for each of these parts, numbered from 1, of a direct upload in parts."""
        from assetstore.direct import parts

        with self._operation("presign_parts", None) as operation:
            return parts.presign_parts(self._direct, operation, token, numbers, expires)

    def list_parts(self, token: str) -> tuple[UploadedPart, ...]:
        """Return the parts of a direct upload that the backend has, so that the sender can resume."""
        from assetstore.direct import parts

        with self._operation("list_parts", None) as operation:
            return parts.list_parts(self._direct, operation, token)

    def finish_upload(self, token: str, *, parts: Mapping[int, str] | None = None) -> AssetInfo:
        """Verify the bytes of a direct upload and move them to their key. A repeated call returns the same asset.

        Args:
            token: the token that ``begin_upload`` returned.
            parts: for an upload in parts, the ETag that its sender received for each part number; needed only where
                the backend cannot list them.

        Raises:
            NotFoundError: the bytes or some parts are still missing; the token stays valid.
            IntegrityError: the size or the digest differs from the announced one; the bytes are deleted.
            RefusedError: the bytes are not of the announced type, or their headers differ; the bytes are deleted.
            AlreadyExistsError: another asset has taken the key meanwhile; the bytes stay until they are swept.
            TokenError: the token is forged, from another store or scope, or expired; nothing was changed.
        """
        from assetstore.direct import finish

        with self._operation("finish_upload", None) as operation:
            return self._scope.outward(finish.finish(self._direct, operation, token, parts))

    def cancel_upload(self, token: str) -> None:
        """Delete the bytes of a direct upload; a finished asset stays."""
        from assetstore.direct import cancel

        with self._operation("cancel_upload", None) as operation:
            cancel.cancel(self._direct, operation, token)

    def sweep_pending(self, older_than: timedelta = timedelta(days=1)) -> DeleteReport:
        """Delete the bytes of direct uploads that were sent longer ago than this and never finished.

        Each part of a store, for example ``scoped("tenant/")``, has its own ``pending/`` and is swept separately. Parts that
        were never joined are left to the backend: R2 and the local backend drop them after seven days.
        """
        from assetstore.direct import cancel

        with self._operation("sweep_pending", None) as operation:
            return cancel.sweep(self._direct, operation, older_than)

    @property
    def _direct(self) -> Context:
        # Most programs do no direct uploads: what does them is loaded when it is asked for.
        from assetstore.direct.context import Context

        return Context(stack=self._stack, plugins=self._plugins, scope=self._scope)

    def application(self, interface: Interface = "asgi", *, max_size: int | None = None) -> Any:
        """Return the web application, ``asgi`` or ``wsgi``, that answers the requests that ``presign`` signs.

        Each of these requests is an event of ``read``, ``stat``, ``upload`` or ``delete``; what nobody signed is none.

        Args:
            interface: the interface that the server needs.
            max_size: the most bytes that one upload may have.

        Raises:
            UnsupportedError: the requests go to the vendor's own servers, for example R2's.
        """
        with self._explaining("application"):
            options = ApplicationOptions(interface=interface, max_size=max_size)
            if "application.begin" in self._stack.supports:
                options = attrs.evolve(options, begin=functools.partial(Operation, self._emit, self.name))
            return self._stack.application(options)

    def url(self, key: str) -> str:
        """Return the public URL of an asset, which need not exist."""
        with self._operation("url", key) as operation:
            return self._stack.url(operation.locate(self._scope), UrlOptions())

    def check(self) -> CheckReport:
        """Let the backend examine its settings and its connection. Nothing is changed."""
        with self._operation("check", None):
            return self._stack.check(CheckOptions())

    def collect(self, *, older_than: Duration = LEFTOVER_AGE, remove: bool = False, repair: bool = False) -> CollectReport:
        """Find what killed programs and broken connections left behind: unfinished files, uploads in parts, ``pending/``.

        Assets are never touched, nor is what a writer at work needs. A part of a store, for example ``scoped("tenant/")``,
        finds only what provably belongs to its keys.

        Args:
            older_than: how long a leftover must not have changed, at least an hour: seconds, or for example ``"7d"``.
            remove: remove them; otherwise they are only listed.
            repair: rebuild damaged records of a folder as far as the bytes tell; metadata that only stood there are lost.
        """
        from assetstore.direct import cancel

        with self._operation("collect", None) as operation:
            options = CollectOptions(older_than=older_than, remove=remove, repair=repair, prefix=self._scope.prefix)
            report = self._stack.collect(options)
            found = (*report.items, *cancel.collect(self._direct, options, report.now))
            for item in found:
                if item.error is not None:
                    item.error.key = item.error.key or item.name
                    operation.explain(item.error)
            return CollectReport(items=found, now=report.now)

    def can(self, capability: str) -> bool:
        """Return whether the store supports an operation (``"presign"``) or an option (``"upload.if_match"``)."""
        op, _, field = capability.partition(".")
        through = {"copy": "upload", "move": "copy", "update": "copy"}.get(op)
        if capability == "url":
            # Backends have the hook whether or not they have a public URL.
            return self._stack.gives_urls(self._scope.inward("a"))
        if capability == "path":
            # Whether a backend has files may depend on its settings too.
            return self._stack.gives_paths(self._scope.inward("a"))
        if capability in _DIRECT:
            return self.can("presign.content_length")
        if capability == "update.if_match":
            return self._stack.swaps_updates
        if op == "presign_many":
            return self.can(capability.replace(op, "presign"))
        if op in ("download", "upload_many"):
            # Without a native one the store reads the asset, or uploads each, and honours every option.
            return not field or capability in _OPTION_FIELDS
        if through is None:
            return self._stack.has(op) and (not field or capability in self._stack.supports)
        if op == "copy" and self._stack.has("copy") and (not field or capability in self._stack.supports):
            return True
        if (op, field) == ("copy", "if_match"):
            return self.can("read.if_match")
        return self.can(f"{through}.{field}") if field else True

    def stats(self) -> Mapping[str, Mapping[str, float]]:
        """Return ``{"uploads": {"count", "bytes", "errors", "seconds"}, "downloads": …, …}``."""
        with self._explaining("stats"):
            return self._plugins.stats()

    def reset_stats(self) -> None:
        """Set all counters to zero."""
        with self._explaining("reset_stats"):
            self._plugins.reset_stats()

    def commands(self) -> tuple[Any, ...]:
        """Return the click commands that the store's plugins offer."""
        return self._plugins.commands()

    def scoped(self, prefix: str) -> AssetStore:
        """Return the part of the store under ``prefix`` as a store of its own that cannot leave it.

        End the prefix with ``/``. The part shares plugins with this store and closes with it.
        """
        part = object.__new__(type(self))
        with self._explaining("scoped"):
            vars(part).update(vars(self), _scope=Scope(self._scope.prefix + normalize_prefix(prefix)))
        return part

    def close(self) -> None:
        """Close every plugin, once. The store cannot be used afterwards."""
        if "_plugins" not in vars(self):
            self._plugins = SidePlugins((), ())  # it came pickled and was never used; to open it now might fail
        self._plugins.close()

    def _operation(self, op: str, key: str | None) -> Operation:
        self._plugins.require_open()
        return Operation(self._emit, self.name, op, key)

    @contextlib.contextmanager
    def _explaining(self, op: str) -> Iterator[None]:
        try:
            self._plugins.require_open()
            yield
        except AssetStoreError as error:
            error.op, error.store = error.op or op, error.store or self.name
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[object, ...]:
        if self._recipe is None:
            raise TypeError(
                f"the store {self.name!r} cannot be pickled, because it was built from live objects or a mapping, which may"
                " hold connections and secrets; put it into assetstore.toml, secrets as ${VARIABLE}, and open it by its name"
            )
        if not self._is_lasting:
            raise TypeError(
                f"the store {self.name!r} cannot be pickled, because its assets are in this process alone;"
                " open one whose assets other processes see, for example 'file:assets'"
            )
        return _unpickled, (self._recipe, self.name, self.location, self._scope)

    def _problem_of(self, key: str) -> str | None:
        """Return why this store cannot hold an asset under exactly this key, or ``None``; nothing is sent."""
        return self._scope.problem_of(key)

    def _overlaps(self, other: AssetStore) -> bool:
        """Return whether this store and another may have assets in common, as far as their backends tell."""
        ours, theirs = self._scope.prefix, other._scope.prefix
        if (two := other._disk_path(theirs)) is not None and (one := self._disk_path(ours)) is not None:
            return one.startswith(two) or two.startswith(one)
        if not ours.startswith(theirs) and not theirs.startswith(ours):
            return False
        return self._stack.shares_assets(other._stack)

    def _require_apart(self) -> None:
        """Refuse another store of a wrapper that may have assets of this one.

        Raises:
            ConfigError: a wrapper uses such a store, or one whose own wrappers do.
        """
        for other in self._others():
            if self._overlaps(other):
                raise ConfigError(
                    f"{self.name!r} and {other.name!r}, which a wrapper of it uses, must not have assets in common",
                    hint="name another bucket or folder, of which neither lies in the other",
                    op="open",
                    store=self.name,
                )

    def _others(self) -> Iterator[AssetStore]:
        """Yield the stores that wrappers use, and those that these use in turn."""
        for setting in self._stack.others():
            try:
                other: AssetStore = setting.get()
            except AssetStoreError:
                continue  # who needs a store that cannot be opened is told why
            yield other
            yield from other._others()

    def _lies_in(self, folder: Path) -> bool:
        """Return whether this store keeps its files in a folder, or in one around it, as far as its backend tells."""
        one, two = self._disk_path(self._scope.prefix), f"{Path(os.path.realpath(folder)).as_posix().rstrip('/')}/"
        return one is not None and (one.startswith(two) or two.startswith(one))

    def _disk_path(self, full_key: str) -> str | None:
        """Return the path on this machine that a key, or the beginning of keys, stands for; ``None`` if there is none.

        Folders may lie in one another, so that one file is an asset of two stores.
        """
        folder = self._stack.folder
        return None if folder is None else f"{Path(folder).as_posix().rstrip('/')}/{full_key}"

    @property
    def _is_lasting(self) -> bool:
        # One that came pickled is lasting; to send it on does not open it.
        return "_stack" not in vars(self) or self._stack.lasting

    if not TYPE_CHECKING:  # a type checker would take every name for an attribute

        def __getattr__(self, name: str) -> object:
            """Open the store, which came pickled and is used for the first time."""
            if name not in _OPENED:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
            shared = vars(_shared(self._recipe).get())
            vars(self)["location"] = shared["location"]
            for attribute in _OPENED:
                value = shared[attribute]
                # Of two threads that use it first at once, one gives the store its plugins.
                vars(self).setdefault(attribute, value.lent() if attribute == "_plugins" else value)
            return vars(self)[name]

    def __repr__(self) -> str:
        scope = f" under {self._scope.prefix!r}" if self._scope.prefix else ""
        return f"<AssetStore {self.name} ({self.location}){scope}>"


_STAT = StatOptions()
_OPENED = ("_stack", "_plugins", "_emit", "prices")


def _unpickled(recipe: Recipe, name: str, location: str, scope: Scope) -> AssetStore:
    """Return a store that is opened when it is first used.

    Were it opened now, an error would not reach the task that has the store as its argument: ``multiprocessing.Pool`` loses
    such a task and waits for it for ever, and ``concurrent.futures`` says that a process ended.
    """
    store = object.__new__(AssetStore)
    vars(store).update(_recipe=recipe, name=name, location=location, _scope=scope)
    return store


@functools.lru_cache(maxsize=64)
def _shared(recipe: Recipe) -> PerProcess[AssetStore]:
    """Return what opens the store that all of one recipe share: a task neither connects anew nor reads the file again."""
    return PerProcess(recipe.open)


def _link_options(method: Method, expires: Duration) -> PresignOptions:
    """Return the options of a request that is bound to nothing else; a page signs many links by the same."""
    # A ``bool`` or what cannot be hashed is for the options to refuse.
    plain = type(method) is str and type(expires) is int
    return _kept_options(method, expires) if plain else PresignOptions(method=method, expires=expires)


@functools.lru_cache(maxsize=64)
def _kept_options(method: Method, expires: Duration) -> PresignOptions:
    return PresignOptions(method=method, expires=expires)


_OPTION_FIELDS = every(*OPERATIONS)
_DIRECT = ("begin_upload", "finish_upload", "cancel_upload", "sweep_pending")


def _file_for(key: str, path: str | PathLike[str]) -> str | PathLike[str]:
    """Return the file to download to: in a folder, the one with the last name of the key."""
    if not os.fspath(path).endswith(os.sep) and not os.path.isdir(path):
        return path
    name = key.rpartition("/")[2]
    if not name:
        raise InvalidOptionError("the key ends in '/', so it names no file in a folder", hint="pass the path of a file")
    return os.path.join(path, name)


@contextlib.contextmanager
def _unfinished(path: str | PathLike[str], overwrite: bool, checkpoint: Checkpoint | None) -> Iterator[Path]:
    """Yield a file that takes its path at the end; with a checkpoint that of an earlier process, which it has notes of."""
    if checkpoint is None:
        with replacing(path, overwrite=overwrite) as temporary:
            yield temporary
        return
    with replacing(path, overwrite=overwrite, name=checkpoint.name[:16], keeps=checkpoint.keeps) as temporary:
        if not checkpoint.begun:
            os.truncate(temporary, 0)
        yield temporary


def _refuse_category(category: str | None) -> None:
    if category is not None:
        raise InvalidOptionError("category is for generated keys", hint="leave key= or category= out")


def _named(plugin: object) -> tuple[str, Any]:
    if isinstance(plugin, tuple):
        name, plugin = plugin
        return str(name), plugin
    return getattr(plugin, "__name__", type(plugin).__name__), plugin
