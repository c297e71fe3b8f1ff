"""A backend that holds its assets in memory, for tests and as an example of a complete backend."""

from __future__ import annotations

import hashlib
import io
import itertools
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import SplitResult

import attrs

from assetstore.content.source import Source
from assetstore.errors import AlreadyExistsError, ConfigError, NotFoundError, PreconditionError
from assetstore.hooks import hookimpl
from assetstore.keys import is_valid_key
from assetstore.options import (
    CheckOptions,
    CopyOptions,
    DeleteOptions,
    DownloadOptions,
    ListOptions,
    ReadOptions,
    StatOptions,
    UploadOptions,
    every,
)
from assetstore.per_process import PerProcess
from assetstore.results import AssetInfo, AssetStream, CheckReport, CheckStep, DeleteReport, ListPage, Prefix


@attrs.define(eq=False, kw_only=True)
class MemoryBackend:
    """Holds assets for as long as the object lives. A forked child has its own copy."""

    location: ClassVar[str] = "memory, gone with the process"
    lasting: ClassVar[bool] = False
    supports: ClassVar[frozenset[str]] = every(
        *("upload", "read", "list", "delete", "download", "copy", "update")
    ) - {"copy.known"}

    _assets: dict[str, tuple[AssetInfo, bytes]] = attrs.field(init=False, factory=dict, repr=False)
    _versions: Iterator[int] = attrs.field(init=False, factory=itertools.count, repr=False)
    # A thread may hold a plain lock during a fork, and the child would wait for it for ever.
    _lock: PerProcess[AbstractContextManager[Any]] = attrs.field(
        init=False, factory=lambda: PerProcess(threading.RLock), repr=False
    )

    @classmethod
    def from_url(cls, parts: SplitResult) -> dict[str, str]:
        """Accept ``memory:`` and nothing else."""
        if parts.netloc or parts.path:
            raise ConfigError("must be 'memory:' and nothing more")
        return {}

    @hookimpl
    def assetstore_upload(self, key: str, source: Source, options: UploadOptions) -> AssetInfo:
        """Read the source to its end before writing."""
        data = b"".join(source.chunks())
        return self._write(key, data, options.given(), overwrite=options.overwrite, if_match=options.if_match)

    @hookimpl
    def assetstore_read(self, key: str, options: ReadOptions) -> AssetStream:
        """Return a range of one version's bytes, which never change."""
        info, data = self._find(key, options.if_match)
        end = None if options.length is None else options.offset + options.length
        wanted = data[options.offset : end]
        return AssetStream(info=info, body=io.BytesIO(wanted), length=len(wanted))

    @hookimpl
    def assetstore_stat(self, key: str, options: StatOptions) -> AssetInfo:
        """Return the info that the upload stored."""
        return self._find(key)[0]

    @hookimpl
    def assetstore_list(self, prefix: str, options: ListOptions) -> ListPage:
        """Sort all keys: Python orders text as UTF-8 orders bytes. The cursor is the last name of a page."""
        with self._lock.get():
            infos = {key: info for key, (info, _) in self._assets.items() if key.startswith(prefix)}
        keys = sorted(key for key in infos if key > (options.start_after or ""))
        names = keys if options.recursive else list(dict.fromkeys(_fold(key, prefix) for key in keys))
        names = [name for name in names if options.cursor is None or name > options.cursor]
        page = names[: options.limit]
        return ListPage(
            items=tuple(infos[name] for name in page if options.recursive or not _is_folded(name, prefix)),
            prefixes=tuple(Prefix(key=name) for name in page if not options.recursive and _is_folded(name, prefix)),
            next_cursor=page[-1] if len(names) > len(page) else None,
        )

    @hookimpl
    def assetstore_delete(self, keys: Sequence[str], options: DeleteOptions) -> DeleteReport:
        """Forget the assets. Foreign keys need no special care here."""
        with self._lock.get():
            for key in keys:
                self._assets.pop(key, None)
        return DeleteReport(deleted=tuple(keys))

    @hookimpl
    def assetstore_download(self, key: str, path: Path, options: DownloadOptions) -> AssetInfo:
        """Write all bytes at once."""
        info, data = self._find(key)
        path.write_bytes(data)
        if options.progress is not None:
            options.progress(len(data))
        return info

    @hookimpl
    def assetstore_copy(self, source: str, destination: str, options: CopyOptions) -> AssetInfo:
        """Write the same bytes again, with the headers that ``options`` does not replace."""
        with self._lock.get():
            info, data = self._find(source, options.if_match)
            return self._write(destination, data, options.applied_to(info), overwrite=options.overwrite, if_match=None)

    @hookimpl
    def assetstore_check(self, options: CheckOptions) -> CheckReport:
        """Count the assets."""
        return CheckReport(steps=(CheckStep(name="memory", ok=True, detail=f"{len(self._assets)} assets"),))

    def _find(self, key: str, if_match: str | None = None) -> tuple[AssetInfo, bytes]:
        found = self._look_up(key)
        if found is None:
            raise NotFoundError("there is no such asset")
        info, data = found
        if if_match not in (None, info.etag):
            raise PreconditionError("the asset has another ETag", hint="stat it again")
        return info, data

    def _write(
        self, key: str, data: bytes, headers: dict[str, Any], *, overwrite: bool, if_match: str | None
    ) -> AssetInfo:
        digest = hashlib.sha256(data).hexdigest()
        with self._lock.get():
            old = self._look_up(key)
            if old is not None and not overwrite:
                raise AlreadyExistsError("the key is taken", hint="choose another key or allow overwriting")
            if if_match is not None and (old is None or old[0].etag != if_match):
                raise PreconditionError("the stored asset has another ETag or is gone", hint="stat it again")
            info = AssetInfo(
                key=key,
                size=len(data),
                etag=f"{next(self._versions):x}",
                last_modified=datetime.now(UTC),
                digest=f"sha256:{digest}",
                valid=is_valid_key(key),
                **{"metadata": {}, **{name: value for name, value in headers.items() if value}},
            )
            return self._keep(info, data)

    def _look_up(self, key: str) -> tuple[AssetInfo, bytes] | None:
        return self._assets.get(key)

    def _keep(self, info: AssetInfo, data: bytes) -> AssetInfo:
        self._assets[info.key] = info, data
        return info


def _fold(key: str, prefix: str) -> str:
    head, slash, _ = key[len(prefix) :].partition("/")
    return prefix + head + slash


def _is_folded(name: str, prefix: str) -> bool:
    return name.endswith("/") and len(name) > len(prefix)
