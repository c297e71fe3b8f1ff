"""A thin plugin over obstore, whose stores none of us wrote."""

# ruff: noqa: D102 - each hook does what its specification says

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import attrs
import obstore
from obstore import exceptions
from obstore.store import MemoryStore

from assetstore import AlreadyExistsError, BackendError, NotFoundError, PreconditionError
from assetstore.options import CopyOptions, DeleteOptions, ListOptions, ReadOptions, StatOptions, UploadOptions
from assetstore.plugin import TEXT_HEADERS, Source, hookimpl
from assetstore.results import AssetInfo, AssetStream, DeleteReport, ListPage

HEADERS = {name: name.replace("_", "-").title() for name in TEXT_HEADERS}


@attrs.define(eq=False)
class ObstoreBackend:
    """Hands each hook to obstore and each of its errors back."""

    location: ClassVar[str] = "obstore, in memory"
    supports: ClassVar[frozenset[str]] = frozenset(
        [
            *(f"upload.{name}" for name in (*HEADERS, "metadata", "overwrite", "if_match")),
            *("read.offset", "read.length", "read.if_match", "list.cursor", "list.start_after", "copy.overwrite"),
        ]
    )

    store: MemoryStore = attrs.field(factory=MemoryStore)

    @hookimpl
    def assetstore_upload(self, key: str, source: Source, options: UploadOptions) -> AssetInfo:
        data = b"".join(source.chunks())
        headers = {title: getattr(options, name) for name, title in HEADERS.items() if getattr(options, name)}
        mode: Any = "overwrite" if options.overwrite else "create"
        if options.if_match is not None:
            mode = {"e_tag": f'"{options.if_match}"'}
        attributes = {**(options.metadata or {}), **headers}
        with _translated():
            put = obstore.put(self.store, key, data, attributes=attributes, mode=mode, use_multipart=False)
        return AssetInfo(key=key, size=len(data), etag=str(put["e_tag"]).strip('"'))

    @hookimpl
    def assetstore_read(self, key: str, options: ReadOptions) -> AssetStream:
        wanted: Any = {"if_match": f'"{options.if_match}"'} if options.if_match else {}
        with _translated():
            got = obstore.get(self.store, key, options=wanted)
            data = bytes(got.bytes())
        run = data[options.offset :][: options.length]
        return AssetStream(info=_info(key, got.meta, got.attributes), body=io.BytesIO(run), length=len(run))

    @hookimpl
    def assetstore_stat(self, key: str, options: StatOptions) -> AssetInfo:
        with _translated():
            got = obstore.get(self.store, key, options={"head": True})
        return _info(key, got.meta, got.attributes)

    @hookimpl
    def assetstore_list(self, prefix: str, options: ListOptions) -> ListPage:
        after = max(options.cursor or "", options.start_after or "")
        with _translated():
            found = obstore.list(self.store, prefix=prefix.rpartition("/")[0]).collect()
        items = [_info(meta["path"], meta) for meta in found if meta["path"].startswith(prefix) and meta["path"] > after]
        page = tuple(items[: options.limit])
        return ListPage(items=page, next_cursor=page[-1].key if len(items) > len(page) else None)

    @hookimpl
    def assetstore_delete(self, keys: Sequence[str], options: DeleteOptions) -> DeleteReport:
        with _translated():
            obstore.delete(self.store, list(keys))
        return DeleteReport(deleted=tuple(keys))

    @hookimpl
    def assetstore_copy(self, source: str, destination: str, options: CopyOptions) -> AssetInfo:
        with _translated():
            obstore.copy(self.store, source, destination, overwrite=options.overwrite)
        return self.assetstore_stat(destination, StatOptions())


def _info(key: str, meta: Any, attributes: Mapping[str, str] | None = None) -> AssetInfo:
    info = AssetInfo(key=key, size=meta["size"], etag=meta["e_tag"].strip('"'), last_modified=meta["last_modified"])
    if attributes is None:
        return info
    metadata = {name: value for name, value in attributes.items() if name not in HEADERS.values()}
    return attrs.evolve(info, metadata=metadata, **{name: attributes.get(title) for name, title in HEADERS.items()})


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise NotFoundError("there is no such asset") from error
    except exceptions.AlreadyExistsError as error:
        raise AlreadyExistsError("the key is taken") from error
    except exceptions.PreconditionError as error:
        raise PreconditionError("the asset has another ETag") from error
    # A path that cannot be parsed is a ValueError.
    except (exceptions.BaseError, ValueError) as error:
        raise BackendError(str(error).partition("\n")[0]) from error
