"""Folders that people copy with tools that keep no times: ``cp -r``, ``git clone``, ``zip``, ``rsync``."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from assetstore import AssetStore, PreconditionError
from assetstore_local import LocalBackend

_GIT = ("git", "-c", "user.name=gm", "-c", "user.email=gm@example.org", "-c", "commit.gpgsign=false")


def _run(*command: str | Path, at: Path) -> str:
    return subprocess.run(command, cwd=at, check=True, capture_output=True, text=True, timeout=600).stdout


def _cp(root: Path, copy: Path) -> None:
    _run("cp", "-r", root, copy, at=root)


def _git(root: Path, copy: Path) -> None:
    _run("git", "init", "-q", at=root)
    _run("git", "add", ".", at=root)
    _run(*_GIT, "commit", "-q", "-m", "assets", at=root)
    _run("git", "clone", "-q", root, copy, at=root)


def _zip(root: Path, copy: Path) -> None:
    _run("zip", "-q", "-r", copy.with_suffix(".zip"), ".", at=root)
    _run("unzip", "-q", copy.with_suffix(".zip"), "-d", copy, at=root)


def _zipfile(root: Path, copy: Path) -> None:
    _run(sys.executable, "-m", "zipfile", "-c", copy.with_suffix(".zip"), *root.iterdir(), at=root)
    _run(sys.executable, "-m", "zipfile", "-e", copy.with_suffix(".zip"), copy, at=root)


def _rsync(root: Path, copy: Path) -> None:
    _run("rsync", "-r", f"{root}/", copy, at=root)


def _needs(tool: str, copier: Callable[[Path, Path], None]) -> object:
    return pytest.param(copier, marks=pytest.mark.skipif(shutil.which(tool) is None, reason=f"{tool} is not installed"))


_TOOLS = [_cp, _needs("git", _git), _needs("zip", _zip), _zipfile, _needs("rsync", _rsync)]


def _open(root: Path) -> AssetStore:
    return AssetStore(LocalBackend(root=root, durable=False))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give a folder with an upload, one that was replaced, an update, a file put in by hand and a signing key."""
    root = tmp_path / "root"
    store = _open(root)
    store.upload(b"one", "a", content_type="image/webp", cache_control="no-store", metadata={"by": "gm"})
    store.upload(b"old", "maps/b.txt", metadata={"version": "1"})
    store.upload(b"new", "maps/b.txt", metadata={"version": "2"})
    store.update("maps/b.txt", content_type="text/x-map")
    (root / "hand.txt").write_bytes(b"by hand")
    store.update("hand.txt", content_type="text/x-hand", metadata={"by": "é"})
    store.upload(b"empty soon", "odd//é")
    store.upload(b"", "odd//é", metadata={"empty": "yes"})
    store.presign("a")
    return root


_FACTS = ("content_type", "cache_control", "metadata", "digest", "size")


def _facts(store: AssetStore) -> dict[str, list[object]]:
    keys = [item.key for item in store.list() if not item.key.startswith(".git/")]
    return {key: [getattr(store.stat(key), name) for name in _FACTS] for key in keys}


@pytest.mark.parametrize("copier", _TOOLS)
def test_metadata_digests_and_types_survive_tools_that_keep_no_times(
    root: Path, tmp_path: Path, copier: Callable[[Path, Path], None]
) -> None:
    """Where the time of a file is on no record, its bytes decide, and they do so again in the copy of a copy."""
    expected = _facts(_open(root))
    copier(root, tmp_path / "copy")
    assert expected == _facts(_open(tmp_path / "copy"))
    assert {"version": "2"} == expected["maps/b.txt"][2]
    assert "text/x-hand" == expected["hand.txt"][0]
    _cp(tmp_path / "copy", tmp_path / "again")
    assert expected == _facts(_open(tmp_path / "again"))


def test_a_file_with_other_bytes_loses_its_record_even_if_it_is_as_long(root: Path, tmp_path: Path) -> None:
    """Only the very bytes of the record keep its metadata."""
    _cp(root, tmp_path / "copy")
    (tmp_path / "copy" / "a").write_bytes(b"two")
    info = _open(tmp_path / "copy").stat("a")
    assert (None, None, {}) == (info.digest, info.cache_control, info.metadata)
    (tmp_path / "copy" / "a").write_bytes(b"one")
    assert {"by": "gm"} == _open(tmp_path / "copy").stat("a").metadata


