"""The file system of fsspec: what it lists, reads, writes and removes is what the store has."""

from __future__ import annotations

import array
import gc
import io
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.compression import compr
from fsspec.core import url_to_fs
from hypothesis import given
from hypothesis import strategies as st

from assetstore import AssetStore, ConfigError, PreconditionError, UnavailableError, open_store
from assetstore.testing import MemoryBackend, RecordingObserver
from assetstore_fsspec import AssetStoreFileSystem
from assetstore_fsspec.errors import as_os_errors


@pytest.fixture
def store() -> Iterator[AssetStore]:
    """Give an empty store in memory."""
    with open_store("memory:") as store:
        yield store


@pytest.fixture
def fs(store: AssetStore) -> AssetStoreFileSystem:
    """Return the file system of the store."""
    return AssetStoreFileSystem(store)


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working directory, in which two stores are configured."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "assetstore.toml").write_text('[stores.dev]\nurl = "file:dev"\n[stores.other]\nurl = "file:other"\n')
    return tmp_path


# URLs


@pytest.mark.usefixtures("configured")
def test_a_url_names_the_store_and_the_key() -> None:
    """What is written by ``assetstore://NAME/key`` is the asset of this key in the store of this name."""
    with fsspec.open("assetstore://dev/a/b.txt", "wb") as file:
        file.write(b"abc")
    assert b"abc" == open_store("dev").read("a/b.txt")
    fs, path = url_to_fs("assetstore://dev/a/b.txt")
    assert ("a/b.txt", "assetstore://dev/a/b.txt") == (path, fs.unstrip_protocol(path))


@pytest.mark.usefixtures("configured")
def test_a_name_that_is_not_configured_is_answered_by_those_that_are() -> None:
    """The error lists the names that exist."""
    with pytest.raises(ConfigError, match="it has: dev, other"):
        url_to_fs("assetstore://prod/a")


@pytest.mark.usefixtures("configured")
def test_the_url_of_another_store_is_refused() -> None:
    """A path never means the same key of another store."""
    fs = AssetStoreFileSystem("dev")
    with pytest.raises(ValueError, match="of the store 'other'"):
        fs.cat_file("assetstore://other/a")


def test_a_name_means_what_the_working_directory_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a change of the directory, its own configuration counts."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "assetstore.toml").write_text('[stores.dev]\nurl = "file:data"\n')
        monkeypatch.chdir(tmp_path / name)
        fsspec.filesystem("assetstore", store="dev").pipe_file(name, b"")
    assert ["two"] == fsspec.filesystem("assetstore", store="dev").find("")


# Going to other processes


@pytest.mark.usefixtures("configured")
def test_a_file_system_is_pickled_as_its_store_is() -> None:
    """One of a configured store comes back equal, by pickle and by fsspec's JSON, and reads the same."""
    fs = AssetStoreFileSystem("dev")
    fs.pipe_file("a", b"abc")
    for copy in (pickle.loads(pickle.dumps(fs)), fsspec.AbstractFileSystem.from_json(fs.to_json())):
        assert (fs, hash(fs), fs.fsid, b"abc") == (copy, hash(copy), copy.fsid, copy.cat_file("a"))


def test_a_file_system_of_live_objects_is_not_pickled(fs: AssetStoreFileSystem) -> None:
    """It says what to do, as the store does."""
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(fs)
    assert fs != AssetStoreFileSystem(open_store("memory:"))


# Listing

NAMES = st.text("ab/", min_size=1, max_size=6).filter(lambda key: not key.startswith("/"))
KEYS = st.sets(NAMES, max_size=8)


def filled(keys: set[str]) -> AssetStoreFileSystem:
    """Return the file system of a store that has these keys, each with its own name as its bytes."""
    store = open_store("memory:")
    for key in keys:
        store.upload(key.encode(), key=key)
    return AssetStoreFileSystem(store)


