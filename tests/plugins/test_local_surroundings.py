"""File systems that are full, read-only or another's, disks that fail, platforms that will not do."""

from __future__ import annotations

import errno
import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from flushing import require_whole

from assetstore import AssetStore, ConfigError, IntegrityError, StoreNotFoundError, UnknownOutcomeError
from assetstore.testing.contract import summary
from assetstore_local import LocalBackend
from assetstore_local.disk import whole_flush

Record = Callable[[str, object], None]

_WITHOUT_RIGHTS = ("--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all")
_TOOLS = ("unshare", "mount", "setpriv")
_PRELUDE = """
import os, subprocess, sys
from pathlib import Path
from assetstore import AccessDeniedError, AssetStore, AssetStoreError, NoSpaceError
from assetstore_local import LocalBackend
root = Path(sys.argv[1])
def store(root=root):
    return AssetStore(LocalBackend(root=root))
def refusal(act):
    try:
        act()
    except AssetStoreError as error:
        return type(error).__name__
"""
_FULL = """
subprocess.run(["mount", "-t", "tmpfs", "-o", sys.argv[2], "tmpfs", root], check=True)
store().upload(b"old", "a")
print(refusal(lambda: store().upload(b"x" * 4_000_000, "a")))
print(refusal(lambda: [store().upload(b"", f"{n}/{n}") for n in range(1000)]))
print(len(store().read("a")), os.listdir(root / ".assetstore" / "tmp"))
store().delete_many(list(store().list()))
print(store().upload(b"new", "a").size)
"""
_READ_ONLY = """
subprocess.run(["mount", "-t", "tmpfs", "tmpfs", root], check=True)
store().upload(b"old", "a", metadata={"by": "gm"})
os.utime(root / "a")
subprocess.run(["mount", "-o", "remount,ro", root], check=True)
print(*(refusal(act) for act in (
    lambda: store().upload(b"new", "a"), lambda: store().copy("a", "b"), lambda: store().update("a", metadata={}),
    lambda: store().delete("a"),
)))
print(store().read("a"), [item.key for item in store().list()], [step.ok for step in store().check().steps])
print(dict(store().stat("a").metadata))
"""
_DOWNLOADS = """
store().upload(b"x" * 4_000_000, "a")
for name, options in (("full", "size=1m"), ("bare", "ro")):
    (root / name).mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", root / name], check=True)
    for overwrite in (True, False):
        print(refusal(lambda: store().download("a", root / name / "out", overwrite=overwrite)), os.listdir(root / name))
"""
_NO_RIGHTS = """
print(refusal(lambda: store().upload(b"new", "open/a")), refusal(lambda: store().delete("shut/a")))
print([failure.key for failure in store().delete_many(["open/none", "shut/a"]).failed])
print(*(refusal(lambda: store().download("open/a", path)) for path in (root / "out", root / "shut" / "out")))
print(refusal(lambda: store().upload(root / "shut" / "source", "b")), refusal(lambda: store().upload("/proc/self/mem", "b")))
print(refusal(lambda: store().read("shut/a")), refusal(lambda: store(root / "none").upload(b"", "a")))
try:
    list(store().list())
except AccessDeniedError as error:
    print(error.message)
print([step.ok for step in store().check().steps])
"""
_UNSEEN = """
from wsgiref.util import setup_testing_defaults
def unseen():
    return AssetStore(LocalBackend(root=root / "shut" / "root", signing_keys=["k" * 32]))
def served(method):
    request, status = unseen().presign("a", method=method), []
    environ = {"REQUEST_METHOD": method, "HTTP_HOST": "127.0.0.1:8420"}
    environ["PATH_INFO"], _, environ["QUERY_STRING"] = request.url.partition("8420")[2].partition("?")
    setup_testing_defaults(environ)
    unseen().application("wsgi")(environ, lambda text, headers: status.append(text))
    return status[0][:3]
print(*(refusal(act) for act in (
    lambda: list(unseen().list()), lambda: unseen().list_page(), lambda: unseen().stat("a"), lambda: unseen().exists("a"),
    lambda: unseen().read("a"), lambda: unseen().download("a", root / "out"), lambda: unseen().delete("a"),
    lambda: unseen().move("a", "b"), lambda: unseen().copy("a", "b"),
    lambda: unseen().update("a", metadata={}), lambda: unseen().upload(b"", "a"),
    lambda: unseen().begin_upload(key="a", size=9 << 20, part_size=5 << 20), lambda: unseen().sweep_pending(),
)))
print(served("GET"), served("DELETE"), [(step.name, step.ok) for step in unseen().check().steps])
"""


