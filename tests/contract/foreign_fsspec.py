"""A thin plugin over fsspec, whose file systems none of us wrote."""

# ruff: noqa: D102 - each hook does what its specification says

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import attrs
from fsspec.implementations.local import LocalFileSystem

from assetstore import AlreadyExistsError, BackendError, NotFoundError
from assetstore.options import DeleteOptions, ListOptions, ReadOptions, StatOptions, UploadOptions
from assetstore.plugin import Source, hookimpl
from assetstore.results import AssetInfo, AssetStream, DeleteReport, ListPage


@attrs.define(eq=False)
class FsspecBackend:
    """Takes a key for a path below ``root``, and each hook for a call of fsspec."""

    location: ClassVar[str] = "fsspec, local"
    supports: ClassVar[frozenset[str]] = frozenset(
        {"upload.overwrite", "read.offset", "read.length", "list.cursor", "list.start_after"}
    )

    root: Path
    files: LocalFileSystem = attrs.field(factory=lambda: LocalFileSystem(auto_mkdir=True))

    @hookimpl
    def assetstore_upload(self, key: str, source: Source, options: UploadOptions) -> AssetInfo:
        data = b"".join(source.chunks())
        # fsspec's own pipe_file(mode="create") looks first and writes then.
        mode = "wb" if options.overwrite else "xb"
        with _translated(), self.files.open(f"{self.root}/{key}", mode) as file:
            file.write(data)
        return AssetInfo(key=key, size=len(data))

    @hookimpl
    def assetstore_read(self, key: str, options: ReadOptions) -> AssetStream:
        with _translated():
            info = self.assetstore_stat(key, StatOptions())
            body = self.files.open(f"{self.root}/{key}", "rb")
            body.seek(options.offset)
        left = max(0, info.size - options.offset)
        return AssetStream(info=info, body=body, length=left if options.length is None else min(left, options.length))

    @hookimpl
    def assetstore_stat(self, key: str, options: StatOptions) -> AssetInfo:
        with _translated():
            found = self.files.info(f"{self.root}/{key}")
        if found["type"] != "file":
            raise NotFoundError("there is a folder and no asset")
        return _info(key, found)

    @hookimpl
    def assetstore_list(self, prefix: str, options: ListOptions) -> ListPage:
        after = max(options.cursor or "", options.start_after or "")
        with _translated():
            found = self.files.find(str(self.root), detail=True)
        infos = (_info(path.removeprefix(f"{self.root}/"), each) for path, each in found.items())
        items = sorted((info for info in infos if info.key.startswith(prefix) and info.key > after), key=lambda i: i.key)
        page = tuple(items[: options.limit])
        return ListPage(items=page, next_cursor=page[-1].key if len(items) > len(page) else None)

    @hookimpl
    def assetstore_delete(self, keys: Sequence[str], options: DeleteOptions) -> DeleteReport:
        for key in keys:
            with _translated(), contextlib.suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
                self.files.rm_file(f"{self.root}/{key}")
        return DeleteReport(deleted=tuple(keys))


def _info(key: str, found: dict[str, Any]) -> AssetInfo:
    return AssetInfo(key=key, size=found["size"], last_modified=datetime.fromtimestamp(found["mtime"], UTC))


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError("there is no such asset") from error
    except FileExistsError as error:
        raise AlreadyExistsError("the key is taken") from error
    except OSError as error:
        raise BackendError(error.strerror or str(error)) from error