def depth(relative: str) -> int:
    """Return how many levels below a folder a file is; one in a folder without a name counts as in the one above."""
    head, empty, _ = relative.partition("//") if not relative.startswith("/") else ("", "/", "")
    return head.count("/") + 1 + bool(empty and head)


@given(KEYS, st.sampled_from(["", "a", "a/a", "b", "a/b"]), st.sampled_from([None, 1, 2, 3]))
def test_find_returns_the_keys_below_a_folder(keys: set[str], path: str, maxdepth: int | None) -> None:
    """They are those that begin with the folder and a slash, down to the depth, or the file of this name."""
    prefix = f"{path}/" if path else ""
    below = {key for key in keys if key.startswith(prefix)}
    wanted = sorted(key for key in below if maxdepth is None or depth(key[len(prefix) :]) <= maxdepth)
    assert (wanted if below else [path] if path in keys else []) == filled(keys).find(path, maxdepth=maxdepth)


@given(KEYS)
def test_every_key_is_in_one_folder_of_a_walk(keys: set[str]) -> None:
    """A walk meets each key once, at the folder and name that make its key."""
    met = [f"{path}/{name}" if path else name for path, _, names in filled(keys).walk("") for name in names]
    assert sorted(keys) == sorted(met)


@given(KEYS, st.sampled_from(["", "a", "b", "a/b"]))
def test_what_ls_shows_is_there(keys: set[str], path: str) -> None:
    """Each entry of a listing is what ``info`` tells of its name, and a folder that shows nothing is not there."""
    fs = filled({key for key in keys if not key.endswith("/")})
    if not fs.exists(path):
        with pytest.raises(FileNotFoundError):
            fs.ls(path)
        return
    for entry in fs.ls(path):
        known = fs.info(entry["name"])
        # A name may be that of a file and of a folder; then it is the file's.
        assert (entry["name"], entry["type"]) in ((known["name"], known["type"]), (known["name"], "directory"))
        assert entry["type"] == "directory" or entry["size"] == known["size"] == len(entry["name"])


def test_an_empty_asset_may_mark_a_folder(store: AssetStore, fs: AssetStoreFileSystem) -> None:
    """Such a folder is there and empty, and ``rmdir`` removes it."""
    store.upload(b"", key="a/")
    assert (True, [], []) == (fs.isdir("a"), fs.ls("a"), fs.find(""))
    fs.rmdir("a")
    assert not fs.exists("a")


def test_a_folder_with_assets_is_not_removed_by_rmdir(fs: AssetStoreFileSystem) -> None:
    """``rmdir`` refuses it, and refuses a file."""
    fs.pipe_file("a/b", b"")
    with pytest.raises(OSError, match="not empty"):
        fs.rmdir("a")
    with pytest.raises(NotADirectoryError):
        fs.rmdir("a/b")
    assert ["a/b"] == fs.find("")


def test_listings_are_kept_only_where_it_is_asked_for(store: AssetStore) -> None:
    """Without ``use_listings_cache`` each listing is the store's; with it, a change through the file system ends it."""
    fresh, kept = AssetStoreFileSystem(store), AssetStoreFileSystem(store, use_listings_cache=True)
    assert [] == fresh.ls("") == kept.ls("")
    store.upload(b"", key="a")
    assert (["a"], []) == (fresh.ls("", detail=False), kept.ls("", detail=False))
    assert ["a"] == kept.ls("", detail=False, refresh=True)
    kept.pipe_file("b", b"")
    assert ["a", "b"] == kept.ls("", detail=False)


@pytest.mark.parametrize("path", ["", "/", "a/", "assetstore:///a/"])
def test_a_path_that_can_only_be_a_folder_is_no_file(fs: AssetStoreFileSystem, path: str) -> None:
    """It is refused, instead of becoming the key without its slash."""
    fs.pipe_file("a", b"abc")
    for use in (fs.cat_file, fs.rm_file, lambda one: fs.pipe_file(one, b""), lambda one: fs.cp_file(one, "b")):
        with pytest.raises(IsADirectoryError):
            use(path)
    assert b"abc" == fs.cat_file("a")


