"""The page for people who open an address that nobody has signed, by ASGI and by WSGI."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from local_server import running, send

BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"}
SAFE = {
    "content-security-policy": "default-src 'none'; sandbox",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


@pytest.mark.parametrize("mount", ["", "/my/assets"])
@pytest.mark.parametrize("interface", ["asgi", "wsgi"])
def test_a_browser_is_told_how_to_get_a_link_and_nothing_else(interface: str, mount: str, tmp_path: Path) -> None:
    """The answer is the same whether or not there is an asset, has no script or address, and keeps its status."""
    with running(interface, tmp_path / "assets", mount) as store:
        store.upload(b"secret", "maps/keep.png")
        signed = store.presign("maps/keep.png")
        answers = [
            send(signed, target=f"{mount}{path}", headers=BROWSER)
            for path in ("/", "/maps/keep.png", "/maps/none.png", "/maps/", "/maps/keep.png?download=1")
        ]
        assert {(403, "text/html; charset=utf-8")} == {(answer.status, answer.headers["content-type"]) for answer in answers}
        assert 1 == len({answer.body for answer in answers})
        for answer in answers:
            assert SAFE == {name: answer.headers.get(name) for name in SAFE}
        page = answers[0].body.decode()
        assert "assetstore presign KEY" in page
        assert [] == re.findall(r"script|style|src=|href=|keep|secret|http:|/tmp", page)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"headers": {"accept": "*/*"}},
        {"headers": {"accept": "image/avif,image/webp,*/*"}},
        {"headers": BROWSER, "method": "DELETE"},
        {"headers": BROWSER, "target": "/a?X-Assetstore-Expires=1&X-Assetstore-Signature=forged"},
    ],
)
def test_programs_and_forgers_get_the_error_of_r2(changes: dict[str, Any], tmp_path: Path) -> None:
    """Only a request without a signature, of a browser that will show the answer, gets the page."""
    with running("asgi", tmp_path / "assets") as store:
        answer = send(store.presign("a"), **{"target": "/a", **changes})
        assert (403, "SignatureDoesNotMatch") == (answer.status, answer.code)
        assert "application/xml" == answer.headers["content-type"]


def test_a_signed_link_to_nothing_is_as_before(tmp_path: Path) -> None:
    """What the signature allows is answered in the form of R2's errors, in a browser too."""
    with running("asgi", tmp_path / "assets") as store:
        assert (404, "NoSuchKey") == ((answer := send(store.presign("a"), headers=BROWSER)).status, answer.code)
        head = send(store.presign("a"), method="HEAD", target="/a", headers=BROWSER)
        assert (403, b"") == (head.status, head.body)
