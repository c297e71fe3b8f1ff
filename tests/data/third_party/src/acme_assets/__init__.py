"""Plugins of a third party: a backend over a ZIP file, a naming scheme, a wrapper and an observer."""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult

import attrs

from assetstore.plugin import (
    AlreadyExistsError,
    AssetInfo,
    AssetStream,
    DeleteOptions,
    DeleteReport,
    Event,
    InvalidOptionError,
    ListOptions,
    ListPage,
    NameOptions,
    NotFoundError,
    ProposedKey,
    ReadOptions,
    Source,
    StatOptions,
    UploadOptions,
    Wrapper,
    hookimpl,
)


@attrs.define(eq=False, kw_only=True)
class ZipBackend:
    """Assets as members of one ZIP file, which is written anew for each change."""

    supports = frozenset({"upload.overwrite", "read.offset", "read.length", "list.cursor", "list.start_after"})

    path: Path
    _lock: threading.Lock = attrs.field(init=False, factory=threading.Lock)

    @classmethod
    def from_url(cls, parts: SplitResult) -> dict[str, str]:
        """Take the path of ``zip:assets.zip``."""
        return {"path": parts.path}

    @property
    def location(self) -> str:
        """Where the assets are."""
        return f"archive {self.path.name}, local"

    def _load(self) -> dict[str, bytes]:
        if not self.path.exists():
            return {}
        with zipfile.ZipFile(self.path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    def _save(self, assets: dict[str, bytes]) -> None:
        fresh = self.path.with_suffix(".new")
        with zipfile.ZipFile(fresh, "w") as archive:
            for name, data in assets.items():
                archive.writestr(name, data)
        fresh.replace(self.path)

    @hookimpl
    def assetstore_upload(self, key: str, source: Source, options: UploadOptions) -> AssetInfo:
        """Write."""
        data = b"".join(source.chunks())
        with self._lock:
            assets = self._load()
            if key in assets and not options.overwrite:
                raise AlreadyExistsError("the key is taken")
            self._save({**assets, key: data})
        return AssetInfo(key=key, size=len(data))

    @hookimpl
    def assetstore_read(self, key: str, options: ReadOptions) -> AssetStream:
        """Read."""
        data = self._find(key)
        end = None if options.length is None else options.offset + options.length
        run = data[options.offset : end]
        return AssetStream(info=AssetInfo(key=key, size=len(data)), body=io.BytesIO(run), length=len(run))

    @hookimpl
    def assetstore_stat(self, key: str, options: StatOptions) -> AssetInfo:
        """Look up."""
        return AssetInfo(key=key, size=len(self._find(key)))

    @hookimpl
    def assetstore_list(self, prefix: str, options: ListOptions) -> ListPage:
        """List."""
        after = options.cursor or options.start_after or ""
        found = sorted((key, len(data)) for key, data in self._load().items() if key.startswith(prefix) and key > after)
        items = tuple(AssetInfo(key=key, size=size) for key, size in found[: options.limit])
        return ListPage(items=items, next_cursor=items[-1].key if len(found) > options.limit else None)

    @hookimpl
    def assetstore_delete(self, keys: Sequence[str], options: DeleteOptions) -> DeleteReport:
        """Delete."""
        with self._lock:
            self._save({key: data for key, data in self._load().items() if key not in keys})
        return DeleteReport(deleted=tuple(keys))

    def _find(self, key: str) -> bytes:
        try:
            return self._load()[key]
        except KeyError:
            raise NotFoundError("the archive has no such member") from None


@attrs.define(eq=False, kw_only=True)
class TableNaming:
    """Keys by game table."""

    table: int

    @hookimpl
    def assetstore_name(self, filename: str, options: NameOptions) -> ProposedKey:
        """Name."""
        return ProposedKey(key=f"table-{self.table}/{options.category}/{filename}", on_clash="fail")


@attrs.define(eq=False)
class SizeGuard(Wrapper):
    """Refuses what is too large."""

    supports = frozenset({"upload.*"})

    max_bytes: int = attrs.field(kw_only=True, default=1_000_000)

    @hookimpl
    def assetstore_upload(self, key: str, source: Source, options: UploadOptions) -> AssetInfo | None:
        """Write what is small enough."""
        source.spool()
        if source.size is not None and source.size > self.max_bytes:
            raise InvalidOptionError(f"{source.size} bytes are more than {self.max_bytes}")
        return self.inner.assetstore_upload(key=key, source=source, options=options)


@attrs.define(eq=False)
class Audit:
    """Appends a line for each operation to a file, and shows them by a command."""

    path: Path = attrs.field(kw_only=True)

    @hookimpl
    def assetstore_event(self, event: Event) -> None:
        """Note."""
        with self.path.open("a") as file:
            file.write(f"{event.op} {event.key} {event.outcome}\n")

    @hookimpl
    def assetstore_commands(self) -> Sequence[Any]:
        """Offer ``audit``."""
        import click

        show = lambda: click.echo(self.path.read_text(), nl=False)  # noqa: E731 - a callback
        return [click.Command("audit-log", callback=show, help="Show the log.")]