def test_a_slash_more_is_another_key(fs: AssetStoreFileSystem) -> None:
    """``a//b`` and ``a/b`` are two files for everything that takes a path."""
    fs.pipe({"a//b": b"1", "a/b": b"2"})
    assert {"a//b": b"1", "a/b": b"2"} == fs.cat("a", recursive=True)
    fs.mv("a//b", "c//d")
    assert ["a/b", "c//d"] == fs.find("")
    fs.rm("c", recursive=True)
    assert ["a/b"] == fs.find("")


# Reading

BOUND = st.none() | st.integers(-12, 12)


@given(st.binary(max_size=10), BOUND, BOUND)
def test_a_slice_of_a_file_is_that_of_its_bytes(data: bytes, start: int | None, end: int | None) -> None:
    """``cat_file`` and ``cat_ranges`` return what Python's own slices return, also empty ones."""
    fs = AssetStoreFileSystem(open_store("memory:"))
    fs.pipe_file("a", data)
    assert data[start:end] == fs.cat_file("a", start, end)
    assert [data[start:end], data] == fs.cat_ranges(["a", "a"], [start, None], [end, None])


SLICES = st.lists(st.tuples(st.sampled_from("ab"), BOUND, BOUND), max_size=8)


@given(st.binary(max_size=10), st.binary(max_size=10), SLICES, st.sampled_from([None, 0, 2]))
def test_slices_that_are_read_together_are_those_of_the_bytes(
    a: bytes, b: bytes, slices: list[tuple[str, int | None, int | None]], max_gap: int | None
) -> None:
    """Whatever of two files is asked for, and however it is joined, each slice is what Python's own is."""
    fs = AssetStoreFileSystem(open_store("memory:"))
    fs.pipe({"a": a, "b": b})
    paths, starts, ends = ([one[place] for one in slices] for place in range(3))
    expected = [{"a": a, "b": b}[path][start:end] for path, start, end in slices]
    assert expected == fs.cat_ranges(paths, starts, ends, max_gap=max_gap)


def test_slices_close_together_take_one_request() -> None:
    """Up to 4 MiB are read at once."""
    observer = RecordingObserver()
    with AssetStore(MemoryBackend(), plugins=[observer]) as store:
        fs = AssetStoreFileSystem(store)
        fs.pipe_file("a", bytes(9 * 2**20))
        starts = [place * 2**16 for place in range(144)]
        assert [b"\0"] * 144 == fs.cat_ranges(["a"] * 144, starts, [start + 1 for start in starts])
    assert ["upload", "read", "read", "read"] == [event.op for event in observer.events]


@pytest.mark.parametrize("kind", [list, tuple, lambda numbers: array.array("q", numbers)])
def test_the_bounds_of_slices_may_be_any_sequence(fs: AssetStoreFileSystem, kind: Any) -> None:
    """A tuple or an array has one number for each slice, as for fsspec's own file systems."""
    fs.pipe_file("a", b"abcdef")
    assert [b"a", b"cd"] == fs.cat_ranges(["a", "a"], kind([0, 2]), kind([1, 4]))


def test_a_slice_that_fails_is_in_its_place(fs: AssetStoreFileSystem) -> None:
    """``cat_ranges`` returns the error, or raises it where that is asked for."""
    fs.pipe_file("a", b"abc")
    first, second = fs.cat_ranges(["a", "b"], 1, 2)
    assert b"b" == first
    assert isinstance(second, FileNotFoundError)
    with pytest.raises(FileNotFoundError):
        fs.cat_ranges(["a", "b"], 1, 2, on_error="raise")


