"""Many writers of one folder, and keys whose files and folders clash."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assetstore import AlreadyExistsError, AssetStore, NotFoundError, PreconditionError
from assetstore_local import LocalBackend
from assetstore_local.disk import records
from assetstore_local.disk.tree import Tree
from assetstore_local.read import find

_ROUNDS = int(os.environ.get("ASSETSTORE_ROUNDS", "20"))
_PROCESSES = 8
# Python 3.12 warns of forking a process that has threads.
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__])


def _store(root: Path) -> AssetStore:
    return AssetStore(LocalBackend(root=root, durable=False))


def _run(count: int, target: Callable[..., None], *arguments: object) -> None:
    processes = [_CONTEXT.Process(target=target, args=(number, *arguments)) for number in range(count)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [0] * count == [process.exitcode for process in processes]


def _create(number: int, rounds: int, root: Path, barrier: Any, out: Path) -> None:
    store, wins = _store(root), 0
    for round_ in range(rounds):
        barrier.wait()
        try:
            store.upload(f"{number}".encode(), f"round/{round_}", overwrite=False)
        except AlreadyExistsError:
            continue
        wins += 1
    (out / str(number)).write_text(str(wins))


def test_of_eight_creators_one_wins_each_round(tmp_path: Path) -> None:
    """Create-only is exact between processes."""
    (tmp_path / "out").mkdir()
    barrier = _CONTEXT.Barrier(_PROCESSES)
    _run(_PROCESSES, _create, _ROUNDS, tmp_path / "root", barrier, tmp_path / "out")
    wins = sum(int(path.read_text()) for path in (tmp_path / "out").iterdir())
    sys.stdout.write(f"\n{wins} winners in {_ROUNDS} rounds of {_PROCESSES} creators\n")
    assert wins == _ROUNDS == len(list(_store(tmp_path / "root").list()))


def _count(_: int, root: Path) -> None:
    store = _store(root)
    done = 0
    while done < 10:
        info = store.stat("counter")
        try:
            data = int(store.read("counter", if_match=info.etag)) + 1
            store.upload(str(data).encode(), "counter", if_match=info.etag)
        except PreconditionError:
            continue
        done += 1


def test_compare_and_swap_loses_no_change(tmp_path: Path) -> None:
    """Four processes that count together count right."""
    _store(tmp_path).upload(b"0", "counter")
    _run(4, _count, tmp_path)
    assert b"40" == _store(tmp_path).read("counter")


def _label(number: int, root: Path) -> None:
    store = _store(root)
    for turn in range(20):
        if number % 2:
            store.upload(f"{number}-{turn}".encode() * 1000, "a", metadata={"odd": "1"})
        else:
            store.update("a", cache_control=f"max-age={turn}")


def test_updates_and_uploads_of_one_key_never_mix(tmp_path: Path) -> None:
    """A change of headers keeps the bytes of the version that it changes."""
    _store(tmp_path).upload(b"first", "a", metadata={"odd": "1"})
    _run(4, _label, tmp_path)
    info = _store(tmp_path).stat("a")
    assert {"odd": "1"} == info.metadata
    assert info.digest is not None
    assert info.size == len(_store(tmp_path).read("a"))


_KEYS = ("a", "a/b", "a/b/c")


@pytest.mark.parametrize("order", list(itertools.permutations(_KEYS)))
def test_a_key_and_those_below_it_stand_side_by_side(tmp_path: Path, order: tuple[str, ...]) -> None:
    """In every order of writing, writing again and deleting, each key has its own bytes and headers."""
    store = _store(tmp_path)
    for removal in itertools.permutations(_KEYS):
        for turn, key in enumerate((*order, *order)):
            store.upload(f"{key}{turn}".encode(), key, metadata={"key": key})
        left = list(_KEYS)
        for key in removal:
            assert left == [item.key for item in store.list()]
            assert left == [(store.stat(name).metadata or {})["key"] for name in left]
            assert left == [store.read(name).decode()[:-1] for name in left]
            store.delete(key)
            left.remove(key)
            with pytest.raises(NotFoundError):
                store.read(key)
        assert [".assetstore"] == os.listdir(tmp_path)


def _churn(number: int, root: Path) -> None:
    store = _store(root)
    key = _KEYS[number % 3]
    for turn in range(60):
        store.upload(f"{key} {number} {turn}".encode(), key)
        data = store.read("a")
        assert data.startswith(b"a "), data
        if key != "a" and turn % 3 == 0:
            store.delete(key)
        assert "a" in [item.key for item in store.list()]


def test_keys_in_each_others_way_hold_under_concurrent_writers(tmp_path: Path) -> None:
    """While others write and delete below it, a key that is never deleted is always there."""
    _store(tmp_path).upload(b"a 0 0", "a")
    _run(6, _churn, tmp_path)
    assert b"a " == _store(tmp_path).read("a")[:2]


def test_a_key_whose_file_is_given_its_other_name_is_listed_in_a_big_folder(tmp_path: Path) -> None:
    """A folder that takes many reads is listed with each key that is there all the time."""
    store, writer = _store(tmp_path), _store(tmp_path)
    for number in range(2000):
        (tmp_path / f"f{number}").touch()
    writer.upload(b"", "m")
    rounds = 10 * _ROUNDS
    barrier = threading.Barrier(2)

    def write() -> None:
        for number in range(rounds):
            barrier.wait()
            if number % 2:
                writer.delete("m/x")
            writer.upload(b"", "m" if number % 2 else "m/x")
            barrier.wait()

    thread = threading.Thread(target=write)
    thread.start()
    listed = []
    for _ in range(rounds):
        barrier.wait()
        listed.append([item.key for item in store.list_page("m", limit=1).items])
        barrier.wait()
    thread.join()
    assert [["m"]] * rounds == listed


def test_an_open_reader_keeps_its_version(tmp_path: Path) -> None:
    """Overwriting, renaming and deleting do not change the bytes that somebody is reading."""
    store = _store(tmp_path)
    old, new = b"o" * 1_000_000, b"n" * 2_000_000
    store.upload(old, "a")
    with store.open("a") as reader:
        first = reader.read(10)
        store.upload(new, "a")
        store.upload(b"", "a/b")
        store.delete("a")
        assert old == first + reader.read()


def test_readers_of_a_key_that_is_overwritten_see_whole_versions(tmp_path: Path) -> None:
    """Bytes, digest and metadata are of one version, and the key is never missing."""
    store = _store(tmp_path)
    store.upload(b"0" * 100_000, "a", metadata={"number": "0"})
    done = threading.Event()
    seen: list[bool] = []

    def read() -> None:
        is_last = False
        while not is_last:
            # Once more after the last write, because all may be done before this thread begins.
            is_last = done.is_set()
            with store.open("a") as reader:
                data = reader.read()
            seen.append(data == (reader.info.metadata or {})["number"].encode() * 100_000)

    thread = threading.Thread(target=read)
    thread.start()
    for number in range(1, 200):
        store.upload(str(number % 10).encode() * 100_000, "a", metadata={"number": str(number % 10)})
    done.set()
    thread.join()
    assert seen
    assert all(seen)


def test_two_backends_on_one_folder_in_one_process_exclude_each_other(tmp_path: Path) -> None:
    """Threads with stores of their own create each key once."""
    barrier = threading.Barrier(4)
    wins: list[int] = []

    def create(number: int) -> None:
        store = _store(tmp_path)
        for turn in range(20):
            barrier.wait()
            try:
                store.upload(b"", f"{turn}", overwrite=False)
            except AlreadyExistsError:
                continue
            wins.append(number)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 20 == len(wins)


def test_under_the_lock_a_folder_that_was_made_anew_is_seen(tmp_path: Path) -> None:
    """Another process may remove an emptied folder and make it again; a delete at work then leaves the record."""
    store = AssetStore(LocalBackend(root=tmp_path))
    store.upload(b"old", "maps/a")
    with Tree(str(tmp_path), durable=False) as tree:
        assert find(tree, "maps/a") is not None
        store.delete("maps/a")
        store.upload(b"new", "maps/a")
        with records.locked(tree, "maps/a"):
            found = find(tree, "maps/a")
    assert found is not None
    assert store.stat("maps/a").etag == found.etag
