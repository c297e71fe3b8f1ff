"""Guarantees about uploads whose parts are sent by others."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

import attrs
import pytest

from assetstore.direct.send import Answer, Sender
from assetstore.errors import IntegrityError, NotFoundError
from assetstore.options import BeginPartsOptions, EndPartsOptions, Part, PartsOptions, PresignOptions
from assetstore.results import PresignedRequest, UploadedPart
from assetstore.stack import Stack
from assetstore.store import AssetStore
from assetstore.testing.contract.fixtures import Able, brief
from assetstore.testing.contract.reading import require_damage_is_found
from assetstore.testing.contract.signing import Signing, SigningFixtures
from assetstore.testing.faulty import FaultyBackend
from assetstore.testing.samples import SAMPLES

TAIL = b"tail"


@attrs.frozen(kw_only=True)
class Parts:
    """One upload in parts, as the server and as the browser see it.

    Attributes:
        stack: what the operations are called by.
        send: what the browser sends by.
        key: the key in the backend.
    """

    stack: Stack
    send: Sender
    key: str
    upload_id: str = ""

    def begin(self, options: BeginPartsOptions) -> Parts:
        """Return a new upload."""
        return attrs.evolve(self, upload_id=self.stack.begin_parts(self.key, options))

    def sign(self, number: int) -> PresignedRequest:
        """Return the request by which a part is sent."""
        part = Part(upload_id=self.upload_id, number=number)
        return self.stack.presign(self.key, PresignOptions(method="PUT", part=part))

    def put(self, number: int, data: bytes) -> Answer:
        """Let the browser send a part."""
        return self.send(self.sign(number), data)

    def list(self) -> tuple[UploadedPart, ...]:
        """Return the parts that are there."""
        return self.stack.list_parts(self.key, PartsOptions(upload_id=self.upload_id))

    def end(self, parts: tuple[UploadedPart, ...] | None) -> int:
        """Put them together, and return the size."""
        return self.stack.end_parts(self.key, EndPartsOptions(upload_id=self.upload_id, parts=parts)).size


Uploading: TypeAlias = Parts | None


class PartsGuarantees(SigningFixtures):
    """Large files whose parts go straight from a browser to the store, each by a signed request, in any order.

    Nothing is seen of them before they are put together, and nothing is left of them when they are dropped.
    """

    @pytest.fixture
    def uploading(self, signing: Signing, able: Able, send: Sender, prefix: str) -> Uploading:
        """Return what uploads ``a`` in parts, or ``None`` where that cannot be done."""
        if signing is None or not all([able("begin_parts"), able("list_parts"), able("end_parts"), able("presign.part")]):
            return None
        stack = signing._stack  # noqa: SLF001 - users have direct uploads instead, which are made of these operations
        return Parts(stack=stack, send=send, key=f"{prefix}a")

    def test_signed_parts_become_one_asset(self, uploading: Uploading, store: AssetStore) -> None:
        """Parts that are sent in any order become one asset by the ETags that were answered, and nothing is seen before."""
        if uploading is None:
            return
        upload, head = uploading.begin(BeginPartsOptions()), b"0123456789abcdef" * (self.part_size // 16)
        answers = {number: upload.put(number, data) for number, data in ((2, TAIL), (1, head))}
        assert [200, 200] == [answer.status for answer in answers.values()]
        assert not store.exists("a")
        assert [] == list(store.list())
        parts = tuple(UploadedPart(number=number, etag=answers[number].headers["etag"]) for number in (1, 2))
        assert len(head + TAIL) == upload.end(parts)
        assert brief(head + TAIL) == brief(store.read("a"))
        with pytest.raises(NotFoundError):
            upload.end(parts)

    def test_signed_parts_are_listed(self, uploading: Uploading, store: AssetStore) -> None:
        """The parts that came are listed by number with their sizes, whatever order they came in; after the end none."""
        if uploading is None:
            return
        upload, head = uploading.begin(BeginPartsOptions()), b"0123456789abcdef" * (self.part_size // 16)
        assert () == upload.list()
        for number, data in ((2, TAIL), (1, head)):
            upload.put(number, data)
        listed = upload.list()
        assert [(1, len(head)), (2, len(TAIL))] == [(part.number, part.size) for part in listed]
        upload.end(listed)
        assert brief(head + TAIL) == brief(store.read("a"))
        with pytest.raises(NotFoundError):
            upload.list()

    def test_an_upload_in_parts_keeps_its_headers(self, uploading: Uploading, store: AssetStore, able: Able) -> None:
        """Headers and metadata that were given at the beginning are the asset's in the end."""
        if uploading is None:
            return
        asked: dict[str, Any] = {**SAMPLES, "metadata": {"by": "Spielleitung 🐉"}}
        asked = {name: value for name, value in asked.items() if able(f"begin_parts.{name}")}
        upload = uploading.begin(BeginPartsOptions(**asked))
        upload.end((UploadedPart(number=1, etag=upload.put(1, TAIL).headers["etag"]),))
        assert asked == {name: getattr(store.stat("a"), name) for name in asked}

    def test_a_damaged_read_of_an_upload_in_parts_raises(
        self, uploading: Uploading, store: AssetStore, spy: FaultyBackend, able: Able
    ) -> None:
        """Where the store tells a digest of what came in parts, a whole read with one wrong bit is IntegrityError."""
        if uploading is None:
            return
        size, head = self.part_size, b"0123456789abcdef" * (self.part_size // 16)
        upload = uploading.begin(BeginPartsOptions(part_size=size if able("begin_parts.part_size") else None))
        etags = {number: upload.put(number, data).headers["etag"] for number, data in ((1, head), (2, TAIL))}
        upload.end(tuple(UploadedPart(number=number, etag=etag) for number, etag in etags.items()))
        require_damage_is_found(store, spy, head + TAIL)
        assert brief(head + TAIL) == brief(store.read("a"))

    def test_only_the_parts_that_came_are_put_together(self, uploading: Uploading, store: AssetStore) -> None:
        """A part that never came, or came with another ETag, is IntegrityError; nothing is shown, and the rest is kept."""
        if uploading is None:
            return
        upload = uploading.begin(BeginPartsOptions())
        etag = upload.put(1, TAIL).headers["etag"]
        with pytest.raises(IntegrityError):
            upload.end((UploadedPart(number=1, etag=f'"{"0" * 32}"'),))
        with pytest.raises(IntegrityError):
            upload.end((UploadedPart(number=2, etag=etag),))
        assert not store.exists("a")
        assert len(TAIL) == upload.end((UploadedPart(number=1, etag=etag),))
        assert TAIL == store.read("a")

    def test_dropped_parts_leave_nothing(self, uploading: Uploading, store: AssetStore) -> None:
        """An upload in parts can be dropped, once and again; what was there under its key stays, and no part is taken."""
        if uploading is None:
            return
        store.upload(b"old", "a")
        upload = uploading.begin(BeginPartsOptions())
        etag = upload.put(1, TAIL).headers["etag"]
        for _ in range(2):
            assert 0 == upload.end(None)
        assert 404 == upload.put(2, TAIL).status
        with pytest.raises(NotFoundError):
            upload.end((UploadedPart(number=1, etag=etag),))
        assert b"old" == store.read("a")

    def test_a_signed_part_is_for_one_place(self, uploading: Uploading, store: AssetStore) -> None:
        """The request for a part of one upload is refused for another part, for another upload and for the asset."""
        if uploading is None:
            return
        upload, other = uploading.begin(BeginPartsOptions()), uploading.begin(BeginPartsOptions())
        request, foreign = upload.sign(1), other.sign(1)
        ids = [re.search("uploadId=[^&]*", signed.url) for signed in (request, foreign)]
        mine, theirs = (match[0] if match else "" for match in ids)
        for old, new in (("partNumber=1", "partNumber=2"), (mine, theirs), ("partNumber=1&", ""), (f"{mine}&", "")):
            url = request.url.replace(old, new)
            assert (old, True) == (old, url != request.url)
            assert (old, True) == (old, 400 <= upload.send(request, TAIL, url=url).status < 500)
        for started in (upload, other):
            started.end(None)
        assert not store.exists("a")
