"""Guarantees about signed requests and public URLs."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias
from urllib.parse import unquote, urlsplit

import pytest

from assetstore.errors import UnsupportedError
from assetstore.signed import PresignedRequest
from assetstore.store import AssetStore
from assetstore.testing.contract import summary
from assetstore.testing.contract.fixtures import Able, Fixtures

Signing: TypeAlias = AssetStore | None

SECONDS_UNTIL_REFUSED = 30


class SigningGuarantees(Fixtures):
    """URLs that work without credentials, where a backend has them.

    A signed request is a secret: whoever holds it may send it until it expires, and can do nothing else with it.
    """

    @pytest.fixture
    def signing(self, store: AssetStore, able: Able, record_property: Callable[[str, object], None]) -> Signing:
        """Return the store, or ``None`` where it has no signed URLs or they lead to no server."""
        if not able("presign"):
            return None
        try:
            store.presign("a")
        except UnsupportedError:
            record_property(summary.LEFT_OUT, f"{type(self).__name__}: presign")
            return None
        return store

    def test_a_signed_url_works_as_it_was_signed(self, signing: Signing, able: Able) -> None:
        """Signed requests read, look up, write and delete without credentials, under odd keys too; no repr shows the URL."""
        if signing is None:
            return
        store, key = signing, "odd/ü &+%2F=?#.png"
        store.upload(b"abc", key)
        request = store.presign(key)
        assert (200, b"abc") == send(request)[:2]
        assert request.url not in repr(request)
        if not able("presign.method"):
            return
        assert (200, b"") == send(store.presign(key, method="HEAD"))[:2]
        assert 200 == send(store.presign(key, method="PUT"), b"new")[0]
        assert b"new" == store.read(key)
        assert send(store.presign(key, method="DELETE"))[0] in (200, 204)
        assert not store.exists(key)

    def test_a_signed_get_is_answered_with_its_type(self, signing: Signing, able: Able) -> None:
        """``content_type`` of a signed GET is what the answer declares, whatever is stored."""
        if signing is None or not able("presign.content_type"):
            return
        signing.upload(b"abc", "a.png")
        status, data, headers = send(signing.presign("a.png", content_type="text/plain"))
        assert (200, b"abc", "text/plain") == (status, data, headers["content-type"].partition(";")[0])

    def test_a_signed_put_stores_its_type(self, signing: Signing, able: Able) -> None:
        """``content_type`` of a signed PUT stands among the headers to send, and is stored."""
        if signing is None or not able("presign.content_type") or not able("presign.method"):
            return
        request = signing.presign("a", method="PUT", content_type="image/webp")
        assert "image/webp" in request.headers.values()
        assert 200 == send(request, b"new")[0]
        assert (b"new", "image/webp") == (signing.read("a"), signing.stat("a").content_type)

    def test_a_signed_url_ends_when_it_says(self, signing: Signing, able: Able) -> None:
        """A signed request tells when it ends, works before, and is refused after."""
        if signing is None or not able("presign.expires"):
            return
        signing.upload(b"abc", "a")
        week = signing.presign("a", expires=timedelta(days=7))
        assert abs(week.expires_at - datetime.now(UTC) - timedelta(days=7)) < timedelta(minutes=1)
        assert 200 == send(week)[0]
        request = signing.presign("a", expires=1)
        assert abs(request.expires_at - datetime.now(UTC)) < timedelta(minutes=1)
        deadline = time.monotonic() + SECONDS_UNTIL_REFUSED
        while (status := send(request)[0]) == 200 and time.monotonic() < deadline:
            continue
        assert 400 <= status < 500

    def test_a_signed_url_allows_nothing_else(self, signing: Signing, able: Able) -> None:
        """Another key, another method, another type or a changed signature is refused."""
        if signing is None:
            return
        store = signing
        store.upload(b"abc", "a")
        store.upload(b"secret", "b")
        request = store.presign("a")
        changed = request.url[:-1] + ("0" if request.url[-1] != "0" else "1")
        assert 400 <= send(request, url=changed)[0] < 500
        assert 400 <= send(request, url=request.url.replace("/a?", "/b?"))[0] < 500
        assert 400 <= send(request, b"evil", method="PUT")[0] < 500
        if able("presign.method") and able("presign.content_type"):
            typed = store.presign("a", method="PUT", content_type="image/png")
            assert 400 <= send(typed, b"evil", headers={"Content-Type": "text/html"})[0] < 500
        assert b"abc" == store.read("a")

    def test_a_public_url_names_the_key(
        self, store: AssetStore, prefix: str, record_property: Callable[[str, object], None]
    ) -> None:
        """The public URL ends in the quoted key and is told without a request."""
        try:
            url = store.url("odd/ü &+%2F=?#.png")
        except UnsupportedError:
            record_property(summary.LEFT_OUT, f"{type(self).__name__}: url")
            return
        assert url.isascii()
        assert unquote(urlsplit(url).path).endswith(f"/{prefix}odd/ü &+%2F=?#.png")


def send(
    request: PresignedRequest,
    body: bytes | None = None,
    *,
    url: str | None = None,
    method: str | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, bytes, dict[str, str]]:
    """Send a signed request, or what somebody made of it; return status, body and headers, their names in lower case."""
    sent = {**request.headers, **(headers or {})}
    if body is not None:
        # urllib would declare a form otherwise, which was not signed.
        sent.setdefault("Content-Type", "")
    raw = urllib.request.Request(url or request.url, data=body, method=method or request.method, headers=sent)  # noqa: S310 - the URL is the backend's own
    try:
        with urllib.request.urlopen(raw) as answer:  # noqa: S310 - as above
            return answer.status, answer.read(), {name.lower(): value for name, value in answer.headers.items()}
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), {name.lower(): value for name, value in error.headers.items()}
