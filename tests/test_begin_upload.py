"""Direct uploads: validated before anything is signed, named, sent in parts, cancelled, swept and observed."""

from __future__ import annotations

import hashlib
import inspect
from datetime import timedelta

import attrs
import pytest

from assetstore import (
    AlreadyExistsError,
    AssetStore,
    AssetStoreError,
    IntegrityError,
    InvalidKeyError,
    InvalidOptionError,
    NotFoundError,
    RefusedError,
    TokenError,
    UnavailableError,
    UnsupportedError,
    UploadPolicy,
)
from assetstore.direct.begin import Begin
from assetstore.limits import MAX_PART, MIN_PART
from assetstore.plugin import HEADERS, PresignOptions, Source, UploadOptions, hookimpl
from assetstore.testing import FaultyBackend, MemoryBackend, Raise, RecordingObserver
from signing_memory import LARGE, PNG, SHA256, Naming, SigningMemory, keys, make_store, send_parts, sent_parts


@pytest.fixture
def backend():
    """Return the signing backend."""
    return SigningMemory()


@pytest.fixture
def observer():
    """Return the store's observer."""
    return RecordingObserver()


@pytest.fixture
def spy(backend):
    """Return the backend that records every call."""
    return FaultyBackend(backend)


@pytest.fixture
def store(spy, backend, observer):
    """Return a store over the signing memory."""
    return make_store(spy, backend, observer)


def test_what_was_sent_becomes_an_asset(store, backend):
    """The asset has the announced type, metadata and cache control, and nothing is left pending."""
    asked = {"content_type": "image/png", "cache_control": "no-cache"}
    upload = store.begin_upload(key="maps/a.png", size=len(PNG), sha256=SHA256.upper(), metadata={"By": "gm"}, **asked)
    assert ("maps/a.png", None, None, "PUT") == (upload.key, upload.part_size, upload.part_count, upload.request.method)
    assert not store.exists("maps/a.png")
    assert 200 == backend.send(upload.request, PNG)
    info = store.finish_upload(upload.token)
    assert info == store.stat("maps/a.png")
    assert {**asked, "size": len(PNG)} == {name: getattr(info, name) for name in (*asked, "size")}
    assert {"by", "upload-id"} == set(info.metadata)
    assert (["maps/a.png"], PNG) == (keys(store), store.read("maps/a.png"))


def test_the_request_is_bound_to_what_was_announced(store, backend):
    """The backend refuses another size, type or digest and other metadata."""
    upload = store.begin_upload(key="a.png", size=len(PNG), sha256=SHA256, metadata={"by": "gm"})
    bound = {"content-length", "content-type", "x-amz-checksum-sha256", "x-amz-meta-by", "x-amz-meta-upload-id"}
    assert bound == set(upload.request.headers)
    assert 403 == backend.send(upload.request, PNG + b"x")
    assert 403 == backend.send(upload.request, PNG, content_type="text/html")
    assert 400 == backend.send(upload.request, PNG[:-1] + b"x")
    assert [] == keys(store)


