"""Records of the folder that were damaged at rest: nothing they said is silently lost."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from assetstore import AssetStore, BackendError, IntegrityError
from assetstore_local import LocalBackend
from assetstore_local.disk import json_file, records
from assetstore_local.disk.tree import Tree

_HEADERS = {"cache_control": "no-store", "metadata": {"by": "gm", "gm": "by é"}}


@pytest.fixture
def store(tmp_path: Path) -> AssetStore:
    """Give a store with one asset, ``a.txt``."""
    store = AssetStore(LocalBackend(root=tmp_path, durable=False))
    store.upload(b"one", "a.txt", **_HEADERS)
    return store


def _record(root: Path) -> Path:
    (record,) = (path for path in (root / ".assetstore").glob("??/*.json"))
    return record


def _rebuild(root: Path, key: str) -> bool:
    with Tree(str(root), durable=False) as tree, records.locked(tree, key):
        return records.rebuild(tree, key, tuple(key.split("/")))


def test_no_flipped_bit_of_a_record_is_a_silent_loss(store: AssetStore, tmp_path: Path) -> None:
    """Whichever bit flips, IntegrityError names the record, and the bit is found again."""
    info, record = store.stat("a.txt"), _record(tmp_path)
    text = record.read_bytes()
    for bit in range(len(text) * 8):
        data = bytearray(text)
        data[bit // 8] ^= 1 << bit % 8
        record.write_bytes(data)
        with pytest.raises(IntegrityError) as caught:
            store.stat("a.txt")
        assert str(record.relative_to(tmp_path)) in caught.value.message
    record.write_bytes(bytes([*text[:-80], text[-80] ^ 4, *text[-79:]]))
    assert (True, info) == (_rebuild(tmp_path, "a.txt"), store.stat("a.txt"))


@pytest.mark.parametrize("damage", [b"", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"key": "a.txt", "versions": {"1-1": 7}}'])
def test_what_a_damaged_record_permits(store: AssetStore, tmp_path: Path, damage: bytes) -> None:
    """Nothing that would need the record works; listing, deleting and replacing the asset do."""
    store.upload(b"other", "other")
    record = next(path for path in (tmp_path / ".assetstore").glob("??/*.json") if b"a.txt" in path.read_bytes())
    record.write_bytes(damage)
    refused: list[Callable[[], object]] = [
        lambda: store.stat("a.txt"),
        lambda: store.exists("a.txt"),
        lambda: store.read("a.txt"),
        lambda: store.download("a.txt", tmp_path / "out"),
        lambda: store.update("a.txt", metadata={}),
        lambda: store.copy("a.txt", "b"),
        lambda: store.move("a.txt", "b"),
    ]
    for act in refused:
        with pytest.raises(IntegrityError, match="is damaged, so headers") as caught:
            act()
        assert record.name in caught.value.message
    assert ["a.txt", "other"] == [item.key for item in store.list()]
    info = store.upload(b"two", "a.txt", **_HEADERS)
    assert (info, b"two") == (store.stat("a.txt"), store.read("a.txt"))
    record.write_bytes(damage)
    store.delete("a.txt")
    assert (False, False) == (store.exists("a.txt"), record.exists())
    assert "by" in (store.upload(b"three", "a.txt", **_HEADERS).metadata or {})


def test_a_record_without_a_check_sum_is_read(store: AssetStore, tmp_path: Path) -> None:
    """Folders from before there were check sums keep their metadata, and spaces in a record mean nothing."""
    info, record = store.stat("a.txt"), _record(tmp_path)
    value = json.loads(record.read_bytes())
    record.write_text(json.dumps(value, indent=1) + "\r\n")
    assert info == store.stat("a.txt")
    del value["sha256"]
    record.write_text(json.dumps(value))
    assert info == store.stat("a.txt")
    assert {"by": "x"} == store.update("a.txt", metadata={"by": "x"}).metadata
    assert "sha256" in json.loads(record.read_bytes())


def test_a_record_is_rebuilt_from_what_the_bytes_tell(store: AssetStore, tmp_path: Path) -> None:
    """Where more than one bit is wrong, digest and type remain, and the asset can be read, verified and changed."""
    info, record = store.stat("a.txt"), _record(tmp_path)
    record.write_bytes(record.read_bytes()[:-9])
    assert not _rebuild(tmp_path, "a.txt")
    found = store.stat("a.txt")
    assert (info.digest, info.etag, info.content_type) == (found.digest, found.etag, found.content_type)
    assert ({}, None, b"one") == (found.metadata, found.cache_control, store.read("a.txt"))


def test_a_record_under_the_name_of_another_is_damaged(store: AssetStore, tmp_path: Path) -> None:
    """A file that was swapped with another says nothing about this asset."""
    first = _record(tmp_path)
    store.upload(b"one", "b.txt", metadata={"by": "other"})
    (second,) = {*(tmp_path / ".assetstore").glob("??/*.json")} - {first}
    shutil.copy(second, first)
    with pytest.raises(IntegrityError):
        store.stat("a.txt")


def test_a_damaged_digest_is_computed_again(tmp_path: Path) -> None:
    """After a copy without times the digest of the bytes finds the record, whatever became of the kept digest."""
    source = AssetStore(LocalBackend(root=tmp_path / "a"))
    expected = source.upload(b"one", "a.txt", **_HEADERS)
    shutil.copytree(tmp_path / "a", tmp_path / "b", copy_function=shutil.copyfile)
    os.utime(tmp_path / "b" / "a.txt", (1, 1))
    assert _HEADERS["metadata"] == AssetStore(LocalBackend(root=tmp_path / "b")).stat("a.txt").metadata
    (kept,) = (tmp_path / "b" / ".assetstore" / "digests").rglob("*.json")
    text = kept.read_bytes()
    for index in range(len(text)):
        kept.write_bytes(bytes([*text[:index], text[index] ^ 1, *text[index + 1 :]]))
        found = AssetStore(LocalBackend(root=tmp_path / "b")).stat("a.txt")
        assert (expected.digest, expected.metadata) == (found.digest, found.metadata)


def test_a_check_sum_is_that_of_the_object_without_it() -> None:
    """Another program can compute it: SHA-256 of the object as JSON with one space behind each comma and colon."""
    data = json_file.encoded({"key": "é", "versions": {}})
    assert {"key": "é", "versions": {}} == json_file.decoded(data)
    value = json.loads(data)
    expected = hashlib.sha256('{"key": "é", "versions": {}}'.encode()).hexdigest()
    assert expected == value["sha256"]


def test_a_check_sum_fits_however_the_object_is_spaced_and_no_other_object() -> None:
    """Neither a changed bit nor a field before or behind the check sum goes unseen."""
    data = json_file.encoded({"key": "a", "size": 1})
    for same in (data, data + b"\r\n", json.dumps(json.loads(data), indent=1, ensure_ascii=False).encode()):
        assert {"key": "a", "size": 1} == json_file.decoded(same)
    places = [divmod(place, 8) for place in range(8 * len(data))]
    flips = [data[:byte] + bytes([data[byte] ^ 1 << bit]) + data[byte + 1 :] for byte, bit in places]
    for other in (*flips, data[:-1] + b', "more": 2}', b'{"more": 2, ' + data[1:], data[:-1] + b', "sha256": ""}'):
        with pytest.raises(ValueError):
            json_file.decoded(other)


def test_a_check_finds_damaged_records(store: AssetStore, tmp_path: Path) -> None:
    """The step says how many assets it looked at, and names the first damaged record."""
    record = _record(tmp_path)
    store.upload(b"two", "b.txt")
    step = {step.name: step for step in store.check().steps}["records"]
    assert (True, "of 2 assets none is damaged") == (step.ok, step.detail)
    record.write_bytes(b"{}")
    step = {step.name: step for step in store.check().steps}["records"]
    assert (False, True) == (step.ok, step.detail.startswith("of 2 assets 1 damaged; the record '.assetstore/"))
    assert record.name in step.detail


@pytest.mark.parametrize("name", [".assetstore", ".assetstore/82"])
@pytest.mark.parametrize("is_link", [True, False])
def test_what_takes_the_place_of_the_folder_of_records_hides_no_metadata(tmp_path: Path, name: str, is_link: bool) -> None:
    """A link is not followed, and neither it nor a file is taken for a folder without records."""
    store = AssetStore(LocalBackend(root=tmp_path))
    store.upload(b"abc", "k", metadata={"by": "gm"})
    folder = tmp_path / name
    kept = folder.rename(tmp_path / "kept")
    if is_link:
        folder.symlink_to(kept)
    else:
        folder.write_bytes(b"")
    for call in (store.stat, store.read):
        with pytest.raises(BackendError, match=f"'{name}' is neither a folder nor an asset"):
            call("k")
    folder.unlink()
    kept.rename(folder)
    assert {"by": "gm"} == store.stat("k").metadata


@pytest.mark.parametrize("name", ["uploads", "digests"])
def test_what_takes_the_place_of_a_folder_that_can_be_done_without_fails_nothing(tmp_path: Path, name: str) -> None:
    """Old uploads need not be swept before a write, and a digest can be computed again."""
    store = AssetStore(LocalBackend(root=tmp_path))
    store.upload(b"abc", "k", metadata={"by": "gm"})
    os.utime(tmp_path / "k", (1_000_000_000, 1_000_000_000))
    shutil.rmtree(tmp_path / ".assetstore" / name, ignore_errors=True)
    (tmp_path / ".assetstore" / name).write_bytes(b"")
    again = AssetStore(LocalBackend(root=tmp_path))
    assert {"by": "gm"} == again.stat("k").metadata
    assert 3 == again.upload(b"abc", "other").size
    again.delete("k")


def test_what_takes_the_place_of_a_record_is_named(store: AssetStore, tmp_path: Path) -> None:
    """A link and a folder are damaged records; an upload replaces the link, and is refused by the folder's name."""
    record = _record(tmp_path)
    kept = record.rename(tmp_path / "kept")
    record.symlink_to(kept)
    with pytest.raises(IntegrityError, match=record.name):
        store.stat("a.txt")
    assert store.upload(b"two", "a.txt") == store.stat("a.txt")
    record.unlink()
    record.mkdir()
    with pytest.raises(IntegrityError, match=record.name):
        store.stat("a.txt")
    with pytest.raises(BackendError, match=f"{record.name}' is neither a folder nor an asset"):
        store.upload(b"three", "a.txt")
    assert b"two" == (tmp_path / "a.txt").read_bytes()
