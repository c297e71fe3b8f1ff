"""minio-py and s3fs."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from bench.clients.base import SMALL_PART, THREADS, Client


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


class S3fs(Client):
    """s3fs, without its caches; its own calls take many files at once."""

    def open(self, option: str) -> None:
        import s3fs

        self.fs: Any = s3fs.S3FileSystem(
            key=self.place["access_key"],
            secret=self.place["secret_key"],
            endpoint_url=self.place["url"],
            client_kwargs={"region_name": self.place["region"]},
            config_kwargs={
                "max_pool_connections": THREADS,
                "s3": {"addressing_style": "path"},
                **({"read_timeout": float(self.place["seconds"])} if "seconds" in self.place else {}),
            },
            use_listings_cache=False,
            skip_instance_cache=True,
        )

    def put(self, key: str, data: bytes) -> None:
        self.fs.pipe_file(f"{self.bucket}/{key}", data)

    def get(self, key: str) -> bytes:
        return bytes(self.fs.cat_file(f"{self.bucket}/{key}"))

    def head(self, key: str) -> None:
        self.fs.info(f"{self.bucket}/{key}", refresh=True)

    def delete(self, key: str) -> None:
        self.fs.rm_file(f"{self.bucket}/{key}")

    def create(self, key: str, data: bytes) -> None:
        self.fs.pipe_file(f"{self.bucket}/{key}", data, mode="create")

    def copy(self, source: str, target: str) -> None:
        self.fs.cp_file(f"{self.bucket}/{source}", f"{self.bucket}/{target}")

    def names(self, prefix: str) -> list[str]:
        return [path.removeprefix(f"{self.bucket}/") for path in self.fs.find(f"{self.bucket}/{prefix}")]

    def count(self, prefix: str) -> int:
        return len(self.fs.find(f"{self.bucket}/{prefix}"))

    def up(self, path: Path, key: str) -> None:
        self.fs.put_file(str(path), f"{self.bucket}/{key}")

    def down(self, key: str, path: Path) -> None:
        self.fs.get_file(f"{self.bucket}/{key}", str(path))

    def in_parts(self, path: Path, key: str) -> None:
        with self.fs.open(f"{self.bucket}/{key}", "wb", block_size=SMALL_PART) as target:
            target.write(path.read_bytes())

    def many_up(self, folder: Path, prefix: str, names: list[str]) -> None:
        remote = [f"{self.bucket}/{prefix}{name}" for name in names]
        self.fs.put([str(folder / name) for name in names], remote, batch_size=THREADS)

    def many_down(self, prefix: str, names: list[str], folder: Path) -> None:
        remote = [f"{self.bucket}/{prefix}{name}" for name in names]
        self.fs.get(remote, [str(folder / name) for name in names], batch_size=THREADS)
