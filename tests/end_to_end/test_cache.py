"""A cache on disk, as an installed wrapper: bytes are fetched once, and never stale or damaged."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

import pytest

from assetstore import AssetStore, PreconditionError
from assetstore.testing import FaultyBackend

Run: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]
Open: TypeAlias = Callable[..., AssetStore]
Stack: TypeAlias = Callable[..., tuple[AssetStore, FaultyBackend]]

DATA = b"".join(b"%015d\n" % number for number in range(10_000))


def test_what_was_read_once_comes_from_the_cache(stacked: Stack, tmp_path: Path) -> None:
    """A second read, whole or of a run, and a download ask the backend for the version alone."""
    store, backend = stacked("cache", folder=tmp_path / "cache")
    store.upload(DATA, "a", cache_control="no-store")
    assert DATA == store.read("a")
    backend.calls.clear()
    assert (DATA, DATA[5:]) == (store.read("a"), store.read("a", offset=5))
    assert DATA[70_000:70_010] == store.read("a", offset=70_000, length=10)
    assert DATA == store.read("a", if_match=store.stat("a").etag)
    store.download("a", tmp_path / "a")
    assert (DATA, {"stat"}) == ((tmp_path / "a").read_bytes(), {op for op, _ in backend.calls})
    assert "no-store" == store.open("a").info.cache_control
    with pytest.raises(PreconditionError):
        store.read("a", if_match="another")


def test_a_cache_is_never_stale(stacked: Stack, tmp_path: Path) -> None:
    """What was replaced is read anew, what was deleted is gone, and another process's cache does not matter."""
    store, backend = stacked("cache", folder=tmp_path / "cache")
    behind = AssetStore(backend)
    for data in (b"one", b"two", b"one"):
        behind.upload(data, "a")
        assert (data, data) == (store.read("a"), store.read("a"))
    behind.delete("a")
    with pytest.raises(FileNotFoundError):
        store.read("a")


def test_only_whole_assets_are_kept(stacked: Stack, tmp_path: Path) -> None:
    """Runs, readers that were left early and assets that are too large leave no file."""
    store, _ = stacked("cache", folder=tmp_path / "cache", max_bytes=len(DATA) - 1)
    store.upload(DATA, "large")
    store.upload(DATA[:-1], "a")
    assert DATA == store.read("large")
    assert DATA[1:9] == store.read("a", offset=1, length=8)
    with store.open("a") as reader:
        reader.read(70_000)
    assert [] == [*(tmp_path / "cache").glob("*")]


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[:-1], lambda data: bytes([data[0] ^ 1]) + data[1:]])
def test_a_damaged_file_is_read_anew(stacked: Stack, tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    """A file in the cache that is not what was written is replaced, and its bytes are never given."""
    store, backend = stacked("cache", folder=tmp_path)
    store.upload(DATA, "a")
    store.read("a")
    (file,) = tmp_path.iterdir()
    good = file.read_bytes()
    file.write_bytes(damage(good))
    backend.calls.clear()
    assert DATA == store.read("a")
    assert (good, ["stat", "read"]) == (file.read_bytes(), [op for op, _ in backend.calls])


def test_a_cache_forgets_what_was_not_read_for_longest(stacked: Stack, tmp_path: Path) -> None:
    """The folder stays within its bound, and what is read keeps its place; files of others stay where they are."""
    store, backend = stacked("cache", folder=tmp_path, max_bytes=10_000)
    (tmp_path / "notes.txt").write_bytes(bytes(20_000))
    store.upload(bytes(2_000), "0")
    for number in range(1, 20):
        store.upload(bytes([number]) * 2_000, str(number))
        store.read(str(number))
        assert 10_000 >= sum(path.stat().st_size for path in tmp_path.glob("*.asset"))
        for age, path in enumerate(sorted(tmp_path.glob("*.asset"), key=lambda path: path.stat().st_mtime_ns)):
            os.utime(path, (1_000 + age, 1_000 + age))
        store.read("0")
    assert 1 == [arguments["key"] for op, arguments in backend.calls if op == "read"].count("0")
    backend.calls.clear()
    assert (bytes(2_000), bytes([19]) * 2_000) == (store.read("0"), store.read("19"))
    assert ["stat", "stat"] == [op for op, _ in backend.calls]
    store.read("1")
    assert "read" == backend.calls[-1][0]
    assert (tmp_path / "notes.txt").exists()


def test_trouble_with_the_folder_costs_no_read(stacked: Stack, tmp_path: Path) -> None:
    """Where the folder cannot be made, everything is read from the backend."""
    (tmp_path / "file").write_bytes(b"in the way")
    store, _ = stacked("cache", folder=tmp_path / "file")
    store.upload(DATA, "a")
    assert (DATA, DATA) == (store.read("a"), store.read("a"))


def test_processes_share_a_cache(run: Run, opened: Open, tmp_path: Path) -> None:
    """Processes that read, replace and forget at once through one folder that is too small get the right bytes."""
    lines = 'url = "file:assets"\nwrappers = ["cache"]'
    store = opened(lines, cache='folder = "cache"\nmax_bytes = 100_000')
    (tmp_path / "0.toml").rename(tmp_path / "assetstore.toml")
    for number in range(30):
        store.upload(b"%02d" % number * 5_000, str(number))
    program = """
import random, assetstore
with assetstore.open_store("test") as store:
    for turn in range(200):
        number = random.randrange(30)
        data = store.read(str(number))
        assert data == b"%02d" % number * 5_000, number
print("right")
"""
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _: run("-c", program), range(3)))
    assert [("right\n", "")] * 3 == [(each.stdout, each.stderr) for each in done]
    kept = [*(tmp_path / "cache").iterdir()]
    assert [] == [path for path in kept if path.name.startswith("draft-")]
    assert 0 < sum(path.stat().st_size for path in kept) <= 3 * 100_000
