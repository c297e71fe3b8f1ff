"""Multipart uploads by signed requests: whole or not at all, even if the last response is lost."""

from __future__ import annotations

import hashlib
import random
import urllib.error
import urllib.request
from typing import Any

import attrs
import pytest
from r2_stand_in import PART, Forward, Reply, Request, aged, backend_at, backend_on, error_reply, get, put, stand_in

from assetstore import (
    AssetInfo,
    AssetStoreError,
    ConfigError,
    IntegrityError,
    NotFoundError,
    UnavailableError,
    UnknownOutcomeError,
    UnsupportedError,
    UploadedPart,
)
from assetstore.plugin import (
    BeginPartsOptions,
    EndPartsOptions,
    Part,
    PartsOptions,
    PresignOptions,
    SigningKeys,
    SigningKeysOptions,
    StatOptions,
)
from assetstore_r2 import S3Backend

OPTIONS = BeginPartsOptions(content_type="image/webp", cache_control="no-cache", metadata={"by": "ü gm", "upload-id": "1"})
DATA = random.Random(4).randbytes(2 * PART + 11)


@pytest.fixture(params=["seaweedfs", "emulator"])
def server(request: pytest.FixtureRequest) -> Any:
    """Give each of the two servers."""
    return request.getfixturevalue(request.param)


def begin(backend: S3Backend, key: str) -> str:
    """Begin through the hook."""
    upload_id = backend.assetstore_begin_parts(key=key, options=OPTIONS)
    assert upload_id is not None
    return upload_id


def send(backend: S3Backend, key: str, upload_id: str, number: int, data: bytes) -> UploadedPart:
    """Send a part by urllib alone, and return what a browser would see of it."""
    part = Part(upload_id=upload_id, number=number)
    request = backend.assetstore_presign(
        key=key, options=PresignOptions(method="PUT", part=part, content_length=len(data))
    )
    assert request is not None
    sent = urllib.request.Request(request.url, data, dict(request.headers), method="PUT")
    with urllib.request.urlopen(sent, timeout=600) as answer:
        return UploadedPart(number=number, etag=answer.headers["ETag"])


def send_all(backend: S3Backend, key: str, upload_id: str) -> tuple[UploadedPart, ...]:
    """Send all of the data, the last part first."""
    pieces = {number: DATA[start : start + PART] for number, start in enumerate(range(0, len(DATA), PART), 1)}
    return tuple(send(backend, key, upload_id, number, pieces[number]) for number in sorted(pieces, reverse=True))[::-1]


def listed(backend: S3Backend, key: str, upload_id: str) -> tuple[UploadedPart, ...]:
    """List through the hook."""
    found = backend.assetstore_list_parts(key=key, options=PartsOptions(upload_id=upload_id))
    assert found is not None
    return tuple(found)


def end(backend: S3Backend, key: str, upload_id: str, parts: tuple[UploadedPart, ...] | None) -> AssetInfo:
    """End through the hook."""
    info = backend.assetstore_end_parts(key=key, options=EndPartsOptions(upload_id=upload_id, parts=parts))
    assert info is not None
    return info


def test_parts_become_an_asset(server: Any, unique_prefix: str) -> None:
    """Nothing shows before the end; then bytes, headers and metadata are those that were given."""
    backend, key = backend_on(server), f"{unique_prefix}a b/ü"
    upload_id = begin(backend, key)
    sent = send_all(backend, key, upload_id)
    with pytest.raises(NotFoundError):
        backend.assetstore_stat(key=key, options=StatOptions())
    info = end(backend, key, upload_id, sent)
    assert (key, len(DATA), "image/webp", "no-cache") == (info.key, info.size, info.content_type, info.cache_control)
    assert {"by": "ü gm", "upload-id": "1"} == dict(info.metadata or {})
    assert DATA == get(backend, key)
    backend.assetstore_close()


