"""Signed requests: the valid options, the bound headers and the lifetime."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from assetstore import (
    AccessDeniedError,
    AssetStore,
    AssetStoreError,
    InvalidKeyError,
    InvalidOptionError,
    PluginError,
    PresignedRequest,
    UnsupportedError,
)
from assetstore.hooks import OPTIONAL
from assetstore.limits import MAX_EXPIRES
from assetstore.plugin import Part, PresignOptions, Wrapper, decode_metadata, hookimpl
from assetstore.testing import MemoryBackend, RecordingObserver

NOW = datetime(2025, 6, 18, 14, 30, 22, tzinfo=UTC)
METHODS = ("GET", "HEAD", "PUT", "DELETE")
FITTING = {
    "content_type": ("image/png", {"GET", "PUT"}),
    "download_as": ("a.png", {"GET"}),
    "content_length": (0, {"PUT"}),
    "sha256": ("0" * 64, {"PUT"}),
    "metadata": ({"by": "gm"}, {"PUT"}),
    "cache_control": ("no-cache", {"PUT"}),
    "overwrite": (False, {"PUT"}),
    "window": (60, {"GET", "HEAD"}),
    "part": (Part(upload_id="x", number=1), {"PUT"}),
}
"""A value of each option that is not its default, and the methods that have the option."""
FORMS = "a whole number of seconds, a timedelta, or a text such as '90s', '15m', '1h' or '7d'"
CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), 0xD800, 0xDFFF)]

moments = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
lives = st.integers(1, MAX_EXPIRES)


@pytest.mark.parametrize(
    ("expires", "seconds"),
    [(1, 1), (604_800, 604_800), (60.0, 60), (timedelta(days=7), 604_800), ("90s", 90), ("15m", 900), (" 1H ", 3600)],
)
def test_a_signature_lasts_one_second_to_seven_days(expires: object, seconds: int) -> None:
    """Seconds, ``timedelta`` and texts are taken alike."""
    options = PresignOptions(expires=expires)
    assert (seconds, int) == (options.expires, type(options.expires))


@pytest.mark.parametrize(
    ("expires", "message"),
    [
        (0, "expires must be between 1 and 604800 seconds (7 days), got 0"),
        (604_801, "expires must be between 1 and 604800 seconds (7 days), got 604801"),
        (timedelta(days=8), "expires must be between 1 and 604800 seconds (7 days), got 691200"),
        (1.5, f"expires must be {FORMS}, got 1.5"),
        (float("inf"), f"expires must be {FORMS}, got inf"),
        (float("nan"), f"expires must be {FORMS}, got nan"),
        (True, f"expires must be {FORMS}, got True"),
        *((text, f"expires must be {FORMS}, got {text!r}") for text in ("", "h", "1.5h", "1y", "-1h", "1h30m", "1  h")),
        ("8d", "expires must be between 1 and 604800 seconds (7 days), got 691200"),
    ],
)
def test_other_times_are_refused(expires: object, message: str) -> None:
    """The error names the range or the kind."""
    with pytest.raises(InvalidOptionError) as caught:
        PresignOptions(expires=expires)
    assert message == str(caught.value)


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("POST", "R2 signs no POST forms; sign a PUT, with content_type to pin the type"),
        ("get", "method must be GET, HEAD, PUT or DELETE, got 'get'"),
        (None, "method must be GET, HEAD, PUT or DELETE, got None"),
    ],
)
def test_only_four_methods_are_signed(method: object, message: str) -> None:
    """The error says what to use instead."""
    with pytest.raises(InvalidOptionError) as caught:
        PresignOptions(method=method)
    assert message == str(caught.value)


def test_a_signed_request_hides_its_url() -> None:
    """A signed URL is a secret: the repr does not show it; whoever asks for it gets it."""
    request = PresignedRequest(url="https://x/?signature=1", method="PUT", headers={"content-type": "a/b"}, expires_at=NOW)
    assert "signature" not in repr(request)
    expected = {"method": "PUT", "url": "https://x/?signature=1", "headers": {"content-type": "a/b"}}
    assert expected == request.as_dict()


@given(st.integers(1, MAX_EXPIRES))
def test_seconds_and_timedelta_are_taken_alike(seconds: int) -> None:
    """Any whole number of seconds from 1 to seven days lasts as long, written as a number, ``timedelta`` or text."""
    units = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
    texts = [f"{seconds // unit}{name}" for name, unit in units.items() if seconds % unit == 0]
    spellings = (seconds, float(seconds), timedelta(seconds=seconds), *texts)
    assert {(seconds, int)} == {((found := PresignOptions(expires=each).expires), type(found)) for each in spellings}


@given(st.integers() | st.timedeltas() | st.floats())
def test_no_signature_lasts_longer_than_seven_days(expires: object) -> None:
    """A lifetime outside R2's range is refused."""
    try:
        options = PresignOptions(expires=expires)
    except InvalidOptionError:
        return
    assert 1 <= options.expires <= MAX_EXPIRES


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("option", FITTING)
def test_an_option_belongs_to_its_methods(option: str, method: str) -> None:
    """An option that the method does not have is refused by name instead of dropped."""
    value, methods = FITTING[option]
    if method in methods:
        assert value == getattr(PresignOptions(method=method, **{option: value}), option)
        return
    with pytest.raises(InvalidOptionError) as caught:
        PresignOptions(method=method, **{option: value})
    assert f"a signed {method} has no {option}; leave it out" == str(caught.value)


