"""The store: guarantees that neither the contract nor the tests of its parts cover."""

from __future__ import annotations

import asyncio
import inspect
import io
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import pytest

from assetstore import (
    AccessDeniedError,
    AlreadyExistsError,
    AssetInfo,
    AssetStore,
    AssetStoreError,
    BackendError,
    DeleteFailure,
    DeleteReport,
    IntegrityError,
    InvalidKeyError,
    InvalidOptionError,
    ListPage,
    PluginError,
    PreconditionError,
    PresignedRequest,
    StoreNotFoundError,
    UnavailableError,
    UnknownOutcomeError,
    UnsupportedError,
)
from assetstore.options import UploadKeywords
from assetstore.plugin import (
    AssetStream,
    CopyOptions,
    ListOptions,
    PresignOptions,
    ReadOptions,
    UploadOptions,
    UrlOptions,
    hookimpl,
)
from assetstore.testing import FaultyBackend, MemoryBackend, Raise, RecordingObserver, Return, Truncate


class SigningBackend(MemoryBackend):
    """Signs with a signature that everybody can see."""

    supports = MemoryBackend.supports | {"presign.method", "presign.expires", "presign.content_type"}

    @hookimpl
    def assetstore_presign(self, key, options: PresignOptions):
        """Say what was asked for."""
        url, end = f"https://cdn.example/{key}?signature=tell-nobody", datetime.now(UTC) + timedelta(seconds=options.expires)
        return PresignedRequest(url=url, method=options.method, expires_at=end)

    @hookimpl
    def assetstore_url(self, key, options: UrlOptions):
        """Say where."""
        return f"https://cdn.example/{key}"


@pytest.fixture
def store():
    """Return a store in memory."""
    return AssetStore(MemoryBackend())


@pytest.mark.parametrize(
    ("methods", "options", "others"),
    [
        (["upload"], UploadOptions, {"source", "key", "category", "filename", "progress", "resume"}),
        (["writer"], UploadOptions, {"key"}),
        (["read"], ReadOptions, {"key"}),
        (["open"], ReadOptions, {"key"}),
        (["list_page"], ListOptions, {"prefix"}),
        (["presign"], PresignOptions, {"key"}),
        (["copy", "update"], CopyOptions, {"source", "destination", "key"}),
        (["move", "update"], CopyOptions, {"source", "destination", "key"}),
    ],
)
def test_keywords_are_the_fields_of_the_options(methods, options, others):
    """Each option field is a keyword of its method, under the same name."""
    keywords = {name for method in methods for name in inspect.signature(getattr(AssetStore, method)).parameters}
    if "options" in keywords:
        keywords = keywords - {"options"} | UploadKeywords.__annotations__.keys()
    # Parts are signed by presign_parts, finish_upload knows its source, and copy_between where one is.
    fields = {field.name for field in attrs.fields(options)} - {"part", "known", "container"}
    assert fields | others | {"self"} == keywords


def test_a_store_is_named_after_its_backend_unless_it_has_a_name():
    """The name in errors and events is the one given, else the backend's."""
    assert "MemoryBackend" == AssetStore(MemoryBackend()).name
    assert "maps" == AssetStore(("maps", MemoryBackend())).name
    assert "prod" == AssetStore(("maps", MemoryBackend()), name="prod").name


def test_a_repr_tells_name_place_and_prefix(store):
    """A repr says which store it is, where, and which part."""
    assert "<AssetStore MemoryBackend (memory, gone with the process) under 'a/'>" == repr(store.scoped("a/"))


def test_if_match_needs_a_key(store):
    """A compare-and-swap without a key is refused, for there is nothing to compare with."""
    with pytest.raises(InvalidOptionError, match="if_match needs a key"):
        store.upload(b"", if_match="1")


def test_a_category_is_for_generated_keys(store):
    """A category beside a key would have no effect and is refused."""
    with pytest.raises(InvalidOptionError, match="generated keys"):
        store.upload(b"", "a", category="maps")


def test_a_content_type_is_guessed_from_the_file_where_the_key_tells_none(store, tmp_path):
    """The key's suffix counts first, then the file's name, then none."""
    path = tmp_path / "map.webp"
    path.write_bytes(b"")
    assert "image/webp" == store.upload(path, "a").content_type
    assert "image/png" == store.upload(path, "a.png").content_type
    assert "audio/ogg" == store.upload(path, "a", filename="x.ogg").content_type
    assert "application/octet-stream" == store.upload(b"", "a").content_type


