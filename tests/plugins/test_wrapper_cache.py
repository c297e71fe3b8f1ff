"""A cache on disk: bytes are fetched once, and never stale or damaged."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetstore import AssetStore, AssetStoreError, ConfigError, IntegrityError, NotFoundError, PreconditionError
from assetstore.hooks import OPTIONAL
from assetstore.plugin import EndPartsOptions, Hooks
from assetstore.testing import FaultyBackend, MemoryBackend
from assetstore_local import LocalBackend
from assetstore_wrappers.cache import Cache
from assetstore_wrappers.cache.folder import BLOCK_BYTES

Open: TypeAlias = Callable[..., AssetStore]
Stack: TypeAlias = Callable[..., tuple[AssetStore, FaultyBackend]]

DATA = b"".join(b"%015d\n" % number for number in range(10_000))
LONG = DATA * 5


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


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: bytes([data[0] ^ 1]) + data[1:],
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    ],
    ids=["emptied", "cut", "flipped", "digest flipped"],
)
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
    assert ["stat", "read"] == [op for op, _ in backend.calls]
    assert DATA == store.read("a")
    assert good == file.read_bytes()


@given(offset=st.integers(0, len(LONG)), length=st.integers(0, len(LONG)), place=st.integers(0, len(LONG) - 1))
def test_no_damaged_byte_is_ever_given(stacked: Stack, offset: int, length: int, place: int) -> None:
    """Wherever a file is damaged, each range has the right bytes; those before the damage come from the file."""
    with TemporaryDirectory() as folder:
        store, backend = stacked("cache", folder=Path(folder))
        store.upload(LONG, "a")
        store.read("a")
        (file,) = Path(folder).iterdir()
        data = bytearray(file.read_bytes())
        data[place] ^= 1
        file.write_bytes(data)
        backend.calls.clear()
        assert LONG[offset : offset + length] == store.read("a", offset=offset, length=length)
        sent = [arguments["options"].offset for op, arguments in backend.calls if op == "read"]
        assert [] == [start for start in sent if start < min(offset, place // BLOCK_BYTES * BLOCK_BYTES)]
        assert bool(sent) == (not file.exists())


def test_a_replaced_asset_is_not_joined_to_a_damaged_file(stacked: Stack, tmp_path: Path) -> None:
    """When the asset is replaced while its damaged file is read, the read fails; the next one has the new bytes."""
    store, backend = stacked("cache", folder=tmp_path)
    store.upload(LONG, "a")
    store.read("a")
    (file,) = tmp_path.iterdir()
    data = bytearray(file.read_bytes())
    data[-100_000] ^= 1
    file.write_bytes(data)
    with store.open("a") as reader:
        assert LONG[:10] == reader.read(10)
        AssetStore(backend).upload(LONG[::-1], "a")
        with pytest.raises((IntegrityError, PreconditionError)):
            reader.read()
    assert LONG[::-1] == store.read("a")


def test_what_arrives_damaged_is_not_kept(tmp_path: Path) -> None:
    """Bytes that do not match the digest of the asset leave no file."""
    memory = MemoryBackend()
    store = AssetStore(memory, wrappers=[functools.partial(Cache, folder=tmp_path)])
    store.upload(DATA, "a")
    info, data = memory._assets["a"]
    memory._assets["a"] = info, data[:-1] + b"!"
    with pytest.raises(IntegrityError):
        store.read("a")
    assert [] == [*tmp_path.iterdir()]


def test_within_its_age_an_answer_counts(tmp_path: Path) -> None:
    """With max_age a second read asks nothing, own changes are known at once, those of others when the time is over."""
    made: list[Cache] = []

    def make(inner: Hooks) -> Cache:
        made.append(Cache(inner, folder=tmp_path, max_age=60))
        return made[0]

    backend = FaultyBackend(MemoryBackend())
    store = AssetStore(backend, wrappers=[make])
    (now,) = clock = [100.0]
    made[0]._now = lambda: clock[0]
    for change in (store.upload, AssetStore(backend).upload):
        store.upload(DATA, "a")
        store.read("a")
        backend.calls.clear()
        clock[0] = now + 59
        assert (DATA, []) == (store.read("a"), backend.calls)
        change(DATA[::-1], "a")
    assert DATA == store.read("a")
    clock[0] = now + 200
    assert DATA[::-1] == store.read("a")
    AssetStore(backend).delete("a")
    assert DATA[::-1] == store.read("a")
    store.delete("a")
    with pytest.raises(NotFoundError):
        store.read("a")


def test_a_cache_takes_nothing_away(tmp_path: Path) -> None:
    """Direct uploads in parts and the server of signed requests are those of the backend; what ended is known at once."""
    cached: list[Cache] = []

    def make(inner: Hooks) -> Cache:
        cached.append(Cache(inner, folder=tmp_path / "cache", max_age=60))
        return cached[0]

    bare = AssetStore(LocalBackend(root=tmp_path / "assets"))
    store = AssetStore(LocalBackend(root=tmp_path / "assets"), wrappers=[make])
    assert {"download", "upload_many", "container"} >= {op for op in OPTIONAL if bare.can(op) and not store.can(op)}
    store.upload(DATA, "a")
    assert DATA == store.read("a")
    bare.upload(DATA[::-1], "a")
    assert DATA == store.read("a")
    with contextlib.suppress(AssetStoreError):  # there is no such upload
        cached[0].assetstore_end_parts("a", EndPartsOptions(upload_id="0" * 32))
    assert DATA[::-1] == store.read("a")


def test_a_killed_process_leaves_no_half_file(opened: Open, tmp_path: Path) -> None:
    """What a process killed while it filled the cache leaves is never read, and goes when room is needed."""
    lines = 'url = "file:assets"\nwrappers = ["cache"]'
    store = opened(lines, cache=f'folder = "cache"\nmax_bytes = {len(LONG) * 5 // 4}')
    store.upload(LONG, "a")
    program = """
