"""``AssetStorage``: names, saves, files, URLs and errors, as Django and its applications expect them."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import pickle
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django_configured import configure

from assetstore import AssetInfo, AssetStore, InvalidKeyError
from assetstore.plugin import Source, UploadOptions, hookimpl
from assetstore.testing import MemoryBackend, RecordingObserver

configure()

from django.core.exceptions import SuspiciousFileOperation  # noqa: E402 - Django must be configured first
from django.core.files import File  # noqa: E402
from django.core.files.base import ContentFile  # noqa: E402
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile  # noqa: E402
from django.db.migrations.writer import MigrationWriter  # noqa: E402
from django.test import override_settings  # noqa: E402

from assetstore_django import AssetStorage  # noqa: E402

PROCESS = """
import sys
sys.path.insert(0, sys.argv[2])
from django_configured import configure
configure()
from django.core.files.base import ContentFile
from assetstore_django import AssetStorage

class Late(AssetStorage):
    "Finds that the name is free, and saves when the other process has found so too."

    def exists(self, name):
        found = super().exists(name)
        if not found and name == "same.txt":
            print("free", flush=True)
            sys.stdin.readline()
        return found

print(Late(sys.argv[1]).save("same.txt", ContentFile(sys.argv[3].encode())), flush=True)
"""


@pytest.fixture
def storage() -> AssetStorage:
    """Give a storage below ``media/`` of a store in memory."""
    return AssetStorage(AssetStore(MemoryBackend()), location="media")


def test_two_processes_that_save_one_name_are_both_kept(tmp_path: Path) -> None:
    """Both find the name free before either writes; one gets it, the other another name."""
    tests = str(Path(__file__).parent)
    url = f"file://{tmp_path}"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, url, tests, text], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for text in ("first", "second")
    ]
    for process in started:
        assert process.stdout is not None
        assert "free\n" == process.stdout.readline()
    names = [process.communicate("\n")[0].strip() for process in started]
    assert "same.txt" in names
    assert {"first", "second"} == {AssetStorage(url).open(name, "r").read() for name in names}


def test_a_file_is_kept_below_the_location(storage: AssetStorage) -> None:
    """The name is the key below it, with Django's forward slashes."""
    assert "a/b.txt" == storage.save("a\\b.txt", ContentFile(b"1"))
    assert isinstance(storage._store, AssetStore)
    assert ["media/a/b.txt"] == [info.key for info in storage._store.list()]
    assert (["a"], []) == storage.listdir("")
    assert ([], ["b.txt"]) == storage.listdir("a/")
    assert ([], []) == storage.listdir("none")


def test_a_taken_name_gets_another_within_its_length(storage: AssetStorage) -> None:
    """Django's way of making a name free is kept, and its limit too."""
    assert "name.txt" == storage.save("name.txt", ContentFile(b"1"), max_length=13)
    other = storage.save("name.txt", ContentFile(b"2"), max_length=13)
    assert 13 >= len(other)
    assert b"2" == storage.open(other).read()


def test_a_name_that_nfc_lengthens_is_cut_to_its_length(storage: AssetStorage) -> None:
    """The database takes no more characters than the field has."""
    name = storage.save("\u0958" * 96 + ".txt", ContentFile(b"one"), max_length=100)
    assert (b"one", True) == (storage.open(name).read(), len(name) <= 100)


def test_a_name_is_replaced_only_where_that_is_asked_for() -> None:
    """With ``overwrite`` the name stays."""
    storage = AssetStorage(AssetStore(MemoryBackend()), overwrite=True)
    assert ["a", "a"] == [storage.save("a", ContentFile(text)) for text in (b"1", b"2")]
    assert b"2" == storage.open("a").read()


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "a\0b", "x" * 1100, ".."])
def test_a_name_that_leads_outside_is_suspicious(storage: AssetStorage, name: str) -> None:
    """Django answers such a request with 400; our own error is the cause."""
    for call in (storage.open, storage.exists, storage.size, storage.delete, storage.url, storage.path):
        with pytest.raises(SuspiciousFileOperation) as caught:
            call(name)
        assert isinstance(caught.value.__cause__, InvalidKeyError)
    with pytest.raises(SuspiciousFileOperation):
        storage.save(name, ContentFile(b""))


