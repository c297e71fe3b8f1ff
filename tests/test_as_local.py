"""Files for programs that want a file: a store's own ones where it has them, and copies elsewhere."""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
import sys
import tempfile

import pytest

from assetstore import (
    AssetStore,
    IntegrityError,
    InvalidKeyError,
    InvalidOptionError,
    NotFoundError,
    PluginError,
    UnavailableError,
    UnsupportedError,
)
from assetstore.plugin import Wrapper, hookimpl
from assetstore.testing import FaultyBackend, MemoryBackend, RecordingObserver
from assetstore.testing.faults import Flip, Raise, Return
from assetstore_local import LocalBackend

DATA = b"the plan of a keep"
PROGRAM = "import sys, pathlib; path = pathlib.Path(sys.argv[1]); print(path.suffix, len(path.read_bytes()))"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return the folder for temporary files, empty."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def local(tmp_path):
    """Return a local store with one asset."""
    store = AssetStore(LocalBackend(root=tmp_path / "store"))
    store.upload(DATA, "maps/keep.png")
    return store


def run(path):
    """Return what a program in another process prints of a file."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path)], capture_output=True, text=True, check=True, timeout=600
    ).stdout


@pytest.mark.parametrize("kind", ["local", "memory"])
def test_a_program_that_wants_a_file_gets_one(kind, local, folder):
    """Another process reads the path, and knows the kind of the file by its suffix."""
    store = local if kind == "local" else AssetStore(MemoryBackend())
    store.upload(DATA, "maps/keep.png")
    with store.as_local("maps/keep.png") as path:
        assert ".png 18\n" == run(path)
    assert [] == list(folder.iterdir())


def test_a_local_store_gives_its_own_file_and_copies_nothing(local, tmp_path, folder):
    """The path lies in the store's folder, for as_local and for path; nothing is written or fetched."""
    observer = RecordingObserver()
    store = AssetStore(LocalBackend(root=tmp_path / "store"), plugins=[observer])
    with store.as_local("maps/keep.png") as path:
        assert tmp_path / "store/maps/keep.png" == path == store.path("maps/keep.png")
        assert [] == list(folder.iterdir())
    with store.scoped("maps/").as_local("keep.png") as scoped:
        assert path == scoped
    assert path.read_bytes() == DATA
    events = [(event.op, event.key, event.bytes, event.outcome) for event in observer.events]
    assert [(op, "maps/keep.png", 0, "ok") for op in ("as_local", "path", "as_local")] == events


def test_a_copy_is_one_event_of_the_bytes_that_came(folder):
    """It ends when the copy is there, whatever becomes of the block."""
    observer = RecordingObserver()
    store = AssetStore(MemoryBackend(), plugins=[observer])
    store.upload(DATA, "a/keep.tar.gz")
    with contextlib.suppress(ZeroDivisionError), store.scoped("a/").as_local("keep.tar.gz") as path:
        assert ("asset.tar.gz", DATA, 0o400) == (path.name, path.read_bytes(), stat.S_IMODE(path.stat().st_mode))
        assert [folder] == list(path.parents)[1:2]
        raise ZeroDivisionError
    assert [] == list(folder.iterdir())
    event = observer.events[-1]
    assert ("as_local", "a/keep.tar.gz", len(DATA), "ok") == (event.op, event.key, event.bytes, event.outcome)


@pytest.mark.parametrize("key", ["a/.png/x", "x" * 300, "a." + "y" * 400, "a.b\u0301", "a/ b.c d", "con.", "..a"])
def test_a_name_that_is_no_plain_suffix_is_left_out_of_the_copy(key, folder):
    """However odd or long a key is, its copy has a name that every file system takes."""
    store = AssetStore(MemoryBackend())
    store.upload(DATA, key)
    with store.as_local(key) as path:
        assert (DATA, True) == (path.read_bytes(), path.name.isascii() and len(path.name) < 50)


