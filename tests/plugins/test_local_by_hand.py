"""Files that people put into the folder, change there, or link to from there."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import os
import shutil
import stat
import threading
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from assetstore import AssetStore, AssetStoreError, BackendError, NotFoundError, PreconditionError
from assetstore.plugin import is_valid_key
from assetstore_local import LocalBackend


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give the folder of the store."""
    return tmp_path / "root"


@pytest.fixture
def store(root: Path) -> AssetStore:
    """Give a store over a folder that exists."""
    root.mkdir()
    return AssetStore(LocalBackend(root=root, durable=False))


def test_a_file_dropped_in_has_an_encoding_only_if_its_bytes_have_it(store: AssetStore, root: Path) -> None:
    """An ``.svgz`` that was never packed is served as the picture that it is, as if it had been uploaded."""
    picture = b'<svg xmlns="http://www.w3.org/2000/svg"/>'
    for name, data, encoding in (("plain.svgz", picture, None), ("packed.svgz", gzip.compress(picture), "gzip")):
        (root / name).write_bytes(data)
        info = store.stat(name)
        assert ("image/svg+xml", encoding) == (info.content_type, info.content_encoding)
        store.upload(data, f"up/{name}")
        assert encoding == store.stat(f"up/{name}").content_encoding


def test_a_file_dropped_in_is_an_asset(store: AssetStore, root: Path) -> None:
    """It has a guessed content type, an ETag that stays, no digest, and can be changed, copied and deleted."""
    (root / "maps").mkdir()
    (root / "maps" / "keep.webp").write_bytes(b"map")
    info = store.stat("maps/keep.webp")
    assert ("image/webp", None, {}, 3) == (info.content_type, info.digest, info.metadata, info.size)
    assert info.etag == AssetStore(LocalBackend(root=root)).stat("maps/keep.webp").etag
    assert b"map" == store.read("maps/keep.webp", if_match=info.etag)
    assert "image/webp" == store.copy("maps/keep.webp", "b").content_type
    assert {"by": "gm"} == store.update("maps/keep.webp", metadata={"by": "gm"}, if_match=info.etag).metadata
    store.delete("maps/keep.webp")
    assert ["b"] == [item.key for item in store.list()]
    assert not (root / "maps").exists()


def test_a_file_edited_by_hand_loses_its_digest_and_its_etag(store: AssetStore, root: Path) -> None:
    """The record of an upload holds for that version alone."""
    info = store.upload(b"one", "a.txt", cache_control="no-store", metadata={"by": "gm"})
    with (root / "a.txt").open("r+b") as file:
        file.write(b"two")
    edited = store.stat("a.txt")
    assert b"two" == store.read("a.txt")
    assert (None, None, {}) == (edited.digest, edited.cache_control, edited.metadata)
    assert info.etag != edited.etag
    with pytest.raises(PreconditionError):
        store.upload(b"three", "a.txt", if_match=info.etag)


def test_an_asset_replaced_by_a_program_that_renames_is_a_new_version(store: AssetStore, root: Path) -> None:
    """Editors write a new file and rename it; that is another version too."""
    info = store.upload(b"one", "a.txt")
    (root / "new").write_bytes(b"two")
    (root / "new").rename(root / "a.txt")
    assert info.etag != store.stat("a.txt").etag
    assert b"two" == store.read("a.txt")


def test_a_missing_record_costs_the_headers_only(store: AssetStore, root: Path) -> None:
    """The bytes are whole, as if the file had been put in by hand, and the next write makes a new record."""
    store.upload(b"one", "a.txt", metadata={"by": "gm"})
    (record,) = (path for path in (root / ".assetstore").rglob("*.json"))
    record.unlink()
    assert (b"one", {}) == (store.read("a.txt"), store.stat("a.txt").metadata)
    assert {"by": "gm"} == store.upload(b"one", "a.txt", metadata={"by": "gm"}).metadata
    assert {"by": "gm"} == store.stat("a.txt").metadata


def test_a_decomposed_name_is_an_asset_under_its_composed_key(store: AssetStore, root: Path) -> None:
    """Decomposed names of macOS, of files and folders, are read, listed, replaced and deleted."""
    folder = root / unicodedata.normalize("NFD", "bücher")
    folder.mkdir()
    (folder / unicodedata.normalize("NFD", "café.txt")).write_bytes(b"one")
    key = "bücher/café.txt"
    assert is_valid_key(key)
    assert (b"one", [key]) == (store.read(key), [item.key for item in store.list()])
    store.upload(b"two", key)
    assert (b"two", 1) == (store.read(key), len(os.listdir(folder)))
    store.upload(b"", "bücher/b")
    assert [folder.name] == [name for name in os.listdir(root) if name != ".assetstore"]
    store.delete(key)
    assert ["bücher/b"] == [item.key for item in store.list()]


