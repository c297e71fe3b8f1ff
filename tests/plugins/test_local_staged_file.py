"""The files that become assets and records of a folder: staged, flushed in time, and moved whole or removed."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from assetstore import AssetStoreError, NoSpaceError, SourceError
from assetstore.plugin import limits
from assetstore_local.disk import json_file
from assetstore_local.disk.locks import hold, hold_now
from assetstore_local.disk.paths import Names
from assetstore_local.disk.staged_file import StagedFile, remove_left, sweep
from assetstore_local.disk.tree import InTheWayError, Tree
from assetstore_local.r2_rules import R2Rules
from open_files import open_below

OWN = ".assetstore"
MIB = 1 << 20


class NotedTree(Tree):
    """A tree that notes what is flushed, and when."""

    noted: list[object]

    def flush_later(self, folder: Names, name: str | None = None) -> None:
        """Note it."""
        self.noted.append((folder, name))
        super().flush_later(folder, name)

    def sync(self, descriptor: int) -> None:
        """Note it."""
        self.noted.append("sync")
        super().sync(descriptor)

    def flush(self) -> None:
        """Note it."""
        self.noted.append("flush")
        super().flush()


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[NotedTree]:
    """Return an open root."""
    with NotedTree(str(tmp_path), durable=True) as tree:
        tree.noted = []
        tree.folder((OWN, "tmp"), make=True)
        tree.flush()
        tree.noted = []
        yield tree


def staged(root: Path) -> list[str]:
    """Return the names of the staged files."""
    return os.listdir(root / OWN / "tmp")


def test_a_staged_file_is_moved_whole(tree: NotedTree, tmp_path: Path) -> None:
    """It holds all that was written in pieces, knows its size and digest, and leaves nothing behind."""
    with StagedFile(tree) as file:
        assert 0 == file.size
        for piece in (b"one", b"", b"two"):
            file.write(piece)
        assert (6, hashlib.sha256(b"onetwo").digest()) == (file.size, file.sha256)
        assert f"sha256:{hashlib.sha256(b'onetwo').hexdigest()}" == file.digest
        (name,) = staged(tmp_path)
        assert (32, True) == (len(name), set(name) <= set("0123456789abcdef"))
        file.settle()
        assert [((OWN, "tmp"), name)] == tree.noted
        tree.flush()
        file.move(("maps",))
        assert [((OWN, "tmp"), name), "flush", ((), None)] == tree.noted
        assert file.status.st_size == 6
    assert (b"onetwo", []) == ((tmp_path / "maps").read_bytes(), staged(tmp_path))


def test_a_file_in_a_folder_has_that_folder_flushed(tree: NotedTree, tmp_path: Path) -> None:
    """Its name is durable once its own folder is; an older file of the name is replaced."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_bytes(b"old")
    with StagedFile(tree) as file:
        file.write(b"new")
        file.settle()
        file.move(("a", "b", "c"))
    assert (("a", "b"), None) == tree.noted[-1]
    assert b"new" == (tmp_path / "a" / "b" / "c").read_bytes()


def test_what_was_not_moved_is_removed(tree: NotedTree, tmp_path: Path) -> None:
    """At the end of the block, after an exception, settled or not, and when somebody has removed it before."""
    with StagedFile(tree) as file:
        file.write(b"x")
    with contextlib.suppress(KeyError), StagedFile(tree) as file:
        file.settle()
        raise KeyError
    with StagedFile(tree):
        for name in staged(tmp_path):
            (tmp_path / OWN / "tmp" / name).unlink()
    assert [] == staged(tmp_path)


def test_nobody_else_reads_a_file_before_it_is_settled(tree: NotedTree, tmp_path: Path) -> None:
    """It is its owner's alone while it is written, each file of a batch; then it has the mode of any new file."""
    (tmp_path / "usual").touch()
    usual = stat.S_IMODE((tmp_path / "usual").stat().st_mode)
    for _ in range(2):
        with StagedFile(tree) as file:
            (name,) = staged(tmp_path)
            path = tmp_path / OWN / "tmp" / name
            assert (0o600, usual) == (stat.S_IMODE(path.stat().st_mode), tree.usual_mode)
            file.settle()
            assert (usual, usual) == (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(file.status.st_mode))


