"""Records what one operation does to the disk: ``python local_recorder.py BASE SCENARIO FLUSH`` prints JSON.

``FLUSH`` is ``whole`` where the file system is flushed as a whole, and ``each`` where each file is.

Files and folders are told apart by numbers of their own, because the system gives an inode's number again.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from assetstore import AssetInfo, AssetStore
from assetstore.plugin import NewAsset, Source, UploadManyOptions, UploadOptions
from assetstore_local import LocalBackend
from assetstore_local.disk import whole_flush

OLD = {"cache_control": "no-store", "metadata": {"version": "old"}}
NEW = {"cache_control": "no-cache", "metadata": {"version": "new"}}
_NEW = UploadOptions(content_type="text/plain", cache_control="no-cache", metadata={"version": "new"})


def upload_many(backend: LocalBackend, *items: tuple[str, bytes, UploadOptions]) -> list[AssetInfo | Exception]:
    """Upload ``(key, bytes, options)`` as one batch."""
    batch = [NewAsset(key=key, source=Source(data), options=options) for key, data, options in items]
    return list(backend.assetstore_upload_many(items=batch, options=UploadManyOptions()) or [])


def _batch(backend: LocalBackend) -> None:
    """Replace one asset, make another, and fail with a third."""
    refused = ("maps/b", b"refused", UploadOptions(overwrite=False))
    upload_many(backend, ("maps/a", b"new" * 99, _NEW), ("c", b"new c", _NEW), refused)


def _two(store: AssetStore) -> None:
    store.upload(b"old " * 100, "maps/a", **OLD)
    store.upload(b"other", "maps/b", **OLD)


SCENARIOS: dict[str, tuple[Callable[[AssetStore], object], Callable[[AssetStore], object]]] = {
    "first": (lambda store: None, lambda store: store.upload(b"new" * 99, "maps/deep/a", **NEW)),
    "new": (_two, lambda store: store.upload(b"new" * 99, "maps/new/c", **NEW)),
    "overwrite": (_two, lambda store: store.upload(b"new" * 99, "maps/a", **NEW)),
    "create-only": (_two, lambda store: store.upload(b"new" * 99, "maps/c", overwrite=False)),
    "update": (_two, lambda store: store.update("maps/a", **NEW)),
    "copy": (_two, lambda store: store.copy("maps/b", "maps/a")),
    "delete": (_two, lambda store: store.delete("maps/a")),
    "delete-all": (_two, lambda store: store.delete_many(["maps/a", "maps/b"])),
    "below": (_two, lambda store: store.upload(b"new" * 99, "maps/a/below", **NEW)),
    "move": (_two, lambda store: store.move("maps/a", "c")),
}
BATCHES: dict[str, tuple[Callable[[AssetStore], object], Callable[[LocalBackend], object]]] = {
    "batch": (_two, _batch),
    "batch-of-new": (_two, lambda backend: upload_many(backend, ("maps/c", b"new c", _NEW), ("d", b"new d", _NEW))),
    "batch-below": (_two, lambda backend: upload_many(backend, ("c", b"new c", _NEW), ("c/d", b"new d", _NEW))),
}


class Recorder:
    """Wraps the functions of ``os`` that change files, and records each call that succeeded."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self._numbers: dict[int, int] = {}
        self._next = itertools.count()

    def tree(self, path: Path) -> dict[str, Any]:
        """Return a folder and all in it."""
        number, entries = self._number(path), {}
        for entry in path.iterdir():
            if entry.is_dir():
                entries[entry.name] = self.tree(entry)
            else:
                data = entry.read_bytes().decode("latin-1")
                entries[entry.name] = {"id": self._number(entry), "data": data, "mtime": entry.stat().st_mtime_ns}
        return {"id": number, "entries": entries}

    def _number(self, place: Any, *, new: bool = False, **keywords: Any) -> int:
        inode = os.stat(place, **keywords).st_ino
        if new or inode not in self._numbers:
            self._numbers[inode] = next(self._next)
        return self._numbers[inode]

    def _at(self, path: str, dir_fd: int | None) -> tuple[int, str]:
        return self._number(os.path.dirname(path) if dir_fd is None else dir_fd), os.path.basename(path)

    def install(self) -> None:
        """Install the wrappers."""
        names = ("open", "write", "fsync", "utime", "rename", "unlink", "mkdir", "rmdir")
        system = {name: getattr(os, name) for name in names}

        def opened(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
            descriptor: int = system["open"](path, flags, mode, dir_fd=dir_fd)
            if flags & os.O_CREAT:
                self.calls.append(("make", self._number(descriptor, new=True), *self._at(path, dir_fd), "file"))
            return descriptor

        def write(descriptor: int, data: bytes) -> int:
            count: int = system["write"](descriptor, data)
            self.calls.append(("write", self._number(descriptor), bytes(data[:count]).decode("latin-1")))
            return count

        def fsync(descriptor: int) -> None:
            system["fsync"](descriptor)
            self.calls.append(("sync", self._number(descriptor)))

        syncfs = whole_flush.syncfs

        def flush_all(descriptor: int) -> None:
            syncfs(descriptor)
            self.calls.append(("sync", None))

        def utime(descriptor: int, *, ns: tuple[int, int]) -> None:
            system["utime"](descriptor, ns=ns)
            self.calls.append(("stamp", self._number(descriptor), ns[1]))

        def rename(source: str, target: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
            number = self._number(source, dir_fd=src_dir_fd)
            system["rename"](source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
            self.calls.append(("rename", number, *self._at(source, src_dir_fd), *self._at(target, dst_dir_fd)))

        def removing(name: str) -> Callable[..., None]:
            def remove(path: str, *, dir_fd: int) -> None:
                number = self._number(path, dir_fd=dir_fd)
                system[name](path, dir_fd=dir_fd)
                self.calls.append(("remove", number, *self._at(path, dir_fd)))

            return remove

        def mkdir(path: str, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
            system["mkdir"](path, mode, dir_fd=dir_fd)
            self.calls.append(("make", self._number(path, dir_fd=dir_fd, new=True), *self._at(path, dir_fd), "folder"))

        wrappers = (opened, write, fsync, utime, rename, removing("unlink"), mkdir, removing("rmdir"))
        for name, wrapper in zip(system, wrappers, strict=True):
            setattr(os, name, wrapper)
        whole_flush.syncfs = flush_all


def main(base: str, scenario: str, flush: str) -> None:
    """Set up a store, list its files, and record one operation."""
    whole_flush.MOST_DIRTY_BYTES = {"whole": 1 << 60, "each": -(1 << 60)}[flush]
    backend = LocalBackend(root=Path(base) / "root")
    store = AssetStore(backend)
    set_up, _ = (SCENARIOS | BATCHES)[scenario]
    set_up(store)
    recorder = Recorder()
    before = recorder.tree(Path(base))
    recorder.install()
    if scenario in BATCHES:
        BATCHES[scenario][1](backend)
    else:
        SCENARIOS[scenario][1](store)
    sys.stdout.write(json.dumps({"before": before, "calls": recorder.calls}))


if __name__ == "__main__":
    main(*sys.argv[1:])
