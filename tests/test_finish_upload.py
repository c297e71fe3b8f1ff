"""The end of direct uploads: the bytes are verified and become one asset, whatever fails in between."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import tracemalloc
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor

import attrs
import pytest

from assetstore import (
    AlreadyExistsError,
    AssetStore,
    IntegrityError,
    NotFoundError,
    PreconditionError,
    RefusedError,
    UnavailableError,
    UploadPolicy,
)
from assetstore.direct.send import Sender
from assetstore.plugin import Source, UploadOptions
from assetstore.testing import Fault, FaultyBackend, Raise
from assetstore_local import LocalBackend
from signing_memory import LARGE, PNG, SHA256, Naming, SigningMemory, keys, make_store, sent_parts


@attrs.frozen(kw_only=True)
class Do(Fault):
    """Does something else before a call, like a concurrent client."""

    action: object
    late: bool = False

    def strike(self, result):
        """Do it."""
        self.action()
        return result


@pytest.fixture
def backend():
    """Return the signing backend."""
    return SigningMemory()


@pytest.fixture
def spy(backend):
    """Return the backend that records every call."""
    return FaultyBackend(backend)


@pytest.fixture
def store(spy, backend):
    """Return a store over the signing memory."""
    return make_store(spy, backend)


def test_a_finished_upload_can_be_finished_again(store, backend):
    """The same token returns the same asset, even after new bytes were sent; cancelling does not delete it."""
    upload = store.begin_upload(key="a.png", size=len(PNG))
    backend.send(upload.request, PNG)
    info = store.finish_upload(upload.token)
    assert info == store.finish_upload(upload.token)
    backend.send(upload.request, PNG)
    assert info == store.finish_upload(upload.token)
    backend.send(upload.request, b"<html>".ljust(len(PNG)))
    assert info == store.finish_upload(upload.token)
    store.cancel_upload(upload.token)
    assert (["a.png"], info) == (keys(store), store.stat("a.png"))


def test_what_was_not_sent_yet_can_still_be_sent(store, backend):
    """Finishing too early is NotFoundError with the next step, and the token stays good."""
    upload = store.begin_upload(key="a.png", size=len(PNG))
    with pytest.raises(NotFoundError, match="nothing was uploaded yet; send the bytes"):
        store.finish_upload(upload.token)
    backend.send(upload.request, PNG)
    assert len(PNG) == store.finish_upload(upload.token).size


def test_a_digest_that_cannot_be_bound_is_verified_in_the_end(backend):
    """Where the backend does not bind sha256 the bytes are still compared with it."""
    faulty = FaultyBackend(backend)
    faulty.supports = faulty.supports - {"presign.sha256"}
    store = make_store(faulty, backend)
    upload = store.begin_upload(key="a.png", size=len(PNG), sha256=SHA256)
    assert 200 == backend.send(upload.request, PNG[:-1] + b"x")
    with pytest.raises(IntegrityError, match="sha256"):
        store.finish_upload(upload.token)
    assert [] == keys(store)


@pytest.mark.parametrize("known", [True, False])
def test_an_equal_asset_is_reused(spy, backend, known):
    """Where the key is made of the bytes, an existing asset is returned once its digest is verified."""
    store = make_store(spy, backend, Naming("reuse"))
    upload = store.begin_upload(filename="map.png", size=len(PNG), sha256=SHA256)
    info = store.upload(PNG, upload.key)
    if not known:
        # As a store that knows no digests.
        backend._assets[upload.key] = (attrs.evolve(info, digest=None), PNG)
    backend.send(upload.request, PNG)
    assert info.etag == store.finish_upload(upload.token).etag == store.finish_upload(upload.token).etag
    assert [upload.key] == keys(store)


def test_another_asset_is_not_reused(spy, backend):
    """An asset of other bytes under a digest's key is not returned; the upload stays for another try."""
    store = make_store(spy, backend, Naming("reuse"))
    upload = store.begin_upload(filename="map.png", size=len(PNG), sha256=SHA256)
    store.upload(PNG[:-1] + b"x", upload.key)
    backend.send(upload.request, PNG)
    with pytest.raises(AlreadyExistsError):
        store.finish_upload(upload.token)
    store.delete(upload.key)
    assert f"sha256:{SHA256}" == store.finish_upload(upload.token).digest