def test_a_writer_holds_the_lock_of_its_file(tree: NotedTree, tmp_path: Path) -> None:
    """Until it is settled nobody can take it, so that no file of a writer at work is swept."""
    with StagedFile(tree) as file:
        (name,) = staged(tmp_path)
        descriptor = os.open(tmp_path / OWN / "tmp" / name, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            hold_now(descriptor)
        file.settle()
        hold_now(descriptor)
        os.close(descriptor)


def test_a_descriptor_is_closed_with_its_file(tree: NotedTree, tmp_path: Path) -> None:
    """After a thousand files no descriptor is left, moved or not."""
    before = open_below(tmp_path)
    for number in range(1000):
        with StagedFile(tree) as file:
            if number % 2:
                file.settle()
    assert before == open_below(tmp_path)


def test_a_failure_to_begin_leaves_nothing(tree: NotedTree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot get its mode is removed again, and its descriptor is closed."""
    before = open_below(tmp_path)
    monkeypatch.setattr(os, "fchmod", failing(errno.EIO))
    with pytest.raises(AssetStoreError):
        StagedFile(tree)
    assert ([], before) == (staged(tmp_path), open_below(tmp_path))


def failing(number: int) -> Callable[..., object]:
    """Return a system call that fails."""

    def fail(*_: object, **__: object) -> object:
        raise OSError(number, os.strerror(number))

    return fail


def test_a_full_disk_is_told_by_its_error(tree: NotedTree, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that the system refuses is the typed error, and counts for nothing."""
    with StagedFile(tree) as file:
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", failing(errno.ENOSPC))
            with pytest.raises(NoSpaceError):
                file.write(b"x")
        assert (0, hashlib.sha256().digest()) == (file.size, file.sha256)


def test_the_rules_bound_the_size(tree: NotedTree, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of the largest size is written, and a byte more is refused; without rules nothing is bounded."""
    monkeypatch.setattr(limits, "MAX_ASSET", 5)
    with StagedFile(tree, R2Rules()) as file:
        file.write(b"12345")
        with pytest.raises(SourceError, match="It has 6 bytes"):
            file.write(b"6")
    with StagedFile(tree) as file:
        file.write(b"123456")


@pytest.mark.parametrize(("size", "after", "noted"), [(8 * MIB, 0, None), (8 * MIB + 1, 0, "sync"), (9 * MIB, 1, None)])
def test_a_big_file_is_flushed_before_its_key_is_locked(
    tree: NotedTree, tmp_path: Path, size: int, after: int, noted: str | None
) -> None:
    """Over 8 MiB at once; a smaller one, and one that gets a new time under the lock, with the others."""
    with StagedFile(tree) as file:
        file.write(bytes(size))
        file.settle(after)
        (name,) = staged(tmp_path)
        assert [noted or ((OWN, "tmp"), name)] == tree.noted


def test_a_file_can_be_settled_again(tree: NotedTree) -> None:
    """A writer that finds its key changed meanwhile gives the closed file a later time."""
    later = time.time_ns() + 10**12
    with StagedFile(tree) as file:
        file.write(b"x")
        file.settle()
        first = file.status.st_mtime_ns
        file.settle(after=later)
        assert (True, 1) == (first < later < file.status.st_mtime_ns, file.status.st_size)
        file.move(("a",))


@pytest.mark.parametrize("ahead", [0, 1, 10**9, 10**13])
def test_a_time_is_later_than_the_one_before(tree: NotedTree, ahead: int) -> None:
    """By as little as the file system can tell; never earlier than the present."""
    with StagedFile(tree) as file:
        now = time.time_ns()
        status = file.stamp(now + ahead)
        assert now + ahead < status.st_mtime_ns <= max(time.time_ns(), now + ahead) + 10**9
        assert status.st_mtime_ns == os.fstat(file._descriptor).st_mtime_ns
        assert now <= file.stamp(0).st_mtime_ns <= time.time_ns()


@pytest.mark.parametrize("step", [10**3, 10**6, 2 * 10**9])
def test_a_coarse_file_system_gets_a_time_that_it_can_tell(
    tree: NotedTree, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """FAT has steps of two seconds: the time is the next that differs, within a second power of ten."""
    utime = os.utime

    def coarse(descriptor: int, *, ns: tuple[int, int]) -> None:
        utime(descriptor, ns=(ns[0] // step * step, ns[1] // step * step))

    now = time.time_ns()
    monkeypatch.setattr(os, "utime", coarse)
    monkeypatch.setattr(time, "time_ns", lambda: now)
    with StagedFile(tree) as file:
        after = now // step * step
        assert after < file.stamp(after).st_mtime_ns <= after + 10 * step


def test_after_the_last_time_of_all_the_present_is_good_enough(
    tree: NotedTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system that cannot store a later time gets the present one."""
    utime, most = os.utime, 2**31 * 10**9

    def bounded(descriptor: int, *, ns: tuple[int, int]) -> None:
        utime(descriptor, ns=(min(ns[0], most), min(ns[1], most)))

    monkeypatch.setattr(os, "utime", bounded)
    with StagedFile(tree) as file:
        now = time.time_ns()
        assert now <= file.stamp(most).st_mtime_ns <= time.time_ns()


@pytest.fixture
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Return the descriptor of a file of 17 MiB and a bit."""
    path = tmp_path_factory.mktemp("source") / "source"
    path.write_bytes(os.urandom(MIB) * 17 + b"end")
    descriptor = os.open(path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def test_the_system_copies_a_big_file(tree: NotedTree, source: int, tmp_path: Path) -> None:
    """All its bytes, whose digest is that of the copy; progress is told for each piece of 8 MiB."""
    size, told = os.fstat(source).st_size, []
    data = os.pread(source, size, 0)
    with StagedFile(tree) as file:
        if not file.copy_from(source, size, told.append):
            pytest.skip("the system copies no files here")
        assert (size, hashlib.sha256(data).hexdigest()) == (file.size, file.digest.removeprefix("sha256:"))
        assert [8 * MIB, 16 * MIB, size] == told
        file.settle()
        file.move(("copy",))
    assert data == (tmp_path / "copy").read_bytes()
    with StagedFile(tree) as file:
        assert file.copy_from(source, size)


def test_what_need_not_be_durable_is_copied_alike(source: int, tmp_path: Path) -> None:
    """The disk is then not hurried."""
    size = os.fstat(source).st_size
    with Tree(str(tmp_path), durable=False) as tree, StagedFile(tree) as file:
        assert (True, size) == (file.copy_from(source, size), file.size)


def test_a_small_file_is_not_left_to_the_system(tree: NotedTree, source: int) -> None:
    """Below 8 MiB nothing is copied, and nothing where the system has no such call."""
    with StagedFile(tree) as file:
        assert (False, 0) == (file.copy_from(source, 8 * MIB - 1), file.size)
        assert (True, 8 * MIB) == (file.copy_from(source, 8 * MIB), file.size)


def test_a_system_without_the_call_copies_nothing(
    tree: NotedTree, source: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller then reads and writes."""
    monkeypatch.delattr(os, "copy_file_range")
    with StagedFile(tree) as file:
        assert (False, 0) == (file.copy_from(source, 17 * MIB), file.size)


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM])
def test_a_file_that_the_system_cannot_copy_is_left_to_the_caller(
    tree: NotedTree, source: int, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Nothing was written then."""
    monkeypatch.setattr(os, "copy_file_range", failing(number))
    with StagedFile(tree) as file:
        assert (False, 0) == (file.copy_from(source, 17 * MIB), file.size)


@pytest.mark.parametrize("good", [0, 1])
def test_a_copy_that_fails_half_way_is_an_error(
    tree: NotedTree, source: int, monkeypatch: pytest.MonkeyPatch, good: int
) -> None:
    """Whatever fails after the first piece, and a full disk at any time, is the typed error."""
    calls, copy = [], os.copy_file_range

    def sometimes(*arguments: int) -> int:
        calls.append(arguments)
        if len(calls) > good:
            raise OSError(errno.ENOSPC if not good else errno.EXDEV, "odd")
        return copy(*arguments)

    monkeypatch.setattr(os, "copy_file_range", sometimes)
    with StagedFile(tree) as file, pytest.raises(AssetStoreError):
        file.copy_from(source, 17 * MIB)


def test_a_copy_that_cannot_be_read_back_is_an_error(
    tree: NotedTree, source: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A digest of fewer bytes than were copied would be that of another file."""
    monkeypatch.setattr(os, "preadv", lambda *_: 5)
    with StagedFile(tree) as file, pytest.raises(AssetStoreError, match="Input/output error"):
        file.copy_from(source, 17 * MIB)


def test_a_sweep_takes_what_is_an_hour_old_and_nobody_holds(tree: NotedTree, tmp_path: Path) -> None:
    """Younger files, those of writers at work, and what cannot be opened stay."""
    folder = tmp_path / OWN / "tmp"
    ages = {"old": 7200, "young": 1800, "held": 10_000, "link": 10_000}
    for name, age in ages.items():
        (folder / name).write_bytes(b"x")
        os.utime(folder / name, (time.time() - age,) * 2)
    (folder / "link").unlink()
    (folder / "link").symlink_to(folder / "young")
    os.utime(folder / "link", (0, 0), follow_symlinks=False)
    with (folder / "held").open() as held:
        hold(held.fileno())
        sweep(tree)
        assert {"young", "held", "link"} == set(staged(tmp_path))
    sweep(tree)
    assert {"young", "link"} == set(staged(tmp_path))


def test_a_sweep_looks_at_a_thousand_files(tree: NotedTree, tmp_path: Path) -> None:
    """So that it bounds no upload; it closes what it opens."""
    for number in range(1002):
        path = tmp_path / OWN / "tmp" / str(number)
        path.touch()
        os.utime(path, (0, 0))
    before = open_below(tmp_path)
    sweep(tree)
    assert (2, before) == (len(staged(tmp_path)), open_below(tmp_path))


def test_the_folder_for_staged_files_is_made(tmp_path: Path) -> None:
    """By whoever needs it first: an empty root is no error."""
    for number, begin in enumerate((sweep, StagedFile, lambda tree: json_file.stage(tree, b"x"))):
        (tmp_path / str(number)).mkdir()
        with Tree(str(tmp_path / str(number)), durable=False) as tree:
            begin(tree)
        assert (1 if number else 0) == len(staged(tmp_path / str(number)))


def test_a_small_file_is_replaced_whole(tree: NotedTree, tmp_path: Path) -> None:
    """Its bytes are flushed before its name changes, and its name is flushed later; folders are made."""
    for data in (b"one", b"two"):
        tree.noted.clear()
        json_file.replace(tree, ("a", "b", "file"), data)
        assert (data, []) == ((tmp_path / "a" / "b" / "file").read_bytes(), staged(tmp_path))
        first, *between, last = tree.noted
        assert ((OWN, "tmp"), (("a", "b"), None)) == (first[0], last)  # type: ignore[index]  # a pair
        assert "flush" == between[0]


def test_a_file_that_cannot_be_flushed_or_moved_is_dropped(
    tree: NotedTree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old one stays, and nothing is left over."""
    json_file.replace(tree, ("file",), b"old")
    for call in ("rename", "fsync"):
        with monkeypatch.context() as patch:
            patch.setattr(os, call, failing(errno.EIO))
            with pytest.raises(OSError, match="Input/output"):
                json_file.replace(tree, ("file",), b"new")
        assert (b"old", []) == ((tmp_path / "file").read_bytes(), staged(tmp_path))
    (tmp_path / "file").unlink()
    (tmp_path / "file").mkdir()
    with pytest.raises(InTheWayError):
        json_file.replace(tree, ("file",), b"new")
    assert [] == staged(tmp_path)


def test_a_staged_file_need_not_be_flushed(tree: NotedTree, tmp_path: Path) -> None:
    """What a power failure may cost is not; what may not is, and both can be moved or dropped."""
    names = [json_file.stage(tree, b"x"), json_file.stage(tree, b"y", flush=False)]
    assert [((OWN, "tmp"), names[0])] == tree.noted
    assert [32, 32] == [len(name) for name in names]
    json_file.drop(tree, names[0])
    json_file.drop(tree, names[0])
    json_file.move(tree, names[1], ("y",))
    assert ([], b"y") == (staged(tmp_path), (tmp_path / "y").read_bytes())


def test_a_file_is_made_once(tree: NotedTree, tmp_path: Path) -> None:
    """The second who makes it is told; the file and its name are flushed later, and its folder is made."""
    json_file.create(tree, ("new", "deep", "file"), {"a": "ü"})
    assert [(("new", "deep"), "file"), (("new", "deep"), None)] == tree.noted[-2:]
    with pytest.raises(FileExistsError):
        json_file.create(tree, ("new", "deep", "file"), {"b": 1})
    assert '"ü"' in (tmp_path / "new" / "deep" / "file").read_text(encoding="utf-8")


def test_a_file_that_cannot_be_written_whole_is_removed(
    tree: NotedTree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its descriptor is closed as well."""
    before = open_below(tmp_path)
    monkeypatch.setattr(os, "write", failing(errno.ENOSPC))
    for call in (lambda: json_file.stage(tree, b"x"), lambda: json_file.create(tree, ("file",), {})):
        with pytest.raises(OSError, match="No space"):
            call()
    assert ([], False) == (staged(tmp_path), (tmp_path / "file").exists())
    assert before == open_below(tmp_path)


def test_a_file_is_removed_if_it_is_there(tree: NotedTree, tmp_path: Path) -> None:
    """A missing one, or a missing folder, is no error; whatever else the system says is one."""
    json_file.replace(tree, ("a", "file"), b"x")
    for names in (("a", "file"), ("a", "file"), ("b", "file")):
        json_file.remove(tree, names)
    assert not (tmp_path / "a" / "file").exists()
    with pytest.raises(OSError, match="directory"):
        json_file.remove(tree, ("a",))


def test_short_writes_are_continued(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The system may take fewer bytes than it is given."""
    write, path = os.write, tmp_path / "file"
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:3]))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    json_file.write_all(descriptor, b"0123456789")
    json_file.write_all(descriptor, b"")
    os.close(descriptor)
    assert b"0123456789" == path.read_bytes()


@pytest.mark.parametrize("size", [1, (1 << 14) - 1, 1 << 14, (1 << 14) + 1, 3 << 14])
def test_a_file_of_any_size_is_read_to_its_end(tree: NotedTree, tmp_path: Path, size: int) -> None:
    """A list of numbers as long as the pieces that are read, or a byte more or less."""
    before = open_below(tmp_path)
    value = {"text": ""}
    value["text"] = "x" * max(0, size - len(json_file.encoded(value)))
    json_file.replace(tree, ("file",), json_file.encoded(value))
    assert json_file.read(tree, ("file",)) is not None
    assert json_file.read(tree, ("no-file",)) is None
    assert json_file.read(tree, ("no-folder", "file")) is None
    assert before == open_below(tmp_path)


def test_a_left_file_is_looked_at_before_it_is_removed(tree: NotedTree, tmp_path: Path) -> None:
    """A look alone leaves it; what is gone already, or too young, is no leftover."""
    name = json_file.stage(tree, b"x")
    found = [
        remove_left(tree, name, lambda _: False),
        remove_left(tree, name, lambda _: True, look_only=True),
        len(staged(tmp_path)),
        remove_left(tree, name, lambda _: True),
        len(staged(tmp_path)),
        remove_left(tree, name, lambda _: True),
    ]
    assert [False, True, 1, True, 0, False] == found