def test_a_store_says_whether_it_takes_direct_uploads(store):
    """It must sign requests that are bound to a size."""
    assert (True, False) == (store.can("begin_upload"), AssetStore(MemoryBackend()).can("begin_upload"))


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"size": -1}, InvalidOptionError, "whole number"),
        ({"size": True}, InvalidOptionError, "whole number"),
        ({"size": None}, InvalidOptionError, "number of bytes"),
        ({"size": MAX_PART + 1}, InvalidOptionError, "pass part_size="),
        ({"size": 1, "part_size": MIN_PART - 1}, InvalidOptionError, "part_size must be between"),
        ({"size": 1, "part_size": "8"}, InvalidOptionError, "part_size must be a whole number"),
        ({"size": 10_000 * MIN_PART + 1, "part_size": MIN_PART}, InvalidOptionError, "at most 10000 parts"),
        ({"policy": UploadPolicy(max_size=99)}, RefusedError, "at most 99 bytes"),
        ({"policy": UploadPolicy(types=["audio/*", "image/webp"])}, RefusedError, "image/png is not allowed"),
        ({"content_type": "text/html", "policy": UploadPolicy(types=["audio/*"])}, RefusedError, "text/html is not"),
        ({"content_type": "no type"}, InvalidOptionError, "must be a media type"),
        ({"sha256": "abc"}, InvalidOptionError, "64 hex digits"),
        ({"metadata": {"upload-id": "mine"}}, InvalidOptionError, "set by begin_upload itself"),
        ({"metadata": {"x": "y" * 8_160}}, InvalidOptionError, "8192 bytes"),
        ({"metadata": 7}, InvalidOptionError, "mapping"),
        ({"cache_control": "ü"}, InvalidOptionError, "ASCII"),
        ({"expires": 0}, InvalidOptionError, "expires must be between"),
        ({"expires": timedelta(days=8)}, InvalidOptionError, "expires must be between"),
        ({"category": "maps"}, InvalidOptionError, "category is for generated keys"),
        ({"key": "../a.png"}, InvalidKeyError, "segment"),
        ({"key": None}, InvalidOptionError, "needs a name"),
        ({"key": "taken.png"}, AlreadyExistsError, "key is taken"),
        ({"key": "pending/mine", "size": 1}, InvalidOptionError, "reserved for unfinished uploads"),
    ],
)
def test_all_is_checked_before_anything_is_signed(store, spy, options, error, words):
    """A mistake that shows at once is refused before anything is signed or begun."""
    store.upload(b"", "taken.png")
    with pytest.raises(error, match=words):
        store.begin_upload(**{"key": "a.png", "size": 100, **options})
    assert not {"presign", "begin_parts"} & {op for op, _ in spy.calls}


def test_a_policy_takes_a_list_of_types():
    """A single type would be iterated letter by letter."""
    with pytest.raises(InvalidOptionError, match=r"\['image/png'\]"):
        UploadPolicy(types="image/png")
    with pytest.raises(InvalidOptionError, match="must be a list of media types, got int"):
        UploadPolicy(types=7)  # type: ignore[arg-type]  # wrong on purpose


def test_a_key_that_is_too_long_for_a_token_leaves_no_parts_behind(store, backend):
    """An upload in parts whose token would be too long is refused, and dropped again."""
    with pytest.raises(InvalidOptionError, match="token must have at most"):
        store.begin_upload(key="a" * 1000, size=1, content_type=f"a/{'b' * 400}", part_size=MIN_PART)
    assert {} == backend.uploads


@pytest.mark.parametrize("field", ["content_length", "content_type", "metadata", "cache_control", "method"])
def test_a_backend_that_cannot_bind_a_request_is_named_with_what_it_lacks(backend, field):
    """An upload whose request could be used for something else is not begun."""
    faulty = FaultyBackend(backend)
    faulty.supports = faulty.supports - {f"presign.{field}"}
    with pytest.raises(UnsupportedError, match=f"presign with {field}"):
        make_store(faulty, backend).begin_upload(key="a", size=1, cache_control="no-store")


@pytest.mark.parametrize(("dropped", "expected"), [((), MIN_PART), (("begin_parts.part_size",), None)])
def test_a_backend_is_told_the_size_of_parts_if_it_asks(backend, dropped, expected):
    """A backend that knows nothing of the field gets uploads in parts all the same."""
    faulty = FaultyBackend(backend)
    faulty.supports = faulty.supports.difference(dropped)
    make_store(faulty, backend).begin_upload(key="a", size=1, part_size=MIN_PART)
    assert [expected] == [arguments["options"].part_size for op, arguments in faulty.calls if op == "begin_parts"]


@pytest.mark.parametrize("op", ["presign", "begin_parts", "end_parts"])
def test_a_backend_that_cannot_do_a_step_is_named_with_it(backend, op):
    """The store must support every step before it takes the first one."""
    store = make_store(FaultyBackend(backend, without=[op]), backend)
    with pytest.raises(UnsupportedError, match=f"does not support {op}"):
        store.begin_upload(key="a", size=1, part_size=MIN_PART)


