"""The application that serves a folder's signed URLs, over real connections, by ASGI and by WSGI."""

from __future__ import annotations

import base64
import gzip
import hashlib
import socket
from collections.abc import Iterator
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assetstore import AssetStore
from assetstore.plugin import ApplicationOptions
from assetstore_local import LocalBackend
from assetstore_local.http.put_request import PutRequest
from assetstore_local.http.responses import Response
from assetstore_local.http.verify import Request
from local_server import Answer, running, send

DATA = bytes(range(256)) * 40
ODD_KEYS = ["a b/ü+&%2F=?#.png", "a//b", "a/", " a ", "con", "😀", "k" * 1024, "%41", "a\\b", "~a", "a;b=c", ".assetstore"]
PAGE = "http://pages.example"


@pytest.fixture(params=["asgi", "wsgi"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AssetStore]:
    """Return a store over a folder that is served."""
    with running(request.param, tmp_path / "assets", origins=(PAGE,)) as store:
        yield store


def test_a_get_is_answered_with_all_that_is_stored(store: AssetStore) -> None:
    """A GET returns bytes, headers and metadata as they were stored, and headers that restrict browsers."""
    info = store.upload(
        DATA,
        "maps/keep.webp",
        cache_control="max-age=60",
        content_disposition='inline; filename="keep.webp"',
        content_language="en",
        metadata={"by": "gm", "note": "Größe"},
    )
    answer = send(store.presign("maps/keep.webp"))
    assert info.last_modified is not None
    expected = {
        "content-length": str(len(DATA)),
        "content-type": "image/webp",
        "etag": f'"{info.etag}"',
        "last-modified": format_datetime(info.last_modified.replace(microsecond=0), usegmt=True),
        "cache-control": "max-age=60",
        "content-disposition": 'inline; filename="keep.webp"',
        "content-language": "en",
        "x-amz-meta-by": "gm",
        "x-amz-meta-note": "=?utf-8?b?R3LDtsOfZQ==?=",
        "accept-ranges": "bytes",
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; media-src 'self'; style-src 'unsafe-inline'",
        "referrer-policy": "no-referrer",
    }
    assert (200, DATA, expected) == (answer.status, answer.body, {name: answer.headers.get(name) for name in expected})
    head = send(store.presign("maps/keep.webp", method="HEAD"))
    assert (200, b"", str(len(DATA))) == (head.status, head.body, head.headers["content-length"])


@pytest.mark.parametrize("key", ODD_KEYS)
def test_odd_keys_are_written_read_and_deleted_by_their_urls(store: AssetStore, key: str) -> None:
    """Every valid key has a URL that leads to it and to no other key."""
    assert 200 == send(store.presign(key, method="PUT"), b"abc").status
    assert [key] == [item.key for item in store.list()]
    assert b"abc" == send(store.presign(key)).body
    assert 204 == send(store.presign(key, method="DELETE")).status
    assert [] == list(store.list())


@pytest.mark.parametrize("mount", ["/the/assets", "/my assets/ü"])
@pytest.mark.parametrize("interface", ["asgi", "wsgi"])
def test_a_mounted_application_serves_the_same(interface: str, mount: str, tmp_path: Path) -> None:
    """Below a path of another application all keys keep their spelling."""
    with running(interface, tmp_path, mount=mount) as store:
        for key in ODD_KEYS:
            put = store.presign(key, method="PUT")
            assert urlsplit(put.url).path.startswith(f"{quote(mount)}/")
            assert (200, b"1") == (send(put, b"1").status, send(store.presign(key)).body)
        assert sorted(ODD_KEYS) == sorted(item.key for item in store.list())


@pytest.mark.parametrize("interface", ["asgi", "wsgi"])
def test_a_range_is_what_a_slice_would_be(interface: str, tmp_path: Path) -> None:
    """Single ranges in all three forms give the bytes of a slice, or 416 where there are none."""
    with running(interface, tmp_path) as store:
        store.upload(DATA, "a.wav")
        store.upload(b"", "empty")
        request = store.presign("a.wav")
        place = st.integers(0, 3) | st.integers(0, len(DATA) + 3)

        @settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
        @given(first=st.none() | place, last=st.none() | place)
        def check(first: int | None, last: int | None) -> None:
            text = f"bytes={'' if first is None else first}-{'' if last is None else last}"
            answer = send(request, headers={"range": text})
            if first is None:
                expected = DATA[max(len(DATA) - last, 0) :] if last else b""
            else:
                expected = DATA[first : None if last is None else last + 1]
            if (first is None and last is None) or (first is not None and last is not None and last < first):
                assert (400, "InvalidArgument") == (answer.status, answer.code)
            elif not expected:
                assert (416, "InvalidRange", f"bytes */{len(DATA)}") == (
                    answer.status,
                    answer.code,
                    answer.headers["content-range"],
                )
            else:
                begin = len(DATA) - len(expected) if first is None else first
                where = f"bytes {begin}-{begin + len(expected) - 1}/{len(DATA)}"
                assert (206, expected, where) == (answer.status, answer.body, answer.headers["content-range"])

        check()
        assert 416 == send(store.presign("empty"), headers={"range": "bytes=0-"}).status
        assert 400 == send(request, headers={"range": "bytes=0-1,3-4"}).status


def test_conditions_are_those_of_http(store: AssetStore) -> None:
    """ETags and times avoid or refuse a transfer; If-Range turns a range of an old version into the whole new one."""
    info = store.upload(DATA, "a")
    assert info.last_modified is not None
    old, now = (format_datetime(info.last_modified + timedelta(days=days), usegmt=True) for days in (-1, 1))
    own = f'"{info.etag}"'
    request = store.presign("a")
    expected = {
        (("if-none-match", own),): 304,
        (("if-none-match", f'"x", W/{own}'),): 304,
        (("if-none-match", "*"),): 304,
        (("if-none-match", '"x"'),): 200,
        (("if-modified-since", now),): 304,
        (("if-modified-since", old),): 200,
        (("if-none-match", '"x"'), ("if-modified-since", now)): 200,
        (("if-modified-since", "yesterday"),): 200,
        (("if-match", own),): 200,
        (("if-match", "*"),): 200,
        (("if-match", f"W/{own}"),): 412,
        (("if-match", '"x"'),): 412,
        (("if-unmodified-since", old),): 412,
        (("if-unmodified-since", now),): 200,
        (("range", "bytes=0-3"), ("if-range", own)): 206,
        (("range", "bytes=0-3"), ("if-range", '"x"')): 200,
        (("range", "bytes=0-3"), ("if-range", old)): 200,
    }
    assert expected == {headers: send(request, headers=dict(headers)).status for headers in expected}
    assert b"" == send(request, headers={"if-none-match": own}).body


def test_uploads_have_the_conditions_of_http(store: AssetStore) -> None:
    """An upload requires a version, or none, by ETag, list of ETags, weak ETag, ``*`` or time."""
    put, free = store.presign("a", method="PUT"), store.presign("free", method="PUT")
    for headers, there, absent in [
        ({"if-none-match": "*"}, 412, 200),
        ({"if-none-match": "ETAG"}, 412, 200),
        ({"if-none-match": 'W/"x", W/ETAG'}, 412, 200),
        ({"if-none-match": '"x"'}, 200, 200),
        ({"if-match": "*"}, 200, 412),
        ({"if-match": "ETAG"}, 200, 412),
        ({"if-match": '"x", ETAG'}, 200, 412),
        ({"if-match": "W/ETAG"}, 412, 412),
        ({"if-match": '"x"'}, 412, 412),
        ({"if-match": "ETAG", "if-none-match": "*"}, 412, 412),
        ({"if-unmodified-since": "Mon, 01 Jan 2001 00:00:00 GMT"}, 412, 200),
        ({"if-unmodified-since": "Mon, 01 Jan 2091 00:00:00 GMT"}, 200, 200),
        ({"if-modified-since": "Mon, 01 Jan 2001 00:00:00 GMT"}, 200, 200),
        ({"if-modified-since": "Mon, 01 Jan 2091 00:00:00 GMT"}, 412, 200),
    ]:
        own = f'"{store.upload(b"old", "a").etag}"'
        store.delete("free")
        sent = {name: value.replace("ETAG", own) for name, value in headers.items()}
        statuses = [send(request, b"new", headers=sent).status for request in (put, free)]
        assert (headers, [there, absent]) == (headers, statuses)
        assert (store.read("a"), store.exists("free")) == (b"new" if there == 200 else b"old", absent == 200)


def test_an_upload_is_checked_before_it_is_stored(store: AssetStore) -> None:
    """An upload that differs from its signature, length, digest or conditions is refused and leaves the old asset."""
    store.upload(b"old", "a")
    digest = hashlib.sha256(b"new").hexdigest()
    md5 = base64.b64encode(hashlib.md5(b"new").digest()).decode()
    put = store.presign("a", method="PUT", sha256=digest)
    plain, free = store.presign("a", method="PUT"), store.presign("a", method="PUT", overwrite=False)
    bound = store.presign("a", method="PUT", content_length=3, content_type="image/png")
    chunked = {"content-length": None, "transfer-encoding": "chunked"}
    refused: list[tuple[Answer, int, str]] = [
        (send(put, b"odd"), 400, "BadDigest"),
        (send(put, b"new", headers={"x-amz-checksum-sha256": None}), 403, "SignatureDoesNotMatch"),
        (send(plain, b"odd", headers={"content-md5": md5}), 400, "BadDigest"),
        (send(plain, b"odd", headers={"content-md5": "?"}), 400, "InvalidDigest"),
        (send(plain, headers={"content-length": None}), 411, "MissingContentLength"),
        (send(plain, b"3\r\nnew\r\n0\r\n\r\n", headers=chunked), 411, "MissingContentLength"),
        (send(free, b"new"), 412, "PreconditionFailed"),
        (send(plain, b"new", headers={"if-match": '"other"'}), 412, "PreconditionFailed"),
        (send(bound, b"news", headers={"content-type": "image/png"}), 403, "SignatureDoesNotMatch"),
        (send(bound, b"new", headers={"content-type": "text/html"}), 403, "SignatureDoesNotMatch"),
        (send(plain, b"new", headers={"x-amz-meta-by": "me"}), 403, "SignatureDoesNotMatch"),
        (send(plain, b"", headers={"content-length": str(6 << 30)}), 413, "EntityTooLarge"),
        (send(plain, b"new", headers={"content-encoding": "gzip"}), 501, "NotImplemented"),
        (send(plain, b"new", headers={"x-amz-checksum-crc32": "AAAAAA=="}), 501, "NotImplemented"),
        (send(plain, b"new", headers={"content-type": "no type"}), 400, "InvalidArgument"),
        (send(store.presign("a", method="PUT", expires=1), b"new", headers={"host": "evil.example"}), 400, "InvalidRequest"),
    ]
    assert [(status, code) for _, status, code in refused] == [(answer.status, answer.code) for answer, _, _ in refused]
    assert b"old" == store.read("a")
    assert 200 == send(put, b"new", headers={"content-md5": md5, "content-type": "text/x-log"}).status
    assert (b"new", "text/x-log") == (store.read("a"), store.stat("a").content_type)


def test_what_is_bound_is_stored(store: AssetStore) -> None:
    """Type, metadata and cache control of a signed PUT stay with the asset."""
    put = store.presign("a", method="PUT", content_type="image/webp", metadata={"by": "Zoë"}, cache_control="max-age=9")
    answer = send(put, b"abc")
    info = store.stat("a")
    assert (200, f'"{info.etag}"') == (answer.status, answer.headers["etag"])
    assert ("image/webp", {"by": "Zoë"}, "max-age=9") == (info.content_type, dict(info.metadata or {}), info.cache_control)


def test_packed_bytes_are_sent_as_they_are_stored(store: AssetStore) -> None:
    """An asset with a Content-Encoding is sent with that header and the stored bytes, whole and in a range."""
    packed = gzip.compress(b"<svg xmlns='http://www.w3.org/2000/svg'/>" * 20, mtime=0)
    put = store.presign("a.svgz", method="PUT", content_type="image/svg+xml", content_encoding="gzip")
    assert 403 == send(put, packed, headers={"content-encoding": "br"}).status
    assert 200 == send(put, packed).status
    whole, part = send(store.presign("a.svgz")), send(store.presign("a.svgz"), headers={"range": "bytes=4-13"})
    assert (200, "gzip", packed) == (whole.status, whole.headers["content-encoding"], whole.body)
    assert (206, "gzip", packed[4:14]) == (part.status, part.headers["content-encoding"], part.body)
    assert packed == store.read("a.svgz")


def test_a_signed_put_without_a_type_gets_one_by_its_key(tmp_path: Path) -> None:
    """And the Content-Encoding that belongs to it; a PUT with a type is taken at its word."""
    cases: list[tuple[str, str | None, tuple[str, str | None]]] = [
        ("a.svgz", None, ("image/svg+xml", "gzip")),
        ("game.wasm.br", None, ("application/wasm", "br")),
        ("a.png", None, ("image/png", None)),
        ("b.svgz", "application/gzip", ("application/gzip", None)),
    ]
    with running("asgi", tmp_path) as store:  # wsgiref says text/plain where nothing was said
        for key, sent, expected in cases:
            assert 200 == send(store.presign(key, method="PUT", content_type=sent), b"abc").status
            info = store.stat(key)
            assert (key, *expected) == (key, info.content_type, info.content_encoding)


def test_what_is_not_there_or_over_is_told_by_name(store: AssetStore) -> None:
    """A missing asset is 404 without a framework's error page; a response to HEAD has no body."""
    missing = send(store.presign("a"))
    assert (404, "NoSuchKey", "application/xml") == (missing.status, missing.code, missing.headers["content-type"])
    assert (404, b"") == ((head := send(store.presign("a", method="HEAD"))).status, head.body)
    assert 204 == send(store.presign("a", method="DELETE")).status
    for target in ("/", "/a", "/a?X-Assetstore-Expires=1", "/%2e%2e/etc/passwd", "/a?%ff"):
        answer = send(store.presign("a"), target=target)
        assert (403, "SignatureDoesNotMatch") == (answer.status, answer.code)
        assert b"passwd" not in answer.body


@pytest.mark.parametrize(
    ("content_type", "disposition"),
    [
        ("image/png", None),
        ("audio/ogg", None),
        ("video/mp4", None),
        ("text/html", "attachment"),
        ("IMAGE/PNG", None),
        ("image/svg+xml", "attachment"),
        ("image/SVG+xml; charset=utf-8", "attachment"),
        ("image/other+xml", "attachment"),
        ("image/png; a=b, text/html", "attachment"),
        ("imagex/png", "attachment"),
        ("application/pdf", None),
        ("text/plain; charset=utf-8", None),
        ("text/x-python", None),
        ("text/vtt", None),
        ("application/geo+json", None),
        ("text/html; charset=utf-8", "attachment"),
        ("text/html-sandboxed", "attachment"),
        ("text/xml", "attachment"),
        ("text/xsl", "attachment"),
        ("application/xml", "attachment"),
        ("application/xhtml+xml", "attachment"),
        ("application/atom+xml", "attachment"),
        ("application/octet-stream", "attachment"),
        ("application/pdfx", "attachment"),
        ("multipart/x-mixed-replace", "attachment"),
    ],
)
def test_only_what_cannot_run_is_shown(store: AssetStore, content_type: str, disposition: str | None) -> None:
    """Browsers save any type that they might run, whether it was stored or the URL asks for it, and a sandbox holds it."""
    store.upload(b"<script>alert(1)</script>", "a", content_type=content_type)
    store.upload(b"<script>alert(1)</script>", "b", content_type="image/png", content_disposition="inline; filename=b")
    shown = send(store.presign("a")).headers
    assert disposition == shown.get("content-disposition")
    assert (disposition is not None) == ("sandbox" in shown["content-security-policy"])
    forced = send(store.presign("b", content_type=content_type)).headers["content-disposition"]
    assert f"{disposition or 'inline'}; filename=b" == forced


@pytest.mark.parametrize("given", ['attachment x; filename="a"', "attachment, inline", "attachmentx", "inline"])
def test_what_may_run_is_saved_whatever_its_disposition(store: AssetStore, given: str) -> None:
    """A disposition that a browser would not read as an attachment becomes one."""
    store.upload(b"<b>x</b>", "a.html", content_disposition=given)
    kind, _, rest = send(store.presign("a.html")).headers["content-disposition"].partition(";")
    assert ("attachment", given.partition(";")[2]) == (kind, rest)


def test_pages_of_the_stores_origins_may_use_it_and_no_others(store: AssetStore) -> None:
    """Preflights and responses, errors too, allow the origin of the request if it is one of the store's."""
    store.upload(b"abc", "a")
    put = store.presign("a", method="PUT", content_type="image/png")
    asked = {"access-control-request-method": "PUT", "access-control-request-headers": "content-type"}
    allowed = send(put, method="OPTIONS", headers={"origin": PAGE, **asked})
    assert (204, PAGE, "PUT", "content-type") == (
        allowed.status,
        *(allowed.headers[f"access-control-allow-{name}"] for name in ("origin", "methods", "headers")),
    )
    foreign = send(put, method="OPTIONS", headers={"origin": "http://evil.example", **asked})
    assert (403, None) == (foreign.status, foreign.headers.get("access-control-allow-origin"))
    answer = send(store.presign("a"), headers={"origin": PAGE})
    assert (PAGE, "Origin") == (answer.headers["access-control-allow-origin"], answer.headers["vary"])
    assert "ETag" in answer.headers["access-control-expose-headers"]
    assert PAGE == send(store.presign("missing"), headers={"origin": PAGE}).headers["access-control-allow-origin"]
    stranger = send(store.presign("a"), headers={"origin": "http://evil.example"})
    assert (200, None) == (stranger.status, stranger.headers.get("access-control-allow-origin"))


def test_a_preflight_allows_what_was_asked_for_and_no_more(store: AssetStore) -> None:
    """A preflight allows one method and the named headers for an hour; without origin or known method it is refused."""
    request = store.presign("a")
    asked = {"origin": PAGE, "access-control-request-method": "GET"}
    allowed = send(request, method="OPTIONS", headers=asked)
    found = {name: value for name, value in allowed.headers.items() if name.startswith("access-control-")}
    assert {"allow-origin": PAGE, "allow-methods": "GET", "max-age": "3600"} == {
        name.removeprefix("access-control-"): value for name, value in found.items() if "expose" not in name
    }
    for changed in ({"access-control-request-method": "PATCH"}, {"access-control-request-method": None}, {"origin": None}):
        assert 403 == send(request, method="OPTIONS", headers=asked | changed).status
    assert 403 == send(request, method="OPTIONS", target="/", headers=asked | {"origin": f"{PAGE}.evil.example"}).status
    assert 204 == send(request, method="OPTIONS", target="/", headers=asked).status


@pytest.mark.parametrize(("origins", "expected"), [(("*",), "*"), ((), None)])
def test_any_page_or_none_may_use_a_store(tmp_path: Path, origins: tuple[str, ...], expected: str | None) -> None:
    """``*`` is sent as ``*``, never as the page's origin; without origins no page is allowed anything."""
    with running("asgi", tmp_path, origins=origins) as store:
        answer = send(store.presign("a"), headers={"origin": PAGE})
        assert (404, expected) == (answer.status, answer.headers.get("access-control-allow-origin"))
        assert not [name for name in answer.headers if name == "access-control-allow-credentials"]


def test_every_answer_tames_browsers(store: AssetStore) -> None:
    """Every response forbids sniffing, scripts and referrers; what may run is opened in a sandbox too."""
    info = store.upload(b"abc", "a")
    request, put = store.presign("a"), store.presign("a", method="PUT")
    answers = [
        send(request),
        send(request, headers={"range": "bytes=1-"}),
        send(request, headers={"if-none-match": f'"{info.etag}"'}),
        send(request, headers={"range": "bytes=9-"}),
        send(request, method="DELETE"),
        send(store.presign("none")),
        send(store.presign("a", method="HEAD")),
        send(put, b"abc"),
        send(put, headers={"content-length": None}),
        send(request, method="OPTIONS"),
        send(store.presign("a", method="DELETE")),
    ]
    assert [200, 206, 304, 416, 403, 404, 200, 200, 411, 403, 204] == [answer.status for answer in answers]
    expected = {
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; sandbox",
        "referrer-policy": "no-referrer",
        "cross-origin-resource-policy": "cross-origin",
    }
    for answer in answers:
        assert expected == {name: answer.headers.get(name) for name in expected}
    assert {"no-store"} == {answer.headers["cache-control"] for answer in answers if answer.code}
    assert {"private"} == {answer.headers["cache-control"] for answer in (answers[0], answers[1], answers[2], answers[6])}


def test_what_is_shown_has_one_policy_in_every_answer(store: AssetStore) -> None:
    """A range and a 304, whose headers replace those that a browser has cached, carry the policy of the whole asset."""
    info = store.upload(b"abc", "a.mp3")
    request = store.presign("a.mp3")
    whole, *others = [
        send(request),
        send(request, headers={"range": "bytes=1-"}),
        send(request, headers={"if-none-match": f'"{info.etag}"'}),
        send(store.presign("a.mp3", method="HEAD")),
    ]
    assert [200, 206, 304, 200] == [answer.status for answer in (whole, *others)]
    policy = whole.headers["content-security-policy"]
    assert "sandbox" not in policy
    assert {policy} == {answer.headers["content-security-policy"] for answer in others}


@pytest.mark.parametrize(
    "name", ["if-modified-since", "if-unmodified-since", "if-range", "range", "if-none-match", "if-match"]
)
def test_no_header_is_an_error_of_the_server(tmp_path: Path, name: str) -> None:
    """A senseless header is ignored or refused, and never causes a 500."""
    backend = LocalBackend(root=tmp_path, durable=False)
    with AssetStore(backend) as store:
        store.upload(b"abc", "a")
        url = urlsplit(store.presign("a").url)
    server = backend.server()
    words = st.sampled_from(
        ["bytes=", "0", "-", "9" * 5000, "Mon,", "Jan", "01", "2020", "99999", "999999999999", ":", "00:00:00"]
    )
    odd = st.sampled_from(["+2359", "-9999999", "GMT", "²", '"', "W/", "*", ",", " ", "é"])

    @settings(max_examples=200, deadline=None)
    @given(st.lists(words | odd, max_size=8).map("".join) | st.lists(words | odd, max_size=8).map(" ".join))
    def check(value: str) -> None:
        headers = {"host": url.netloc, "range": "bytes=0-", name: value}
        result = server.open(Request(method="GET", path=b"a", query=url.query, headers=headers))
        result.close()
        assert isinstance(result, Response)
        assert result.status in (200, 206, 304, 400, 412, 416)

    check()


def test_a_failure_of_the_store_is_logged_and_told_to_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The client gets 500 without details; the log explains what is wrong and what to do."""
    with running("asgi", tmp_path) as store:
        request = store.presign("a")
        (tmp_path / ".assetstore" / "signing-key").chmod(0o644)
        backend = LocalBackend(root=tmp_path, serve_url=request.url.partition("/a?")[0])
        url = urlsplit(request.url)
        answer = backend.server().open(Request(method="GET", path=b"a", query=url.query, headers={"host": url.netloc}))
        assert isinstance(answer, Response)
        assert isinstance(answer.body, bytes)
        assert (500, True, False) == (answer.status, b"InternalError" in answer.body, b"key" in answer.body)
        (record,) = caplog.records
        assert "others can read the signing key" in record.getMessage()
        assert "chmod 600" in record.getMessage()
        assert "Signature" not in caplog.text


def test_an_upload_that_cannot_fit_is_refused_before_the_disk_is_full(tmp_path: Path) -> None:
    """The declared length is compared with the free space before a byte is received."""
    backend = LocalBackend(root=tmp_path, durable=False)
    with AssetStore(backend) as store:
        url = urlsplit(store.presign("a", method="PUT").url)
    headers = {"host": url.netloc, "content-length": str(2 * backend.server().root.free_bytes())}
    request = Request(method="PUT", path=b"a", query=url.query, headers=headers)
    answer = backend.server(ApplicationOptions(max_size=1 << 62)).open(request)
    assert isinstance(answer, Response)
    assert isinstance(answer.body, bytes)
    assert (413, True) == (answer.status, b"not enough space" in answer.body)


@pytest.mark.parametrize("interface", ["asgi", "wsgi"])
def test_an_upload_that_breaks_off_leaves_nothing(interface: str, tmp_path: Path) -> None:
    """A client that hangs up half-way leaves the old asset and no file."""
    with running(interface, tmp_path) as store:
        store.upload(b"old", "a")
        url = urlsplit(store.presign("a", method="PUT").url)
        with socket.create_connection((str(url.hostname), int(url.port or 0))) as client:
            head = f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: 999\r\n\r\n"
            client.sendall(f"{head}half".encode())
    # The server has ended, and so have its requests.
    assert [] == list((tmp_path / ".assetstore" / "tmp").iterdir())
    assert b"old" == (tmp_path / "a").read_bytes()


def test_an_upload_of_more_than_is_allowed_is_refused_before_a_byte_is_read(tmp_path: Path) -> None:
    """``max_size`` limits the body of one request."""
    with running("asgi", tmp_path) as store:
        backend = store._stack.layers[0].plugin
        put = store.presign("a", method="PUT")
        url = urlsplit(put.url)
        headers = {"host": url.netloc, "content-length": "11"}
        request = Request(method="PUT", path=b"a", query=url.query, headers=headers)
        answer = backend.server(ApplicationOptions(max_size=10)).open(request)
        assert not isinstance(answer, PutRequest)
        assert 413 == answer.status


@pytest.mark.parametrize(
    ("serve_url", "host", "status"),
    [
        ("https://assets.example", "assets.example", 404),
        ("https://assets.example", "Assets.Example:443", 404),
        ("http://assets.example:80/media", "assets.example", 404),
        ("https://assets.example", "assets.example:80", 400),
        ("https://assets.example", "127.0.0.1", 400),
        ("https://assets.example", "", 400),
        ("http://127.0.0.1:8420", "localhost:9000", 404),
        ("http://[::1]:8420", "[::1]:8420", 404),
        ("http://127.0.0.1:8420", "evil.example", 400),
        ("http://127.0.0.1:8420", "127.0.0.1.evil.example", 400),
        ("http://127.0.0.1:8420", "user@127.0.0.1:8420", 400),
        ("http://127.0.0.1:8420", "127.0.0.1:port", 400),
        ("http://127.0.0.1:8420", "[::1", 400),
    ],
)
def test_only_the_host_of_the_store_is_answered(tmp_path: Path, serve_url: str, host: str, status: int) -> None:
    """A foreign name that resolves to this machine is refused; a default port may be left out."""
    with AssetStore(backend := LocalBackend(root=tmp_path, serve_url=serve_url)) as store:
        url = urlsplit(store.presign("a").url)
        answer = backend.server().open(Request(method="GET", path=b"a", query=url.query, headers={"host": host}))
        assert not isinstance(answer, PutRequest)
        assert status == answer.status