@pytest.fixture
def run(tmp_path: Path, request: pytest.FixtureRequest, record_property: Record) -> Callable[..., list[str]]:
    """Return a function that runs a script in a new process, after a command; ``[]`` if this is not permitted."""
    summary.register(request.config)

    def run(script: str, *arguments: str, behind: list[str]) -> list[str]:
        tools = all(map(shutil.which, _TOOLS)) and os.geteuid() == 0
        if not tools or subprocess.run([*behind, "true"], capture_output=True).returncode != 0:
            record_property(summary.LEFT_OUT, f"{request.node.name}: needs root, {', '.join(_TOOLS)}")
            return []
        command = [*behind, sys.executable, "-c", _PRELUDE + script, str(tmp_path / "root"), *arguments]
        (tmp_path / "root").mkdir(exist_ok=True)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert "" == done.stderr
        return done.stdout.splitlines()

    return run


@pytest.mark.parametrize(("limit", "refusal", "size"), [("size=1m", "NoSpaceError", 3), ("nr_inodes=40", "None", 4_000_000)])
def test_a_full_disk_keeps_the_old_asset_and_works_again_once_there_is_room(
    run: Callable[..., list[str]], limit: str, refusal: str, size: int
) -> None:
    """Out of bytes and out of inodes are both NoSpaceError, and nothing half-written takes up room."""
    told = run(_FULL, limit, behind=["unshare", "-m"])
    if told:
        assert [refusal, "NoSpaceError", f"{size} []", "3"] == told


def test_a_read_only_file_system_is_read_and_not_written(run: Callable[..., list[str]]) -> None:
    """Every write is AccessDeniedError, and reading goes on, even of a file whose time is on no record."""
    told = run(_READ_ONLY, behind=["unshare", "-m"])
    if told:
        assert [" ".join(["AccessDeniedError"] * 4), "b'old' ['a'] [True, False, True, True, True]", "{'by': 'gm'}"] == told


def test_a_download_to_a_full_or_read_only_disk_leaves_nothing(run: Callable[..., list[str]]) -> None:
    """The error has the class that callers act on, and no part of the file stays."""
    told = run(_DOWNLOADS, behind=["unshare", "-m"])
    if told:
        assert ["NoSpaceError []"] * 2 + ["AccessDeniedError []"] * 2 == told


def test_rights_that_are_missing_are_told_for_each_key(run: Callable[..., list[str]], tmp_path: Path) -> None:
    """Only the folder of another user fails; root gives its rights up for this test."""
    store = AssetStore(LocalBackend(root=tmp_path / "root"))
    store.upload(b"old", "open/a")
    store.upload(b"old", "shut/a")
    for path, mode in (("shut", 0o000), (".assetstore/tmp", 0o500), ("", 0o500)):
        (tmp_path / "root" / path).chmod(mode)
    told = run(_NO_RIGHTS, behind=["setpriv", *_WITHOUT_RIGHTS])
    if told:
        denied = "AccessDeniedError AccessDeniedError"
        unread = "the folder 'shut' cannot be read"
        sources = "SourceError SourceError"
        assert [denied, "['shut/a']", denied, sources, denied, unread, "[True, False, True, False, True]"] == told
    (tmp_path / "root" / "shut").chmod(0o700)
    assert (b"old", b"old") == (store.read("open/a"), store.read("shut/a"))


def test_a_folder_that_cannot_be_looked_at_is_not_an_empty_one(run: Callable[..., list[str]], tmp_path: Path) -> None:
    """Below a folder without permission nothing is told to be missing or deleted: only "does not exist" means missing."""
    AssetStore(LocalBackend(root=tmp_path / "root" / "shut" / "root")).upload(b"old", "a")
    (tmp_path / "root" / "shut").chmod(0o000)
    told = run(_UNSEEN, behind=["setpriv", *_WITHOUT_RIGHTS])
    (tmp_path / "root" / "shut").chmod(0o700)
    if told:
        assert [" ".join(["AccessDeniedError"] * 13), "403 403 [('folder', False)]"] == told


def test_a_root_that_is_a_link_to_nothing_is_not_an_empty_one(tmp_path: Path) -> None:
    """The folder that it leads to may be on a disk that is not mounted."""
    (tmp_path / "root").symlink_to("elsewhere")
    store = AssetStore(LocalBackend(root=tmp_path / "root"))
    for act in (lambda: list(store.list()), lambda: store.delete("a"), lambda: store.upload(b"", "a")):
        with pytest.raises(StoreNotFoundError, match="link to a folder that does not exist"):
            act()
    assert ["root"] == os.listdir(tmp_path)


@pytest.mark.parametrize("most", [1 << 60, -(1 << 60)], ids=["whole", "each"])
@pytest.mark.parametrize("name", ["upload", "create", "update"])
def test_a_flush_that_fails_when_all_is_written_has_an_unknown_outcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, most: int
) -> None:
    """The new version is seen, and may be gone after a power failure: neither success nor failure would be true."""
    store = AssetStore(LocalBackend(root=tmp_path))
    store.upload(b"old", "a")
    keys = iter(map(str, range(100)))
    operations: dict[str, Callable[[], object]] = {
        "upload": lambda: store.upload(b"new", "a"),
        "create": lambda: store.upload(b"new", next(keys), overwrite=False),
        "update": lambda: store.update("a", cache_control="no-store"),
    }
    flushes: list[int] = []
    monkeypatch.setattr(whole_flush, "MOST_DIRTY_BYTES", most)
    for module, call in ((os, "fsync"), (whole_flush, "syncfs")):
        monkeypatch.setattr(module, call, flushes.append)
    operations[name]()
    count = len(flushes)
    for number in range(1, count + 1):
        before = _all(store)
        failing = functools.partial(_fail_from, number, [])
        for module, call in ((os, "fsync"), (whole_flush, "syncfs")):
            monkeypatch.setattr(module, call, failing)
        with pytest.raises(Exception, match="Input/output error") as caught:
            operations[name]()
        assert (number == count) == isinstance(caught.value, UnknownOutcomeError)
        assert (number == count) == (before != _all(store))
        assert [] == os.listdir(tmp_path / ".assetstore" / "tmp")


