"""assetstore: the library and its command."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.clients.base import Client, Command


class Assetstore(Client):
    """``AssetStore`` with its default plugins; the option is the scheme and the engine."""

    def open(self, option: str) -> None:
        from assetstore import open_store

        keys = {name: self.place[name] for name in ("access_key", "secret_key")}
        self.store = open_store({"url": address(self.place, option), **keys})

    def put(self, key: str, data: bytes) -> None:
        self.store.upload(data, key)

    def get(self, key: str) -> bytes:
        return self.store.read(key)

    def head(self, key: str) -> None:
        self.store.stat(key)

    def delete(self, key: str) -> None:
        self.store.delete(key)

    def count(self, prefix: str) -> int:
        return sum(1 for _ in self.store.list(prefix))

    def up(self, path: Path, key: str) -> None:
        self.store.upload(path, key)

    def down(self, key: str, path: Path) -> None:
        self.store.download(key, path)

    def opened(self, key: str) -> Any:
        return self.store.open(key)

    def many_up(self, folder: Path, prefix: str, names: list[str]) -> None:
        results(self.store.upload_many((folder / name, prefix + name) for name in names))

    def many_down(self, prefix: str, names: list[str], folder: Path) -> None:
        results(self.store.download_many(((prefix + name, name) for name in names), folder))


class AssetstoreCommand(Command):
    """The command ``assetstore``; the option is as for ``Assetstore``."""

    def open(self, option: str) -> None:
        self.url = address(self.place, option)
        # The stores that works between two places name, and an index of the folder that no other turn has seen.
        self.home = tempfile.TemporaryDirectory()
        other = json.loads(self.place["other"]) if "other" in self.place else self.place
        tables = []
        for name, place in {"b": self.place, "c": other}.items():
            keys = "".join(f"{key} = {json.dumps(place[key])}\n" for key in ("access_key", "secret_key"))
            tables.append(f"[stores.{name}]\nurl = {json.dumps(address(place, option))}\n{keys}")
        config = Path(self.home.name, "assetstore.toml")
        config.touch(0o600)
        config.write_text("".join(tables))

    def environment(self) -> Mapping[str, str]:
        config, cache = Path(self.home.name, "assetstore.toml"), Path(self.home.name, "cache")
        return {**super().environment(), "ASSETSTORE_CONFIG": str(config), "XDG_CACHE_HOME": str(cache)}

    def count(self, prefix: str) -> int:
        return self.run("-s", self.url, "list", "-r", prefix).count("\n")

    def up(self, path: Path, key: str) -> None:
        self.run("-s", self.url, "upload", "-q", str(path), "--key", key)

    def down(self, key: str, path: Path) -> None:
        self.run("-s", self.url, "download", "-q", key, "-o", str(path))

    def many_up(self, folder: Path, prefix: str, names: list[str]) -> None:
        self.run("-s", self.url, "upload", "-q", "-r", str(folder), "--to", prefix)

    def many_down(self, prefix: str, names: list[str], folder: Path) -> None:
        self.run("-s", self.url, "download", "-q", "-r", prefix, "-o", str(folder))

    def sync_up(self, folder: Path, prefix: str) -> None:
        self.run("sync", "-q", str(folder), f"b:{prefix}")

    def sync_across(self, prefix: str) -> None:
        self.run("sync", "-q", f"b:{prefix}", f"c:{prefix}")

    def check(self, prefix: str) -> None:
        self.run("check", "-q", f"b:{prefix}", f"c:{prefix}")


def address(place: Mapping[str, str], option: str) -> str:
    """Return the URL of the bucket."""
    scheme, _, engine = option.partition(" ")
    bucket = f"{place['bucket']}?endpoint_url={place['url']}&engine={engine}"
    return f"r2:///{bucket}" if scheme == "r2" else f"s3://{bucket}&region={place['region']}"


def results(made: Iterable[Any]) -> int:
    """Count results; the first error is raised."""
    count = 0
    for result in made:
        if result.error is not None:
            raise result.error
        count += 1
    return count
