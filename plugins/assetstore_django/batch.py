"""``Batch``: many files that a storage shall have, compared with what it has and uploaded at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from assetstore import AssetInfo, IntegrityError
from assetstore.plugin import Verifier
from assetstore_django.storage import AssetStorage

Content: TypeAlias = Path | bytes


def content_of(storage: Any, name: str) -> Content:
    """Return a file of any storage of Django: its path, or its bytes where it has none."""
    try:
        return Path(storage.path(name))
    except NotImplementedError:
        with storage.open(name) as file:
            return bytes(file.read())


class Batch:
    """What a storage has, by one listing, which is asked for when it is first needed."""

    def __init__(self, storage: AssetStorage) -> None:
        self._storage = storage
        self._stored: dict[str, AssetInfo] | None = None

    @property
    def stored(self) -> dict[str, AssetInfo]:
        """All assets of the storage by their keys, as far as this batch knows."""
        if self._stored is None:
            self._stored = {info.key: info for info in self._storage.store.list()}
        return self._stored

    def has(self, name: str) -> bool:
        """Return whether the storage has a file of this name."""
        return self._storage.key(name) in self.stored

    def clear(self) -> list[str]:
        """Delete all files of the storage and return their keys."""
        infos = list(self.stored.values())
        for failure in self._storage.store.delete_many(infos).failed:
            raise failure.error
        self._stored = {}
        return [info.key for info in infos]

    def changed(self, files: Mapping[str, Content]) -> list[str]:
        """Return the names of the files that the storage lacks or has with other bytes."""
        keys = {name: self._storage.key(name) for name in files}
        there = [name for name, key in keys.items() if key in self.stored]
        same_size = [name for name in there if self.stored[keys[name]].size == _size(files[name])]
        same = {name for name in same_size if _is_same(self.stored[keys[name]], files[name])}
        # A listing of a folder, or of what was uploaded in parts, has no digests.
        unknown = {
            keys[name]: name
            for name in same_size
            if name not in same and not Verifier(self.stored[keys[name]].digest).knows
        }
        for result in self._storage.store.stat_many(list(unknown)):
            if result.value is not None:
                self.stored[result.value.key] = result.value
                if _is_same(result.value, files[unknown[result.value.key]]):
                    same.add(unknown[result.value.key])
        return [name for name in files if name not in same]

    def upload(self, files: Mapping[str, Content]) -> Iterator[str]:
        """Upload all files, many at a time, and yield the name of each as soon as it is stored.

        Raises:
            AssetStoreError: some failed, of which this is the first; all others were stored.
        """
        names = {self._storage.key(name): name for name in files}
        failed: Exception | None = None
        for result in self._storage.store.upload_many((files[name], key) for key, name in names.items()):
            if result.value is None:
                failed = failed or result.error
            else:
                self.stored[result.value.key] = result.value
                yield names[result.value.key]
        if failed is not None:
            raise failed


def _size(content: Content) -> int:
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def _is_same(info: AssetInfo, content: Content) -> bool:
    """Return whether an asset is known to have this content, by its digest or by an ETag that is the content's MD5."""
    verifier = Verifier(info.digest or f"md5:{info.etag}")
    if not verifier.knows:
        return False  # without reading the file for nothing
    for piece in [content] if isinstance(content, bytes) else _pieces(content):
        verifier.update(piece)
    try:
        verifier.verify()
    except IntegrityError:
        return False
    return True


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            yield piece
