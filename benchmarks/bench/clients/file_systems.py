"""File systems of fsspec: assetstore's, s3fs and obstore's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.clients.base import SMALL_PART, THREADS, Client
from bench.clients.ours import address


class FileSystem(Client):
    """What is the same for all file systems of fsspec. ``fs`` is the file system."""

    fs: Any

    def path(self, key: str) -> str:
        """Return the file system's own path of a key."""
        return f"{self.bucket}/{key}"

    def put(self, key: str, data: bytes) -> None:
        self.fs.pipe_file(self.path(key), data)

    def get(self, key: str) -> bytes:
        return bytes(self.fs.cat_file(self.path(key)))

    def head(self, key: str) -> None:
        self.fs.info(self.path(key), refresh=True)

    def delete(self, key: str) -> None:
        self.fs.rm_file(self.path(key))

    def folder(self, prefix: str) -> int:
        return len(self.fs.ls(self.path(prefix).rstrip("/"), detail=True, refresh=True))

    def up(self, path: Path, key: str) -> None:
        self.fs.put_file(str(path), self.path(key))

    def opened(self, key: str) -> Any:
        return self.fs.open(self.path(key), "rb")


class AssetstoreFsspec(FileSystem):
    """``AssetStoreFileSystem``; the option is the scheme and the engine."""

    def open(self, option: str) -> None:
        from assetstore import open_store
        from assetstore_fsspec import AssetStoreFileSystem

        keys = {name: self.place[name] for name in ("access_key", "secret_key")}
        self.fs = AssetStoreFileSystem(open_store({"url": address(self.place, option), **keys}))

    def path(self, key: str) -> str:
        return key


class ObstoreFsspec(FileSystem):
    """``obstore.fsspec.FsspecStore``."""

    def open(self, option: str) -> None:
        from obstore.fsspec import FsspecStore

        client: Any = {"allow_http": not self.secure, "timeout": "600s"}
        if self.secure:
            client["root_certificate"] = Path(self.place["ca"]).read_bytes()
        self.fs = FsspecStore(
            "s3",
            client_options=client,
            endpoint=self.place["url"],
            region=self.place["region"],
            access_key_id=self.place["access_key"],
            secret_access_key=self.place["secret_key"],
            virtual_hosted_style_request=False,
        )


class S3fs(FileSystem):
    """s3fs; many files go through its own loop, as many at once as others have threads."""

    def open(self, option: str) -> None:
        import s3fs

        self.fs = s3fs.S3FileSystem(
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

    def create(self, key: str, data: bytes) -> None:
        self.fs.pipe_file(self.path(key), data, mode="create")

    def copy(self, source: str, target: str) -> None:
        self.fs.cp_file(self.path(source), self.path(target))

    def names(self, prefix: str) -> list[str]:
        return [path.removeprefix(f"{self.bucket}/") for path in self.fs.find(self.path(prefix))]

    def count(self, prefix: str) -> int:
        return len(self.fs.find(self.path(prefix)))

    def down(self, key: str, path: Path) -> None:
        self.fs.get_file(self.path(key), str(path))

    def in_parts(self, path: Path, key: str) -> None:
        with self.fs.open(self.path(key), "wb", block_size=SMALL_PART) as target:
            target.write(path.read_bytes())

    def many_up(self, folder: Path, prefix: str, names: list[str]) -> None:
        remote = [self.path(prefix + name) for name in names]
        self.fs.put([str(folder / name) for name in names], remote, batch_size=THREADS)

    def many_down(self, prefix: str, names: list[str], folder: Path) -> None:
        remote = [self.path(prefix + name) for name in names]
        self.fs.get(remote, [str(folder / name) for name in names], batch_size=THREADS)