import os, signal, assetstore
reader = assetstore.open_store("test", config="0.toml").open("a")
reader.read(400_000)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path)
    (draft,) = (tmp_path / "cache").iterdir()
    assert (-signal.SIGKILL, True) == (done.returncode, "-" in draft.name)
    assert (LONG, LONG) == (store.read("a"), store.read("a"))
    (kept,) = (tmp_path / "cache").iterdir()
    assert draft != kept


def test_settings_below_zero_are_refused(tmp_path: Path) -> None:
    """The error names the setting."""
    with pytest.raises(ConfigError, match="max_age must be 0 or more, got -1"):
        Cache(None, folder=tmp_path, max_age=-1)


def test_a_cache_forgets_what_was_not_read_for_longest(stacked: Stack, tmp_path: Path) -> None:
    """The folder stays within its bound, and what is read keeps its place; files of others stay where they are."""
    store, backend = stacked("cache", folder=tmp_path, max_bytes=10_000)
    others = [tmp_path / name for name in ("notes.txt", "hero.asset", "draft-1.asset")]
    for other in others:
        other.write_bytes(b"")
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
    assert [True] * 3 == [other.exists() for other in others]


def test_trouble_with_the_folder_costs_no_read(stacked: Stack, tmp_path: Path) -> None:
    """Where the folder cannot be made, everything is read from the backend."""
    (tmp_path / "file").write_bytes(b"in the way")
    store, _ = stacked("cache", folder=tmp_path / "file")
    store.upload(DATA, "a")
    assert (DATA, DATA) == (store.read("a"), store.read("a"))


def test_processes_share_a_cache(opened: Open, tmp_path: Path) -> None:
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
    command = [sys.executable, "-c", program]
    with ThreadPoolExecutor(3) as pool:
        run = functools.partial(subprocess.run, cwd=tmp_path, capture_output=True, text=True)
        done = list(pool.map(lambda _: run(command), range(3)))
    assert [("right\n", "")] * 3 == [(each.stdout, each.stderr) for each in done]
    kept = [*(tmp_path / "cache").iterdir()]
    assert [] == [path for path in kept if "-" in path.name]
    assert 0 < sum(path.stat().st_size for path in kept) <= 3 * 100_000