def test_a_tree_copied_with_its_times_keeps_headers(store: AssetStore, root: Path, tmp_path: Path) -> None:
    """``cp -a`` and its like move a store."""
    info = store.upload(b"one", "a/b", metadata={"by": "gm"}, cache_control="no-store")
    shutil.copytree(root, tmp_path / "copy")
    assert info == AssetStore(LocalBackend(root=tmp_path / "copy")).stat("a/b")


def test_files_have_the_mode_that_the_umask_leaves(store: AssetStore, root: Path) -> None:
    """Assets get the mode of the umask; incomplete files are for the user alone."""
    staged: list[int] = []

    def source() -> object:
        yield b"one"
        staged.extend(stat.S_IMODE(path.stat().st_mode) for path in (root / ".assetstore" / "tmp").iterdir())

    before = os.umask(0o027)
    try:
        store.upload(source(), "a")  # type: ignore[arg-type]  # a generator of bytes
    finally:
        os.umask(before)
    assert [0o600] == staged
    assert 0o640 == stat.S_IMODE((root / "a").stat().st_mode)


def _to_file(root: Path, outside: Path) -> str:
    (root / "ln").symlink_to(outside / "canary")
    return "ln"


def _to_folder(root: Path, outside: Path) -> str:
    (root / "ln").symlink_to(outside)
    return "ln/canary"


def _below(root: Path, outside: Path) -> str:
    (root / "sub").mkdir()
    (root / "sub" / "ln").symlink_to(outside)
    return "sub/ln/canary"


def _dangling(root: Path, outside: Path) -> str:
    (root / "ln").symlink_to(outside / "new")
    return "ln"


def _pipe(root: Path, outside: Path) -> str:
    os.mkfifo(root / "pipe")
    return "pipe"


@pytest.mark.parametrize("plant", [_to_file, _to_folder, _below, _dangling, _pipe])
def test_links_and_pipes_are_neither_read_nor_written_nor_listed_nor_removed(
    store: AssetStore, root: Path, tmp_path: Path, plant: Callable[[Path, Path], str]
) -> None:
    """The store touches nothing outside the root, and leaves files that are not assets alone."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "canary").write_bytes(b"canary")
    store.upload(b"mine", "mine")
    key = plant(root, outside)
    names = sorted(path.relative_to(root) for path in root.rglob("*") if ".assetstore" not in path.parts)
    with pytest.raises(NotFoundError):
        store.read(key)
    with pytest.raises(NotFoundError):
        store.stat(key)
    for write in (lambda: store.upload(b"evil", key), lambda: store.copy("mine", key)):
        with pytest.raises(BackendError, match="neither a folder nor an asset"):
            write()
    store.delete(key)
    assert ["mine"] == [item.key for item in store.list()]
    assert ["mine"] == [entry.key for entry in store.list(recursive=False)]
    assert (["canary"], b"canary") == (os.listdir(outside), (outside / "canary").read_bytes())
    assert names == sorted(path.relative_to(root) for path in root.rglob("*") if ".assetstore" not in path.parts)
    assert [] == os.listdir(root / ".assetstore" / "tmp")


def test_a_link_in_the_place_of_our_own_folder_is_not_followed(store: AssetStore, root: Path, tmp_path: Path) -> None:
    """Records are as confined as assets, and a link is not taken for a folder without records."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / ".assetstore").symlink_to(outside)
    (root / "a").write_bytes(b"a")
    for call in (lambda: store.upload(b"evil", "b"), lambda: store.read("a")):
        with pytest.raises(BackendError, match=r"'\.assetstore' is neither a folder nor an asset"):
            call()
    assert [] == os.listdir(outside)


def test_a_link_swapped_in_during_an_operation_leads_nowhere(store: AssetStore, root: Path, tmp_path: Path) -> None:
    """A folder that becomes a link at the worst moment is not followed either."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a").write_bytes(b"canary")
    done = threading.Event()

    def swap() -> None:
        while not done.is_set():
            with contextlib.suppress(OSError):
                (root / "sub").rename(root / "aside")
                (root / "sub").symlink_to(outside)
            with contextlib.suppress(OSError):
                (root / "sub").unlink()
            with contextlib.suppress(OSError):
                (root / "aside").rename(root / "sub")

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for operation in itertools.islice(itertools.cycle((store.upload, store.read, store.list, store.delete)), 600):
            with contextlib.suppress(AssetStoreError):
                if operation == store.upload:
                    store.upload(b"mine", "sub/a")
                elif operation == store.read:
                    assert b"mine" == store.read("sub/a")
                elif operation == store.list:
                    assert {"sub/a", "aside/a"} >= {item.key for item in store.list()}
                else:
                    store.delete("sub/a")
    finally:
        done.set()
        thread.join()
    assert (["a"], b"canary") == (os.listdir(outside), (outside / "a").read_bytes())
