"""Asynchronous clients: assetstore's, aioboto3 and obstore's. Each call is awaited by itself in one event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bench.clients.base import Client
from bench.clients.ours import address
from bench.clients.rust import Obstore

if TYPE_CHECKING:
    from assetstore.aio import AsyncAssetStore

T = TypeVar("T")


class Awaited(Client):
    """What runs in an event loop of its own. Its methods are those of ``Client``; ``upload`` is awaited by the caller."""

    def __init__(self, *arguments: Any) -> None:
        self.loop = asyncio.new_event_loop()
        super().__init__(*arguments)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run in the loop."""
        return self.loop.run_until_complete(work)

    async def upload(self, path: Path, key: str) -> None:
        """Upload a file of any size."""
        raise NotImplementedError


class AssetstoreAio(Awaited):
    """``AsyncAssetStore``; the option is the scheme and the engine."""

    def open(self, option: str) -> None:
        from assetstore.aio import open_store

        keys = {name: self.place[name] for name in ("access_key", "secret_key")}

        async def opened() -> AsyncAssetStore:
            return await open_store({"url": address(self.place, option), **keys})

        self.store = self.run(opened())

    def put(self, key: str, data: bytes) -> None:
        self.run(self.store.upload(data, key))

    def get(self, key: str) -> bytes:
        return self.run(self.store.read(key))

    def head(self, key: str) -> None:
        self.run(self.store.stat(key))

    def delete(self, key: str) -> None:
        self.run(self.store.delete(key))

    async def upload(self, path: Path, key: str) -> None:
        await self.store.upload(path, key)


class Aioboto3(Awaited):
    """aioboto3, with the same settings as boto3."""

    def open(self, option: str) -> None:
        import aioboto3
        from botocore.config import Config

        config = Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required")
        self.session: Any = aioboto3.Session(*self.keys, region_name=self.place["region"])
        self.context = self.session.client("s3", endpoint_url=self.place["url"], config=config)
        self.client: Any = self.run(self.context.__aenter__())

    def put(self, key: str, data: bytes) -> None:
        self.run(self.client.put_object(Bucket=self.bucket, Key=key, Body=data))

    def get(self, key: str) -> bytes:
        async def read() -> bytes:
            found: bytes = await (await self.client.get_object(Bucket=self.bucket, Key=key))["Body"].read()
            return found

        return self.run(read())

    def head(self, key: str) -> None:
        self.run(self.client.head_object(Bucket=self.bucket, Key=key))

    def delete(self, key: str) -> None:
        self.run(self.client.delete_object(Bucket=self.bucket, Key=key))

    async def upload(self, path: Path, key: str) -> None:
        await self.client.upload_file(str(path), self.bucket, key)


class ObstoreAsync(Awaited, Obstore):
    """obstore's asynchronous calls."""

    def put(self, key: str, data: bytes) -> None:
        async def put() -> None:
            await self.store.put_async(key, data)

        self.run(put())

    def get(self, key: str) -> bytes:
        async def get() -> bytes:
            return bytes(await (await self.store.get_async(key)).bytes_async())

        return self.run(get())

    def head(self, key: str) -> None:
        async def head() -> None:
            await self.store.head_async(key)

        self.run(head())

    def delete(self, key: str) -> None:
        async def delete() -> None:
            await self.store.delete_async(key)

        self.run(delete())

    async def upload(self, path: Path, key: str) -> None:
        await self.store.put_async(key, path)