def test_a_name_is_remade_until_it_is_free(spy, backend, observer):
    """A key proposed by a naming plugin is free when the upload begins."""
    store = make_store(spy, backend, observer, Naming())
    store.upload(b"", "images/map-0.png")
    upload = store.begin_upload(filename="map.png", size=len(PNG))
    assert ("images/map-1.png", 2) == (upload.key, observer.events[-1].attempts)


def test_a_name_that_must_not_clash_is_refused_at_once(spy, backend):
    """``fail`` is AlreadyExistsError before anything is sent."""
    store = make_store(spy, backend, Naming("fail"))
    store.upload(b"", "images/map-0.png")
    with pytest.raises(AlreadyExistsError, match=r"images/map-0\.png"):
        store.begin_upload(filename="map.png", size=len(PNG))


def test_a_name_made_of_the_bytes_needs_their_digest(spy, backend):
    """The sender's sha256 stands in for the bytes, which are not here."""
    store = make_store(spy, backend, Naming("reuse"))
    with pytest.raises(InvalidOptionError, match="pass sha256="):
        store.begin_upload(filename="map.png", size=len(PNG))
    assert f"images/map-{SHA256}.png" == store.begin_upload(filename="map.png", size=len(PNG), sha256=SHA256).key


def test_a_cancelled_upload_leaves_nothing(store, backend):
    """The bytes are deleted, in parts or whole; a second cancellation changes nothing."""
    whole = store.begin_upload(key="a.png", size=len(PNG))
    backend.send(whole.request, PNG)
    parts = sent_parts(store, backend, [1])
    for upload in (whole, parts) * 2:
        store.cancel_upload(upload.token)
    assert ([], {}) == (keys(store), backend.uploads)
    for upload in (whole, parts):
        with pytest.raises(NotFoundError):
            store.finish_upload(upload.token)


def test_what_was_abandoned_is_swept(store, backend, observer):
    """Old uploads are deleted; younger ones stay, and so do objects that are not uploads."""
    store.upload(b"", "pending/notes.txt")
    old, young = (store.begin_upload(key=key, size=len(PNG)) for key in ("old.png", "young.png"))
    backend.send(old.request, PNG)
    [pending] = [key for key in keys(store) if key != "pending/notes.txt"]
    info, data = backend._assets[pending]
    backend._assets[pending] = attrs.evolve(info, last_modified=info.last_modified - timedelta(days=2)), data
    backend.send(young.request, PNG)
    assert (pending,) == store.sweep_pending().deleted
    event = observer.events[-1]
    assert ("sweep_pending", "pending/", "ok") == (event.op, event.key, event.outcome)
    assert "young.png" == store.finish_upload(young.token).key
    with pytest.raises(NotFoundError):
        store.finish_upload(old.token)
    assert () == store.sweep_pending(older_than=timedelta(0)).deleted
    assert ["pending/notes.txt", "young.png"] == keys(store)


def test_a_sweep_goes_over_all_pages(store, backend):
    """Any number is swept, each reported under the scope's own key, and one event is emitted."""
    part = store.scoped("tenant/")
    for number in range(1_005):
        backend.assetstore_upload(f"tenant/pending/{number:032x}", Source(b""), UploadOptions())
    report = part.sweep_pending(timedelta(0))
    assert (1_005, ()) == (len(report.deleted), report.failed)
    assert report.deleted[0].startswith("pending/")


@pytest.mark.parametrize("older_than", [timedelta(seconds=-1), 3600, None])
def test_a_sweep_needs_an_age(store, older_than):
    """An age is a timedelta that is not negative."""
    with pytest.raises(InvalidOptionError):
        store.sweep_pending(older_than)


