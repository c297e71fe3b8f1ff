"""obstore and opendal, which are written in Rust."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.clients.base import PART, SMALL_PART, Client


class Obstore(Client):
    """obstore; with the option ``ranges`` a download takes ranges of 8 MiB in 8 threads instead of one stream."""

    def open(self, option: str) -> None:
        from obstore.store import S3Store

        options: Any = {"allow_http": not self.secure, "timeout": "600s"}
        if "seconds" in self.place:
            options["read_timeout"] = f"{self.place['seconds']}s"
        if self.secure:
            options["root_certificate"] = Path(self.place["ca"]).read_bytes()
        self.ranges = option == "ranges"
        self.store = S3Store(
            self.bucket,
            endpoint=self.place["url"],
            region=self.place["region"],
            access_key_id=self.place["access_key"],
            secret_access_key=self.place["secret_key"],
            virtual_hosted_style_request=False,
            client_options=options,
        )

    def put(self, key: str, data: bytes) -> None:
        self.store.put(key, data)

    def get(self, key: str) -> bytes:
        return bytes(self.store.get(key).bytes())

    def head(self, key: str) -> None:
        self.store.head(key)

    def delete(self, key: str) -> None:
        self.store.delete(key)

    def create(self, key: str, data: bytes) -> None:
        self.store.put(key, data, mode="create")

    def copy(self, source: str, target: str) -> None:
        self.store.copy(source, target)

    def names(self, prefix: str) -> list[str]:
        return [found["path"] for page in self.store.list(prefix) for found in page]

    def count(self, prefix: str) -> int:
        return sum(1 for page in self.store.list(prefix, chunk_size=1000) for _ in page)

    def up(self, path: Path, key: str) -> None:
        self.store.put(key, path)

    def in_parts(self, path: Path, key: str) -> None:
        self.store.put(key, path, use_multipart=True, chunk_size=SMALL_PART)

    def down(self, key: str, path: Path) -> None:
        with path.open("wb") as file:
            if self.ranges:
                self._ranges(key, file.fileno())
            else:
                for piece in self.store.get(key):
                    file.write(piece)

    def _ranges(self, key: str, file: int) -> None:
        def fetch(start: int) -> None:
            os.pwrite(file, self.store.get_range(key, start=start, length=PART), start)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(fetch, range(0, self.store.head(key)["size"], PART)))


class Opendal(Client):
    """opendal's blocking operator."""

    def open(self, option: str) -> None:
        import opendal

        self.operator: Any = opendal.Operator(
            "s3",
            bucket=self.bucket,
            endpoint=self.place["url"],
            region=self.place["region"],
            access_key_id=self.place["access_key"],
            secret_access_key=self.place["secret_key"],
        )
        if "seconds" in self.place:
            seconds = float(self.place["seconds"])
            layers = opendal.layers.TimeoutLayer(timeout=seconds, io_timeout=seconds), opendal.layers.RetryLayer()
            for layer in layers:
                self.operator = self.operator.layer(layer)

    def put(self, key: str, data: bytes) -> None:
        self.operator.write(key, data)

    def get(self, key: str) -> bytes:
        return bytes(self.operator.read(key))

    def head(self, key: str) -> None:
        self.operator.stat(key)

    def delete(self, key: str) -> None:
        self.operator.delete(key)

    def create(self, key: str, data: bytes) -> None:
        self.operator.write(key, data, if_not_exists=True)

    def copy(self, source: str, target: str) -> None:
        self.operator.copy(source, target)

    def names(self, prefix: str) -> list[str]:
        return [entry.path for entry in self.operator.list(prefix, recursive=True)]

    def count(self, prefix: str) -> int:
        return sum(1 for _ in self.operator.list(prefix, recursive=True))

    def up(self, path: Path, key: str) -> None:
        with path.open("rb") as source, self.operator.open(key, "wb", chunk=PART, concurrent=8) as target:
            shutil.copyfileobj(source, target, 1 << 20)

    def in_parts(self, path: Path, key: str) -> None:
        with self.operator.open(key, "wb", chunk=SMALL_PART) as target:
            target.write(path.read_bytes())

    def down(self, key: str, path: Path) -> None:
        with self.operator.open(key, "rb", chunk=PART, concurrent=8) as source, path.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
