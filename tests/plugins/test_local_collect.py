"""What killed writers and changes by hand leave in the folder is found, and removed without harm to any writer."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import random
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_writer import payload

from assetstore import AssetStore, CollectReport, Leftover
from assetstore_local import LocalBackend
from assetstore_local.disk import records

DAYS = 2 * 86_400
_NOBODY = 65_534
WRITER = Path(__file__).with_name("local_writer.py")
_KILLS = int(os.environ.get("ASSETSTORE_KILLS", "12"))
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__])


def store_in(root: Path) -> AssetStore:
    """Return a store over a folder."""
    return AssetStore(LocalBackend(root=root, durable=False))


def age(path: Path, seconds: int = DAYS) -> None:
    """Make a file or folder older; nothing if somebody has just removed it."""
    try:
        status = path.lstat()
        os.utime(path, (status.st_atime - seconds, status.st_mtime - seconds), follow_symlinks=False)
    except FileNotFoundError:
        pass


def age_leftovers(root: Path, *, staged: bool = True) -> None:
    """Make everything older that is no asset: an asset's time is part of its version."""
    for folder, names, files in os.walk(root):
        ours = ".assetstore" in Path(folder).parts
        for name in files if ours and (staged or not folder.endswith("tmp")) else ():
            age(Path(folder, name))
        for name in names:
            age(Path(folder, name))


def kinds(report: CollectReport) -> list[tuple[str, str]]:
    """Return kind and name of each leftover."""
    return [(item.kind, item.name) for item in report.items]


def only(items: tuple[Leftover, ...]) -> Leftover:
    """Return the one leftover there is."""
    [item] = items
    return item