def test_a_missing_file_is_not_found_by_every_call(storage: AssetStorage) -> None:
    """It is Python's own error, also for the times."""
    for call in (storage.open, storage.size, storage.get_modified_time, storage.get_created_time):
        with pytest.raises(FileNotFoundError, match="'none'"):
            call("none")
    assert not storage.exists("none")


def test_deleting_needs_a_name_and_no_file(storage: AssetStorage) -> None:
    """A missing file is deleted already; no name would mean everything."""
    storage.delete("none")
    with pytest.raises(ValueError, match="name must be given"):
        storage.delete("")


def test_a_file_that_is_read_is_streamed_and_sought(storage: AssetStorage) -> None:
    """It knows its size before anything is read."""
    storage.save("a", ContentFile(b"line one\nline two\n"))
    with storage.open("a") as file:
        assert 18 == file.size
        assert b"line" == file.read(4)
        file.seek(-4, io.SEEK_END)
        assert b"two\n" == file.read()
        assert [b"line one\n", b"line two\n"] == list(file)
    assert b"line one\n" == file.open().readline()
    with storage.open("a", "r") as text:
        assert ["line one\n", "line two\n"] == text.readlines()


def test_what_is_written_is_stored_at_the_end_of_its_block(storage: AssetStorage) -> None:
    """Bytes and text, also without a block, and again if the file is opened again."""
    with storage.open("a", "wb") as file:
        file.write(b"1")
        assert not storage.exists("a")
    file = storage.open("b", "w")
    file.write("é\n")
    file.close()
    file.close()
    assert (b"1", "é\n".encode()) == (storage.open("a").read(), storage.open("b").read())


def _write_half(file: Any, half: bytes | str) -> None:
    file.write(half)
    raise ZeroDivisionError


@pytest.mark.parametrize("mode", ["wb", "w", "xb"])
def test_an_exception_in_the_block_stores_nothing(storage: AssetStorage, mode: str) -> None:
    """A half-written file must not look like a whole one, also if something else closed it on the way out."""
    with pytest.raises(ZeroDivisionError), storage.open("a", mode) as file:
        _write_half(file, b"half" if "b" in mode else "half")
    with pytest.raises(ZeroDivisionError), storage.open("b", "wb") as file, io.TextIOWrapper(file) as text:
        _write_half(text, "half")
    forgotten = storage.open("c", mode)
    forgotten.write(b"half" if "b" in mode else "half")
    del file, text, forgotten
    assert ([], []) == storage.listdir("")


def test_a_file_that_must_be_new_is_refused_where_one_is(storage: AssetStorage) -> None:
    """Also if nothing is written to it."""
    storage.save("a", ContentFile(b"1"))
    with pytest.raises(FileExistsError):
        storage.open("a", "xb").close()
    assert b"1" == storage.open("a").read()


@pytest.mark.parametrize("mode", ["a", "ab", "r+", "rb+", "w+b", "", "t"])
def test_a_mode_that_an_asset_cannot_have_is_refused(storage: AssetStorage, mode: str) -> None:
    """Nothing is appended to an asset, nor changed in it."""
    with pytest.raises(io.UnsupportedOperation, match="an asset is written whole"):
        storage.open("a", mode)


def _temporary() -> Any:
    file = TemporaryUploadedFile("a", "text/plain", 3, None)
    file.write(b"abc")
    file.flush()
    return file


@pytest.mark.parametrize(
    "make",
    [
        lambda: ContentFile(b"abc"),
        lambda: ContentFile("abc"),
        lambda: io.BytesIO(b"abc"),
        lambda: io.StringIO("abc"),
        lambda: File(File(io.BytesIO(b"abc"))),
        _temporary,
    ],
)
def test_every_kind_of_file_is_stored(storage: AssetStorage, make: Callable[[], Any]) -> None:
    """In memory, as text, in a temporary file, or a file of a file; also if part of it was read, and twice."""
    with make() as content:
        content.seek(1)
        assert b"abc" == storage.open(storage.save("a", content)).read()
        assert b"abc" == storage.open(storage.save("a", content)).read()