def sent_by_hand(store, backend, upload, data, **changed):
    """Put something else under the pending key, as a server that does not verify would."""
    key, options, _ = backend.signed[upload.request.url]
    fields = {"content_type": options.content_type, "metadata": options.metadata, **changed}
    backend.assetstore_upload(key, Source(data), UploadOptions(**fields))


@pytest.mark.parametrize(
    ("data", "changed", "error", "words"),
    [
        (PNG + b"x", {}, IntegrityError, "must have 108 bytes, it has 109"),
        (PNG[:-1] + b"x", {}, IntegrityError, "sha256"),
        (PNG, {"content_type": "text/html"}, RefusedError, "the upload has text/html"),
        (PNG, {"metadata": {}}, RefusedError, "other headers"),
        (PNG, {"content_disposition": "inline"}, RefusedError, "other headers"),
    ],
)
def test_what_is_not_what_was_announced_is_refused_and_deleted(store, backend, data, changed, error, words):
    """Size, digest, type and headers are verified when the upload finishes, whatever the server accepted."""
    upload = store.begin_upload(key="a.png", size=len(PNG), sha256=SHA256)
    sent_by_hand(store, backend, upload, data, **changed)
    with pytest.raises(error, match=words):
        store.finish_upload(upload.token)
    assert [] == keys(store)
    with pytest.raises(NotFoundError, match="nothing was uploaded"):
        store.finish_upload(upload.token)


@pytest.mark.parametrize("wanted", [None, "max-age=60"])
def test_a_cache_control_of_the_senders_own_is_not_kept(store, backend, wanted):
    """A browser with its cache disabled sends its own Cache-Control; the asset gets the announced one."""
    upload = store.begin_upload(key="a.png", size=len(PNG), cache_control=wanted)
    sent_by_hand(store, backend, upload, PNG, cache_control="no-cache")
    assert wanted == (store.finish_upload(upload.token).cache_control or None)
    assert wanted == (store.stat("a.png").cache_control or None)


@pytest.mark.parametrize("data", [b"<script>alert(1)</script>", b"\xff\xd8\xff\xe0 a JPEG", b""])
def test_bytes_that_are_not_of_their_type_are_refused_and_deleted(store, backend, data):
    """An upload announced as a picture must be one."""
    upload = store.begin_upload(key="a.png", size=len(data), policy=UploadPolicy(types=["image/*"]))
    assert 200 == backend.send(upload.request, data)
    with pytest.raises(RefusedError, match=r"a\.png"):
        store.finish_upload(upload.token)
    assert [] == keys(store)


def test_an_asset_is_finished_although_the_deletion_of_what_was_sent_fails(backend):
    """The asset is stored and returned; what was sent stays under pending/ until it is swept."""
    store = make_store(FaultyBackend(backend, Raise(op="delete", error=UnavailableError("busy"))), backend)
    upload = store.begin_upload(key="a.png", size=len(PNG))
    backend.send(upload.request, PNG)
    assert store.finish_upload(upload.token) == store.stat("a.png")
    assert 2 == len(keys(store))
    assert store.finish_upload(upload.token) == store.stat("a.png")
    assert ["a.png"] == keys(store)


def test_a_refusal_is_told_although_the_deletion_fails(backend):
    """The error of the upload is raised even if deleting fails; the next call deletes."""
    store = make_store(FaultyBackend(backend, Raise(op="delete", error=UnavailableError("busy"))), backend)
    upload = store.begin_upload(key="a.png", size=5)
    backend.send(upload.request, b"<svg>")
    for left in (1, 0):
        with pytest.raises(RefusedError):
            store.finish_upload(upload.token)
        assert left == len(keys(store))