def _all(store: AssetStore) -> list[object]:
    return [store.stat(item.key) for item in store.list()]


def _fail_from(number: int, calls: list[int], descriptor: int) -> None:
    calls.append(descriptor)
    if len(calls) >= number:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_without_proc_each_file_is_flushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container may have none; then it is not known how much other programs have left to write."""
    calls: list[int] = []
    monkeypatch.setattr(whole_flush, "_MEMORY", str(tmp_path / "none"))
    monkeypatch.setattr(whole_flush, "syncfs", functools.partial(_fail_from, 1, calls))
    store = AssetStore(LocalBackend(root=tmp_path / "root"))
    store.upload(b"new", "a")
    assert (b"new", []) == (store.read("a"), calls)


def test_the_file_of_another_program_that_cannot_be_written_fails_no_upload(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flush of the whole file system meets faults of others; then each of the upload's own files is flushed."""
    require_whole(tmp_path)
    store, flushes, system = AssetStore(LocalBackend(root=tmp_path)), list[int](), os.fsync
    store.upload(b"old", "old")

    def flush(descriptor: int) -> None:
        flushes.append(descriptor)
        system(descriptor)

    monkeypatch.setattr(whole_flush, "MOST_DIRTY_BYTES", 1 << 60)
    monkeypatch.setattr(whole_flush, "syncfs", functools.partial(_fail_from, 1, []))
    monkeypatch.setattr(os, "fsync", flush)
    store.upload(b"new", "a")
    assert (b"new", True) == (store.read("a"), len(flushes) >= 4)


@pytest.mark.parametrize(("name", "most"), [("new", 2), ("old", 3), ("updated", 3), ("deleted", 1)])
def test_a_durable_write_costs_few_flushes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, most: int) -> None:
    """A new asset costs two: one for its bytes and its record together, one for its name."""
    require_whole(tmp_path)
    store = AssetStore(LocalBackend(root=tmp_path))
    store.upload(b"old", "old")
    operations: dict[str, Callable[[], object]] = {
        "new": lambda: store.upload(b"new", "new/folder/new"),
        "old": lambda: store.upload(b"new", "old"),
        "updated": lambda: store.update("old", cache_control="no-store"),
        "deleted": lambda: store.delete("old"),
    }
    flushes: list[int] = []
    monkeypatch.setattr(whole_flush, "MOST_DIRTY_BYTES", 1 << 60)
    for module, call in ((os, "fsync"), (whole_flush, "syncfs")):
        monkeypatch.setattr(module, call, flushes.append)
    operations[name]()
    assert most == len(flushes)


def test_a_damaged_asset_is_not_copied(tmp_path: Path) -> None:
    """A file whose bytes no longer match their digest, at the same time and size, is not copied."""
    store = AssetStore(LocalBackend(root=tmp_path))
    store.upload(b"good", "a")
    status = (tmp_path / "a").stat()
    (tmp_path / "a").write_bytes(b"evil")
    os.utime(tmp_path / "a", ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(IntegrityError):
        store.copy("a", "b")
    assert ["a"] == [item.key for item in store.list()]


def test_a_file_from_the_last_day_of_its_file_system_can_be_replaced(tmp_path: Path) -> None:
    """There is no later time to give the new version, so it gets the present."""
    store = AssetStore(LocalBackend(root=tmp_path))
    for write in (lambda: store.update("a", metadata={"by": "gm"}), lambda: store.upload(b"new", "a")):
        (tmp_path / "a").write_bytes(b"old")
        os.utime(tmp_path / "a", (253_370_764_800, 253_370_764_800))
        before = store.stat("a").etag
        assert before != write().etag == store.stat("a").etag


def test_a_platform_that_cannot_confine_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without opening relative to folders, as on Windows, a link could lead outside."""
    monkeypatch.setattr(os, "supports_dir_fd", frozenset())
    with pytest.raises(ConfigError, match="another Unix"):
        LocalBackend(root=tmp_path)


def test_a_locale_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    """Names would be written in another encoding than they are read in."""
    script = "from pathlib import Path; from assetstore_local import LocalBackend; LocalBackend(root=Path('x'))"
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    environment = {**os.environ, **locale, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment)
    assert "ConfigError: file names are not UTF-8 in this locale; set PYTHONUTF8=1" in done.stderr
