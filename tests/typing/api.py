"""Never run, only checked by mypy: the types that users of the public names see."""

from __future__ import annotations

import io
import tarfile
import wave
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import IO, assert_type

from pluggy import HookimplMarker

from assetstore import (
    AssetInfo,
    AssetReader,
    AssetStore,
    CollectReport,
    DeleteReport,
    DirectUpload,
    ListPage,
    Prefix,
    PresignedRequest,
    UploadedPart,
    open_store,
)
from assetstore import KeyRing as AliasOfSigningKeys
from assetstore import hookimpl as alias_of_hookimpl  # pyright: ignore[reportPrivateImportUsage]  # an older name
from assetstore.plugin import Hooks, ReadOptions, SigningKeys, Source, Wrapper, hookimpl, sniff_type

store = open_store("file:assets")
assert_type(store, AssetStore)
assert_type(store.upload(b"abc", "a.txt"), AssetInfo)
assert_type(store.upload(Path("a.txt"), category="images"), AssetInfo)
assert_type(store.upload(chunk for chunk in (b"a", b"b")), AssetInfo)
assert_type(store.read("a.txt", offset=1, length=2), bytes)
assert_type(store.open("a.txt"), AssetReader)
with store.open("a.txt") as reader:
    opened: IO[bytes] = reader
    with zipfile.ZipFile(reader), tarfile.open(fileobj=reader, mode="r|"), wave.open(reader, "rb"), io.TextIOWrapper(reader):
        pass
    assert_type(reader.seek(-1, io.SEEK_END) + reader.tell(), int)
with store.as_local("a.txt") as path:
    assert_type(path, Path)
assert_type(store.path("a.txt"), Path)
assert_type(store.stat("a.txt").metadata is None, bool)
assert_type(store.exists("a.txt"), bool)
assert_type(store.list("images/"), Iterator[AssetInfo])
assert_type(store.list("images/", recursive=False), Iterator[AssetInfo | Prefix])
assert_type(store.list_page("images/", cursor=None, limit=10), ListPage)
assert_type(store.delete_many(["a", "b"]), DeleteReport)
assert_type(store.presign("a.txt", method="PUT", expires=timedelta(hours=1)), PresignedRequest)
assert_type(store.presign("a.txt", expires="1h", window="1d"), PresignedRequest)
assert_type(store.url("a.txt"), str)
assert_type(store.begin_upload(filename="a.webp", size=3), DirectUpload)
assert_type(store.presign_parts("token", range(1, 9)), dict[int, PresignedRequest])
assert_type(store.list_parts("token"), tuple[UploadedPart, ...])
assert_type(store.finish_upload("token", parts={1: "etag"}), AssetInfo)
assert_type(store.sweep_pending(timedelta(hours=1)), DeleteReport)
assert_type(store.collect(older_than="7d", remove=True), CollectReport)
assert_type(sniff_type(b"GIF89a"), tuple[str, ...])
assert_type(store.scoped("tenant/"), AssetStore)
with store.writer("a.txt") as out, open("b", "rb") as file:
    out.write(b"abc")
    store.upload(file, "b")

store.upload(7, "a.txt")  # type: ignore[arg-type]  # a number is no source
store.presign("a.txt", method="POST")  # type: ignore[arg-type]  # R2 signs no forms


class Upper(Wrapper):
    """A wrapper sees typed hooks."""

    supports = frozenset({"read.*"})

    @hookimpl
    def assetstore_stat(self, key: str, options: object) -> AssetInfo | None:
        """Show that a misspelt argument would be found."""
        self.inner.assetstore_read(key=key, option=ReadOptions())  # type: ignore[call-arg]  # it is called options
        return None


def wrap(inner: Hooks) -> Wrapper:
    """A wrapper's factory takes the layer below."""
    return Upper(inner)


AssetStore(object(), wrappers=[Upper, wrap, ("named", wrap)])
Source(b"abc").digest()

# What could be imported from ``assetstore`` before there were two doors keeps its type.
assert_type(AliasOfSigningKeys.new(), SigningKeys)
same = [hookimpl, alias_of_hookimpl]
assert_type(same[0], HookimplMarker)
assert_type(store.update("a.txt", content_encoding="gzip").content_encoding, str | None)
with store.writer("b.txt", content_encoding="gzip", overwrite=False) as out:
    assert_type(out.write(b"abc"), int)
