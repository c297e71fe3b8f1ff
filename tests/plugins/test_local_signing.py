"""Signed URLs of a folder: every key has one, it allows one request, and it expires on time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from assetstore import AssetStore
from assetstore.plugin import PresignOptions, SigningKeys, is_valid_key, normalize_key
from assetstore_local import LocalBackend
from assetstore_local.http.put_request import PutRequest
from assetstore_local.http.responses import Response
from assetstore_local.http.verify import Request
from assetstore_local.presign import EXPIRES, SIGNATURE, presign, signed_fields

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
