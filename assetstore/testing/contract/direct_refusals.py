"""Guarantees about what direct uploads refuse."""

from __future__ import annotations

import hashlib

import pytest

from assetstore.direct.send import Sender
from assetstore.errors import IntegrityError, NotFoundError, PreconditionError, RefusedError, TokenError
from assetstore.options import UploadPolicy
from assetstore.store import AssetStore
from assetstore.testing.contract.direct import IMAGES, PNG, DirectFixtures, Meanwhile, keys, put, sent
from assetstore.testing.contract.fixtures import Able
from assetstore.testing.contract.signing import Signing
from assetstore.testing.faulty import FaultyBackend

OTHER = PNG[::-1]
SHA256 = hashlib.sha256(PNG).hexdigest()
PAGE = b"<script>alert(document.domain)</script>".ljust(len(PNG))


class DirectRefusalGuarantees(DirectFixtures):
    """A browser may send anything, at any moment, and show any token; what is not as announced never becomes an asset.

    What breaks the policy or its own claim is deleted when it is refused; a token that is not right touches nothing.
    """

    def test_what_is_not_as_it_claims_is_refused(self, direct: Signing, send: Sender) -> None:
        """A page that was sent as a picture is RefusedError; nothing of it is left, and the asset is never seen."""
        if direct is None:
            return
        for policy in (None, IMAGES):
            upload = direct.begin_upload(key="a.png", size=len(PAGE), policy=policy)
            put(send, upload, PAGE)
            with pytest.raises(RefusedError):
                direct.finish_upload(upload.token)
            with pytest.raises(NotFoundError):
                direct.finish_upload(upload.token)
            assert [] == keys(direct)

    def test_a_policy_is_kept_from_the_beginning(self, direct: Signing, spy: FaultyBackend) -> None:
        """Too many bytes, or a type that is not allowed, are RefusedError before anything is signed."""
        if direct is None:
            return
        spy.calls.clear()
        for name, size in (("a.png", len(PNG) + 1), ("a.gif", 1), ("a.svg", 1), ("a", 1)):
            with pytest.raises(RefusedError):
                direct.begin_upload(key=name, size=size, policy=IMAGES)
        assert [] == [op for op, _ in spy.calls if op != "signing_keys"]

    def test_a_browsers_claim_gives_way_to_the_name(self, direct: Signing, send: Sender) -> None:
        """A type that says nothing, is another name or is not allowed gives way to the name's, which the bytes must fit."""
        if direct is None:
            return
        table = b"name,hp\ngoblin,7\n"
        for number, (name, claimed, data, types, expected) in enumerate(
            (
                ("a.png", "application/octet-stream", PNG, ("image/*",), "image/png"),
                ("a.png", "", PNG, (".png",), "image/png"),
                ("a.csv", "application/vnd.ms-excel", table, ("text/csv",), "text/csv"),
                ("a.jpg", "image/pjpeg", b"\xff\xd8\xff\xe0\0\x10JFIF\0", ("image/jpg",), "image/jpeg"),
                ("a.txt", "text/plain;charset=utf-8", table, (), "text/plain;charset=utf-8"),
            )
        ):
            upload = direct.begin_upload(
                key=f"{number}/{name}", size=len(data), content_type=claimed, policy=UploadPolicy(types=types)
            )
            put(send, upload, data)
            assert expected == direct.finish_upload(upload.token).content_type
        upload = direct.begin_upload(
            key="b.csv", size=len(PNG), content_type="application/vnd.ms-excel", policy=UploadPolicy(types=("text/csv",))
        )
        put(send, upload, PNG)
        with pytest.raises(RefusedError):
            direct.finish_upload(upload.token)

    def test_what_was_announced_has_to_be_sent(self, direct: Signing, send: Sender) -> None:
        """Other sizes, types and bytes than were announced are refused when they are sent or when they are checked."""
        if direct is None:
            return
        upload = direct.begin_upload(key="a.png", size=len(PNG), sha256=SHA256)
        assert upload.request is not None
        for data, headers in ((PNG + b"!", {}), (PNG[:-1], {}), (PNG, {"content-type": "text/html"})):
            assert 400 <= send(upload.request, data, headers=headers).status < 500
        if send(upload.request, OTHER).status == 200:
            with pytest.raises(IntegrityError):
                direct.finish_upload(upload.token)
        with pytest.raises(NotFoundError):
            direct.finish_upload(upload.token)
        assert [] == keys(direct)

    @pytest.mark.parametrize(("data", "sha256"), [(OTHER, SHA256), (PNG + b"!", None)], ids=["bytes", "size"])
    def test_what_was_sent_is_checked_whoever_wrote_it(
        self, direct: Signing, send: Sender, data: bytes, sha256: str | None
    ) -> None:
        """Size and digest are verified when the upload is finished, though the store refused others when they were sent."""
        if direct is None:
            return
        upload = direct.begin_upload(key="a.png", size=len(PNG), sha256=sha256)
        put(send, upload, PNG)
        _replace_pending(direct, data)
        with pytest.raises(IntegrityError):
            direct.finish_upload(upload.token)
        assert [] == keys(direct)

    def test_what_is_sent_anew_while_it_is_checked_is_not_taken(
        self, direct: Signing, send: Sender, spy: FaultyBackend, able: Able
    ) -> None:
        """The bytes that were checked become the asset, and not those that took their place a moment later."""
        if direct is None or not able("copy.if_match"):
            return
        upload = sent(direct, send)
        sent_anew = Meanwhile(op="read", act=lambda: _replace_pending(direct, PAGE))
        with spy.failing(sent_anew), pytest.raises(PreconditionError):
            direct.finish_upload(upload.token)
        assert not direct.exists("a.png")
        with pytest.raises(RefusedError):
            direct.finish_upload(upload.token)
        assert [] == keys(direct)

    def test_a_changed_token_is_refused(self, direct: Signing, send: Sender, spy: FaultyBackend) -> None:
        """A token that was changed, cut, made up, or is of another part of the store, is TokenError; nothing is touched."""
        if direct is None:
            return
        token = sent(direct, send).token
        positions = [*range(0, len(token), len(token) // 20), len(token) - 1]
        changed = [
            token[:position] + ("A" if token[position] != "A" else "B") + token[position + 1 :] for position in positions
        ]
        spy.calls.clear()
        for forged in (*changed, token[:-1], token[1:], f"{token}A", token.partition(".")[0], "", "a.b"):
            for use in (direct.finish_upload, direct.cancel_upload, direct.list_parts):
                with pytest.raises(TokenError) as caught:
                    use(forged)
                assert not forged or forged not in str(caught.value)
        with pytest.raises(TokenError):
            direct.scoped("other/").finish_upload(token)
        assert [] == [op for op, _ in spy.calls if op != "signing_keys"]
        assert "a.png" == direct.finish_upload(token).key


def _replace_pending(store: AssetStore, data: bytes) -> None:
    """Put other bytes where a direct upload was sent to."""
    (info,) = map(store.stat, keys(store, "pending/"))
    store.upload(data, info.key, content_type=info.content_type, metadata=info.metadata)
