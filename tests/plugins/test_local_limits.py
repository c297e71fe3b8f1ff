"""What bounds a process: its memory, its life, and the file system of its folder."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from assetstore import AssetStore, BackendError
from assetstore_local import LocalBackend

_LITTLE_MEMORY = """
import resource, sys
from pathlib import Path
from assetstore import AssetStore
from assetstore_local import LocalBackend
store = AssetStore(LocalBackend(root=Path(sys.argv[1], "assets"), durable=False))
store.upload(bytes(9 << 20), "warm")
store.upload([b"x"], "warm")
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (32 << 20),) * 2)
store.upload(Path(sys.argv[1], "big"), "file")
store.upload(Path(sys.argv[1], "big").open("rb"), "open")
store.upload((bytes(1 << 20) for _ in range(128)), "stream")
store.copy("file", "copy")
store.download("copy", Path(sys.argv[1], "down"))
print(*(store.stat(key).size >> 20 for key in ("file", "open", "stream", "copy")))
"""
_ENDS_EARLY = """
import sys, threading
from pathlib import Path
from assetstore import AssetStore
from assetstore_local import LocalBackend
store = AssetStore(LocalBackend(root=Path(sys.argv[1])))
begun = threading.Event()

def source():
    yield b"half"
    begun.set()
    threading.Event().wait()

threading.Thread(target=store.upload, args=(source(), "a"), daemon=True).start()
begun.wait()
"""


def _python(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program, folder], capture_output=True, text=True, check=True, timeout=600)


def test_little_memory_is_enough_for_any_asset(tmp_path: Path) -> None:
    """With 32 MiB left, 128 MiB go in from a file, an open file and a stream, are copied, and come out; holes are zeros."""
    with (tmp_path / "big").open("wb") as file:
        file.truncate(128 << 20)
        file.seek(64 << 20)
        file.write(b"in the middle")
    assert "128 128 128 128" == _python(_LITTLE_MEMORY, tmp_path).stdout.strip()
    assert 128 << 20 == (tmp_path / "down").stat().st_size
    with (tmp_path / "down").open("rb") as file:
        file.seek((64 << 20) - 4)
        assert b"\0\0\0\0in the middle\0" == file.read(18)


def test_memory_that_runs_out_leaves_the_old_asset(tmp_path: Path) -> None:
    """A MemoryError while bytes are read is the caller's, and nothing is left over."""

    def source() -> Iterator[bytes]:
        yield b"half"
        raise MemoryError

    with AssetStore(LocalBackend(root=tmp_path)) as store:
        store.upload(b"old", "a")
        with pytest.raises(MemoryError):
            store.upload(source(), "a")
        with contextlib.suppress(MemoryError), store.writer("a") as writer:
            writer.write(b"half")
            raise MemoryError
        assert (b"old", ["a"]) == (store.read("a"), [item.key for item in store.list()])
    assert [] == os.listdir(tmp_path / ".assetstore" / "tmp")


def test_a_program_that_ends_during_an_upload_has_stored_nothing(tmp_path: Path) -> None:
    """Its thread dies with it; what is left is a file that the next writers sweep."""
    _python(_ENDS_EARLY, tmp_path)
    with AssetStore(LocalBackend(root=tmp_path)) as store:
        assert [] == list(store.list())
        for name in os.listdir(tmp_path / ".assetstore" / "tmp"):
            os.utime(tmp_path / ".assetstore" / "tmp" / name, (0, 0))
        store.upload(b"new", "a")
    assert [] == os.listdir(tmp_path / ".assetstore" / "tmp")


def test_a_folder_on_another_file_system_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file cannot be renamed into one; the error says so, and nothing is left over."""

    def rename(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    with AssetStore(LocalBackend(root=tmp_path)) as store:
        store.upload(b"old", "a")
        with monkeypatch.context() as patch:
            patch.setattr(os, "rename", rename)
            with pytest.raises(BackendError, match="keep the store's folder on one file system"):
                store.upload(b"new", "a")
        assert b"old" == store.read("a")
    assert [] == os.listdir(tmp_path / ".assetstore" / "tmp")