def test_where_the_own_file_has_another_suffix_a_copy_is_given(local, folder):
    """An asset beside a folder of its name has a marked file, by whose suffix no program would know its kind."""
    local.upload(DATA, "maps/keep.png/detail.png")
    local.upload(b"other", "maps/keep.png")
    with local.as_local("maps/keep.png") as path:
        assert (".png", b"other") == (path.suffix, path.read_bytes())
    assert [] == list(folder.iterdir())


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Flip(op="read", nth=None, seed=1), IntegrityError),
        (Raise(op="read", error=UnavailableError("down"), nth=None), UnavailableError),
    ],
)
def test_a_copy_that_is_not_whole_is_never_given(fault, kind, folder):
    """A wrong bit or a broken store is an error with key and operation, and leaves no file."""
    observer = RecordingObserver()
    store = AssetStore(FaultyBackend(MemoryBackend(), fault, without=["download"]), plugins=[observer])
    store.upload(DATA, "a")
    with pytest.raises(kind) as caught, store.as_local("a"):
        raise AssertionError
    assert ("as_local", "a") == (caught.value.op, caught.value.key)
    assert ("as_local", "error") == (observer.events[-1].op, observer.events[-1].outcome)
    assert [] == list(folder.iterdir())


def test_a_folder_that_cannot_be_written_to_is_named(folder):
    """No folder for temporary files is an error of assetstore, with key and operation."""
    store = AssetStore(MemoryBackend())
    store.upload(DATA, "a")
    folder.rmdir()
    with pytest.raises(InvalidOptionError, match=r"^as_local 'a' .*: cannot write a temporary copy"), store.as_local("a"):
        raise AssertionError


@pytest.mark.parametrize("call", [AssetStore.path, lambda store, key: store.as_local(key).__enter__()])
def test_what_is_not_there_has_no_file(call, local):
    """A missing key is NotFoundError, a folder too; a wrong one is refused before anything is looked for."""
    for key in ("missing.png", "maps"):
        with pytest.raises(NotFoundError):
            call(local, key)
    with pytest.raises(InvalidKeyError):
        call(local, "../keep.png")


def test_no_path_leads_out_of_the_store(local, tmp_path):
    """A link in the store's folder is no asset, and what lies behind a linked folder is none either."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.png").write_bytes(b"secret")
    (tmp_path / "store/linked").symlink_to(outside)
    (tmp_path / "store/link.png").symlink_to(outside / "secret.png")
    for key in ("linked/secret.png", "link.png"):
        with pytest.raises(NotFoundError):
            local.path(key)


def test_a_profile_has_no_files(tmp_path, folder):
    """A folder that stands for a bucket refuses what a bucket refuses; as_local copies, as it will there."""
    store = AssetStore(LocalBackend(root=tmp_path / "store", profile="r2"))
    store.upload(DATA, "keep.png")
    assert not store.can("path")
    with pytest.raises(UnsupportedError, match=r"^path 'keep.png' .* cannot give the file of an asset; as_local\(\) does$"):
        store.path("keep.png")
    with store.as_local("keep.png") as path:
        assert (folder, DATA) == (path.parent.parent, path.read_bytes())


def test_a_store_says_whether_it_has_files(local):
    """``can`` is true where path works, whatever is stored."""
    assert [True, False] == [local.can("path"), AssetStore(MemoryBackend()).can("path")]
    empty = AssetStore(LocalBackend(root=local.path("maps/keep.png").parent / "none"))
    assert empty.can("path")


def test_a_wrapper_passes_files_only_by_name(local, tmp_path):
    """Behind a wrapper that does not name ``path`` a copy of its own bytes is given; one that does gives the file."""

    class Encrypting(Wrapper):
        """Gives other bytes than those that are stored."""

        @hookimpl
        def assetstore_read(self, key, options):
            """Show that the bytes were to come from here."""
            raise UnavailableError("read through me")

    backend = LocalBackend(root=tmp_path / "store")
    store = AssetStore(backend, wrappers=[Encrypting])
    with pytest.raises(UnavailableError, match="read through me"), store.as_local("maps/keep.png"):
        raise AssertionError
    Encrypting.passes = frozenset({"path"})
    with AssetStore(backend, wrappers=[Encrypting]).as_local("maps/keep.png") as path:
        assert tmp_path / "store/maps/keep.png" == path


def test_a_result_that_is_no_path_is_the_plugins_fault(local, tmp_path):
    """A text in place of a path names the plugin."""
    backend = FaultyBackend(LocalBackend(root=tmp_path / "store"), Return(op="path", value=os.fspath(tmp_path)))
    with pytest.raises(PluginError, match="returned str from assetstore_path instead of Path"):
        AssetStore(backend).path("maps/keep.png")