def test_etags_of_a_copy_stay_once_they_are_known(root: Path, tmp_path: Path) -> None:
    """A listing's ETag is that of the lookup and of the read after it; a change ends it."""
    _cp(root, tmp_path / "copy")
    store = _open(tmp_path / "copy")
    listed = {item.key: item.etag for item in store.list()}
    assert b"one" == store.read("a", if_match=listed["a"])
    assert listed["a"] == store.stat("a").etag == _open(tmp_path / "copy").stat("a").etag
    changed = store.update("a", cache_control="no-cache", if_match=listed["a"])
    assert ("no-cache", {"by": "gm"}) == (changed.cache_control, changed.metadata)
    with pytest.raises(PreconditionError):
        store.upload(b"two", "a", if_match=listed["a"])


@pytest.mark.parametrize("writable", [True, False])
def test_the_bytes_of_a_copied_file_are_read_once_to_know_them(root: Path, tmp_path: Path, writable: bool) -> None:
    """The digest is kept in the folder, else in memory: bytes swapped behind the back of time and size go unnoticed."""
    _cp(root, tmp_path / "copy")
    if not writable:
        shutil.rmtree(tmp_path / "copy" / ".assetstore" / "digests")
        (tmp_path / "copy" / ".assetstore" / "digests").write_bytes(b"in the way")
    store = _open(tmp_path / "copy")
    expected = store.stat("a")
    status = (tmp_path / "copy" / "a").stat()
    (tmp_path / "copy" / "a").write_bytes(b"two")
    os.utime(tmp_path / "copy" / "a", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert expected == store.stat("a")
    assert ({"by": "gm"} if writable else {}) == _open(tmp_path / "copy").stat("a").metadata


def test_git_takes_the_records_and_never_the_signing_key(root: Path, tmp_path: Path) -> None:
    """Looking a clone's assets up leaves it clean, and metadata that a colleague changed arrives by a pull."""
    _git(root, tmp_path / "copy")
    tracked = _run("git", "ls-files", ".assetstore", at=root).split()
    assert ".assetstore/.gitignore" in tracked
    assert 5 == len(tracked)
    assert not (tmp_path / "copy" / ".assetstore" / "signing-key").exists()
    _facts(_open(tmp_path / "copy"))
    assert 0o700 == stat.S_IMODE((tmp_path / "copy" / ".assetstore").stat().st_mode)
    assert "" == _run("git", "status", "--porcelain", at=tmp_path / "copy")
    _open(root).update("a", metadata={"by": "colleague"})
    _run(*_GIT, "commit", "-q", "-a", "-m", "metadata", at=root)
    _run("git", "pull", "-q", at=tmp_path / "copy")
    assert {"by": "colleague"} == _open(tmp_path / "copy").stat("a").metadata


def test_our_own_folder_is_private_and_made_so_again_after_a_copy(root: Path, tmp_path: Path) -> None:
    """It has the mode 0700 from its first moment; git and zip keep no modes, so the first write or lookup mends it."""
    own = root / ".assetstore"
    assert 0o700 == stat.S_IMODE(own.stat().st_mode)
    assert "*" in (own / ".gitignore").read_text().splitlines()
    own.chmod(0o755)
    (own / ".gitignore").write_text("*\n")
    _open(root).upload(b"two", "a")
    assert 0o700 == stat.S_IMODE(own.stat().st_mode)
    assert "*\n" == (own / ".gitignore").read_text()


def test_a_group_that_shares_the_folder_keeps_its_rights(tmp_path: Path) -> None:
    """The setgid bit of the root says that a group shares it; others are shut out all the same."""
    tmp_path.chmod(0o2775)
    before = os.umask(0o002)
    try:
        _open(tmp_path).upload(b"one", "a")
    finally:
        os.umask(before)
    assert 0o770 == stat.S_IMODE((tmp_path / ".assetstore").stat().st_mode) & 0o777
