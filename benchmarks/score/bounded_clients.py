"""S3 clients whose bounds are measured, assetstore's and those of the peers; all their timeouts are the same seconds.

Runs with the Python of each peer, so it imports no package at the top.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

PIECE = 1 << 20
KEYS = ("0123456789abcdef0123456789abcdef", "s" * 64)


class Client:
    """What is measured. A call that a library does not have raises NotImplementedError."""

    def __init__(self, url: str, seconds: float) -> None:
        self.url, self.seconds = url, seconds
        self.open()

    def open(self) -> None:
        """Make the library's own object."""

    def put(self, data: bytes) -> None:
        """Store bytes."""
        raise NotImplementedError

    def get(self) -> bytes:
        """Return the bytes of the object."""
        raise NotImplementedError

    def pipe_up(self, source: Any) -> None:
        """Store what comes out of a pipe."""
        raise NotImplementedError

    def pieces(self) -> Iterator[bytes]:
        """Yield the object piece by piece."""
        raise NotImplementedError

    def file_up(self, path: Path) -> None:
        """Store a file."""
        raise NotImplementedError


class Assetstore(Client):
    """assetstore, on S3, or on a folder if the URL is one of ``file:``."""

    def open(self) -> None:
        from assetstore import AssetStore
        from assetstore_local import LocalBackend
        from assetstore_r2 import S3Backend

        backend: Any
        if self.url.startswith("file:"):
            backend = LocalBackend(root=Path(self.url[5:]))
        else:
            key, secret = KEYS
            backend = S3Backend(
                bucket="bucket",
                endpoint_url=self.url,
                access_key=key,
                secret_key=secret,
                timeout=self.seconds,
                connect_timeout=self.seconds,
            )
        self.store: Any = AssetStore(backend)

    def put(self, data: bytes) -> None:
        self.store.upload(data, "key")

    def get(self) -> bytes:
        return bytes(self.store.read("key"))

    def pipe_up(self, source: Any) -> None:
        self.store.upload(source, "piped")

    def pieces(self) -> Iterator[bytes]:
        with self.store.open("piped") as reader:
            yield from iter(lambda: reader.read(PIECE), b"")

    def file_up(self, path: Path) -> None:
        self.store.upload(path, "key")