def test_what_is_listed_is_enough(seaweedfs: Any, unique_prefix: str) -> None:
    """Parts are listed by number and size, which is enough to complete the upload without their sender."""
    backend, key = backend_on(seaweedfs), f"{unique_prefix}a"
    upload_id = begin(backend, key)
    assert () == listed(backend, key, upload_id)
    sent = send_all(backend, key, upload_id)
    there = listed(backend, key, upload_id)
    assert [(1, PART), (2, PART), (3, 11)] == [(part.number, part.size) for part in there]
    assert [part.etag.strip('"') for part in sent] == [part.etag for part in there]
    assert len(DATA) == end(backend, key, upload_id, there).size
    assert DATA == get(backend, key)
    backend.assetstore_close()


def test_where_parts_cannot_be_listed_their_sender_knows_them(emulator: Any, unique_prefix: str) -> None:
    """The emulator lists no parts, and the hint says what to do."""
    backend, key = backend_on(emulator), f"{unique_prefix}a"
    upload_id = begin(backend, key)
    with pytest.raises(UnsupportedError) as caught:
        listed(backend, key, upload_id)
    assert "ETag" in str(caught.value.hint)
    backend.assetstore_close()


def test_a_part_sent_again_counts_as_sent_last(server: Any, unique_prefix: str) -> None:
    """The earlier bytes leave no trace."""
    backend, key = backend_on(server), f"{unique_prefix}a"
    upload_id = begin(backend, key)
    send(backend, key, upload_id, 1, bytes(PART))
    assert len(DATA) == end(backend, key, upload_id, send_all(backend, key, upload_id)).size
    assert DATA == get(backend, key)
    backend.assetstore_close()


@pytest.mark.parametrize("case", ["another etag", "a part too many", "none at all"])
def test_parts_that_are_not_as_said_make_no_asset(server: Any, case: str, unique_prefix: str) -> None:
    """The upload stays as it is, so that the missing part can be sent."""
    backend, key = backend_on(server), f"{unique_prefix}a"
    upload_id = begin(backend, key)
    sent = send_all(backend, key, upload_id)
    wrong = {
        "another etag": (*sent[:2], UploadedPart(number=3, etag="0" * 32)),
        "a part too many": (*sent, UploadedPart(number=4, etag=sent[0].etag)),
        "none at all": (),
    }[case]
    with pytest.raises(IntegrityError):
        end(backend, key, upload_id, wrong)
    with pytest.raises(NotFoundError):
        backend.assetstore_stat(key=key, options=StatOptions())
    assert len(DATA) == end(backend, key, upload_id, sent).size
    backend.assetstore_close()


def test_a_part_of_another_size_than_said_makes_no_asset(seaweedfs: Any, unique_prefix: str) -> None:
    """A service that lists parts reports their sizes."""
    backend, key = backend_on(seaweedfs), f"{unique_prefix}a"
    upload_id = begin(backend, key)
    sent = send(backend, key, upload_id, 1, b"abc")
    with pytest.raises(IntegrityError, match="part 1"):
        end(backend, key, upload_id, (attrs.evolve(sent, size=4),))
    assert 3 == end(backend, key, upload_id, (attrs.evolve(sent, size=3),)).size
    backend.assetstore_close()


def test_a_dropped_upload_is_gone(server: Any, unique_prefix: str) -> None:
    """Aborting twice is not an error; listing and completing it are, and no asset ever appears."""
    backend, key = backend_on(server), f"{unique_prefix}a"
    upload_id = begin(backend, key)
    sent = send(backend, key, upload_id, 1, b"abc")
    assert AssetInfo(key=key, size=0) == end(backend, key, upload_id, None)
    assert AssetInfo(key=key, size=0) == end(backend, key, upload_id, None)
    with pytest.raises(NotFoundError, match="no such upload"):
        end(backend, key, upload_id, (sent,))
    with pytest.raises(NotFoundError):
        backend.assetstore_stat(key=key, options=StatOptions())
    backend.assetstore_close()


def test_a_dropped_upload_has_no_list(seaweedfs: Any, unique_prefix: str) -> None:
    """It differs from an upload without parts."""
    backend, key = backend_on(seaweedfs), f"{unique_prefix}a"
    upload_id = begin(backend, key)
    end(backend, key, upload_id, None)
    with pytest.raises(NotFoundError, match="no such upload"):
        listed(backend, key, upload_id)
    backend.assetstore_close()