def test_a_file_of_the_storage_that_is_open_as_text_is_stored(storage: AssetStorage) -> None:
    """Also where a file of Django, for example a model's, wraps it."""
    storage.save("a", ContentFile("é"))
    for content in (storage.open("a", "r"), File(storage.open("a", "r"))):
        assert "é" == storage.open(storage.save("b", content), "r").read()


def _once() -> Any:
    class Streamed(UploadedFile):
        def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
            while piece := self.file.read(1):
                yield piece

    return Streamed(io.BytesIO(b"abc"), "a.txt")


def _piped() -> Any:
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as pipe:
        pipe.write(b"abc")
    return os.fdopen(reading, "rb")


@pytest.mark.parametrize("make", [_once, _piped, lambda: File(_piped()), lambda: ContentFile("abc"), _temporary])
def test_a_file_that_can_be_read_once_is_whole_under_its_second_name(make: Callable[[], Any]) -> None:
    """Another process took the name while the file was read."""

    class Late(AssetStorage):
        def exists(self, name: str) -> bool:
            found = super().exists(name)
            if not found and name == "a.txt":
                self.store.upload(b"another", "a.txt")
            return found

    storage = Late(AssetStore(MemoryBackend()))
    with contextlib.closing(make()) as content:
        name = storage.save("a.txt", content)
    assert (True, b"abc", b"another") == (name != "a.txt", storage.open(name).read(), storage.open("a.txt").read())


def test_a_temporary_file_is_uploaded_by_its_path() -> None:
    """So the store may read it as it likes, and nothing passes through memory."""
    seen = []

    class Watching(MemoryBackend):
        @hookimpl
        def assetstore_upload(self, key: str, source: Source, options: UploadOptions) -> AssetInfo:
            seen.append(source.path)
            return super().assetstore_upload(key, source, options)

    with _temporary() as content:
        AssetStorage(AssetStore(Watching())).save("a", content)
        assert [Path(content.temporary_file_path())] == seen


def test_only_packed_bytes_that_browsers_unpack_are_called_so(storage: AssetStorage) -> None:
    """An archive stays an archive; the type comes from the name, never from what the browser claims."""
    for name in ("a.tar.gz", "a.gz", "a.svg"):
        content = ContentFile(gzip.compress(b"x"))
        content.content_type = "text/html"  # type: ignore[attr-defined]
        storage.save(name, content)
    stored = {info.key: (info.content_type, info.content_encoding) for info in map(storage.store.stat, _names(storage))}
    expected = {"a.tar.gz": ("application/gzip", None), "a.gz": ("application/gzip", None), "a.svg": ("image/svg+xml", None)}
    assert expected == stored


def _names(storage: AssetStorage) -> list[str]:
    return [info.key for info in storage.store.list()]


@pytest.mark.parametrize("zone", [True, False])
def test_times_are_aware_as_the_settings_say(storage: AssetStorage, zone: bool) -> None:
    """Without ``USE_TZ`` they are local, as those of Django's own storage."""
    storage.save("a", ContentFile(b""))
    with override_settings(USE_TZ=zone):
        stored = storage.get_modified_time("a")
        assert storage.get_created_time("a") == stored
    now = datetime.now(UTC) if zone else datetime.now()
    assert timedelta(0) <= now - stored < timedelta(minutes=10)


def test_a_local_store_has_paths_and_others_have_none(storage: AssetStorage, tmp_path: Path) -> None:
    """Where there is none, Django's NotImplementedError says so, which its applications know."""
    local = AssetStorage(f"file://{tmp_path}", location="media")
    local.save("a.txt", ContentFile(b"1"))
    assert b"1" == Path(local.path("a.txt")).read_bytes()
    assert datetime.fromtimestamp(0, UTC) < local.get_accessed_time("a.txt")
    storage.save("a.txt", ContentFile(b"1"))
    for call in (storage.path, storage.get_accessed_time):
        with pytest.raises(NotImplementedError):
            call("a.txt")
    with pytest.raises(NotImplementedError):
        local.path("")