class Boto3(Client):
    """boto3 and its transfers."""

    def open(self) -> None:
        import boto3
        from botocore.config import Config

        config = Config(
            s3={"addressing_style": "path"},
            connect_timeout=self.seconds,
            read_timeout=self.seconds,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        session = boto3.session.Session(*KEYS, region_name="us-east-1")
        self.client: Any = session.client("s3", endpoint_url=self.url, config=config)

    def put(self, data: bytes) -> None:
        self.client.put_object(Bucket="bucket", Key="key", Body=data)

    def get(self) -> bytes:
        return bytes(self.client.get_object(Bucket="bucket", Key="key")["Body"].read())

    def pipe_up(self, source: Any) -> None:
        self.client.upload_fileobj(source, "bucket", "piped")

    def pieces(self) -> Iterator[bytes]:
        yield from self.client.get_object(Bucket="bucket", Key="piped")["Body"].iter_chunks(PIECE)

    def file_up(self, path: Path) -> None:
        self.client.upload_file(str(path), "bucket", "key")


class Obstore(Client):
    """obstore."""

    def open(self) -> None:
        from obstore.store import S3Store

        key, secret = KEYS
        limit = f"{self.seconds}s"
        self.store: Any = S3Store(
            "bucket",
            endpoint=self.url,
            region="us-east-1",
            access_key_id=key,
            secret_access_key=secret,
            virtual_hosted_style_request=False,
            client_options={"allow_http": True, "connect_timeout": limit, "read_timeout": limit},
        )

    def put(self, data: bytes) -> None:
        self.store.put("key", data)

    def get(self) -> bytes:
        return bytes(self.store.get("key").bytes())

    def pipe_up(self, source: Any) -> None:
        self.store.put("piped", iter(lambda: source.read(PIECE), b""))

    def pieces(self) -> Iterator[bytes]:
        yield from (bytes(piece) for piece in self.store.get("piped"))

    def file_up(self, path: Path) -> None:
        self.store.put("key", path)


class Opendal(Client):
    """OpenDAL, with its layers for timeouts and retries."""

    def open(self) -> None:
        import opendal

        key, secret = KEYS
        operator: Any = opendal.Operator(
            "s3", bucket="bucket", endpoint=self.url, region="us-east-1", access_key_id=key, secret_access_key=secret
        )
        operator = operator.layer(opendal.layers.TimeoutLayer(timeout=self.seconds, io_timeout=self.seconds))
        self.operator = operator.layer(opendal.layers.RetryLayer())

    def put(self, data: bytes) -> None:
        self.operator.write("key", data)

    def get(self) -> bytes:
        return bytes(self.operator.read("key"))

    def pipe_up(self, source: Any) -> None:
        with self.operator.open("piped", "wb", chunk=8 << 20) as target:
            shutil.copyfileobj(source, target, PIECE)

    def pieces(self) -> Iterator[bytes]:
        with self.operator.open("piped", "rb") as source:
            yield from iter(lambda: source.read(PIECE), b"")


class S3fs(Client):
    """s3fs."""

    def open(self) -> None:
        import s3fs

        limits = {"connect_timeout": self.seconds, "read_timeout": self.seconds, "s3": {"addressing_style": "path"}}
        key, secret = KEYS
        self.fs: Any = s3fs.S3FileSystem(
            key=key, secret=secret, endpoint_url=self.url, config_kwargs=limits, skip_instance_cache=True
        )

    def put(self, data: bytes) -> None:
        self.fs.pipe_file("bucket/key", data)

    def get(self) -> bytes:
        return bytes(self.fs.cat_file("bucket/key"))

    def pipe_up(self, source: Any) -> None:
        with self.fs.open("bucket/piped", "wb") as target:
            shutil.copyfileobj(source, target, PIECE)

    def pieces(self) -> Iterator[bytes]:
        with self.fs.open("bucket/piped", "rb", size=None) as source:
            yield from iter(lambda: source.read(PIECE), b"")

    def file_up(self, path: Path) -> None:
        self.fs.put_file(str(path), "bucket/key")


class Cloudpathlib(Client):
    """cloudpathlib; what it reads and writes passes through a file of its cache."""

    def open(self) -> None:
        import boto3
        from botocore.config import Config
        from cloudpathlib import S3Client

        config = Config(s3={"addressing_style": "path"}, connect_timeout=self.seconds, read_timeout=self.seconds)
        session = boto3.session.Session(*KEYS, region_name="us-east-1")
        client = S3Client(boto3_session=session, endpoint_url=self.url)
        client.client = session.client("s3", endpoint_url=self.url, config=config)
        client.s3 = session.resource("s3", endpoint_url=self.url, config=config)
        self.path: Any = client.S3Path("s3://bucket/key")
        self.piped: Any = client.S3Path("s3://bucket/piped")

    def put(self, data: bytes) -> None:
        self.path.write_bytes(data)

    def get(self) -> bytes:
        return bytes(self.path.read_bytes())

    def pipe_up(self, source: Any) -> None:
        with self.piped.open("wb") as target:
            shutil.copyfileobj(source, target, PIECE)

    def pieces(self) -> Iterator[bytes]:
        with self.piped.open("rb") as source:
            yield from iter(lambda: source.read(PIECE), b"")

    def file_up(self, path: Path) -> None:
        self.path.upload_from(path)


CLIENTS: Mapping[str, type[Client]] = {
    "assetstore": Assetstore,
    "boto3": Boto3,
    "obstore": Obstore,
    "opendal": Opendal,
    "s3fs": S3fs,
    "cloudpathlib": Cloudpathlib,
}