def test_a_sweep_reports_what_it_cannot_delete(backend):
    """A failure is in the report and names its operation."""
    store = make_store(FaultyBackend(backend, Raise(op="delete", error=UnavailableError("busy"))), backend)
    backend.send(store.begin_upload(key="a.png", size=len(PNG)).request, PNG)
    [failure] = store.sweep_pending(timedelta(0)).failed
    assert (True, "sweep_pending", "dev") == (failure.key.startswith("pending/"), failure.error.op, failure.error.store)


@pytest.mark.parametrize("method", ["finish_upload", "cancel_upload", "list_parts", "presign_parts"])
@pytest.mark.parametrize("scope", ["other/", ""])
def test_a_token_holds_for_its_scope_alone(store, spy, backend, method, scope):
    """One of another scope, or of the whole store, is TokenError, and the backend is not even asked."""
    upload = sent_parts(store.scoped("mine/"), backend)
    before = len(spy.calls)
    arguments = [[1]] if method == "presign_parts" else []
    for token in (upload.token, upload.token[:-1], "x" + upload.token, "", None):
        with pytest.raises(TokenError):
            getattr(store.scoped(scope), method)(token, *arguments)
    assert before == len(spy.calls)
    assert "a.png" == store.scoped("mine/").finish_upload(upload.token).key


def test_parts_are_signed_with_their_exact_sizes(store, backend):
    """All parts have the part size but the last, and a request takes neither more nor less."""
    upload = store.begin_upload(key="a.png", size=len(LARGE), part_size=MIN_PART)
    assert (None, MIN_PART, 3) == (upload.request, upload.part_size, upload.part_count)
    requests = store.presign_parts(upload.token, range(1, 4), expires=timedelta(minutes=5))
    lengths = [int(request.headers["content-length"]) for request in requests.values()]
    assert ([1, 2, 3], [MIN_PART, MIN_PART, 8]) == (list(requests), lengths)
    assert 403 == backend.send(requests[3], b"too many bytes")
    for number in (0, 4, True, "1"):
        with pytest.raises(InvalidOptionError, match="between 1 and 3"):
            store.presign_parts(upload.token, [number])


def test_an_upload_in_parts_is_taken_up_where_it_broke_off(store, backend):
    """The token suffices to list the parts; the upload finishes once all are sent, and can finish again."""
    upload = sent_parts(store, backend, [1, 3], metadata={"by": "gm"}, cache_control="no-store")
    assert [1, 3] == [part.number for part in store.list_parts(upload.token)]
    with pytest.raises(NotFoundError, match="not all parts were uploaded yet: 2; send them"):
        store.finish_upload(upload.token)
    send_parts(store, backend, upload, [2])
    info = store.finish_upload(upload.token)
    assert info == store.finish_upload(upload.token)
    assert (LARGE, "gm", "no-store") == (store.read("a.png"), info.metadata["by"], info.cache_control)
    assert ["a.png"] == keys(store)
    with pytest.raises(NotFoundError):
        store.list_parts(upload.token)


def test_the_sender_can_tell_the_parts(backend):
    """Where the backend cannot list parts, the ETags that the sender received suffice, with their quotes."""
    store = make_store(FaultyBackend(backend, without=["list_parts"]), backend)
    upload = sent_parts(store, backend)
    with pytest.raises(UnsupportedError, match="pass parts="):
        store.finish_upload(upload.token)
    [(_, there)] = backend.uploads.values()
    etags = {number: f'"{hashlib.md5(data).hexdigest()}"' for number, data in reversed(there.items())}
    with pytest.raises(NotFoundError, match="uploaded yet: 2"):
        store.finish_upload(upload.token, parts={1: etags[1], 3: etags[3]})
    with pytest.raises(IntegrityError):
        store.finish_upload(upload.token, parts={**etags, 2: "wrong"})
    info = store.finish_upload(upload.token, parts=etags)
    assert (LARGE, info) == (store.read("a.png"), store.finish_upload(upload.token))


def test_an_empty_upload_has_one_part(store):
    """An upload of no bytes still has one part."""
    assert 1 == store.begin_upload(key="a", size=0, part_size=MIN_PART).part_count


