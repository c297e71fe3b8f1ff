"""Other processes that act at the worst moment of an operation, and system calls that fail one by one."""

from __future__ import annotations

import contextlib
import errno
import functools
import itertools
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from moments import failing_at, right_before

from assetstore import AssetStore, AssetStoreError, BackendError, NoSpaceError, NotFoundError, UnavailableError
from assetstore_local import LocalBackend
from assetstore_local.disk.scan_cache import ScanCache


def _store(root: Path) -> AssetStore:
    return AssetStore(LocalBackend(root=root, durable=False))


def _staged(root: Path) -> list[str]:
    return os.listdir(root / ".assetstore" / "tmp")


def test_a_reader_gets_the_version_that_came_before_it_opened_the_file(tmp_path: Path) -> None:
    """Bytes and headers are of one version, whether it was replaced before or after the file was opened."""
    store, other = _store(tmp_path), _store(tmp_path)
    store.upload(b"0", "a", metadata={"number": "0"})
    for event, name, number in (("open", "a", 1), ("open", ".json", 2)):
        with right_before(event, name, lambda number=number: _write_twice(other, number)) as met, store.open("a") as reader:
            data = reader.read().decode()
        assert 1 == len(met)
        assert {"number": data} == reader.info.metadata
        assert str(number) == data


def test_stat_tells_of_one_version(tmp_path: Path) -> None:
    """When the asset is replaced between the look at the file and the look at its record, both are looked at again."""
    store, other = _store(tmp_path), _store(tmp_path)
    store.upload(b"0", "a", metadata={"number": "0"})
    with right_before("open", ".json", lambda: _write_twice(other, 1)) as met:
        info = store.stat("a")
    assert (1, {"number": "1"}, other.stat("a")) == (len(met), info.metadata, info)


def _write_twice(store: AssetStore, number: int) -> None:
    """Replace an asset so often that its first version is forgotten."""
    for _ in range(2):
        store.upload(str(number).encode(), "a", metadata={"number": str(number)})


def test_an_asset_that_never_stands_still_is_unavailable(tmp_path: Path) -> None:
    """Readers give up at last, with an error that may be retried."""
    store, other = _store(tmp_path), _store(tmp_path)
    store.upload(b"0", "a")
    for look in (store.stat, store.read):
        with (
            right_before("open", ".json", lambda: _write_twice(other, 1), times=1000) as met,
            pytest.raises(UnavailableError, match="faster than it can be read"),
        ):
            look("a")
        assert 100 == len(met)


def _remove(path: Path) -> None:
    path.unlink()


def _link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/hostname")


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("replace", [_remove, _link, _folder])
def test_an_asset_that_goes_while_it_is_opened_is_not_found(tmp_path: Path, replace: Callable[[Path], None]) -> None:
    """Whatever replaces the file, no other bytes are read."""
    store = _store(tmp_path)
    store.upload(b"a", "a")
    with right_before("open", "a", lambda: replace(tmp_path / "a")) as met, pytest.raises(NotFoundError):
        store.read("a")
    assert 1 == len(met)


def test_a_writer_whose_folder_is_always_taken_away_gives_up(tmp_path: Path) -> None:
    """A writer retries and gives up after many attempts without leaving a file; one obstacle does no harm."""
    store = _store(tmp_path)
    with right_before("os.rename", "leaf", (tmp_path / "new").rmdir) as met:
        store.upload(b"1", "new/leaf")
    assert (1, b"1") == (len(met), store.read("new/leaf"))
    store.delete("new/leaf")
    with (
        right_before("os.rename", "leaf", (tmp_path / "new").rmdir, times=1000) as met,
        pytest.raises(UnavailableError, match="other writers"),
    ):
        store.upload(b"2", "new/leaf")
    assert (100, [], []) == (len(met), _staged(tmp_path), list(store.list()))


def test_what_stood_in_the_way_and_went_is_no_obstacle(tmp_path: Path) -> None:
    """An asset that is in the way of a folder may meanwhile be deleted, or moved by another writer."""
    for number, act in enumerate(("delete", "below")):
        root = tmp_path / str(number)
        store, other = _store(root), _store(root)
        store.upload(b"a", "a")
        delete, below = functools.partial(other.delete, "a"), functools.partial(other.upload, b"c", "a/c")
        # The locks are those of the staged file, of a/b and, to make way, of a.
        moments = iter([int, int, int, delete if act == "delete" else below])
        with right_before("fcntl.flock", "", lambda moments=moments: next(moments, int)(), times=1000):
            store.upload(b"b", "a/b")
        assert ({"a/b"}, b"b") == ({item.key for item in store.list()} - {"a", "a/c"}, store.read("a/b"))
        assert (act == "below") == store.exists("a")


def test_what_is_no_asset_stays_where_it_is(tmp_path: Path) -> None:
    """Neither a pipe nor a folder at the only name left for a key is replaced."""
    store = _store(tmp_path)
    store.upload(b"b", "a/b")
    for make in (os.mkfifo, os.mkdir):
        make(tmp_path / "a\x80f")
        with pytest.raises(BackendError, match="neither a folder nor an asset"):
            store.upload(b"a", "a")
        (tmp_path / "a\x80f").rmdir() if make is os.mkdir else (tmp_path / "a\x80f").unlink()
    assert ["a/b"] == [item.key for item in store.list()]
    store.upload(b"a", "a")
    assert ["a", "a/b"] == [item.key for item in store.list()]


