"""Batches of uploads to a folder: each item as if alone, the flushes for all."""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flushing import require_whole
from local_recorder import upload_many
from moments import failing_at, right_before

from assetstore import AlreadyExistsError, AssetInfo, AssetStore, AssetStoreError, PreconditionError, UnknownOutcomeError
from assetstore.plugin import NewAsset, Source, UploadManyOptions, UploadOptions
from assetstore_local import LocalBackend
from assetstore_local.disk import whole_flush

_PLAIN = UploadOptions(content_type="text/plain", metadata={"by": "gm"})


def _backend(root: Path, *, durable: bool = False, profile: str | None = None) -> LocalBackend:
    return LocalBackend(root=root, durable=durable, profile=profile)


def _staged(root: Path) -> list[str]:
    return os.listdir(root / ".assetstore" / "tmp")


def test_each_item_of_a_batch_is_as_if_it_were_alone(tmp_path: Path) -> None:
    """Bytes, headers, metadata and digest are stored; conditions hold for each; a refused item stops no other."""
    backend = _backend(tmp_path)
    store = AssetStore(backend)
    old = [store.upload(b"old", key) for key in ("replaced", "kept", "changed")]
    items = [
        ("new", b"1", _PLAIN),
        ("replaced", b"2", _PLAIN),
        ("kept", b"3", UploadOptions(overwrite=False)),
        ("changed", b"4", UploadOptions(if_match="0-0")),
        ("a", b"5", _PLAIN),
        ("a/b", b"6", _PLAIN),
        ("matched", b"7", UploadOptions(overwrite=False)),
    ]
    found = upload_many(backend, *items)
    stored = [result for result in found if isinstance(result, AssetInfo)]
    assert ["new", "replaced", "a", "a/b", "matched"] == [info.key for info in stored]
    assert [store.stat(info.key) for info in stored] == stored
    assert [b"1", b"2", b"5", b"6", b"7"] == [store.read(info.key) for info in stored]
    assert {"by": "gm"} == store.stat("a/b").metadata
    assert (AlreadyExistsError, PreconditionError) == (type(found[2]), type(found[3]))
    assert (old[1:], []) == ([store.stat("kept"), store.stat("changed")], _staged(tmp_path))


def test_files_of_a_batch_have_the_mode_of_any_new_file(tmp_path: Path) -> None:
    """All of them, not only the first."""
    (tmp_path / "usual").touch()
    upload_many(_backend(tmp_path / "root"), *((key, b"x", _PLAIN) for key in "abc"))
    assert {(tmp_path / "usual").stat().st_mode} == {(tmp_path / "root" / key).stat().st_mode for key in "abc"}


def test_a_source_that_fails_is_its_own_item_alone(tmp_path: Path) -> None:
    """The error of a source is the result of its item; the others are stored."""

    def broken() -> Iterator[bytes]:
        yield b"x"
        raise RuntimeError("mine")

    backend = _backend(tmp_path)
    sources = [Source(b"1"), Source(broken()), Source(b"2")]
    batch = [NewAsset(key=f"{number}", source=source, options=_PLAIN) for number, source in enumerate(sources)]
    found = backend.assetstore_upload_many(items=batch, options=UploadManyOptions()) or []
    assert [AssetInfo, RuntimeError, AssetInfo] == [type(result) for result in found]
    assert (["0", "2"], []) == ([item.key for item in AssetStore(backend).list()], _staged(tmp_path))


def test_an_exception_that_ends_a_batch_leaves_nothing_behind(tmp_path: Path) -> None:
    """Ctrl-C in the middle stores none of the items, and no temporary file stays."""

    def interrupted() -> Iterator[bytes]:
        yield b"x"
        raise KeyboardInterrupt

    backend = _backend(tmp_path)
    batch = [NewAsset(key=key, source=Source(raw), options=_PLAIN) for key, raw in (("a", b"1"), ("b", interrupted()))]
    with pytest.raises(KeyboardInterrupt):
        backend.assetstore_upload_many(items=batch, options=UploadManyOptions())
    assert ([], []) == (list(AssetStore(backend).list()), _staged(tmp_path))


