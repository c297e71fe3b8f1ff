"""boto3, its transfers by the common runtime of AWS, and cloudpathlib, which stands on it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from bench.clients.base import SMALL_PART, THREADS, Client


class Boto3(Client):
    """boto3 with what R2 needs, and a connection for each thread."""

    def open(self, option: str) -> None:
        import boto3
        from botocore.config import Config

        limits: Any = {"read_timeout": float(self.place["seconds"])} if "seconds" in self.place else {}
        config = Config(
            s3={"addressing_style": "path"},
            signature_version="s3v4",
            max_pool_connections=THREADS,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_supported" if "seconds" in self.place else "when_required",
            **limits,
        )
        session = boto3.session.Session(*self.keys, region_name=self.place["region"])
        self.client: Any = session.client("s3", endpoint_url=self.place["url"], config=config)

    def put(self, key: str, data: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=key, Body=data)

    def get(self, key: str) -> bytes:
        found: bytes = self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return found

    def head(self, key: str) -> None:
        self.client.head_object(Bucket=self.bucket, Key=key)

    def delete(self, key: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=key)

    def create(self, key: str, data: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=key, Body=data, IfNoneMatch="*")

    def copy(self, source: str, target: str) -> None:
        self.client.copy({"Bucket": self.bucket, "Key": source}, self.bucket, target)

    def names(self, prefix: str) -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [found["Key"] for page in pages for found in page.get("Contents", ())]

    def count(self, prefix: str) -> int:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return sum(len(page.get("Contents", ())) for page in pages)

    def up(self, path: Path, key: str) -> None:
        self.client.upload_file(str(path), self.bucket, key)

    def in_parts(self, path: Path, key: str) -> None:
        self.client.upload_file(str(path), self.bucket, key, Config=small_parts())

    def down(self, key: str, path: Path) -> None:
        self.client.download_file(self.bucket, key, str(path))


def small_parts() -> Any:
    """Return the settings of a transfer in parts of ``SMALL_PART`` bytes."""
    from boto3.s3.transfer import TransferConfig

    return TransferConfig(multipart_threshold=SMALL_PART, multipart_chunksize=SMALL_PART)


class Crt(Client):
    """The transfers of boto3[crt], with s3transfer's own door, because boto3's takes no endpoint."""

    def open(self, option: str) -> None:
        import botocore.session
        from botocore.credentials import Credentials
        from s3transfer import crt

        serializer = crt.BotocoreCRTRequestSerializer(
            botocore.session.Session(), {"region_name": self.place["region"], "endpoint_url": self.place["url"]}
        )
        credentials = crt.BotocoreCRTCredentialsWrapper(Credentials(self.place["access_key"], self.place["secret_key"]))
        client = crt.create_s3_crt_client(
            self.place["region"],
            credentials.to_crt_credentials_provider(),
            use_ssl=self.secure,
            verify=self.place["ca"] if self.secure else None,
        )
        self.manager = crt.CRTTransferManager(client, serializer)

    def up(self, path: Path, key: str) -> None:
        self.manager.upload(str(path), self.bucket, key).result()

    def down(self, key: str, path: Path) -> None:
        self.manager.download(self.bucket, key, str(path)).result()


class Cloudpathlib(Client):
    """cloudpathlib; its reads and writes pass through its cache on disk."""

    def open(self, option: str) -> None:
        from cloudpathlib import S3Client

        os.environ["AWS_DEFAULT_REGION"] = self.place["region"]
        key, secret = self.keys
        self.client: Any = S3Client(
            endpoint_url=self.place["url"],
            addressing_style="path",
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            file_cache_mode="close_file" if "seconds" in self.place else None,
        )

    def _path(self, key: str) -> Any:
        return self.client.S3Path(f"s3://{self.bucket}/{key}")

    def put(self, key: str, data: bytes) -> None:
        self._path(key).write_bytes(data)

    def get(self, key: str) -> bytes:
        return bytes(self._path(key).read_bytes())

    def head(self, key: str) -> None:
        self._path(key).stat()

    def delete(self, key: str) -> None:
        self._path(key).unlink()

    def names(self, prefix: str) -> list[str]:
        return [path.key for path in self._path(prefix).iterdir()]

    def copy(self, source: str, target: str) -> None:
        self._path(source).copy(self._path(target))

    def up(self, path: Path, key: str) -> None:
        self._path(key).upload_from(path)

    def in_parts(self, path: Path, key: str) -> None:
        self.client.boto3_transfer_config = small_parts()
        self._path(key).upload_from(path)

    def down(self, key: str, path: Path) -> None:
        self._path(key).download_to(path)
