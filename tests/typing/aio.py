"""Never run, only checked by type checkers: the types that users of the asynchronous store see."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import assert_type

import anyio
from starlette.datastructures import UploadFile

from assetstore import AssetInfo, BulkResult, DeleteReport, Prefix, PresignedRequest
from assetstore.aio import AsyncAssetReader, AsyncAssetStore, AsyncBulkResults, open_store


async def pieces() -> AsyncIterator[bytes]:
    """Yield bytes."""
    yield b"abc"


class LitestarFile:
    """What the ``UploadFile`` of Litestar declares."""

    file: SpooledTemporaryFile[bytes]
    filename: str
    content_type: str

    async def read(self, size: int = -1) -> bytes:
        """Return bytes."""
        return self.file.read(size)


async def main(form: UploadFile, field: LitestarFile) -> None:
    """Use every kind of call."""
    assert_type(await open_store("file:assets"), AsyncAssetStore)
    async with open_store("file:assets") as store:
        assert_type(store, AsyncAssetStore)
        assert_type(store.scoped("a/"), AsyncAssetStore)
        assert_type(await store.upload(pieces(), "a"), AssetInfo)
        for source in (b"", "a.txt", Path("a.txt"), io.BytesIO(), iter([b""])):
            await store.upload(source)
        await store.upload(form)
        await store.upload(field)
        async with await anyio.open_file("a.txt", "rb") as file:
            await store.upload(file)
        async with store.open("a") as reader:
            assert_type(reader, AsyncAssetReader)
            assert_type(await reader.read(5), bytes)
            assert_type([piece async for piece in reader.chunks()], list[bytes])
            await store.upload(reader, "b")
        assert_type(await store.open("a"), AsyncAssetReader)
        async with store.writer("a", content_type="text/plain") as writer:
            assert_type(await writer.write(b""), int)
        async with store.as_local("a") as path:
            assert_type(path, Path)
        assert_type([info async for info in store.list()], list[AssetInfo])
        assert_type([entry async for entry in store.list(recursive=False)], list[AssetInfo | Prefix])
        results = store.upload_many([("a.txt", "a"), (form, "b", {"metadata": {"by": "gm"}})])
        assert_type(results, AsyncBulkResults[AssetInfo])
        assert_type([result async for result in results], list[BulkResult[AssetInfo]])
        assert_type([result.result() async for result in store.read_many(store.list())], list[bytes])
        assert_type(await store.delete_many(store.list()), DeleteReport)
        assert_type(await store.presign("a"), PresignedRequest)
