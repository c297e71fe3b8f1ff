"""The files that interrupted downloads leave beside their targets."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from assetstore import AssetStore, InvalidOptionError
from assetstore.content import part_files
from assetstore.content.atomic_file import PART_NAME, replacing
from assetstore.options import CollectOptions
from assetstore.testing import MemoryBackend


def age(path: Path) -> Path:
    """Make a file two days older."""
    status = path.stat()
    os.utime(path, (status.st_atime - 2 * 86_400, status.st_mtime - 2 * 86_400))
    return path


def test_old_part_files_are_found_and_removed_on_request(tmp_path: Path) -> None:
    """In the folder and below it; younger ones, links, and files of other names stay."""
    store = AssetStore(MemoryBackend())
    store.upload(b"abc", "a")
    (tmp_path / "in").mkdir()
    left = [age(Path(tmp_path, name)) for name in _write(tmp_path, f".{'0' * 16}.part", f"in/.{'f' * 16}.part")]
    kept = [age(Path(tmp_path, name)) for name in _write(tmp_path, "a.part", f".{'0' * 15}.part", f".{'g' * 16}.part")]
    store.download("a", tmp_path / "a")
    with replacing(tmp_path / "b") as running:
        running.write_bytes(b"half")
        link = tmp_path / f".{'1' * 16}.part"
        link.symlink_to(kept[0])
        found = part_files.collect(str(tmp_path), CollectOptions()).items
        assert [(str(path), 5, False) for path in left] == [(item.name, item.size, item.removed) for item in found]
        removed = part_files.collect(str(tmp_path), CollectOptions(remove=True)).items
        assert ([True, True], (False, False)) == ([item.removed for item in removed], tuple(path.exists() for path in left))
        assert () == part_files.collect(str(tmp_path), CollectOptions(remove=True)).items
    assert {*kept, link, tmp_path / "a", tmp_path / "b", tmp_path / "in"} == set(tmp_path.iterdir())


@pytest.mark.parametrize(("seconds", "found"), [(-(2**33), 1), (2**40, 0)])
def test_a_part_file_may_have_any_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, seconds: int, found: int) -> None:
    """File systems know times before the year 1 and after 9999."""
    (name,) = _write(tmp_path, f".{'0' * 16}.part")
    lstat = os.lstat

    def at_an_odd_time(path: str) -> os.stat_result:
        status = list(lstat(path))
        status[stat.ST_MTIME] = seconds
        return os.stat_result(status)

    # The file system of the tests may know fewer.
    monkeypatch.setattr(os, "lstat", at_an_odd_time)
    items = part_files.collect(str(tmp_path), CollectOptions()).items
    assert [str(tmp_path / name)] * found == [item.name for item in items]


def test_a_folder_that_is_removed_meanwhile_is_no_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is gone holds no leftovers."""
    (tmp_path / "a").mkdir()
    scandir = os.scandir

    def remove_first(path: str) -> object:
        if path != str(tmp_path):
            os.rmdir(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", remove_first)
    assert () == part_files.collect(str(tmp_path), CollectOptions()).items


def test_the_name_of_a_file_in_the_making_is_known(tmp_path: Path) -> None:
    """What ``replacing`` makes is what is looked for."""
    with replacing(tmp_path / "a") as temporary:
        assert PART_NAME.fullmatch(temporary.name)


def test_what_is_not_a_folder_is_refused(tmp_path: Path) -> None:
    """A file, or nothing, is not taken for an empty folder."""
    for name in [*_write(tmp_path, "file"), "missing"]:
        with pytest.raises(InvalidOptionError, match="must be a folder"):
            part_files.collect(str(tmp_path / name), CollectOptions())


def _write(folder: Path, *names: str) -> list[str]:
    """Write files of five bytes; return their names."""
    for name in names:
        (folder / name).write_bytes(b"12345")
    return list(names)