@pytest.mark.parametrize("value", ["", "0" * 63, "0" * 65, "g" * 64, "é" * 64, b"0" * 64, 1])
def test_a_digest_is_written_in_hex(value: object) -> None:
    """Anything but 64 hex digits is refused; capitals become small."""
    with pytest.raises(InvalidOptionError, match="sha256 must be 64 hex digits"):
        PresignOptions(method="PUT", sha256=value)
    assert "ab" * 32 == PresignOptions(method="PUT", sha256="AB" * 32).sha256


@pytest.mark.parametrize("control", CONTROLS, ids=ascii)
def test_a_file_name_has_no_control_characters(control: str) -> None:
    """A line break would end the header, and begin another one."""
    for name in (control, f"a{control}.png"):
        with pytest.raises(InvalidOptionError, match="without control characters"):
            PresignOptions(download_as=name)


@pytest.mark.parametrize("value", ["", 1, b"a.png"])
def test_a_file_name_is_a_text(value: object) -> None:
    """An empty name, a number and bytes are refused."""
    with pytest.raises(InvalidOptionError, match="download_as must be the name of a file"):
        PresignOptions(download_as=value)


@pytest.mark.parametrize("number", [0, -1, 1.0, True, 10_001])
def test_parts_are_counted_from_one(number: object) -> None:
    """Another number is refused, and the id of the upload is not shown."""
    with pytest.raises(InvalidOptionError, match="between 1 and 10000"):
        Part(upload_id="hunter2", number=number)
    assert "hunter2" not in repr(Part(upload_id="hunter2", number=1))


@given(moments, lives)
def test_without_a_window_a_request_ends_to_the_second(now: datetime, expires: int) -> None:
    """It begins in this very second and lives as long as was asked for."""
    begin, end = PresignOptions(expires=expires).span(now)
    assert begin <= now < begin + timedelta(seconds=1)
    assert timedelta(seconds=expires) == end - begin


@given(moments, lives, st.integers(1, MAX_EXPIRES))
def test_a_request_of_a_window_lives_as_long_as_is_stated(now: datetime, expires: int, window: int) -> None:
    """It lives ``expires`` seconds at least, less than ``expires + window`` more, and never beyond seven days."""
    assume(expires + window <= MAX_EXPIRES)
    begin, end = PresignOptions(expires=expires, window=window).span(now)
    assert timedelta(0) <= now - begin < timedelta(seconds=window)
    assert timedelta(seconds=expires) < end - now <= timedelta(seconds=expires + window)
    assert end - begin <= timedelta(days=7)


@given(moments, st.integers(1, 3600), st.integers(1, 86_400), st.floats(0, 1, exclude_max=True))
def test_all_moments_of_a_window_have_one_span(now: datetime, expires: int, window: int, share: float) -> None:
    """Any other moment of the same window gives the same begin and end, and the next window other ones."""
    options = PresignOptions(expires=expires, window=window)
    begin, end = options.span(now)
    other = begin + timedelta(seconds=window) * share
    if other < begin + timedelta(seconds=window):
        assert (begin, end) == options.span(other)
    later = begin + timedelta(seconds=window)
    assert (later, end + timedelta(seconds=window)) == options.span(later)


@pytest.mark.parametrize("window", [0, -1, 1.5, True])
def test_a_window_has_whole_seconds(window: object) -> None:
    """Anything else is refused."""
    with pytest.raises(InvalidOptionError, match=r"window must be a whole number of (1 or more|seconds)"):
        PresignOptions(window=window)