@pytest.mark.parametrize(
    "kind", [StoreNotFoundError, AccessDeniedError, BackendError, IntegrityError, UnavailableError, UnknownOutcomeError]
)
@pytest.mark.parametrize("op", ["stat", "list", "delete", "copy", "download", "read"])
def test_what_cannot_be_looked_at_is_not_missing(tmp_path, kind, op):
    """Only "does not exist" means missing: any other error of the backend comes out, and nothing was done."""
    backend = MemoryBackend()
    AssetStore(backend).upload(b"1", "a")
    store = AssetStore(FaultyBackend(backend, Raise(op=op, nth=None, error=kind("cannot look"))))
    operations = {
        "stat": [lambda: store.stat("a"), lambda: store.exists("a"), lambda: store.move("a", "a")],
        "list": [lambda: list(store.list()), store.list_page, store.sweep_pending],
        "delete": [lambda: store.delete("a"), lambda: store.move("a", "b")],
        "copy": [lambda: store.copy("a", "b"), lambda: store.move("a", "b"), lambda: store.update("a", metadata={})],
        "download": [lambda: store.download("a", tmp_path / "out")],
        "read": [lambda: store.read("a"), lambda: store.open("a")],
    }
    for operation in operations[op]:
        with pytest.raises((kind, UnknownOutcomeError), match="cannot look"):
            operation()
    assert (b"1", []) == (AssetStore(backend).read("a"), list(tmp_path.iterdir()))


def test_a_missing_store_is_no_missing_asset():
    """exists() says False for a missing asset and raises for a missing bucket or folder."""
    store = AssetStore(FaultyBackend(MemoryBackend(), Raise(op="stat", error=StoreNotFoundError("no such bucket"))))
    with pytest.raises(StoreNotFoundError):
        store.exists("a")
    assert not store.exists("a")
    store.upload(b"", "a")
    assert store.exists("a")


def test_an_error_while_streaming_tells_what_was_done():
    """An error in the middle of a stream names operation, key and store, and is in the one event."""
    observer = RecordingObserver()
    backend = FaultyBackend(MemoryBackend(), Truncate(op="read"))
    store = AssetStore(backend, plugins=[observer], name="dev")
    store.upload(b"abc", "a")
    reader = store.open("a")
    with pytest.raises(IntegrityError) as caught:
        reader.read()
    reader.close()
    assert ("read", "a", "dev") == (caught.value.op, caught.value.key, caught.value.store)
    assert ["upload", "read"] == [event.op for event in observer.events]
    assert ("error", "IntegrityError") == (observer.events[1].outcome, observer.events[1].error)


def test_a_read_that_is_refused_leaves_no_stream_open():
    """What the backend opened is closed where the store finds fault with it, for example with a key of another scope."""
    body = io.BytesIO(b"abc")
    stream = AssetStream(info=AssetInfo(key="other/a", size=3), body=body, length=3)
    store = AssetStore(FaultyBackend(MemoryBackend(), Return(op="read", value=stream))).scoped("part/")
    store.upload(b"abc", "a")
    with pytest.raises(BackendError, match="lies outside 'part/'"):
        store.open("a")
    assert body.closed


def test_context_is_filled_into_an_error_once():
    """An error that already has operation, key and store keeps them."""
    error = AccessDeniedError("no", op="sign in", key="other", store="elsewhere")
    store = AssetStore(FaultyBackend(MemoryBackend(), Raise(op="stat", error=error)))
    with pytest.raises(AccessDeniedError, match=r"sign in 'other' \(store elsewhere\): no"):
        store.stat("a")


@pytest.mark.parametrize("bug", [ZeroDivisionError("a bug"), OSError(5, "a bug"), SystemExit("a bug")])
def test_an_error_outside_the_family_names_the_plugin(bug):
    """A backend's exception of any other class becomes a PluginError that names it, and keeps it as its cause."""
    store = AssetStore(("mine", FaultyBackend(MemoryBackend(), Raise(op="stat", error=bug))))
    with pytest.raises(PluginError, match=r"plugin 'mine' .* failed in assetstore_stat: ") as caught:
        store.stat("a")
    assert (type(bug), bug.args, "a") == (type(caught.value.__cause__), caught.value.__cause__.args, caught.value.key)