def test_only_the_version_that_was_checked_is_promoted(backend, store):
    """Bytes sent again before the check are the ones checked; sent again after it they are not copied."""
    upload = store.begin_upload(key="a.png", size=len(PNG))
    backend.send(upload.request, PNG)
    evil = b"<script>alert(1)</script>".ljust(len(PNG))
    for op, error in (("read", RefusedError), ("copy", PreconditionError)):
        again = make_store(FaultyBackend(backend, Do(op=op, action=lambda: backend.send(upload.request, evil))), backend)
        with pytest.raises(error, match=r"sent again|do not begin"):
            again.finish_upload(upload.token)
        assert not store.exists("a.png")
        backend.send(upload.request, PNG)
    assert PNG[:9] == store.read(store.finish_upload(upload.token).key, length=9)


@pytest.mark.parametrize("dropped", [(), ("copy.if_match",), ("copy.overwrite",), ("read.if_match", "copy.if_match")])
@pytest.mark.parametrize("without", [(), ("copy",)])
def test_a_backend_with_fewer_conditions_promotes_too(backend, dropped, without):
    """Without a native copy, or one that takes the conditions, the store reads and uploads; a taken key stays as it is."""
    faulty = FaultyBackend(backend, without=without)
    faulty.supports = faulty.supports.difference(dropped, {"upload.overwrite"} if "copy.overwrite" in dropped else ())
    store = make_store(faulty, backend)
    upload, other = (store.begin_upload(key="a.png", size=len(PNG)) for _ in range(2))
    for each in (upload, other):
        backend.send(each.request, PNG)
    info = store.finish_upload(upload.token)
    assert (info.etag, PNG) == (store.finish_upload(upload.token).etag, store.read("a.png"))
    with pytest.raises(AlreadyExistsError):
        store.finish_upload(other.token)
    assert info.etag == store.stat("a.png").etag


@pytest.mark.parametrize("in_parts", [False, True])
def test_of_many_threads_each_gets_the_one_asset(store, backend, in_parts):
    """Eight calls at once end one upload: one asset, and each call returns it."""
    if in_parts:
        upload = sent_parts(store, backend)
    else:
        upload = store.begin_upload(key="a.png", size=len(PNG))
        backend.send(upload.request, PNG)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(store.finish_upload, [upload.token] * 8))
    assert ({store.stat("a.png")}, ["a.png"]) == (set(found), keys(store))


def test_of_many_uploads_to_one_key_one_gets_it(store, backend):
    """The first to finish gets the key, the others AlreadyExistsError, and nothing is overwritten."""
    uploads = [store.begin_upload(key="a.png", size=len(PNG) + number) for number in range(8)]
    for number, upload in enumerate(uploads):
        backend.send(upload.request, PNG + bytes(number))

    def finish(upload):
        with contextlib.suppress(AlreadyExistsError):
            return store.finish_upload(upload.token)

    with ThreadPoolExecutor(8) as pool:
        found = [info for info in pool.map(finish, uploads) if info is not None]
    assert [store.stat("a.png")] == found


OPS = ("stat", "read", "copy", "delete", "list_parts", "end_parts", "upload")


@pytest.mark.parametrize("without", [(), ("copy",)], ids=["native", "through"])
@pytest.mark.parametrize("kind", ["whole", "parts", "refused", "reused"])
@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("op", OPS)
def test_an_end_that_breaks_off_anywhere_can_be_repeated(op, nth, late, kind, without):
    """Whichever call fails, before or after its effect, the next finish ends as if none had failed."""
    backend = SigningMemory()
    faulty = FaultyBackend(backend, without=without)
    store = make_store(faulty, backend, Naming("reuse"))
    if kind == "parts":
        upload = sent_parts(store, backend, sha256=hashlib.sha256(LARGE).hexdigest())
    elif kind == "reused":
        upload = store.begin_upload(filename="map.png", size=len(PNG), sha256=SHA256)
        store.upload(PNG, upload.key)
        backend.send(upload.request, PNG)
    else:
        data = b"<html>" if kind == "refused" else PNG
        upload = store.begin_upload(key="a.png", size=len(data))
        backend.send(upload.request, data)
    fault = Raise(op=op, nth=nth, late=late, error=UnavailableError("a crash"))
    with faulty.failing(fault), contextlib.suppress(UnavailableError, RefusedError):
        store.finish_upload(upload.token)
    if kind == "refused":
        with pytest.raises((RefusedError, NotFoundError)):
            store.finish_upload(upload.token)
        assert [] == keys(store)
        return
    info = store.finish_upload(upload.token)
    assert (info, [upload.key]) == (store.stat(upload.key), keys(store))
    assert (LARGE if kind == "parts" else PNG) == store.read(upload.key)
    assert {} == backend.uploads