def test_urls_are_public_or_signed_and_stay_the_same_for_a_while(tmp_path: Path) -> None:
    """A page that is shown again has the same URLs, so browsers keep the pictures."""
    signed = AssetStorage(f"file://{tmp_path}", location="media", expires=60, window="1d")
    assert "?" in signed.url("a b.png")
    assert signed.url("a b.png") == signed.url("a b.png")
    table = {"url": f"file://{tmp_path}", "public_url": "https://cdn.example/x"}
    assert "https://cdn.example/x/media/a%20b.png" == AssetStorage(table, location="media").url("a b.png")
    assert "https://cdn.example/x/a/" == AssetStorage(table).url("a/")
    assert "https://cdn.example/x/a" == AssetStorage(table).url(Path("a"))
    assert "X-Assetstore-Signature" in AssetStorage(table, public=False).url("a")
    with pytest.raises(NotImplementedError):
        AssetStorage("memory:", public=True).url("a")
    with pytest.raises(ValueError, match="empty"):
        signed.url("")


def test_signed_urls_are_not_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever reads a log must not get the files with it."""
    caplog.set_level(0)
    storage = AssetStorage(f"file://{tmp_path}")
    url = storage.url("a")
    assert url not in caplog.text + repr(storage)


def test_the_store_is_opened_when_it_is_needed(tmp_path: Path) -> None:
    """A project starts without its store, and a test may name another configuration."""
    storage = AssetStorage("media")
    for name in ("one", "two"):
        config = tmp_path / f"{name}.toml"
        config.write_text(f'[stores.media]\nurl = "file:{name}"\n')
        with override_settings(ASSETSTORE_CONFIG=config):
            storage.save(name, ContentFile(b""))
    assert [True, True] == [(tmp_path / name / name).exists() for name in ("one", "two")]


def test_a_migration_holds_the_name_of_a_store_and_never_a_table() -> None:
    """A table may hold secrets, which would be committed with the migration."""
    text, imports = MigrationWriter.serialize(AssetStorage("media", location="a"))
    assert "assetstore_django.AssetStorage('media', location='a')" == text
    assert {"import assetstore_django"} == imports
    with pytest.raises(ValueError, match="a migration must not hold"):
        MigrationWriter.serialize(AssetStorage({"url": "memory:"}))
    again = pickle.loads(pickle.dumps(AssetStorage("media", location="a")))
    assert ("media", "a/") == (again._store, again.location)


def test_a_save_asks_once_and_writes_once() -> None:
    """What Django's own save needs: whether the name is free, then the file."""
    events = RecordingObserver()
    AssetStorage(AssetStore(MemoryBackend(), plugins=[events])).save("a", ContentFile(b"1"))
    assert ["exists", "upload"] == [event.op for event in events.events]


def test_many_sizes_come_from_one_listing() -> None:
    """Where other files lie between them, only as many pages are listed as are worth it, and the rest is looked up."""
    events = RecordingObserver()
    storage = AssetStorage(AssetStore(MemoryBackend(), plugins=[events]), location="media")
    for number in range(30):
        storage.store.upload(b"x" * number, f"a/{number:02}")
    events.events.clear()
    names = [f"a/{number:02}" for number in range(30)]
    assert {name: number for number, name in enumerate(names)} == storage.sizes([*names, "a/none", "b"])
    assert ["list"] == [event.op for event in events.events]
    for number in range(1100):
        storage.store.upload(b"", f"a/05/{number}")
    events.events.clear()
    assert {"a/00": 0, "a/29": 29} == storage.sizes(["a/00", "a/29", "a/30"])
    assert {"list": 1, "stat": 2} == Counter(event.op for event in events.events)
    assert {} == storage.sizes([])


def test_the_path_of_a_missing_file_is_refused_as_by_a_remote_storage(tmp_path: Path) -> None:
    """Applications ask for the path of a name that they made up, to learn whether the storage is local."""
    storage = AssetStorage(f"file:{tmp_path}/assets")
    for kind in (NotImplementedError, FileNotFoundError):
        with pytest.raises(kind, match="only a file that is stored has a path"):
            storage.path("test")