def record_of(root: Path, key: str) -> Path:
    """Return the file of a key's record."""
    return next(path for path in root.glob(".assetstore/??/*.json") if f'"{key}"' in path.read_text(encoding="utf-8"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with one asset that has metadata."""
    store_in(tmp_path).upload(b"abc", "kept/a.txt", metadata={"by": "gm"})
    return tmp_path


def test_an_unfinished_file_is_found_unless_a_process_has_it(root: Path) -> None:
    """A file of a killed writer is listed with age and bytes, then removed; one that is locked is in use, however old."""
    begun, never = threading.Event(), threading.Event()

    def chunks() -> Iterator[bytes]:
        yield b"half"
        begun.set()
        never.wait()

    store = store_in(root)
    writer = threading.Thread(target=store.upload, args=(chunks(), "slow"))
    writer.start()
    begun.wait()
    [in_use] = (root / ".assetstore" / "tmp").iterdir()
    left = in_use.with_name("0" * 32)
    left.write_bytes(b"12345")
    for path in (in_use, left):
        age(path)
    item = only(store.collect().items)
    assert ("unfinished file", f".assetstore/tmp/{left.name}", 5, False) == (item.kind, item.name, item.size, item.removed)
    assert only(store.collect(remove=True).items).removed
    never.set()
    writer.join()
    assert (b"half", []) == (store.read("slow"), list(in_use.parent.iterdir()))


def test_a_record_without_an_asset_is_found(root: Path) -> None:
    """The file was removed by hand: its record and its digest go, those of the other assets stay."""
    store = store_in(root)
    store.upload(b"gone", "gone.txt")
    # A new time and the same bytes: the digest is computed and kept.
    age(root / "gone.txt", 5)
    store.stat("gone.txt")
    (root / "gone.txt").unlink()
    record = record_of(root, "gone.txt")
    age_leftovers(root)
    found = [("digest without an asset", f".assetstore/digests/{record.parent.name}/{record.name}")]
    found.append(("record without an asset", f".assetstore/{record.parent.name}/{record.name}"))
    assert found == kinds(store.collect())
    assert found == kinds(store.collect(remove=True))
    assert [] == kinds(store.collect())
    assert {"by": "gm"} == store.stat("kept/a.txt").metadata


def test_a_digest_whose_record_is_missing_stays_with_its_asset(root: Path) -> None:
    """A digest is a leftover only if no asset has it, which the record need not be there to tell."""
    store = store_in(root)
    age(root / "kept" / "a.txt", 5)
    store.stat("kept/a.txt")
    record_of(root, "kept/a.txt").unlink()
    age_leftovers(root)
    assert [] == kinds(store.collect(remove=True))
    assert 1 == len(list(root.glob(".assetstore/digests/*/*")))
    (root / "kept" / "a.txt").rename(root / "kept" / "b.txt")
    assert ["digest without an asset"] == [kind for kind, _ in kinds(store.collect(remove=True))]


def test_an_upload_in_parts_that_nobody_ends_is_found(root: Path) -> None:
    """One without a part for the age is listed with all bytes and removed; one that got a part since goes on."""
    store = store_in(root)
    for key in ("old", "young"):
        store.begin_upload(key=key, size=10 << 20, part_size=5 << 20)
    uploads = sorted((root / ".assetstore" / "uploads").iterdir())
    (uploads[0] / f"1-{'0' * 32}").write_bytes(b"part")
    for folder in uploads:
        age(folder)
    (uploads[1] / f"1-{'0' * 32}").write_bytes(b"part")
    item = only(store.collect().items)
    size = sum(path.stat().st_size for path in uploads[0].iterdir())
    assert ("upload in parts", f".assetstore/uploads/{uploads[0].name}", size) == (item.kind, item.name, item.size)
    assert only(store.collect(remove=True).items).removed
    assert [uploads[1]] == list((root / ".assetstore" / "uploads").iterdir())


def test_emptied_folders_are_found_from_within(root: Path) -> None:
    """Empty folders, and those that hold nothing else; not the root, young ones, links, or those with a leading dot."""
    for name in ("a/b/c", "a/d", "young/in", ".git/refs/tags", "kept/empty"):
        (root / name).mkdir(parents=True)
    (root / "link").symlink_to(root / "a")
    age_leftovers(root)
    (root / "young" / "new").mkdir()
    store = store_in(root)
    expected = {"a", "a/b", "a/b/c", "a/d", "young/in", "kept/empty"}
    assert {("empty folder", name) for name in expected} == set(kinds(store.collect()))
    assert {("empty folder", name) for name in expected} == set(kinds(store.collect(remove=True)))
    assert [] == kinds(store.collect(remove=True))
    assert {".assetstore", ".git", "kept", "link", "young"} == {path.name for path in root.iterdir()}
    assert b"abc" == store.read("kept/a.txt")


def test_a_part_of_a_store_finds_only_its_own(root: Path) -> None:
    """What cannot be shown to belong to the part, as an unfinished file cannot, is not listed."""
    store = store_in(root)
    for key in ("tenant/a", "tenant2/a"):
        store.upload(b"", key)
        (root / key).unlink()
    store.scoped("tenant/").begin_upload(key="b", size=10 << 20, part_size=5 << 20)
    store.begin_upload(key="b", size=10 << 20, part_size=5 << 20)
    (root / ".assetstore" / "tmp" / ("0" * 32)).write_bytes(b"")
    age_leftovers(root)
    found = store.scoped("tenant/").collect(remove=True).items
    assert ["empty folder", "record without an asset", "upload in parts"] == sorted(item.kind for item in found)
    assert "tenant" in [item.name for item in found]
    left = sorted(item.kind for item in store.collect().items)
    assert ["empty folder", "record without an asset", "unfinished file", "upload in parts"] == left


@contextlib.contextmanager
def as_nobody() -> Iterator[Path]:
    """Yield a folder of a user whom permissions bind, and act as that user."""
    with tempfile.TemporaryDirectory() as name:
        if root := os.geteuid() == 0:
            os.chown(name, _NOBODY, _NOBODY)
            os.seteuid(_NOBODY)
        try:
            yield Path(name)
        finally:
            if root:
                os.seteuid(0)


def test_what_cannot_be_looked_at_is_reported() -> None:
    """A folder without permission is not taken for an empty one, and what cannot be removed says why."""
    with as_nobody() as root:
        (root / "closed").mkdir()
        (root / "fixed" / "empty").mkdir(parents=True)
        age_leftovers(root)
        (root / "closed").chmod(0)
        (root / "fixed").chmod(stat.S_IRUSR | stat.S_IXUSR)
        found = {item.name: item for item in store_in(root).collect(remove=True).items}
        for name in ("closed", "fixed"):
            (root / name).chmod(0o700)
    assert {"closed": "unreadable folder", "fixed/empty": "empty folder"} == {n: item.kind for n, item in found.items()}
    assert ["AccessDeniedError"] * 2 == [type(item.error).__name__ for item in found.values()]


def test_one_file_that_cannot_be_looked_at_ends_no_collection() -> None:
    """Each such file and folder is named with its error; all other leftovers are found and removed."""
    with as_nobody() as root:
        store = store_in(root)
        store.upload(b"", "gone")
        (root / "gone").unlink()
        own = root / ".assetstore"
        closed = [own / "tmp" / ("0" * 32), own / "uploads" / ("0" * 32), own / "digests", own / "00"]
        closed[0].write_bytes(b"")
        for folder in closed[1:]:
            folder.mkdir(parents=True, exist_ok=True)
        age_leftovers(root)
        for path in closed:
            path.chmod(0)
        found = store.collect(remove=True).items
        for path in closed:
            path.chmod(0o700)
    failed = {item.name: type(item.error).__name__ for item in found if item.error is not None}
    assert {str(path.relative_to(root)): "AccessDeniedError" for path in closed} == failed
    assert ["record without an asset"] == [item.kind for item in found if item.removed]


def test_a_part_of_a_store_is_told_nothing_of_the_folders_of_others() -> None:
    """A folder that cannot be read and holds no key of the part is not looked at."""
    with as_nobody() as root:
        (root / "other").mkdir()
        (root / "tenant" / "empty").mkdir(parents=True)
        age_leftovers(root)
        (root / "other").chmod(0)
        found = store_in(root).scoped("tenant/").collect()
        (root / "other").chmod(0o700)
    assert [("empty folder", "tenant/empty"), ("empty folder", "tenant")] == kinds(found)


def test_folders_whose_names_are_not_utf_8_are_found_too(root: Path) -> None:
    """The names of other programs may be any bytes."""
    os.makedirs(os.path.join(os.fsencode(root), b"caf\xc3\xa9\xff", b"\xc3\xa9\xfe"))
    age_leftovers(root)
    assert ["empty folder"] * 2 == [item.kind for item in store_in(root).collect(remove=True).items if item.removed]


def test_a_folder_that_is_missing_has_no_leftovers(tmp_path: Path) -> None:
    """Nothing is made only to look."""
    assert () == store_in(tmp_path / "none").collect(remove=True).items
    assert [] == list(tmp_path.iterdir())


def test_after_a_kill_everything_left_is_collected(tmp_path: Path) -> None:
    """At whatever moment writers are killed: no asset is touched, and nothing but assets and their records remains."""
    chance = random.Random(10)
    removed = 0
    for _ in range(_KILLS):
        with subprocess.Popen([sys.executable, WRITER, str(tmp_path)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            for _ in range(chance.randrange(1, 4)):
                writer.stdout.readline()
            # Uses a little time, so that not every kill comes right after a line.
            sum(range(chance.randrange(100_000)))
            writer.kill()
        store = store_in(tmp_path)
        before = {info.key: store.stat(info.key) for info in store.list()}
        age_leftovers(tmp_path)
        removed += len(store.collect(remove=True).items)
        assert [] == kinds(store.collect())
        assert before == {info.key: store.stat(info.key) for info in store.list()}
        for key, info in before.items():
            assert payload(int((info.metadata or {})["number"])) == store.read(key)
        assert [] == list((tmp_path / ".assetstore" / "tmp").iterdir())
    sys.stdout.write(f"\n{_KILLS} kills, {removed} leftovers removed\n")


def _write_and_look(name: str, root: Path) -> None:
    """Write assets in folders that come and go, and look at each at once."""
    store = store_in(root)
    for number in range(150):
        key = f"shared/{number % 3}/{name}"
        store.upload(f"{number}".encode(), key, metadata={"number": f"{number}"})
        assert {"number": f"{number}"} == store.stat(key).metadata
        assert f"{number}".encode() == store.read(key)
        if number % 2:
            store.delete(key)


def test_writers_lose_nothing_beside_a_collection(tmp_path: Path) -> None:
    """Three processes write while leftovers are removed as fast as can be, though everything but assets seems old."""
    writers = [_CONTEXT.Process(target=_write_and_look, args=(name, tmp_path)) for name in "abc"]
    for writer in writers:
        writer.start()
    store, removed = store_in(tmp_path), 0
    while any(writer.is_alive() for writer in writers):
        # The time of a file that a writer is about to rename says that it is at work; all else may look old.
        age_leftovers(tmp_path, staged=False)
        removed += sum(item.removed for item in store.collect(remove=True).items)
    for writer in writers:
        writer.join()
    assert [0] * 3 == [writer.exitcode for writer in writers]
    assert [f"shared/1/{name}" for name in "abc"] == [info.key for info in store.list()]
    sys.stdout.write(f"\n{removed} leftovers removed beside three writers\n")


def test_a_damaged_record_is_reported_and_repaired_on_request(root: Path) -> None:
    """However young; never removed: one flipped bit is undone, otherwise the digest is that of the bytes."""
    store, record = store_in(root), record_of(root, "kept/a.txt")
    before, data = store.stat("kept/a.txt"), record.read_bytes()
    record.write_bytes(bytes([*data[:30], data[30] ^ 4, *data[31:]]))
    item = only(store.collect(remove=True).items)
    name = str(record.relative_to(root))
    assert ("damaged record", name, False, False) == (item.kind, item.name, item.removed, item.repaired)
    assert "is damaged" in str(item.error)
    assert only(store.collect(repair=True).items).repaired
    assert (before, ()) == (store.stat("kept/a.txt"), store.collect(repair=True).items)
    record.write_bytes(data[:-30])
    item = only(store.scoped("kept/").collect(repair=True).items)
    assert (True, "what the bytes do not tell is lost") == (item.repaired, item.detail)
    after = store.stat("kept/a.txt")
    assert (before.digest, "text/plain", {}) == (after.digest, after.content_type, after.metadata)
    assert () == store.scoped("other/").collect(repair=True).items


def test_a_record_whose_key_leads_out_of_the_folder_reads_nothing_there(tmp_path: Path) -> None:
    """Neither status nor digest of a file outside becomes known by a record that somebody made up."""
    root = tmp_path / "store"
    root.mkdir()
    (tmp_path / "outside").write_bytes(b"canary")
    key = "../outside"
    record = root.joinpath(*records.names_of(key))
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({"key": key, "versions": None}))
    age_leftovers(root)
    found = only(store_in(root).collect(repair=True).items)
    assert ("record without an asset", None, False) == (found.kind, found.error, found.repaired)
    assert {"key": key, "versions": None} == json.loads(record.read_bytes())


def test_a_damaged_record_without_an_asset_is_a_leftover(root: Path) -> None:
    """Nothing is lost with it; young ones stay, as all that is left over."""
    record = record_of(root, "kept/a.txt")
    (root / "kept" / "a.txt").unlink()
    record.write_bytes(b"{")
    store = store_in(root)
    assert () == store.collect(remove=True, repair=True).items
    age_leftovers(root)
    assert () == store.scoped("kept/").collect(remove=True).items[1:]
    assert "record without an asset" in [item.kind for item in store.collect(remove=True).items]
    assert not record.exists()


def test_records_are_repaired_beside_writers(tmp_path: Path) -> None:
    """A record that a writer has half written is not taken for a damaged one."""
    writers = [_CONTEXT.Process(target=_write_and_look, args=(name, tmp_path)) for name in "ab"]
    for writer in writers:
        writer.start()
    store = store_in(tmp_path)
    while any(writer.is_alive() for writer in writers):
        assert [] == [item for item in store.collect(repair=True).items if item.kind == "damaged record"]
    for writer in writers:
        writer.join()
    assert [0, 0] == [writer.exitcode for writer in writers]