def test_an_upload_in_one_request_has_no_parts(store):
    """The methods for parts refuse the token of a whole upload."""
    upload = store.begin_upload(key="a", size=1)
    for call in (lambda: store.list_parts(upload.token), lambda: store.presign_parts(upload.token, [1])):
        with pytest.raises(InvalidOptionError, match="not in parts"):
            call()


def test_each_call_ends_in_one_event(store, backend, observer):
    """Each has the asset's key; finishing counts the bytes once, and neither token nor URL is in any of them."""
    part = store.scoped("mine/")
    upload = part.begin_upload(key="a.png", size=len(PNG))
    backend.send(upload.request, PNG)
    part.finish_upload(upload.token)
    part.finish_upload(upload.token)
    part.cancel_upload(upload.token)
    seen = [(event.op, event.key, event.bytes) for event in observer.events]
    ops = [("begin_upload", 0), ("finish_upload", len(PNG)), ("finish_upload", 0), ("cancel_upload", 0)]
    assert [(op, "mine/a.png", count) for op, count in ops] == seen
    assert not [secret for secret in (upload.token, "signature") if secret in repr((observer.events, upload, store))]


def test_no_error_shows_a_token(store, backend):
    """An error names operation, key and store."""
    upload = store.begin_upload(key="a.png", size=5)
    shown = []
    for token, data in ((upload.token, None), (upload.token[:-1], None), (upload.token, b"<svg>")):
        if data is not None:
            backend.send(upload.request, data)
        with pytest.raises(AssetStoreError) as caught:
            store.finish_upload(token)
        shown.append(f"{caught.value!s} {caught.value!r}")
    assert "finish_upload 'a.png' (store dev): nothing was uploaded yet" in shown[0]
    assert not [text for text in shown if upload.token[:-1] in text or "signature" in text]


def test_the_type_is_guessed_from_the_key_or_the_name(store):
    """The key's suffix counts first, then the file's name, then none."""
    types = [
        store.begin_upload(size=1, **names).request.headers["content-type"]
        for names in ({"key": "a.webp", "filename": "a.png"}, {"key": "a", "filename": "a.png"}, {"key": "a"})
    ]
    assert ["image/webp", "image/png", "application/octet-stream"] == types


def test_the_keywords_are_the_fields_of_a_new_upload():
    """Each field is a keyword of begin_upload under the same name, and so is every header that an upload may have."""
    keywords = inspect.signature(AssetStore.begin_upload).parameters.keys() - {"self"}
    fields = {field.name for field in attrs.fields(Begin)} - {"context", "operation", "put"}
    assert {*fields, *HEADERS, "size", "sha256", "expires"} == keywords


def test_a_store_without_keys_begins_nothing():
    """The error says what to set."""

    class Keyless(MemoryBackend):
        supports = SigningMemory.supports

        @hookimpl
        def assetstore_presign(self, key: str, options: PresignOptions) -> None:
            raise AssertionError

    with pytest.raises(AssetStoreError, match="set signing_keys"):
        AssetStore(Keyless()).begin_upload(key="a", size=1)


def test_a_policy_understands_suffixes_and_aliases(store):
    """``.png`` and ``image/jpg`` allow what they mean, as a page's ``accept`` does."""
    policy = UploadPolicy(types=[".png", "image/jpg"])
    assert ("image/png", "image/jpg") == policy.types
    for name in ("a.png", "a.jpeg"):
        assert store.begin_upload(key=name, size=9, policy=policy).request is not None


@pytest.mark.parametrize("kind", ["png", ".no-such-suffix", ".bin", "image/", "/png", "", "image png", "a/b/c"])
def test_a_policy_that_nothing_can_fulfil_is_refused(kind):
    """What is neither a media type nor a known suffix is refused when the policy is made, and not at each upload."""
    with pytest.raises(InvalidOptionError, match="each type must be a media type or a known suffix"):
        UploadPolicy(types=["image/png", kind])