def _operations(store: AssetStore) -> dict[str, Callable[[], object]]:
    return {
        "upload": lambda: store.upload(b"new", "a/b", metadata={"by": "new"}),
        "create": lambda: store.upload(b"new", "x/y", overwrite=False),
        "below": lambda: store.upload(b"new", "a/b/c"),
        "copy": lambda: store.copy("c", "a/b"),
        "update": lambda: store.update("a/b", metadata={"by": "new"}),
        "delete": lambda: store.delete("a/b"),
        "read": lambda: store.read("a/b"),
        "stat": lambda: store.stat("a/b"),
        "list": lambda: list(store.list()),
    }


@pytest.mark.parametrize("name", _operations(AssetStore(LocalBackend(root=Path("nowhere")))))
@pytest.mark.parametrize("error", [errno.EIO, errno.EACCES, errno.ENOSPC, errno.EMFILE])
def test_whichever_call_of_the_system_fails_the_store_stays_whole(tmp_path: Path, name: str, error: int) -> None:
    """Each call in turn is refused: the operation fails and has changed nothing, or succeeds; no staged file stays."""
    failures = 0
    for number in itertools.count(1):
        root = tmp_path / str(number)
        store = _store(root)
        store.upload(b"old", "a/b", metadata={"by": "old"})
        store.upload(b"c", "c")
        before = _snapshot(store)
        raised = False
        with failing_at(number, error) as called:
            try:
                _operations(store)[name]()
            except AssetStoreError:
                raised = True
        failures += raised
        after = _snapshot(store)
        assert (number, before) == (number, after if raised and name != "delete" else before)
        assert {b"old", b"new", b"c"} >= {data for data, _ in after.values()}
        # Files whose removal was refused are swept later.
        assert [] == _staged(root) or called[number - 1] == "os.remove"
        if len(called) < number:
            break
    assert (number - 1, True) == (len(called), failures >= 1)


def _snapshot(store: AssetStore) -> dict[str, tuple[bytes, object]]:
    return {item.key: (store.read(item.key), store.stat(item.key)) for item in store.list()}


@contextmanager
def _limit(kind: int, value: int) -> Iterator[None]:
    before = resource.getrlimit(kind)
    resource.setrlimit(kind, (value, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(kind, before)


def test_no_space_for_a_record_leaves_the_old_version(tmp_path: Path) -> None:
    """The bytes may fit where their metadata do not."""
    store = _store(tmp_path)
    before = store.upload(b"old", "a")
    with _limit(resource.RLIMIT_FSIZE, 1000), pytest.raises(NoSpaceError):
        store.upload(b"new", "a", metadata={"long": "x" * 2000})
    assert (before, b"old", []) == (store.stat("a"), store.read("a"), _staged(tmp_path))


def test_too_few_descriptors_are_an_error_and_no_loss(tmp_path: Path) -> None:
    """However many descriptors are free, an operation works or raises an AssetStoreError, and later works again."""
    store = _store(tmp_path)
    before = store.upload(b"old", "maps/a")
    spare = [os.open(os.devnull, os.O_RDONLY) for _ in range(20)]
    worked = []
    operations: tuple[Callable[[], object], ...] = (lambda: store.read("maps/a"), lambda: store.delete("maps/none"))
    with _limit(resource.RLIMIT_NOFILE, max(spare) + 1):
        spare += _all_that_are_left()
        for left, operation in itertools.product(range(9), operations):
            with contextlib.suppress(BackendError):
                operation()
                worked.append(left)
            os.close(spare.pop())
    for descriptor in spare:
        os.close(descriptor)
    assert worked
    assert 0 not in worked
    assert (before, b"old") == (store.stat("maps/a"), store.read("maps/a"))


def _all_that_are_left() -> list[int]:
    found = []
    while True:
        try:
            found.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            return found


def test_a_big_folder_that_did_not_change_is_not_scanned_again(tmp_path: Path) -> None:
    """Its names are cached once its last change is so long ago that another one would show."""
    for number in range(1000):
        os.close(os.open(tmp_path / f"{number:04}", os.O_CREAT))
    changed = os.stat(tmp_path).st_ctime_ns
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        fresh, settled = ScanCache(lambda: changed + 10**9), ScanCache(lambda: changed + 10**10)
        assert fresh.scan(folder) is not fresh.scan(folder)
        first = settled.scan(folder)
        assert settled.scan(folder) is first
        (tmp_path / "another").touch()
        assert 1001 == len(settled.scan(folder).plain)
    finally:
        os.close(folder)


def test_a_key_whose_file_is_given_its_other_name_during_a_listing_is_listed(tmp_path: Path) -> None:
    """A key that is there all the time is listed, also if keys below it come or go after its folder was read."""
    store, other = _store(tmp_path), _store(tmp_path)
    store.upload(b"", "A/1")
    store.upload(b"", "a")
    with right_before("open", "A", lambda: other.upload(b"", "a/b")) as met:
        listed = [item.key for item in store.list()]
    assert (1, ["A/1", "a"]) == (len(met), listed)

    def move_back() -> None:
        other.delete("a/b")
        other.upload(b"", "a")

    with right_before("open", "A", move_back) as met:
        listed = [item.key for item in store.list()]
    assert (1, ["A/1", "a"]) == (len(met), listed)


def test_a_big_folder_that_is_changing_is_read_twice(tmp_path: Path) -> None:
    """A file that was given its other name while the folder was read, so that neither may have been met, is met then."""
    for number in range(200):
        (tmp_path / f"{number}").touch()
    folder = os.open(tmp_path, os.O_RDONLY)
    renames = iter([lambda: None, lambda: os.rename(tmp_path / "7", tmp_path / "7\x80f")])
    try:
        with right_before("os.scandir", "", lambda: next(renames)(), times=2) as met:
            scan = ScanCache().scan(folder)
    finally:
        os.close(folder)
    assert (2, 200, [("7\x80f", False)]) == (len(met), len(scan.plain), scan.others)