def test_a_window_counts_towards_seven_days() -> None:
    """A URL that could live longer than seven days is refused."""
    assert MAX_EXPIRES - 60 == PresignOptions(expires=MAX_EXPIRES - 60, window=60).expires
    with pytest.raises(InvalidOptionError, match="expires and window together must be at most 604800 seconds"):
        PresignOptions(expires=MAX_EXPIRES - 59, window=60)


@given(st.binary(), st.dictionaries(st.from_regex(r"[b-z][a-z0-9-]{0,8}", fullmatch=True), st.text(max_size=20), max_size=3))
def test_bound_headers_are_ascii_in_lower_case_and_in_order(data: bytes, metadata: dict[str, str]) -> None:
    """Their values are ASCII without line breaks, and say what was asked for."""
    try:
        options = PresignOptions(
            method="PUT",
            content_type="image/webp",
            content_length=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            metadata=metadata,
            cache_control="no-cache",
            overwrite=False,
        )
    except InvalidOptionError:
        assume(False)
    headers = options.bound_headers()
    assert sorted(headers) == list(headers)
    assert all(name == name.lower() and (name + value).isascii() and value.isprintable() for name, value in headers.items())
    found = {name.removeprefix("x-amz-meta-"): value for name, value in headers.items() if name.startswith("x-amz-meta-")}
    assert metadata == decode_metadata(found)
    assert hashlib.sha256(data).digest() == base64.b64decode(headers["x-amz-checksum-sha256"])
    others = ("cache-control", "content-length", "content-type", "if-none-match")
    assert ("no-cache", str(len(data)), "image/webp", "*") == tuple(headers[name] for name in others)


def test_nothing_is_bound_that_was_not_asked_for() -> None:
    """A plain request has no headers; a content type of a GET binds the answer alone."""
    assert [{}] * 4 == [PresignOptions(method=method).bound_headers() for method in METHODS]
    options = PresignOptions(content_type="image/png", download_as="a.png")
    expected = {"content-disposition": 'attachment; filename="a.png"', "content-type": "image/png"}
    assert ({}, expected) == (options.bound_headers(), options.answered_headers())
    assert {} == PresignOptions(method="PUT", content_type="image/png").answered_headers()


def test_a_size_of_nothing_is_bound_too() -> None:
    """Zero bytes are a size."""
    assert {"content-length": "0"} == PresignOptions(method="PUT", content_length=0).bound_headers()


def test_a_browser_is_given_no_length_to_send() -> None:
    """It sends Content-Length by itself, and refuses to let a script do so."""
    headers = {"content-length": "3", "content-type": "a/b"}
    request = PresignedRequest(url="https://x/", method="PUT", headers=headers, expires_at=NOW)
    assert {"content-type": "a/b"} == request.as_dict()["headers"]


def test_a_whole_scene_is_signed_at_once() -> None:
    """``presign_many`` signs each key with the same options, under the keys as they were given."""

    class Signing(MemoryBackend):
        """Says what it was asked."""

        supports = MemoryBackend.supports | {"presign.method", "presign.expires", "presign.window"}

        @hookimpl
        def assetstore_presign(self, key: str, options: PresignOptions) -> PresignedRequest:
            """Put the options into the URL."""
            url = f"https://x/{key}?{options.expires}&{options.window}"
            return PresignedRequest(url=url, method=options.method, expires_at=NOW)

    store = AssetStore(Signing()).scoped("scene/")
    found = store.presign_many(["b", "a"], method="HEAD", expires=timedelta(minutes=1), window=30)
    expected = [("b", "HEAD", "https://x/scene/b?60&30"), ("a", "HEAD", "https://x/scene/a?60&30")]
    assert expected == [(key, request.method, request.url) for key, request in found.items()]
    assert {} == store.presign_many([])


class Batches(MemoryBackend):
    """Signs many at once, and says what it was asked."""

    supports = MemoryBackend.supports | {"presign.method", "presign.expires", "presign.window"}
    surplus = 0

    def __init__(self) -> None:
        """Begin without calls."""
        super().__init__()
        self.calls: list[list[str]] = []

    @hookimpl
    def assetstore_presign(self, key: str, options: PresignOptions) -> PresignedRequest:
        """Note the key; refuse one."""
        self.calls.append([key])
        if key.endswith("refused"):
            raise AccessDeniedError("not this one")
        return PresignedRequest(url=f"https://x/{key}?{options.expires}", method=options.method, expires_at=NOW)

    @hookimpl
    def assetstore_presign_many(self, keys: list[str], options: PresignOptions) -> list[PresignedRequest]:
        """Sign each key, and some too many."""
        self.calls.append(keys)
        if any(key.endswith("refused") for key in keys):
            raise AccessDeniedError("one of them")
        return [self.signed(key, options) for key in keys * (1 + self.surplus)]

    def signed(self, key: str, options: PresignOptions) -> PresignedRequest:
        """Return a request."""
        return PresignedRequest(url=f"https://x/{key}?{options.expires}", method=options.method, expires_at=NOW)


