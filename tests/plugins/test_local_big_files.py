"""Big files, which the system copies while another thread hashes the copy."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from assetstore import AssetStore, IntegrityError, NoSpaceError, SourceError
from assetstore_local import LocalBackend

_SIZE = (20 << 20) + 12_345


def _big(folder: Path) -> Path:
    path = folder / "big.bin"
    path.write_bytes(os.urandom(1 << 20) * 20 + os.urandom(12_345))
    return path


def _store(folder: Path) -> AssetStore:
    return AssetStore(LocalBackend(root=folder / "root"))


def _no_copy(*_: object) -> int:
    raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))


@pytest.mark.parametrize("copies", [True, False], ids=["copied by the system", "read"])
def test_a_big_file_is_stored_with_its_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copies: bool) -> None:
    """Bytes, size, digest and progress are those of the file, whoever copies it."""
    if not copies:
        monkeypatch.setattr(os, "copy_file_range", _no_copy)
    path, seen = _big(tmp_path), list[int]()
    store = _store(tmp_path)
    info = store.upload(path, "big", progress=seen.append)
    assert (_SIZE, f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}") == (info.size, info.digest)
    assert (_SIZE, path.read_bytes()) == (sum(seen), store.read("big"))
    copied = store.copy("big", "copy")
    assert (info.digest, path.read_bytes()) == (copied.digest, (tmp_path / "root/copy").read_bytes())


def _grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def _shrink(path: Path) -> None:
    os.truncate(path, 9 << 20)


def _change(path: Path) -> None:
    with path.open("rb+") as file:
        file.write(b"other")
    os.utime(path, ns=(0, 0))


@pytest.mark.parametrize("act", [_grow, _shrink, _change])
def test_a_big_file_that_changes_while_it_is_copied_is_refused(tmp_path: Path, act: Callable[[Path], None]) -> None:
    """Nothing is stored: neither the old bytes, nor the new ones, nor some of both."""
    path, acts = _big(tmp_path), iter([act])

    def once(_: int) -> None:
        for step in acts:
            step(path)

    store = _store(tmp_path)
    with pytest.raises(SourceError):
        store.upload(path, "big", progress=once)
    assert ([], []) == (list(store.list()), os.listdir(tmp_path / "root/.assetstore/tmp"))


def test_a_big_asset_that_is_damaged_is_not_copied(tmp_path: Path) -> None:
    """The copy is hashed, so a byte that changed on the disk is seen."""
    store = _store(tmp_path)
    store.upload(_big(tmp_path), "big")
    status = os.stat(tmp_path / "root/big")
    with (tmp_path / "root/big").open("rb+") as file:
        file.seek(15 << 20)
        file.write(b"damage")
    os.utime(tmp_path / "root/big", ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(IntegrityError):
        store.copy("big", "copy")
    assert ["big"] == [item.key for item in store.list()]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "full")])
def test_a_copy_that_is_broken_off_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """Whatever ends it in the middle, the old asset stays and no temporary file."""
    store, pieces = _store(tmp_path), iter([1 << 20])
    before = store.upload(b"old", "big")
    system = os.copy_file_range

    def broken(source: int, target: int, count: int, *offsets: int) -> int:
        for piece in pieces:
            return system(source, target, piece, *offsets)
        raise error

    monkeypatch.setattr(os, "copy_file_range", broken)
    with pytest.raises(NoSpaceError if isinstance(error, OSError) else KeyboardInterrupt):
        store.upload(_big(tmp_path), "big")
    assert (before, []) == (store.stat("big"), os.listdir(tmp_path / "root/.assetstore/tmp"))
