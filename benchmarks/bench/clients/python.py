"""minio-py, and smart_open on boto3."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from bench.clients.base import THREADS, Client
from bench.clients.boto import Boto3


class MinioPy(Client):
    """minio-py."""

    def open(self, option: str) -> None:
        import urllib3
        from minio import Minio

        self.client: Any = Minio(
            endpoint=self.place["url"].partition("//")[2],
            access_key=self.place["access_key"],
            secret_key=self.place["secret_key"],
            region=self.place["region"],
            secure=self.secure,
            http_client=urllib3.PoolManager(maxsize=THREADS, ca_certs=self.place["ca"]),
        )

    def put(self, key: str, data: bytes) -> None:
        self.client.put_object(bucket_name=self.bucket, object_name=key, data=io.BytesIO(data), length=len(data))

    def get(self, key: str) -> bytes:
        answer = self.client.get_object(bucket_name=self.bucket, object_name=key)
        try:
            return bytes(answer.read())
        finally:
            answer.release_conn()

    def head(self, key: str) -> None:
        self.client.stat_object(bucket_name=self.bucket, object_name=key)

    def delete(self, key: str) -> None:
        self.client.remove_object(bucket_name=self.bucket, object_name=key)

    def count(self, prefix: str) -> int:
        return sum(1 for _ in self.client.list_objects(bucket_name=self.bucket, prefix=prefix, recursive=True))

    def up(self, path: Path, key: str) -> None:
        self.client.fput_object(bucket_name=self.bucket, object_name=key, file_path=str(path))

    def down(self, key: str, path: Path) -> None:
        self.client.fget_object(bucket_name=self.bucket, object_name=key, file_path=str(path))


class SmartOpen(Boto3):
    """smart_open on boto3: a remote file that seeks."""

    def opened(self, key: str) -> Any:
        import smart_open

        return smart_open.open(f"s3://{self.bucket}/{key}", "rb", transport_params={"client": self.client})