@given(st.binary(max_size=200), st.lists(st.tuples(st.integers(0, 220), st.none() | st.integers(0, 50)), max_size=6))
def test_a_reader_seeks(data: bytes, reads: list[tuple[int, int | None]]) -> None:
    """It returns what ``io.BytesIO`` returns, by the store's read-ahead and by a cache of fsspec."""
    fs = AssetStoreFileSystem(open_store("memory:"))
    fs.pipe_file("a", data)
    expected = io.BytesIO(data)
    with fs.open("a") as own, fs.open("a", cache_type="readahead", block_size=7) as cached:
        assert len(data) == own.size == cached.size
        for position, size in reads:
            assert expected.seek(position) == own.seek(position) == cached.seek(position)
            wanted = expected.read(-1 if size is None else size)
            assert wanted == own.read(-1 if size is None else size) == cached.read(-1 if size is None else size)


def test_a_reader_keeps_to_the_version_it_opened(fs: AssetStoreFileSystem) -> None:
    """After another write it fails, instead of mixing two versions."""
    fs.pipe_file("a", bytes(5_000_000))
    with fs.open("a") as own, fs.open("a", cache_type="readahead", block_size=10) as cached:
        fs.pipe_file("a", b"1" * 5_000_000)
        for file in (own, cached):
            file.seek(4_000_000)
            with pytest.raises(OSError, match="ETag"):
                file.read(10)


# Writing


@pytest.mark.parametrize("size", [0, 3, 9 * 2**20])
def test_create_only_is_refused_by_the_store(fs: AssetStoreFileSystem, size: int) -> None:
    """``xb`` and ``mode="create"`` store a new file and never replace one, of any size, even if it came meanwhile."""
    data = bytes(size)
    fs.pipe_file("piped", data, mode="create")
    with fs.open("opened", "xb") as file:
        file.write(data)
    assert [size, size] == fs.sizes(["piped", "opened"])
    late = fs.open("late", "xb")
    late.write(data)
    fs.pipe_file("late", b"first")
    for write in (late.close, lambda: fs.pipe_file("late", data, mode="create"), lambda: fs.open("late", "xb")):
        with pytest.raises(FileExistsError):
            write()
    assert b"first" == fs.cat_file("late")


@pytest.mark.parametrize("compression", [None, "gzip", "bz2", "zip"])
@pytest.mark.parametrize("mode", ["w", "wb", "x", "xb", "a", "ab"])
def test_an_exception_stores_nothing(fs: AssetStoreFileSystem, mode: str, compression: str | None) -> None:
    """What a ``with`` block wrote before it failed is dropped, also as text and packed."""
    with pytest.raises(ZeroDivisionError), fs.open("a", mode, compression=compression) as file:  # noqa: PT012 - the block
        file.write(b"abc" if "b" in mode else "abc")
        raise ZeroDivisionError
    assert not fs.exists("a")


