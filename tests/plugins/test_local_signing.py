"""Signed URLs of a folder: every key has one, it allows one request, and it expires on time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

import attrs
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from assetstore import AssetStore
from assetstore.plugin import Part, PresignOptions, SigningKeys, is_valid_key, normalize_key
from assetstore_local import LocalBackend
from assetstore_local.http import verify as verify_module
from assetstore_local.http.put_request import PutRequest
from assetstore_local.http.responses import Response
from assetstore_local.http.verify import Request
from assetstore_local.presign import EXPIRES, SIGNATURE, presign, public_url, signed_fields

SECRET = "s" * 32
TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=30)
KEYS = TEXTS.filter(is_valid_key).map(normalize_key).filter(is_valid_key)
NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789_.-!", min_size=1, max_size=12).filter(
    lambda name: not name.startswith("assetstore-")
)
PUTS = st.fixed_dictionaries(
    {"method": st.just("PUT")},
    optional={
        "content_type": st.sampled_from(["image/webp", "text/plain; charset=utf-8"]),
        "content_length": st.integers(0, 1 << 30),
        "sha256": st.binary(min_size=32, max_size=32).map(bytes.hex),
        "metadata": st.dictionaries(NAMES, TEXTS | st.just(""), max_size=3),
        "cache_control": st.sampled_from(["no-store", "public, max-age=60"]),
        "overwrite": st.booleans(),
    },
)
GETS = st.fixed_dictionaries(
    {"method": st.just("GET")},
    optional={"content_type": st.sampled_from(["image/webp", "text/html"]), "download_as": TEXTS, "window": st.just(60)},
)
OTHERS = st.sampled_from([{"method": "HEAD"}, {"method": "DELETE"}, {"method": "HEAD", "window": 60}])


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalBackend]:
    """Return a backend over a folder, as a server has it."""
    backend = LocalBackend(root=tmp_path_factory.mktemp("assets"), durable=False, signing_keys=(SECRET,))
    with AssetStore(backend):
        yield backend


def arrived(url: str, method: str, **headers: str) -> Request:
    """Return a request as the server gets it."""
    parts = urlsplit(url)
    return Request(method=method, path=parts.path[1:].encode(), query=parts.query, headers={"host": parts.netloc, **headers})


def status_and_body(result: Response | PutRequest) -> tuple[int, bytes]:
    """Return the status of the immediate response; 100 stands for a PutRequest."""
    result.close()
    if isinstance(result, PutRequest):
        return 100, b""
    return result.status, result.body if isinstance(result.body, bytes) else b""


@settings(suppress_health_check=list(HealthCheck), deadline=None)
@given(key=KEYS, options=PUTS | GETS | OTHERS)
@example(key="a//b/", options={"method": "GET"})
@example(key=" 😀 ", options={"method": "PUT", "metadata": {"a_b": " =?utf-8?q?x?= "}})
def test_whatever_can_be_signed_is_served(backend: LocalBackend, key: str, options: dict[str, Any]) -> None:
    """No genuine request is refused, whatever the key and whatever it is bound to; its path is the key, quoted once."""
    # The signer has the secret only, and no folder.
    elsewhere = LocalBackend(root=Path("nowhere"), signing_keys=(SECRET,))
    request = elsewhere.assetstore_presign(key=key, options=PresignOptions(**options))
    assert request is not None
    path = urlsplit(request.url).path
    assert (f"/{key}", True) == (unquote(path, errors="strict"), path.isascii())
    headers = {"content-length": "3", **request.headers} if request.method == "PUT" else {}
    expected = {"GET": 404, "HEAD": 404, "PUT": 100, "DELETE": 204}[request.method]
    assert expected == status_and_body(backend.server().open(arrived(request.url, request.method, **headers)))[0]


PAIRS = st.dictionaries(TEXTS, TEXTS, max_size=3)
SIGNED = st.tuples(st.sampled_from(["GET", "PUT"]), TEXTS, PAIRS, PAIRS.map(dict.items).map(sorted).map(tuple))


@given(SIGNED, SIGNED)
def test_different_requests_have_different_fields(
    one: tuple[str, str, dict[str, str], tuple[tuple[str, str], ...]],
    other: tuple[str, str, dict[str, str], tuple[tuple[str, str], ...]],
) -> None:
    """Key, parameters and headers cannot pass for one another: the signed fields show where each begins."""
    assert (one == other) == (signed_fields(*one) == signed_fields(*other))


@pytest.mark.parametrize("seconds", [-3600, 0, 1, 60])
def test_a_request_that_has_ended_says_so_only_if_it_was_genuine(backend: LocalBackend, seconds: int) -> None:
    """A URL expires to the second; a forged request learns nothing of its expiry."""
    query = {EXPIRES: str(int(time.time()) - seconds)}
    query[SIGNATURE] = backend.server().keys().sign(*signed_fields("GET", "a", query, ()))
    server, url = backend.server(), f"{backend.serve_url}/a?{urlencode(query)}"
    status, body = status_and_body(server.open(arrived(url, "GET")))
    expected = (404, b"<Code>NoSuchKey</Code>") if seconds < 0 else (403, b"<Code>ExpiredRequest</Code>")
    assert (expected[0], True) == (status, expected[1] in body)
    forged = {**query, EXPIRES: str(int(time.time()) - seconds - 1)}
    status, body = status_and_body(server.open(arrived(f"{backend.serve_url}/a?{urlencode(forged)}", "GET")))
    assert (403, True) == (status, b"<Code>SignatureDoesNotMatch</Code>" in body)


@pytest.mark.parametrize(
    "expires", ["", "0x7fffffff", "1e12", "+9999999999", " 9999999999", "9999999999.0", "٩" * 10, "9" * 5000]
)
def test_a_time_that_nobody_signed_is_never_read(backend: LocalBackend, expires: str) -> None:
    """An expiry in other digits or forms is refused as forged."""
    signature = backend.server().keys().sign(*signed_fields("GET", "a", {EXPIRES: "9999999999"}, ()))
    url = f"{backend.serve_url}/a?{urlencode({EXPIRES: expires, SIGNATURE: signature})}"
    status, body = status_and_body(backend.server().open(arrived(url, "GET")))
    assert (403, True) == (status, b"<Code>SignatureDoesNotMatch</Code>" in body)


def test_all_that_is_forged_is_answered_alike(backend: LocalBackend) -> None:
    """Whatever is wrong, the response is the same, byte for byte, and shows neither key nor path nor secret."""
    good = backend.assetstore_presign(key="maps/a", options=PresignOptions())
    assert good is not None
    other = presign(SigningKeys.new(), backend.serve_url, "maps/a", PresignOptions())
    urls = [
        good.url.replace("maps/a", "maps/b"),
        good.url.partition("?")[0],
        f"{good.url}&{EXPIRES}=1",
        f"{good.url}&versionId=1",
        f"{good.url}%00",
        good.url.replace("/maps", "/%ff"),
        other.url,
    ]
    answers = [backend.server().open(arrived(url, "GET")) for url in urls]
    answers.append(backend.server().open(arrived(good.url, "PUT", **{"content-length": "3"})))
    responses = [answer for answer in answers if isinstance(answer, Response)]
    seen = {(response.status, bytes(response.body), *response.headers.items()) for response in responses}
    assert 1 == len(seen)
    assert b"maps" not in next(iter(seen))[1]
    assert len(urls) + 1 == len(responses)


def test_the_secret_of_a_folder_is_read_once(tmp_path: Path) -> None:
    """A running process keeps its secret; a new one reads the file."""
    backend = LocalBackend(root=tmp_path, durable=False)
    first = backend.server().keys().sign("purpose")
    key = tmp_path / ".assetstore" / "signing-key"
    key.rename(tmp_path / "key")
    assert (first, False) == (backend.server().keys().sign("purpose"), key.exists())
    (tmp_path / "key").rename(key)
    assert first == LocalBackend(root=tmp_path).server().keys().sign("purpose")
    # A new key in front of the file signs from now on; the old one behind it is still good.
    key.write_text(f"{'n' * 43}\n{key.read_text()}")
    rotated = LocalBackend(root=tmp_path).server().keys()
    running = backend.server().keys()
    assert (True, False) == (rotated.verify(first, "purpose"), running.verify(rotated.sign("purpose"), "purpose"))


def test_a_signed_url_says_what_it_is_for() -> None:
    """Its parameters are the bound ones, the expiry and the signature; headers and end are told with it."""
    keys = SigningKeys.of([SECRET])
    options = PresignOptions(content_type="image/webp", download_as="a b.webp", expires=60)
    before = int(time.time())
    request = presign(keys, "http://127.0.0.1/x/", "a b/ü", options)
    assert request.expires_at is not None
    end = int(request.expires_at.timestamp())
    assert before + 60 <= end <= int(time.time()) + 61
    url, _, signature = request.url.partition("&X-Assetstore-Signature=")
    disposition = "response-content-disposition=attachment%3B%20filename%3D%22a%20b.webp%22"
    expected = f"{disposition}&response-content-type=image%2Fwebp&X-Assetstore-Expires={end}"
    assert f"http://127.0.0.1/x/a%20b/%C3%BC?{expected}" == url
    query = {
        "response-content-disposition": 'attachment; filename="a b.webp"',
        "response-content-type": "image/webp",
        EXPIRES: str(end),
    }
    assert keys.sign(*signed_fields("GET", "a b/ü", query, ())) == signature
    part = presign(keys, "http://h", "k", PresignOptions(method="PUT", part=Part(upload_id="u", number=7))).url
    assert "http://h/k?partNumber=7&uploadId=u&X-Assetstore-Expires=" == part[: part.index("Expires=") + 8]
    assert ("PUT", {"content-length": "3"}) == _request_of(keys, PresignOptions(method="PUT", content_length=3))


def _request_of(keys: SigningKeys, options: PresignOptions) -> tuple[str, dict[str, str]]:
    request = presign(keys, "http://h", "k", options)
    assert "X-Assetstore-Headers=content-length&" in request.url
    return request.method, dict(request.headers)


@pytest.mark.parametrize("base", ["http://h/XX", "http://h/XX/", "http://h/XX//"])
def test_a_public_url_is_the_quoted_key_below_its_base(base: str) -> None:
    """With one slash between, whether the base ends with one or not."""
    assert "http://h/XX/a%20b/%C3%BC" == public_url(base, "a b/ü")
    assert presign(SigningKeys.of([SECRET]), base, "a", PresignOptions()).url.startswith("http://h/XX/a?")


def test_a_parameter_is_no_header() -> None:
    """The number of parameters tells where the headers begin, and pairs of either kind have one order."""
    parameter = signed_fields("GET", "k", {"a": "b"}, [])
    header = signed_fields("GET", "k", {}, [("a", "b")])
    assert (("url GET", "k", "1", "a", "b"), ("url GET", "k", "0", "a", "b")) == (parameter, header)
    assert ("url PUT", "k", "1", "x", "1", "a", "2", "b", "3") == signed_fields(
        "PUT", "k", {SIGNATURE: "s", "x": "1"}, [("b", "3"), ("a", "2")]
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda query: f"{query}&partNumber=",
        lambda query: f"X-Assetstore-Headers=&{query}",
        lambda query: query.replace("%EF%BF%BD", "%FF"),
        lambda query: query.replace("%EF%BF%BD", "%EF%BF"),
        lambda query: f"{query}&" + "&".join(f"a{number}=" for number in range(30)),
        lambda query: f"{query}&a",
    ],
)
def test_a_query_is_taken_as_it_was_signed(backend: LocalBackend, change: Callable[[str], str]) -> None:
    """Empty parameters count, and bytes that are no UTF-8 are not taken for the character that stands for them."""
    query = {EXPIRES: "9999999999", "response-content-disposition": "\ufffd"}
    query[SIGNATURE] = backend.server().keys().sign(*signed_fields("GET", "a", query, ()))
    genuine = arrived(f"{backend.serve_url}/a?{urlencode(query)}", "GET")
    assert 404 == status_and_body(backend.server().open(genuine))[0]
    forged = attrs.evolve(genuine, query=change(genuine.query))
    assert genuine.query != forged.query
    status, body = status_and_body(backend.server().open(forged))
    assert (403, True) == (status, b"<Code>SignatureDoesNotMatch</Code>" in body)


def test_a_bound_header_without_a_value_may_be_left_out(backend: LocalBackend) -> None:
    """Some clients send no header that is empty; one that has a value is missed."""
    request = backend.assetstore_presign(key="a", options=PresignOptions(method="PUT", metadata={"by": ""}))
    assert request is not None
    headers = {name: value for name, value in request.headers.items() if value}
    assert len(headers) < len(request.headers)
    server = backend.server()
    assert 100 == status_and_body(server.open(arrived(request.url, "PUT", **{"content-length": "3", **headers})))[0]
    assert 403 == status_and_body(server.open(arrived(request.url, "PUT", **{"content-length": "3"})))[0]


def test_a_request_ends_at_its_last_second(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """A moment before it is served; from its end on it says that it has expired."""
    query = {EXPIRES: "1780000000"}
    query[SIGNATURE] = backend.server().keys().sign(*signed_fields("GET", "a", query, ()))
    request = arrived(f"{backend.serve_url}/a?{urlencode(query)}", "GET")

    class Clock(datetime):
        """Stands still."""

        moment = 0.0

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]  # as datetime's
            return datetime.fromtimestamp(cls.moment, tz)

    monkeypatch.setattr(verify_module, "datetime", Clock)
    for Clock.moment, expected in ((1_779_999_999.9, 404), (1_780_000_000.0, 403), (1_780_000_001.0, 403)):
        status, body = status_and_body(backend.server().open(request))
        assert (expected, expected == 403) == (status, b"<Message>Request has expired</Message>" in body)


@pytest.mark.parametrize("key", ["../a", "a/../b", "e\u0301", "a\nb", "/a", ""])
def test_a_key_that_breaks_the_rules_is_refused_though_it_was_signed(backend: LocalBackend, key: str) -> None:
    """Whoever has the secret and no rules cannot reach what is no asset."""
    query = {EXPIRES: "9999999999"}
    query[SIGNATURE] = backend.server().keys().sign(*signed_fields("GET", key, query, ()))
    request = Request(
        method="GET", path=quote(key, safe="").encode(), query=urlencode(query), headers={"host": "127.0.0.1:8420"}
    )
    status, body = status_and_body(backend.server().open(request))
    assert (403, True) == (status, b"<Code>SignatureDoesNotMatch</Code>" in body)