@pytest.mark.parametrize("whole", [False, True])
def test_the_bytes_are_read_in_bounded_memory(backend, whole):
    """Without a digest only the first bytes are read; with one that the backend does not know, all, piece by piece."""
    faulty = FaultyBackend(backend)
    store = make_store(faulty, backend)
    data = b"\x89PNG\r\n\x1a\n" + bytes(32 << 20)
    sha256 = hashlib.sha256(data).hexdigest() if whole else None
    upload = store.begin_upload(key="a.png", size=len(data), sha256=sha256)
    backend.send(upload.request, data)
    [(pending, (info, _))] = backend._assets.items()
    backend._assets[pending] = (attrs.evolve(info, digest=None), data)
    tracemalloc.start()
    store.finish_upload(upload.token)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20
    assert [None if whole else 4096] == [call["options"].length for op, call in faulty.calls if op == "read"]


@pytest.mark.parametrize("padding", [0, 100_000])
def test_an_archive_behind_a_program_is_taken(tmp_path, padding):
    """The end of a self-extracting ZIP tells what it is, as its beginning cannot, whatever its size."""
    data = b"MZ" + bytes(62 + padding)
    file = io.BytesIO(data)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("a.txt", "x")
    store = AssetStore(LocalBackend(root=tmp_path, durable=False))
    for key, sent, taken in (("setup.zip", file.getvalue(), True), ("program.zip", data, False)):
        upload = store.begin_upload(key=key, size=len(sent))
        assert 200 == Sender.to(store)(upload.request, sent).status
        with contextlib.nullcontext() if taken else pytest.raises(RefusedError, match="portable-executable"):
            store.finish_upload(upload.token)
    assert ["setup.zip"] == keys(store)


@pytest.mark.parametrize(
    ("content_encoding", "data", "words"),
    [
        ("gzip", gzip.compress(PNG, mtime=0), None),
        ("GZIP", gzip.compress(PNG, mtime=0), None),
        ("deflate", zlib.compress(PNG), None),
        ("identity", PNG, None),
        ("br", b"\x1b\x0f\x00\xf8 only a decoder of Brotli knows", None),
        ("gzip", gzip.compress(b"<html><script>alert(1)</script>", mtime=0), "do not begin as image/png"),
        ("gzip", PNG, "not encoded as gzip"),
        ("deflate", PNG, "not encoded as deflate"),
        ("gzip", zlib.compress(PNG), "not encoded as gzip"),
        ("gzip", gzip.compress(b"", mtime=0)[:10] + b"\0\0\0\xff\xff" * 900, "show nothing"),
        ("br", PNG, "not encoded as br"),
        ("br", b"<script>alert(1)</script>", "not encoded as br"),
        ("unknown", b"<script>alert(1)</script>", "do not begin as image/png"),
    ],
    ids=str,
)
def test_packed_bytes_are_checked_as_they_are_unpacked(tmp_path, content_encoding, data, words):
    """The bytes below a signed Content-Encoding must be of the type, where Python can unpack them."""
    store = AssetStore(LocalBackend(root=tmp_path, durable=False))
    upload = store.begin_upload(key="a.png", size=len(data), content_encoding=content_encoding)
    assert 200 == Sender.to(store)(upload.request, data).status
    if words is None:
        store.finish_upload(upload.token)
        assert (data, content_encoding) == (store.read("a.png"), store.stat("a.png").content_encoding)
        return
    with pytest.raises(RefusedError, match=words):
        store.finish_upload(upload.token)
    assert [] == keys(store)