def test_an_upload_ends_once(server: Any, unique_prefix: str) -> None:
    """A second completion or a late part finds no upload, and the asset stays."""
    backend, key = backend_on(server), f"{unique_prefix}a"
    upload_id = begin(backend, key)
    sent = send(backend, key, upload_id, 1, b"abc")
    end(backend, key, upload_id, (sent,))
    with pytest.raises(NotFoundError, match="no such upload"):
        end(backend, key, upload_id, (sent,))
    with pytest.raises(urllib.error.HTTPError) as late:
        send(backend, key, upload_id, 1, b"evil")
    late.value.close()
    assert 404 == late.value.code
    assert b"abc" == get(backend, key)
    backend.assetstore_close()


def test_a_part_of_another_size_is_refused(server: Any, unique_prefix: str) -> None:
    """The length is part of the signature."""
    backend, key = backend_on(server), f"{unique_prefix}a"
    upload_id = begin(backend, key)
    options = PresignOptions(method="PUT", part=Part(upload_id=upload_id, number=1), content_length=3)
    request = backend.assetstore_presign(key=key, options=options)
    assert request is not None
    sent = urllib.request.Request(request.url, b"evil", method="PUT")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(sent, timeout=600)
    caught.value.close()
    assert 403 == caught.value.code
    with pytest.raises(IntegrityError):
        end(backend, key, upload_id, (UploadedPart(number=1, etag=hashlib.md5(b"evil").hexdigest()),))
    backend.assetstore_close()


def test_parts_are_listed_page_by_page() -> None:
    """A service lists at most 1,000 parts at a time."""
    pages = {0: (1, 2), 2: (3, 4), 4: (9,)}

    def script(request: Request, forward: Forward) -> Reply:
        marker = int(request.path.partition("part-number-marker=")[2].partition("&")[0] or 0)
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>&quot;{number}&quot;</ETag><Size>{number}</Size>"
            f"<LastModified>2026-01-01T00:00:0{9 - number}.000Z</LastModified></Part>"
            for number in pages[marker]
        )
        more = f"<IsTruncated>{str(marker < 4).lower()}</IsTruncated>"
        return Reply(body=f"<ListPartsResult>{more}{parts}</ListPartsResult>".encode())

    with stand_in(script=script) as proxy:
        backend = backend_at(proxy.url)
        found = [UploadedPart(number=number, etag=str(number), size=number) for number in (1, 2, 3, 4, 9)]
        assert tuple(found) == listed(backend, "a", "upload")
        assert 3 == len(proxy.requests)
        backend.assetstore_close()


def test_a_foreign_answer_is_no_empty_list() -> None:
    """A captive portal's page does not make an upload look empty."""
    with stand_in(script=lambda request, forward: Reply(body=b"<html></html>")) as proxy:
        backend = backend_at(proxy.url, max_attempts=1)
        with pytest.raises(UnavailableError):
            listed(backend, "a", "upload")
        with pytest.raises(UnavailableError):
            begin(backend, "a")
        backend.assetstore_close()


def test_a_service_that_cannot_list_parts_puts_them_together() -> None:
    """Then only the service compares the ETags from the browser; its refusal is an IntegrityError."""
    answers = {
        "GET": error_reply(501, "NotImplemented"),
        "POST": error_reply(400, "InvalidPart"),
    }
    with stand_in(script=lambda request, forward: answers[request.method]) as proxy:
        backend = backend_at(proxy.url)
        with pytest.raises(IntegrityError, match="part"):
            end(backend, "a", "upload", (UploadedPart(number=1, etag="e"),))
        assert ["GET", "POST"] == [request.method for request in proxy.requests]
        backend.assetstore_close()


@pytest.mark.parametrize("count", [1, 100])
def test_an_end_whose_answer_was_lost_is_found(server: Any, count: int, unique_prefix: str) -> None:
    """The asset carries the mark from the upload's id, so another process recognises it too."""
    key = f"{unique_prefix}a"
    beginner = backend_on(server)
    upload_id = begin(beginner, key)
    sent = send(beginner, key, upload_id, 1, b"abc")
    lost = iter(range(count))

    def script(request: Request, forward: Forward) -> Reply | None:
        reply = forward()
        return None if request.method == "POST" and next(lost, None) is not None else reply

    with stand_in(server.endpoint_url, script) as proxy:
        backend = backend_on(server, proxy.url, max_attempts=2)
        info = end(backend, key, upload_id, (sent,))
        assert (3, "image/webp") == (info.size, info.content_type)
        backend.assetstore_close()
    assert b"abc" == get(beginner, key)
    beginner.assetstore_close()