def test_a_batch_shares_its_flushes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many new assets, there are two flushes; replacing some adds one."""
    require_whole(tmp_path)
    flushes: list[int] = []
    monkeypatch.setattr(whole_flush, "MOST_DIRTY_BYTES", 1 << 60)
    monkeypatch.setattr(os, "fsync", flushes.append)
    monkeypatch.setattr(whole_flush, "syncfs", flushes.append)
    backend = _backend(tmp_path, durable=True)
    upload_many(backend, ("warm", b"", _PLAIN))
    for most in (2, 3):
        flushes.clear()
        upload_many(backend, *((f"{number % 7}/{number}", b"x", _PLAIN) for number in range(100)))
        assert most == len(flushes)


def test_a_flush_that_fails_ends_all_items_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first flush: nothing was stored. The last one: each item has an unknown outcome, with an error of its own."""
    monkeypatch.setattr(whole_flush, "MOST_DIRTY_BYTES", -(1 << 60))
    backend = _backend(tmp_path, durable=True)
    upload_many(backend, ("warm", b"", _PLAIN))
    flush = os.fsync
    for number in range(1, 30):
        calls = itertools.count(1)

        def fail(descriptor: int, calls: Iterator[int] = calls, number: int = number) -> None:
            if next(calls) == number:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            flush(descriptor)

        monkeypatch.setattr(os, "fsync", fail)
        keys = [f"{number}/a", f"{number}/b"]
        found = upload_many(backend, *((key, b"new", _PLAIN) for key in keys))
        count = next(calls) - 1
        there = [AssetStore(backend).exists(key) for key in keys]
        kinds = {type(error) for error in found}
        if count < number:
            assert ({AssetInfo}, [True, True]) == (kinds, there)
            return
        assert all(isinstance(error, AssetStoreError) for error in found)
        assert found[0] is not found[1]
        assert ([], [UnknownOutcomeError in kinds] * 2) == (_staged(tmp_path), there)
    pytest.fail("there were more flushes than expected")


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC, errno.EMFILE])
def test_whichever_call_of_the_system_fails_a_batch_leaves_each_asset_whole(tmp_path: Path, error: int) -> None:
    """Each call in turn is refused: an item with an error has changed nothing, the others are stored."""
    for number in itertools.count(1):
        root = tmp_path / str(number)
        backend = _backend(root)
        store = AssetStore(backend)
        store.upload(b"old", "a/b", metadata={"by": "old"})
        before = {"a/b": store.stat("a/b")}
        with failing_at(number, error) as called:
            try:
                found = upload_many(backend, ("a/b", b"new", _PLAIN), ("new/c", b"new", _PLAIN))
            except AssetStoreError as raised:
                found = [raised, raised]
        for key, result in zip(("a/b", "new/c"), found, strict=True):
            expected = result if isinstance(result, AssetInfo) else before.get(key)
            assert (number, expected) == (number, store.stat(key) if store.exists(key) else None)
        assert [] == _staged(root) or called[number - 1] == "os.remove"
        if len(called) < number:
            return


def test_batches_and_single_writers_of_the_same_keys_never_wait_for_one_another_in_a_circle(tmp_path: Path) -> None:
    """All finish, each create-only key has one winner, and every asset is whole."""
    backend = _backend(tmp_path)
    store = AssetStore(backend)
    keys = [f"k{number}" for number in range(40)]
    new = UploadOptions(overwrite=False)

    def batch(worker: int) -> int:
        order = keys if worker % 2 else keys[::-1]
        found = upload_many(backend, *((key, key.encode() * 100, new) for key in order))
        for key in order[:5]:
            store.upload(b"x", key)
        return sum(isinstance(result, AssetInfo) for result in found)

    with ThreadPoolExecutor(6) as pool:
        assert len(keys) == sum(pool.map(batch, range(6)))
    assert set(keys) == {item.key for item in store.list()}
    assert [] == _staged(tmp_path)


def test_a_folder_that_another_process_takes_away_is_made_again(tmp_path: Path) -> None:
    """The item is tried again, the others are not stored twice."""
    backend = _backend(tmp_path)
    with right_before("os.rename", "leaf", (tmp_path / "new").rmdir) as met:
        found = upload_many(backend, ("new/leaf", b"1", _PLAIN), ("other", b"2", _PLAIN))
    assert (1, [AssetInfo] * 2) == (len(met), [type(result) for result in found])
    assert (b"1", b"2") == (AssetStore(backend).read("new/leaf"), AssetStore(backend).read("other"))


def test_under_the_rules_of_r2_there_are_no_batches(tmp_path: Path) -> None:
    """The writes of one key have to wait for one another there, so the store makes them one by one."""
    batch = [NewAsset(key="a", source=Source(b"1"), options=_PLAIN)]
    assert None is _backend(tmp_path, profile="r2").assetstore_upload_many(items=batch, options=UploadManyOptions())