def test_a_progress_callback_that_raises_ends_an_upload_and_a_download(store, tmp_path):
    """The callback's own error comes through, and neither an asset nor a file appears."""

    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.upload(b"abc", "a", progress=stop)
    assert not store.exists("a")
    store.upload(b"abc", "a")
    with pytest.raises(KeyboardInterrupt):
        store.download("a", tmp_path / "a", progress=stop)
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("wrong", [5, asyncio.sleep], ids=["number", "coroutine function"])
def test_what_cannot_be_called_for_progress_is_refused_before_anything_is_moved(store, tmp_path, wrong):
    """A coroutine function too, which asynchronous programs have at hand, and which nobody would await."""
    store.upload(b"abc", "a")
    calls = (
        lambda: store.upload(b"new", "a", progress=wrong),
        lambda: store.download("a", tmp_path / "a", progress=wrong),
        lambda: list(store.upload_many([(b"new", "a")], progress=wrong)),
        lambda: list(store.download_many(["a"], tmp_path, progress=wrong)),
    )
    for call in calls:
        with pytest.raises(InvalidOptionError, match="progress must be an ordinary function"):
            call()
    assert (b"abc", []) == (store.read("a"), list(tmp_path.iterdir()))


def test_a_listing_goes_over_as_many_pages_as_there_are(store):
    """More assets than one page holds come one by one, and a limit beyond a page is kept."""
    keys = [f"{number:04}" for number in range(2100)]
    for key in keys:
        store.upload(b"", key)
    assert keys == [item.key for item in store.list()]
    assert keys[:1500] == [item.key for item in store.list(limit=1500)]
    assert keys[1999:] == [item.key for item in store.list(start_after="1998")]


def test_a_listing_that_does_not_move_on_is_an_error():
    """A backend that hands the same cursor out again would never end; that is a BackendError."""
    page = ListPage(items=(), next_cursor="same")
    store = AssetStore(FaultyBackend(MemoryBackend(), Return(op="list", value=page, nth=None)))
    with pytest.raises(BackendError, match="does not move on"):
        list(store.list())


def test_items_and_prefixes_of_a_page_are_yielded_in_one_order(store):
    """list(recursive=False) merges assets and prefixes by their keys."""
    for key in ("a", "b/x", "c", "d/y"):
        store.upload(b"", key)
    assert ["a", "b/", "c", "d/"] == [entry.key for entry in store.list(recursive=False)]


def test_a_move_onto_itself_can_insist_on_a_version(store):
    """``if_match`` counts also where a move has nothing to do."""
    info = store.upload(b"1", "a")
    assert info == store.move("a", "a", if_match=info.etag)
    with pytest.raises(PreconditionError):
        store.move("a", "a", if_match="other")


@pytest.mark.parametrize(
    "fault",
    [
        Raise(op="delete", error=AccessDeniedError("no")),
        Return(op="delete", value=DeleteReport(failed=(DeleteFailure(key="a", error=AccessDeniedError("no")),))),
    ],
)
def test_a_move_whose_delete_fails_tells_so_and_loses_nothing(fault):
    """When the original is not deleted, raised or reported, the error says that both are there, and why."""
    store = AssetStore(FaultyBackend(MemoryBackend(), fault))
    store.upload(b"1", "a")
    with pytest.raises(UnknownOutcomeError, match="'a' was copied to 'b' and could not be deleted: no") as caught:
        store.move("a", "b")
    assert isinstance(caught.value.__cause__, AccessDeniedError)
    assert b"1" == store.read("b")


@pytest.mark.parametrize("error", [OSError(32, "the pipe of my progress bar"), ValueError("null"), KeyboardInterrupt()])
@pytest.mark.parametrize("without", [[], ["download"]])
def test_what_the_caller_raises_while_it_watches_a_download_is_left_as_it_is(tmp_path, error, without):
    """It is no error of the disk, and no file appears."""
    store = AssetStore(FaultyBackend(MemoryBackend(), without=without))
    store.upload(b"1", "a")

    def progress(count):
        raise error

    with pytest.raises(type(error)) as caught:
        store.download("a", tmp_path / "out", progress=progress)
    assert (error, []) == (caught.value, list(tmp_path.iterdir()))