@pytest.mark.parametrize(("age", "error"), [(aged, UnavailableError), (lambda reply: reply, UnknownOutcomeError)])
def test_anothers_asset_is_not_taken_for_ours(
    server: Any, unique_prefix: str, age: Any, error: type[AssetStoreError]
) -> None:
    """A completion that never arrived fails, although equal bytes are stored; if those are new, the outcome is unknown."""
    key = f"{unique_prefix}a"
    other = backend_on(server)
    put(other, key, b"abc")
    upload_id = begin(other, key)
    sent = send(other, key, upload_id, 1, b"abc")

    def script(request: Request, forward: Forward) -> Reply | None:
        return None if request.method == "POST" else age(forward())

    with stand_in(server.endpoint_url, script) as proxy:
        backend = backend_on(server, proxy.url, max_attempts=1)
        with pytest.raises(error):
            end(backend, key, upload_id, (sent,))
        backend.assetstore_close()
    other.assetstore_close()


def test_an_end_that_nobody_can_tell_of_says_so(seaweedfs: Any, unique_prefix: str) -> None:
    """If reading back fails too, the outcome is unknown: neither success nor failure."""
    key = f"{unique_prefix}a"
    beginner = backend_on(seaweedfs)
    upload_id = begin(beginner, key)
    sent = send(beginner, key, upload_id, 1, b"abc")

    def script(request: Request, forward: Forward) -> Reply | None:
        reply = forward()
        return reply if request.method == "GET" else None

    with stand_in(seaweedfs.endpoint_url, script) as proxy:
        backend = backend_on(seaweedfs, proxy.url, max_attempts=1)
        with pytest.raises(UnknownOutcomeError):
            end(backend, key, upload_id, (sent,))
        backend.assetstore_close()
    beginner.assetstore_close()


def ring(backend: S3Backend) -> SigningKeys | None:
    """Ask through the hook."""
    return backend.assetstore_signing_keys(options=SigningKeysOptions())


def test_servers_with_one_secret_have_one_ring() -> None:
    """A server with the same secret key verifies a token; one with another key does not."""
    first, second = ring(backend_at("http://127.0.0.1:1")), ring(backend_at("http://127.0.0.1:2", bucket="other"))
    stranger = ring(backend_at("http://127.0.0.1:1", secret_key="t" * 64))
    assert first is not None
    assert second is not None
    assert stranger is not None
    signature = first.sign("purpose", "field")
    assert second.verify(signature, "purpose", "field")
    assert not stranger.verify(signature, "purpose", "field")
    assert b"s" * 64 not in first.keys


def test_keys_that_are_set_replace_the_secret() -> None:
    """The first key signs, all verify, and a change of the secret key then has no effect."""
    old, new = "o" * 32, "n" * 32
    before = ring(backend_at("http://127.0.0.1:1", signing_keys=(old,)))
    after = ring(backend_at("http://127.0.0.1:1", signing_keys=(new, old), secret_key="t" * 64))
    assert before is not None
    assert after is not None
    assert after.verify(before.sign("purpose"), "purpose")
    assert not before.verify(after.sign("purpose"), "purpose")


def test_short_keys_are_refused_and_none_is_shown() -> None:
    """A mistake in the configuration says what is wrong, without the key."""
    with pytest.raises(ConfigError, match="signing_keys") as caught:
        backend_at("http://127.0.0.1:1", signing_keys=("hunter2",))
    assert "hunter2" not in str(caught.value)
    assert "k" * 32 not in repr(backend_at("http://127.0.0.1:1", signing_keys=("k" * 32,)))


def test_credentials_of_botocores_own_make_no_ring() -> None:
    """They expire and differ between servers; tokens then need signing_keys."""
    assert None is ring(S3Backend(bucket="assets"))
    assert None is not ring(S3Backend(bucket="assets", signing_keys=("k" * 32,)))
