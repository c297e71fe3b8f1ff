"""Guarantees about signed requests and public URLs."""

from __future__ import annotations

import inspect
import re
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, TypeAlias
from urllib.parse import unquote, urlsplit

import pytest

from assetstore.direct.send import Sender
from assetstore.errors import InvalidKeyError, UnsupportedError
from assetstore.options import Method
from assetstore.store import AssetStore
from assetstore.testing.contract import summary
from assetstore.testing.contract.fixtures import Able, Fixtures
from assetstore.testing.faulty import FaultyBackend
from assetstore.testing.observer import RecordingObserver

Signing: TypeAlias = AssetStore | None

METHODS: tuple[Method, ...] = ("GET", "HEAD", "PUT", "DELETE")


class SigningFixtures(Fixtures):
    """What signs, and what sends."""

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

    @pytest.fixture
    def send(self, signing: Signing, spy: FaultyBackend) -> Sender:
        """Return what sends signed requests: to the backend's own application if it has one, else over HTTP."""
        return Sender.to(AssetStore(("backend", spy)))


class SigningGuarantees(SigningFixtures):
    """URLs that work without credentials, where a backend has them.

    A signed request is a secret: whoever holds it may send it until it expires, and can do nothing else with it.
    """

    patience: ClassVar[int] = 30
    """Seconds that the clock of a server may be late."""

    def test_a_signed_url_works_as_it_was_signed(self, signing: Signing, able: Able, send: Sender) -> None:
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
        head = send(store.presign(key, method="HEAD"))
        assert (200, b"", "3") == (head.status, head.body, head.headers["content-length"])
        assert 200 == send(store.presign(key, method="PUT"), b"new").status
        assert b"new" == store.read(key)
        assert send(store.presign(key, method="DELETE")).status in (200, 204)
        assert not store.exists(key)

    def test_signing_needs_no_network(self, signing: Signing, able: Able, monkeypatch: pytest.MonkeyPatch) -> None:
        """A request is signed without a connection, for an asset that is there or not."""
        if signing is None:
            return

        def refuse(*_: Any, **__: Any) -> None:
            raise AssertionError("signing asked the network")

        with monkeypatch.context() as patch:
            for name in ("connect", "connect_ex", "send", "sendall", "sendto"):
                patch.setattr(socket.socket, name, refuse)
            patch.setattr(socket, "getaddrinfo", refuse)
            for method in METHODS if able("presign.method") else ("GET",):
                assert method == signing.presign("missing", method=method).method

    def test_a_signed_get_is_answered_with_its_type(self, signing: Signing, able: Able, send: Sender) -> None:
        """``content_type`` of a signed GET is what the answer declares, whatever is stored."""
        if signing is None or not able("presign.content_type"):
            return
        signing.upload(b"abc", "a.png")
        status, data, headers = send(signing.presign("a.png", content_type="image/webp"))
        assert (200, b"abc", "image/webp") == (status, data, headers["content-type"].partition(";")[0])

    @pytest.mark.parametrize("name", ["map of the keep.webp", 'Karte "Süd" – 100 %; 地図.webp'], ids=["ascii", "unicode"])
    def test_a_signed_get_is_saved_under_its_name(self, signing: Signing, able: Able, send: Sender, name: str) -> None:
        """``download_as`` of a signed GET is the file name of an attachment, in any script (RFC 6266)."""
        if signing is None or not able("presign.download_as"):
            return
        signing.upload(b"abc", "a.webp")
        answer = send(signing.presign("a.webp", download_as=name))
        disposition = answer.headers["content-disposition"]
        assert (200, b"abc", "attachment", name) == (*answer[:2], disposition.partition(";")[0], saved_as(disposition))

    def test_a_signed_get_gives_runs_of_bytes(self, signing: Signing, send: Sender) -> None:
        """A player that seeks asks a signed URL for ranges, and is answered 206."""
        if signing is None:
            return
        signing.upload(b"0123456789", "a")
        request = signing.presign("a")
        for asked, run, data in (("2-4", "2-4", b"234"), ("7-", "7-9", b"789"), ("-1", "9-9", b"9"), ("8-99", "8-9", b"89")):
            answer = send(request, headers={"Range": f"bytes={asked}"})
            assert (206, data, f"bytes {run}/10") == (answer.status, answer.body, answer.headers["content-range"])
        assert 416 == send(request, headers={"Range": "bytes=10-"}).status

    def test_a_signed_url_of_nothing_is_not_found(self, signing: Signing, able: Able, send: Sender) -> None:
        """A valid request for an asset that is not there is answered 404, and to delete it is no error."""
        if signing is None:
            return
        assert 404 == send(signing.presign("missing")).status
        if able("presign.method"):
            assert 404 == send(signing.presign("missing", method="HEAD")).status
            assert send(signing.presign("missing", method="DELETE")).status in (200, 204)

    def test_a_signed_url_ends_when_it_says(self, signing: Signing, able: Able, send: Sender) -> None:
        """A signed request tells when it ends, works before, and is refused after."""
        if signing is None or not able("presign.expires"):
            return
        signing.upload(b"abc", "a")
        week = signing.presign("a", expires=timedelta(days=7))
        assert abs(week.expires_at - datetime.now(UTC) - timedelta(days=7)) < timedelta(minutes=1)
        assert 200 == send(week).status
        hour = signing.presign("a", expires="1h")
        assert abs(hour.expires_at - datetime.now(UTC) - timedelta(hours=1)) < timedelta(minutes=1)
        request = signing.presign("a", expires=1)
        assert abs(request.expires_at - datetime.now(UTC)) < timedelta(minutes=1)
        deadline, is_last = time.monotonic() + self.patience, False
        # However long an answer takes, the last request begins behind the deadline.
        while (status := send(request).status) == 200 and not is_last:
            is_last = time.monotonic() > deadline
        assert 403 == status

    def test_one_window_has_one_signed_url(self, signing: Signing, able: Able, send: Sender) -> None:
        """Within ``window`` the same URL is signed again and again; it ends ``expires`` seconds after the window does."""
        if signing is None or not able("presign.window"):
            return
        signing.upload(b"abc", "a")
        requests = [signing.presign("a", expires=600, window=86_400) for _ in range(3)]
        # One window may end between two of three calls, but not two of them.
        assert requests[1].url in (requests[0].url, requests[2].url)
        assert (200, b"abc") == send(requests[1])[:2]
        end = requests[2].expires_at
        assert 0 == (end.timestamp() - 600) % 86_400
        assert timedelta(seconds=540) < end - datetime.now(UTC) <= timedelta(seconds=600 + 86_400)

    def test_many_are_signed_as_one_by_one(self, signing: Signing, able: Able, send: Sender) -> None:
        """``presign_many`` gives for each key, in any script, what ``presign`` gives, and refuses one that is not valid."""
        if signing is None:
            return
        keys = ["a b.png", "ü/地図.webp", "100%.txt"]
        for key in keys:
            signing.upload(key.encode(), key)
        many = signing.presign_many([*keys, keys[0]])
        assert keys == list(many)
        assert [(200, key.encode()) for key in keys] == [send(request)[:2] for request in many.values()]
        if able("presign.window"):
            singly = [{key: signing.presign(key, window=86_400) for key in keys} for _ in range(2)]
            # A window may end once meanwhile.
            assert signing.presign_many(keys, window=86_400) in singly or singly[0] != singly[1]
        with pytest.raises(InvalidKeyError):
            signing.presign_many(["a b.png", "../a"])

    def test_a_signed_url_allows_nothing_else(self, signing: Signing, able: Able, send: Sender) -> None:
        """Another key, a changed signature or a further parameter is refused."""
        if signing is None:
            return
        store = signing
        store.upload(b"abc", "a")
        store.upload(b"secret", "b")
        request = store.presign("a")
        changed = request.url[:-1] + ("0" if request.url[-1] != "0" else "1")
        moved = request.url.replace("/a?", "/b?")
        for url in (changed, moved, f"{request.url}&response-content-type=text%2Fhtml", request.url.partition("?")[0]):
            assert 400 <= send(request, url=url).status < 500
        assert b"abc" == store.read("a")

    def test_a_signed_url_is_for_one_method(self, signing: Signing, able: Able, send: Sender) -> None:
        """A URL that was signed for one method is refused for each other one, and changes nothing."""
        if signing is None:
            return
        signing.upload(b"abc", "a")
        for method in METHODS if able("presign.method") else ("GET",):
            request = signing.presign("a", method=method)
            for other in METHODS:
                if other != method:
                    status = send(request, b"evil" if other == "PUT" else None, method=other).status
                    assert (method, other, True) == (method, other, 400 <= status < 500)
        assert b"abc" == signing.read("a")

    def test_an_application_honours_signed_urls(self, signing: Signing, able: Able, send: Sender) -> None:
        """Where signed URLs lead to an application of the store's own, it comes for WSGI, as tried here, and for ASGI."""
        if signing is None or not able("application"):
            return
        signing.upload(b"abc", "a")
        assert (200, b"abc") == send(signing.presign("a"))[:2]
        assert 403 == send(signing.presign("a"), method="DELETE").status
        asgi = signing.application("asgi")
        assert inspect.iscoroutinefunction(asgi) or inspect.iscoroutinefunction(type(asgi).__call__)

    def test_an_application_has_a_largest_upload(self, signing: Signing, able: Able, spy: FaultyBackend) -> None:
        """``max_size`` of an application is the most bytes that it takes; more are answered 413, and nothing is stored."""
        if signing is None or not (able("application.max_size") and able("presign.method")):
            return
        send = Sender.to(AssetStore(("backend", spy)), max_size=3)
        request = signing.presign("a", method="PUT")
        assert 413 == send(request, b"four").status
        assert not signing.exists("a")
        assert 200 == send(request, b"abc").status
        assert b"abc" == signing.read("a")

    def test_what_an_application_answers_is_an_event(
        self, signing: Signing, able: Able, spy: FaultyBackend, prefix: str
    ) -> None:
        """A signed request that the store's application answers is an event of its operation; another request is none."""
        if signing is None or not able("application.begin"):
            return
        signing.upload(b"abc", "a")
        observer = RecordingObserver()
        send = Sender.to(AssetStore(("backend", spy), plugins=[observer]))
        observer.events.clear()
        request = signing.presign("a")
        send(request, method="DELETE")
        send(request)
        events = [(event.op, event.key, event.bytes, event.outcome) for event in observer.events]
        assert [("read", f"{prefix}a", 3, "ok")] == events

    def test_a_public_url_names_the_key(
        self, store: AssetStore, prefix: str, record_property: Callable[[str, object], None]
    ) -> None:
        """The public URL ends in the quoted key and is told without a request; ``can`` says whether there is one."""
        try:
            url = store.url("odd/ü &+%2F=?#.png")
        except UnsupportedError:
            record_property(summary.LEFT_OUT, f"{type(self).__name__}: url")
            assert not store.can("url")
            return
        assert store.can("url")
        assert url.isascii()
        assert unquote(urlsplit(url).path).endswith(f"/{prefix}odd/ü &+%2F=?#.png")


def saved_as(disposition: str) -> str:
    """Return the file name that a Content-Disposition names; ``filename*`` goes before ``filename`` (RFC 6266, 4.3)."""
    if extended := re.search(r"filename\*=UTF-8''([^; ]+)", disposition):
        return unquote(extended[1])
    plain = re.search(r'filename="([^"]*)"', disposition)
    return plain[1] if plain else ""