def test_the_invalid_key_of_a_copy_is_the_one_that_is_named(store):
    """An error about the source of a copy names the source, one about the destination the destination."""
    with pytest.raises(InvalidKeyError, match=r"'\.\./a'"):
        store.copy("../a", "b")
    with pytest.raises(InvalidKeyError, match=r"'\.\./b'"):
        store.copy("a", "../b")


def test_can_tells_what_the_stack_can_do():
    """can() knows operations and options, those that the store does itself included."""
    able = AssetStore(MemoryBackend())
    assert all(map(able.can, ["upload", "download", "copy", "move", "update", "copy.if_match", "update.metadata"]))
    assert not any(map(able.can, ["presign", "url", "fly", "upload.fly", "copy.fly"]))
    plain = AssetStore(FaultyBackend(MemoryBackend(), without=["copy"]))
    assert all(map(plain.can, ["copy", "move", "update", "copy.overwrite", "update.metadata"]))


def test_can_knows_what_a_copy_through_this_machine_needs():
    """Without a native copy, ``if_match`` of a copy is that of a read."""
    backend = FaultyBackend(MemoryBackend(), without=["copy"])
    backend.supports = frozenset({"upload.content_type", "upload.if_match"})
    store = AssetStore(backend)
    etag = store.upload(b"", "a").etag
    assert not store.can("copy.if_match")
    with pytest.raises(UnsupportedError):
        store.copy("a", "b", if_match=etag)


def test_a_signed_request_says_what_was_asked_for():
    """Method and seconds reach the backend; a timedelta is as good as a number."""
    store = AssetStore(SigningBackend())
    request = store.presign("a", method="PUT", expires=timedelta(minutes=5))
    assert ("PUT", True) == (request.method, timedelta(minutes=4) < request.expires_at - datetime.now(UTC))
    assert "https://cdn.example/p/a" == store.scoped("p/").url("a")


def test_a_signed_url_is_in_no_event():
    """An event of presign names the key and no URL."""
    observer = RecordingObserver()
    AssetStore(SigningBackend(), plugins=[observer]).presign("a")
    assert ("presign", "a") == (observer.events[0].op, observer.events[0].key)
    assert "tell-nobody" not in repr(observer.events)


def test_a_scope_is_checked_when_it_is_made(store):
    """A prefix that begins no valid key is refused at once."""
    with pytest.raises(InvalidKeyError):
        store.scoped("../")


def test_a_scoped_store_is_closed_with_the_whole_one(store):
    """Both share one state: closing either closes both."""
    part = store.scoped("a/")
    store.close()
    with pytest.raises(AssetStoreError, match="closed"):
        part.stat("b")


def test_a_store_closes_at_the_end_of_its_block():
    """A with block closes the store, also when it is left by an exception."""
    with pytest.raises(RuntimeError, match="out"), AssetStore(MemoryBackend()) as store:
        raise RuntimeError("out")
    with pytest.raises(AssetStoreError, match="closed"):
        store.read("a")


def test_a_writer_passes_on_every_header(store):
    """writer() stores its options as upload() does."""
    headers = {"content_type": "text/plain", "cache_control": "no-store", "metadata": {"by": "gm"}}
    with store.writer("a", overwrite=False, **headers) as out:
        out.write(b"x")
    info = store.stat("a")
    assert headers == {name: getattr(info, name) for name in headers}


def test_a_download_into_a_folder_has_the_last_name_of_the_key(tmp_path: Path):
    """A folder exists, or is written with a slash at the end; a key without a last name needs the path of a file."""
    store = AssetStore(MemoryBackend())
    store.upload(b"map", "maps/keep.webp")
    store.upload(b"odd", "maps/")
    new, old = f"{tmp_path}/new/deep/", tmp_path / "old"
    old.mkdir()
    for folder in (new, old, str(old)):
        store.scoped("maps/").download("keep.webp", folder)
        assert b"map" == (Path(folder) / "keep.webp").read_bytes()
    with pytest.raises(AlreadyExistsError):
        store.download("maps/keep.webp", old, overwrite=False)
    for folder in (new, old):
        with pytest.raises(InvalidOptionError, match="the key ends in '/', so it names no file in a folder"):
            store.download("maps/", folder)
    store.download("maps/", tmp_path / "odd")
    assert ["keep.webp"] == os.listdir(old)
