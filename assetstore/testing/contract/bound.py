"""Guarantees about what a signed upload is bound to."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from assetstore.direct.send import Sender
from assetstore.testing.contract.fixtures import Able
from assetstore.testing.contract.signing import Signing, SigningFixtures
from assetstore.testing.samples import OTHER_SAMPLES, PLAIN, SAMPLES

DATA = b"the map of the keep"


class BoundGuarantees(SigningFixtures):
    """A signed PUT is bound to what it was signed with, where a backend can do so.

    What is bound stands among the headers to send. An upload that sends anything else is refused and stores nothing.
    """

    def test_a_signed_put_stores_its_type(self, signing: Signing, able: Able, send: Sender) -> None:
        """``content_type`` of a signed PUT has to be sent, and is stored."""
        if signing is None or not (able("presign.content_type") and able("presign.method")):
            return
        request = signing.presign("a", method="PUT", content_type="image/webp")
        assert "image/webp" in request.headers.values()
        for other in ("text/html", ""):
            assert 400 <= send(request, DATA, headers={"content-type": other}).status < 500
        assert not signing.exists("a")
        assert 200 == send(request, DATA).status
        assert (DATA, "image/webp") == (signing.read("a"), signing.stat("a").content_type)

    def test_a_signed_put_has_its_size(self, signing: Signing, able: Able, send: Sender) -> None:
        """``content_length`` of a signed PUT is the size that it must have: more, less and an untold one are refused."""
        if signing is None or not (able("presign.content_length") and able("presign.method")):
            return
        request = signing.presign("a", method="PUT", content_length=len(DATA))
        for data, chunked in ((DATA + b"!", False), (DATA[:-1], False), (b"", False), (DATA, True)):
            assert (data, chunked, True) == (data, chunked, 400 <= send(request, data, chunked=chunked).status < 500)
        assert not signing.exists("a")
        assert 200 == send(request, DATA).status
        assert DATA == signing.read("a")

    def test_a_signed_put_has_its_digest(self, signing: Signing, able: Able, send: Sender) -> None:
        """``sha256`` of a signed PUT is the digest that it must have: other bytes, or another digest sent, are refused."""
        if signing is None or not (able("presign.sha256") and able("presign.method")):
            return
        request = signing.presign("a", method="PUT", sha256=hashlib.sha256(DATA).hexdigest())
        assert 400 == send(request, DATA.upper()).status
        other = signing.presign("a", method="PUT", sha256=hashlib.sha256(DATA.upper()).hexdigest())
        assert 400 <= send(request, DATA.upper(), headers=dict(other.headers)).status < 500
        assert not signing.exists("a")
        assert 200 == send(request, DATA).status
        assert DATA == signing.read("a")

    @pytest.mark.parametrize(
        "metadata",
        [{"by": "gm", "table": "4"}, {"by": "Spielleitung 🐉", "title": "地図"}, {"blank": " x ", "word": "=?utf-8?q?x?="}],
        ids=["ascii", "unicode", "odd"],
    )
    def test_a_signed_put_stores_its_metadata(
        self, signing: Signing, able: Able, send: Sender, metadata: dict[str, str]
    ) -> None:
        """``metadata`` of a signed PUT has to be sent, in any script, and is stored with the asset."""
        if signing is None or not (able("presign.metadata") and able("presign.method")):
            return
        request = signing.presign("a", method="PUT", metadata=metadata)
        for name in request.headers:
            assert 400 <= send(request, DATA, headers={name: "other"}).status < 500
        assert not signing.exists("a")
        assert 200 == send(request, DATA).status
        assert metadata == dict(signing.stat("a").metadata or {})

    def test_a_signed_put_stores_its_cache_control(self, signing: Signing, able: Able, send: Sender) -> None:
        """``cache_control`` of a signed PUT has to be sent, and is stored with the asset."""
        if signing is None or not (able("presign.cache_control") and able("presign.method")):
            return
        request = signing.presign("a", method="PUT", cache_control="public, max-age=60")
        assert 400 <= send(request, DATA, headers={"cache-control": "no-store"}).status < 500
        assert not signing.exists("a")
        assert 200 == send(request, DATA).status
        assert "public, max-age=60" == signing.stat("a").cache_control

    def test_a_signed_put_stores_its_headers(self, signing: Signing, able: Able, send: Sender) -> None:
        """Each HTTP header of a signed PUT has to be sent, and is stored with the asset."""
        asked = {name: text for name, text in SAMPLES.items() if signing is not None and able(f"presign.{name}")}
        if signing is None or not able("presign.method"):
            return
        for name, text in asked.items():
            request = signing.presign(name, method="PUT", **{name: text})
            assert 400 <= send(request, DATA, headers={name.replace("_", "-"): OTHER_SAMPLES[name]}).status < 500
            assert not signing.exists(name)
            assert 200 == send(request, DATA).status
            assert text == getattr(signing.stat(name), name)

    def test_a_signed_put_can_be_create_only(self, signing: Signing, able: Able, send: Sender) -> None:
        """With ``overwrite=False`` a signed PUT writes a free key, and is answered 412 when it is taken; the bytes stay."""
        if signing is None or not (able("presign.overwrite") and able("presign.method")):
            return
        request = signing.presign("a", method="PUT", overwrite=False)
        assert 200 == send(request, DATA).status
        assert 412 == send(request, b"other").status
        assert 400 <= send(request, b"other", headers={"if-none-match": ""}).status < 500
        assert DATA == signing.read("a")

    def test_a_signed_create_only_put_leaves_no_cache_control_to_browsers(
        self, signing: Signing, able: Able, send: Sender
    ) -> None:
        """A create-only PUT without ``cache_control`` binds and stores ``private``: browsers would add ``max-age=0``."""
        bonds = ("method", "overwrite", "cache_control")
        if signing is None or not all(able(f"presign.{name}") for name in bonds):
            return
        request = signing.presign("a", method="PUT", overwrite=False)
        for other in ("max-age=0", ""):
            assert 400 <= send(request, DATA, headers={"cache-control": other}).status < 500
        assert not signing.exists("a")
        assert 200 == send(request, DATA).status
        assert "private" == signing.stat("a").cache_control

    def test_a_signed_put_keeps_all_that_it_is_bound_to(self, signing: Signing, able: Able, send: Sender) -> None:
        """All bonds that a backend has hold together, as in an upload straight from a browser."""
        headers: dict[str, Any] = {**PLAIN, "metadata": {"by": "gm"}}
        digest = hashlib.sha256(DATA).hexdigest()
        bonds = {**headers, "content_length": len(DATA), "sha256": digest, "overwrite": False}
        bonds = {name: value for name, value in bonds.items() if signing is not None and able(f"presign.{name}")}
        if signing is None or not bonds or not able("presign.method"):
            return
        request = signing.presign("a", method="PUT", **bonds)
        for name in request.headers.keys() - {"content-length"}:
            assert 400 <= send(request, DATA, headers={name: ""}).status < 500
        assert not signing.exists("a")
        assert 200 == send(request, DATA).status
        stored, kept = signing.stat("a"), bonds.keys() & headers.keys()
        assert DATA == signing.read("a")
        assert {name: bonds[name] for name in kept} == {name: getattr(stored, name) for name in kept}
