"""What stays in the folder when something fails half-way."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import local_writer
import pytest

from assetstore import (
    AccessDeniedError,
    AlreadyExistsError,
    AssetStore,
    AssetStoreError,
    BackendError,
    NoSpaceError,
    PreconditionError,
)
from assetstore_local import LocalBackend
from assetstore_local.errors import TABLE, explained

_KILLS = int(os.environ.get("ASSETSTORE_KILLS", "12"))


def _store(root: Path) -> AssetStore:
    return AssetStore(LocalBackend(root=root, durable=False))


def _staged(root: Path) -> list[str]:
    return os.listdir(root / ".assetstore" / "tmp")


@pytest.mark.parametrize("number", [*TABLE, errno.ENOTEMPTY, errno.ESTALE, None])
def test_every_error_of_the_system_is_one_of_the_family(number: int | None) -> None:
    """The error has the system's message, a hint and its cause."""
    cause = OSError("odd") if number is None else OSError(number, os.strerror(number))
    with pytest.raises(AssetStoreError) as caught, explained():
        raise cause
    assert TABLE.get(number or 0, (BackendError,))[0] is type(caught.value)
    assert cause is caught.value.__cause__
    assert caught.value.hint
    assert (os.strerror(number) if number else "odd") in caught.value.message


def test_the_classes_of_the_table_are_those_that_callers_act_on() -> None:
    """A full disk and a missing permission have errors of their own."""
    named = {number: kind for number, (kind, _) in TABLE.items() if kind is not BackendError}
    space = dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), NoSpaceError)
    rights = dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), AccessDeniedError)
    assert space | rights == named


def test_what_is_no_error_of_the_system_passes_untouched() -> None:
    """Errors of assetstore and bugs pass unchanged."""
    for error in (PreconditionError("changed"), AlreadyExistsError("taken"), ValueError("bug"), KeyboardInterrupt()):
        with pytest.raises(type(error)) as caught, explained():
            raise error
        assert error is caught.value


@pytest.mark.parametrize("error", [RuntimeError("mine"), OSError(errno.ENOSPC, "mine"), KeyboardInterrupt()])
def test_a_source_that_raises_leaves_the_old_asset_and_nothing_else(tmp_path: Path, error: BaseException) -> None:
    """The source's own error passes unchanged, and none of the new bytes stay."""

    def source() -> Iterator[bytes]:
        yield b"x" * 3_000_000
        raise error

    store = _store(tmp_path)
    before = store.upload(b"old", "a", metadata={"by": "gm"})
    for key in ("a", "new/b"):
        with pytest.raises(type(error)) as caught:
            store.upload(source(), key)
        assert error is caught.value
    assert (before, b"old") == (store.stat("a"), store.read("a"))
    assert ([], ["a"]) == (_staged(tmp_path), [item.key for item in store.list()])


_FULL = """
import resource, sys
from pathlib import Path
from assetstore import AssetStore, NoSpaceError
from assetstore_local import LocalBackend
store = AssetStore(LocalBackend(root=Path(sys.argv[1])))
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    store.upload(b"y" * 5_000_000, "a")
except NoSpaceError as error:
    print(type(error.__cause__).__name__, error.key)
"""


def test_no_space_for_a_new_version_leaves_the_old_one(tmp_path: Path) -> None:
    """A file-size limit stands for a full disk: the same refusal of the same call."""
    before = _store(tmp_path).upload(b"old", "a")
    done = subprocess.run([sys.executable, "-c", _FULL, tmp_path], capture_output=True, text=True, check=True)
    assert "OSError a\n" == done.stdout
    assert (before, b"old", []) == (_store(tmp_path).stat("a"), _store(tmp_path).read("a"), _staged(tmp_path))


def test_a_refused_condition_leaves_nothing(tmp_path: Path) -> None:
    """Neither a staged file nor an empty folder."""
    store = _store(tmp_path)
    store.upload(b"a", "a")
    with pytest.raises(AlreadyExistsError):
        store.upload(b"b", "a", overwrite=False)
    with pytest.raises(PreconditionError):
        store.upload(b"b", "new/b", if_match="0-0")
    assert ([], ["a"]) == (_staged(tmp_path), [item.key for item in store.list()])
    assert not (tmp_path / "new").exists()


def test_a_killed_writer_leaves_every_asset_whole(tmp_path: Path) -> None:
    """Bytes, digest and metadata are of one version after each kill; what it left is out of sight and swept later."""
    chance = random.Random(7)
    torn = 0
    for _ in range(_KILLS):
        writer = subprocess.Popen(
            [sys.executable, local_writer.__file__, tmp_path], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
        )
        assert writer.stdout is not None
        for _ in range(chance.randint(1, 4)):
            writer.stdout.readline()
        # Uses a little time, so that not every kill comes right after a line.
        sum(range(chance.randint(0, 300_000)))
        writer.kill()
        writer.communicate()
        store = _store(tmp_path)
        for item in store.list():
            info, data = store.stat(item.key), store.read(item.key)
            number = int((info.metadata or {}).get("number", "-1"))
            torn += data != local_writer.payload(number) or info.digest is None or info.etag != item.etag
    sys.stdout.write(f"\n{_KILLS} kills, {torn} torn assets, {len(_staged(tmp_path))} left over\n")
    assert 0 == torn
    long_ago = time.time() - 7200
    for name in _staged(tmp_path):
        os.utime(tmp_path / ".assetstore" / "tmp" / name, (long_ago, long_ago))
    _store(tmp_path).upload(b"", "z")
    assert [] == _staged(tmp_path)


def test_the_staged_file_of_a_writer_at_work_is_not_swept(tmp_path: Path) -> None:
    """However slow a writer is: only files that nobody has locked are swept."""

    def source() -> Iterator[bytes]:
        yield b"one"
        (staged,) = _staged(tmp_path)
        os.utime(tmp_path / ".assetstore" / "tmp" / staged, (0, 0))
        _store(tmp_path).upload(b"other", "other")
        yield b"two"

    _store(tmp_path).upload(source(), "a")
    assert b"onetwo" == _store(tmp_path).read("a")