def test_a_backend_may_sign_a_scene_by_one_call() -> None:
    """The hook of many gets the full keys in NFC; each key has its event, which tells of its share of the time."""
    backend, observer = Batches(), RecordingObserver()
    scene = AssetStore(backend, plugins=[observer]).scoped("scene/")
    found = scene.presign_many(["b", "u\u0308", "b"], expires=60)
    assert {"b": "https://x/scene/b?60", "u\u0308": "https://x/scene/ü?60"} == {key: each.url for key, each in found.items()}
    assert [["scene/b", "scene/ü", "scene/b"]] == backend.calls
    assert [("presign", key, "ok") for key in ("scene/b", "scene/ü", "scene/b")] == [
        (event.op, event.key, event.outcome) for event in observer.events
    ]
    assert 1 == len({event.seconds for event in observer.events})


@pytest.mark.parametrize(
    ("key", "error"), [("refused", AccessDeniedError), ("../a", InvalidKeyError), (None, InvalidKeyError)]
)
def test_a_key_that_fails_among_many_is_the_one_that_is_named(key: Any, error: type[AssetStoreError]) -> None:
    """Signing goes on one by one up to the key that fails, whose error and event are those of ``presign``."""
    observer = RecordingObserver()
    store = AssetStore(Batches(), plugins=[observer])
    with pytest.raises(error) as caught:
        store.presign_many(["a", key, "b"])
    assert ("presign", key) == (caught.value.op, caught.value.key)
    assert [("a", "ok"), (key, "error")] == [(event.key, event.outcome) for event in observer.events]


def test_options_of_many_are_refused_as_those_of_one() -> None:
    """Wrong values raise for the first key; without keys nothing is asked for."""
    store = AssetStore(Batches())
    with pytest.raises(InvalidOptionError, match="expires"):
        store.presign_many(["a"], expires=0)
    assert {} == store.presign_many([], expires=0)
    with pytest.raises(UnsupportedError):
        AssetStore(MemoryBackend()).presign_many(["a"])
    assert [True, False] == [each.can("presign_many") for each in (store, AssetStore(MemoryBackend()))]
    assert [True, False] == [store.can("presign_many.window"), store.can("presign_many.sha256")]


@pytest.mark.parametrize("wrong", [{"expires": True}, {"expires": [1]}, {"method": ["GET"]}, {"method": "PATCH"}])
def test_what_was_signed_before_lets_no_wrong_option_pass(wrong: Any) -> None:
    """A plain link is signed again and again by the same options; ``True`` is not the second that it equals."""
    store = AssetStore(Batches())
    assert store.presign("a", expires=1).url == store.presign("a", expires=1).url
    for sign in (store.presign, lambda key, **options: store.presign_many([key], **options)):
        with pytest.raises(InvalidOptionError):
            sign("a", **wrong)


def test_a_backend_that_signs_too_many_is_found_out() -> None:
    """Each key has exactly one request; anything else is a PluginError, in one event."""
    backend = Batches()
    backend.surplus = 1
    observer = RecordingObserver()
    with pytest.raises(PluginError, match="4 requests for 2 keys"):
        AssetStore(backend, plugins=[observer]).presign_many(["a", "b"])
    assert ["error"] == [event.outcome for event in observer.events]


def test_many_go_past_no_wrapper_that_signs_itself() -> None:
    """A wrapper with its own ``presign`` sees each key, though it passes every other hook on."""

    class Marking(Wrapper):
        supports = frozenset({"presign.*"})
        passes = frozenset(OPTIONAL)

        @hookimpl
        def assetstore_presign(self, key: str, options: PresignOptions) -> PresignedRequest | None:
            signed = self.inner.assetstore_presign(key=key, options=options)
            assert signed is not None
            return attrs.evolve(signed, url=f"{signed.url}#seen")

    class Passing(Wrapper):
        passes = frozenset({"presign", "presign_many"})

    for wrapper, calls, end in ((Marking, [["a"], ["b"]], "#seen"), (Passing, [["a", "b"]], "")):
        backend = Batches()
        found = AssetStore(backend, wrappers=[wrapper]).presign_many(["a", "b"])
        assert calls == backend.calls
        assert [f"https://x/a?3600{end}", f"https://x/b?3600{end}"] == [each.url for each in found.values()]
