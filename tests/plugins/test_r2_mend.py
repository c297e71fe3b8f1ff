"""A refused signature is made once more when its cause can be removed."""

from __future__ import annotations

import calendar
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from typing import Any

import attrs
import pytest
from r2_stand_in import Reply, Request, backend_at, error_reply, get, stand_in

from assetstore import AccessDeniedError, CredentialsError
from assetstore.plugin import StatOptions

ETAG = {"etag": '"900150983cd24fb0d6963f7d28e17f72"'}


def seconds_of(request: Request) -> float:
    """Return the time by which a request was signed."""
    return calendar.timegm(time.strptime(request.headers["x-amz-date"], "%Y%m%dT%H%M%SZ"))


@pytest.mark.parametrize("ahead", [-4000.0, 4000.0])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_wrong_clock_is_set_by_the_stores(ahead: float, method: str) -> None:
    """The second attempt is signed by the time of the answer, and so are all later requests."""

    def script(request: Request, forward: Any) -> Reply:
        now = time.time() + ahead
        if abs(seconds_of(request) - now) > 900:
            body = {} if method == "HEAD" else {"code": "RequestTimeTooSkewed"}
            reply = error_reply(403, body.get("code", ""), headers={"date": formatdate(now, usegmt=True)})
            return attrs.evolve(reply, body=b"") if method == "HEAD" else reply
        return Reply(200, {**ETAG, "content-length": "3"}, b"abc")

    with stand_in(script=script) as server:
        backend = backend_at(server.url)
        for _ in range(2):
            if method == "GET":
                assert b"abc" == get(backend, "a")
            else:
                assert backend.assetstore_stat(key="a", options=StatOptions()) is not None
        backend.assetstore_close()
        assert 3 == len(server.requests)


def test_a_wrong_clock_is_set_for_all_threads() -> None:
    """Requests that were signed by the wrong time together are all made once more."""
    together = threading.Barrier(4)

    def script(request: Request, forward: Any) -> Reply:
        now = time.time() + 4000
        if abs(seconds_of(request) - now) <= 900:
            return Reply(200, ETAG, b"abc")
        together.wait()
        return error_reply(403, "RequestTimeTooSkewed", headers={"date": formatdate(now, usegmt=True)})

    with stand_in(script=script) as server:
        backend = backend_at(server.url)
        with ThreadPoolExecutor(4) as threads:
            assert [b"abc"] * 4 == list(threads.map(lambda key: get(backend, key), "abcd"))
        backend.assetstore_close()


def test_a_refusal_at_the_same_time_is_final() -> None:
    """A 403 with the right date, with none, or with one that cannot be read, is not retried."""
    for headers in ({"date": formatdate(usegmt=True)}, {}, {"date": "yesterday"}):
        with stand_in(script=lambda request, forward, h=headers: error_reply(403, "AccessDenied", headers=h)) as server:  # type: ignore[misc]  # bound now
            backend = backend_at(server.url)
            with pytest.raises(AccessDeniedError):
                get(backend, "a")
            backend.assetstore_close()
            assert 1 == len(server.requests)


@pytest.mark.parametrize(("renew", "count"), [(True, 2), (False, 1)])
def test_expired_credentials_are_used_once_more_only_if_they_renew(renew: bool, count: int) -> None:
    """Those of the configuration stay as they are."""

    class Renewing:
        access_key, secret_key, session_token = "k", "s", None

        def refresh_needed(self) -> bool:
            return False

        def get_frozen_credentials(self) -> Any:
            return attrs.make_class("Frozen", ["access_key", "secret_key", "token"])("k", "s", None)

    with stand_in(script=lambda request, forward: error_reply(400, "ExpiredToken")) as server:
        backend = backend_at(server.url)
        if renew:
            backend._opened.get().signer.credentials = Renewing()
        with pytest.raises(CredentialsError, match="expired"):
            get(backend, "a")
        backend.assetstore_close()
        assert count == len(server.requests)