def test_an_exception_stores_nothing_where_the_packer_closes_its_file(
    fs: AssetStoreFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As that of Zstandard does."""
    monkeypatch.setitem(compr, "closing", lambda file, mode: io.BufferedWriter(file))
    with pytest.raises(ZeroDivisionError), fs.open("a", "wb", compression="closing") as file:  # noqa: PT012 - the block
        file.write(b"abc")
        raise ZeroDivisionError
    assert not fs.exists("a")


@pytest.mark.parametrize("compression", [None, "gzip", "bz2", "zip", "infer"])
def test_what_is_written_packed_is_read_unpacked(fs: AssetStoreFileSystem, compression: str | None) -> None:
    """The file is stored when it is closed, and text comes back as it was."""
    with fs.open("a.txt.gz", "w", compression=compression, encoding="utf-8") as file:
        file.write("é\n")
    with fs.open("a.txt.gz", "r", compression=compression, encoding="utf-8") as file:
        assert "é\n" == file.read()


@pytest.mark.parametrize("compression", [None, "gzip", "bz2", "zip"])
@pytest.mark.parametrize("mode", ["w", "wb"])
def test_a_file_that_is_not_closed_is_not_stored(fs: AssetStoreFileSystem, mode: str, compression: str | None) -> None:
    """Forgetting to close it warns, and keeps what was there, also as text and packed."""
    fs.pipe_file("a", b"whole")
    file = fs.open("a", mode, compression=compression)
    file.write(b"abc" if "b" in mode else "abc")
    with pytest.warns(ResourceWarning, match="'a' was written to and not closed"):  # noqa: PT031 - cycles too
        del file
        gc.collect()
    assert b"whole" == fs.cat_file("a")


def test_to_append_keeps_what_is_there(store: AssetStore, fs: AssetStoreFileSystem) -> None:
    """``ab`` makes a file, adds to it with its headers and metadata kept, and fails after a change by another."""
    for data in (b"1", b"2"):
        with fs.open("a.bin", "ab") as file:
            file.write(data)
    store.update("a.bin", content_type="text/x-log", metadata={"by": "gm"})
    late = fs.open("a.bin", "ab")
    with fs.open("a.bin", "ab") as file:
        file.write(b"3")
    info = store.stat("a.bin")
    assert (b"123", "text/x-log", {"by": "gm"}) == (store.read("a.bin"), info.content_type, dict(info.metadata or {}))
    with pytest.raises(OSError, match="ETag") as caught:
        late.close()
    assert isinstance(caught.value.__cause__, PreconditionError)


@pytest.mark.parametrize("fails", [False, True])
def test_a_transaction_holds_everything_back(fs: AssetStoreFileSystem, tmp_path: Path, fails: bool) -> None:
    """Nothing that was written in it is there before its end, nor after an exception."""
    (tmp_path / "file").write_bytes(b"3")

    def write() -> None:
        with fs.transaction:
            with fs.open("a", "wb") as file:
                file.write(b"1")
            fs.pipe_file("b", b"2")
            fs.put_file(str(tmp_path / "file"), "c")
            fs.touch("d")
            assert [] == fs.find("")
            if fails:
                raise ZeroDivisionError

    if fails:
        with pytest.raises(ZeroDivisionError):
            write()
    else:
        write()
    assert ([] if fails else ["a", "b", "c", "d"]) == fs.find("")


@pytest.mark.parametrize("compression", [None, "gzip"])
@pytest.mark.parametrize("mode", ["w", "wb"])
def test_a_file_that_is_open_at_the_end_of_a_transaction_is_not_stored(
    fs: AssetStoreFileSystem, mode: str, compression: str | None
) -> None:
    """Its last bytes may be in a buffer of text or of packing, so it is refused, and what was there stays."""
    fs.pipe_file("a", b"whole")
    with pytest.raises(ValueError, match="must be closed"), fs.transaction:  # noqa: PT012 - the block
        file = fs.open("a", mode, compression=compression)
        file.write(b"abc" if "b" in mode else "abc")
    assert b"whole" == fs.cat_file("a")


def test_what_a_transaction_cannot_hold_back_is_refused(fs: AssetStoreFileSystem) -> None:
    """To copy, move, remove or renew in it raises, and changes nothing."""
    fs.pipe_file("a", b"1")
    refused: list[Any] = [
        *(lambda: fs.cp_file("a", "b"), lambda: fs.copy("a", "b"), lambda: fs.mv("a", "b"), lambda: fs.rm("a")),
        *(lambda: fs.rm_file("a"), lambda: fs.rmdir("a"), lambda: fs.touch("a", truncate=False)),
    ]
    with fs.transaction:
        for change in refused:
            with pytest.raises(NotImplementedError, match="transaction"):
                change()
    assert {"a": b"1"} == fs.cat([*fs.find("")])


def test_the_type_follows_from_the_key(store: AssetStore, fs: AssetStoreFileSystem, tmp_path: Path) -> None:
    """The name of the local file does not matter."""
    (tmp_path / "a.png").write_bytes(b"abc")
    fs.put_file(str(tmp_path / "a.png"), "b.txt")
    fs.put_file(str(tmp_path / "a.png"), "c", content_type="text/css")
    assert ["text/plain", "text/css"] == [str(store.stat(key).content_type).partition(";")[0] for key in ("b.txt", "c")]


def test_text_is_no_bytes(fs: AssetStoreFileSystem, tmp_path: Path) -> None:
    """A ``str`` is refused, not taken as the path of a file to send."""
    (tmp_path / "secret").write_bytes(b"abc")
    with pytest.raises(TypeError):
        fs.pipe_file("a", str(tmp_path / "secret"))
    assert [] == fs.find("")


def test_touch_makes_empties_or_renews(store: AssetStore, fs: AssetStoreFileSystem) -> None:
    """With ``truncate=False`` a file keeps its bytes and metadata, and gets a new time."""
    fs.touch("a", truncate=False)
    assert b"" == fs.cat_file("a")
    store.upload(b"abc", key="a", metadata={"by": "gm"})
    before = store.stat("a")
    fs.touch("a", truncate=False)
    after = store.stat("a")
    assert (b"abc", {"by": "gm"}) == (fs.cat_file("a"), dict(after.metadata or {}))
    assert before.etag != after.etag
    assert after.last_modified == fs.modified("a") == fs.created("a")
    fs.touch("a")
    assert b"" == fs.cat_file("a")


# Removing, copying and fetching


def test_a_name_that_is_there_is_no_pattern(fs: AssetStoreFileSystem, tmp_path: Path) -> None:
    """``cat``, ``get``, ``copy``, ``mv`` and ``rm`` take it as it is; otherwise it is a pattern."""
    fs.pipe({"a[1].txt": b"1", "a1.txt": b"2", "b*": b"3", "bc": b"4"})
    assert b"1" == fs.cat("a[1].txt")
    fs.get("a[1].txt", f"{tmp_path}/")
    fs.get("a[1].txt", str(tmp_path / "named"))
    assert b"1" == (tmp_path / "a[1].txt").read_bytes() == (tmp_path / "named").read_bytes()
    fs.copy("b*", "copied")
    fs.mv("a[1].txt", "moved")
    assert (b"3", b"1") == (fs.cat_file("copied"), fs.cat_file("moved"))
    fs.rm("b*")
    fs.rm("a[1].txt")
    assert ["bc", "copied", "moved"] == fs.find("")


def test_rm_removes_all_or_nothing_of_what_it_is_given(fs: AssetStoreFileSystem) -> None:
    """A missing file, or a folder without ``recursive``, is an error before anything is removed."""
    fs.pipe({"a": b"", "b/c": b"", "b/d/e": b""})
    for paths, error in ((["a", "missing"], FileNotFoundError), (["a", "b"], IsADirectoryError)):
        with pytest.raises(error):
            fs.rm(paths)
    with pytest.raises(FileNotFoundError):
        fs.rm_file("missing")
    assert ["a", "b/c", "b/d/e"] == fs.find("")
    fs.rm("b", recursive=True, maxdepth=1)
    assert ["a", "b/d/e"] == fs.find("")
    fs.rm("", recursive=True)
    assert [] == fs.find("")


@pytest.mark.parametrize("maxdepth", [None, 1])
@pytest.mark.parametrize("path", ["a/", ["a/", "c/"], "assetstore:///a/"])
def test_to_remove_a_folder_keeps_the_file_of_its_name(fs: AssetStoreFileSystem, path: Any, maxdepth: int | None) -> None:
    """``rm`` of a path that ends with ``/`` removes what is in the folder, and without ``recursive`` nothing."""
    fs.pipe({"a": b"1", "a/x": b"2", "b": b"3", "c": b"4"})
    with pytest.raises(IsADirectoryError):
        fs.rm(path)
    assert ["a", "a/x", "b", "c"] == fs.find("")
    fs.rm(path, recursive=True, maxdepth=maxdepth)
    assert ["a", "b", "c"] == fs.find("")


@pytest.mark.parametrize(
    ("source", "target"),
    [(["a/x", "b/x"], "c/"), (["a/x", "b/x"], ["c", "c"]), (["a/x", "b/x"], ["b/x", "c"]), ("a/", "a/a")],
)
def test_files_that_would_replace_one_another_stay(fs: AssetStoreFileSystem, source: Any, target: Any) -> None:
    """``copy`` and ``mv`` refuse two files of one target, and a target that is to be copied too, and change nothing."""
    before = {"a/x": b"1", "a/a/x": b"2", "b/x": b"3"}
    fs.pipe(before)
    for run in (fs.copy, fs.mv):
        with pytest.raises(ValueError, match="target of its own"):
            run(source, target, recursive=isinstance(source, str))
        assert before == fs.cat(fs.find(""))


def test_mv_removes_only_what_it_copied(store: AssetStore, fs: AssetStoreFileSystem) -> None:
    """An asset in the folder that no path names is neither lost nor moved."""
    store.upload(b"1", key="a/b")
    store.upload(b"2", key="a/c/")
    with pytest.raises(IsADirectoryError):
        fs.mv("a", "d", recursive=True)
    assert b"2" == store.read("a/c/")


def test_a_download_is_whole_or_not_there(fs: AssetStoreFileSystem, tmp_path: Path) -> None:
    """A missing file leaves no local one; a folder gives a folder; a file object gets the bytes."""
    fs.pipe_file("a/b", b"abc")
    with pytest.raises(FileNotFoundError):
        fs.get_file("missing", tmp_path / "missing")
    fs.get_file("a", tmp_path / "folder")
    fs.get_file("a/b", tmp_path / "file")
    fs.get_file("a/b", target := io.BytesIO())
    assert (b"abc", b"abc") == ((tmp_path / "file").read_bytes(), target.getvalue())
    assert {"file", "folder"} == {path.name for path in tmp_path.iterdir()}


def test_a_copy_keeps_headers_and_metadata(store: AssetStore, fs: AssetStoreFileSystem) -> None:
    """``cp_file`` is the store's own copy."""
    store.upload(b"abc", key="a", content_type="text/css", metadata={"by": "gm"})
    fs.cp_file("a", "b.txt")
    info = store.stat("b.txt")
    assert ("text/css", {"by": "gm"}) == (info.content_type, dict(info.metadata or {}))


# What is known of a file


def test_the_checksum_is_of_the_bytes(fs: AssetStoreFileSystem) -> None:
    """It stays where the bytes stay, and changes with them."""
    fs.pipe_file("a", b"abc")
    first = fs.checksum("a"), fs.ukey("a")
    fs.pipe_file("a", b"abc")
    assert first == (fs.checksum("a"), fs.ukey("a"))
    fs.pipe_file("a", b"abd")
    assert not {*first} & {fs.checksum("a"), fs.ukey("a")}


def test_sign_gives_a_link(tmp_path: Path) -> None:
    """It is the store's own signed URL."""
    with open_store({"url": f"file:{tmp_path}", "serve_url": "http://127.0.0.1:8420"}) as store:
        link = AssetStoreFileSystem(store).sign("a b.txt", expiration=60)
    assert link.startswith("http://127.0.0.1:8420/a%20b.txt?")


def test_a_failure_of_the_store_is_no_answer(fs: AssetStoreFileSystem) -> None:
    """It is an OSError with the store's own error as its cause; ``exists`` does not take it for "no"."""
    with pytest.raises(OSError, match="try later") as caught, as_os_errors():
        raise UnavailableError("try later")
    assert isinstance(caught.value.__cause__, UnavailableError)
    fs.store.close()
    for question in (fs.exists, fs.isfile, fs.isdir):
        with pytest.raises(Exception, match="closed"):
            question("a")
