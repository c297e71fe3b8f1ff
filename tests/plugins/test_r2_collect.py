"""Uploads in parts that nobody ended: found on a real server, whose times are made older on the way, and aborted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from r2_stand_in import PART, Forward, Reply, Request, StandIn, backend_at, backend_on, error_reply, stand_in

from assetstore import AssetStore, BackendError, CollectReport
from assetstore.plugin import BeginPartsOptions, CollectOptions, EndPartsOptions, PartsOptions
from assetstore_r2 import S3Backend

OLD = b"2015-11-22T19:53:47Z"
ENGINES = pytest.mark.parametrize("engine", ["wire", "boto3"])


def older(*elements: str) -> Callable[[Request, Forward], Reply]:
    """Return a script that makes the times in these elements old."""
    times = re.compile(rb"(<(?:%s)>)[^<]+" % "|".join(elements).encode())

    def script(_: Request, forward: Forward) -> Reply:
        reply = forward()
        return attrs.evolve(reply, body=times.sub(rb"\g<1>" + OLD, reply.body))

    return script


@pytest.fixture
def aging(seaweedfs: Any) -> Iterator[StandIn]:
    """Give a real server on which every upload, and each part, is old."""
    with stand_in(seaweedfs.endpoint_url, older("Initiated", "LastModified")) as served:
        yield served


def begin(backend: S3Backend, key: str) -> str:
    """Begin an upload in parts."""
    parts_id = backend.assetstore_begin_parts(key=key, options=BeginPartsOptions())
    assert parts_id is not None
    return parts_id


def collect(backend: S3Backend, prefix: str, *, remove: bool = False) -> CollectReport:
    """Collect under a prefix, because tests share the bucket."""
    report = backend.assetstore_collect(options=CollectOptions(prefix=prefix, remove=remove))
    assert report is not None
    return report


def send(server: Any, backend: S3Backend, key: str, parts_id: str, number: int, data: bytes) -> None:
    """Send a part."""
    with server.client() as client:
        upload_id = parts_id.partition(".")[2]
        client.upload_part(Bucket=backend.bucket, Key=key, UploadId=upload_id, PartNumber=number, Body=data)


@ENGINES
def test_old_uploads_are_listed_and_aborted_on_request(
    seaweedfs: Any, aging: StandIn, unique_prefix: str, engine: str
) -> None:
    """With key, bytes and age, whatever the key; two uploads of one key are two leftovers."""
    backend = backend_on(seaweedfs, aging.url, engine=engine)
    keys = [f"{unique_prefix}{name}" for name in ("a b+c%20é&<'.bin", "twice", "twice", "pending/0")]
    uploads = [(key, begin(backend, key)) for key in keys]
    send(seaweedfs, backend, *uploads[0], 1, bytes(PART))
    send(seaweedfs, backend, *uploads[0], 2, b"123")
    begin(backend, f"other-{unique_prefix}")
    listed = collect(backend, unique_prefix).items
    assert sorted(keys) == sorted(item.name for item in listed)
    assert [PART + 3] == [item.size for item in listed if item.name == keys[0]]
    assert {(2015, False)} == {(item.modified.year, item.removed) for item in listed if item.modified}
    assert () == backend.assetstore_list_parts(key=keys[1], options=PartsOptions(upload_id=uploads[1][1]))
    assert [True] * 4 == [item.removed for item in collect(backend, unique_prefix, remove=True).items]
    assert () == collect(backend, unique_prefix).items
    assert 1 == len(collect(backend, f"other-{unique_prefix}", remove=True).items)


@ENGINES
def test_an_upload_that_got_a_part_lately_is_at_work(seaweedfs: Any, unique_prefix: str, engine: str) -> None:
    """It began long ago, and stays until it got no part for the age; so does one that began lately."""
    with stand_in(seaweedfs.endpoint_url, older("Initiated")) as served:
        backend, key = backend_on(seaweedfs, served.url, engine=engine), f"{unique_prefix}long"
        parts_id = begin(backend, key)
        send(seaweedfs, backend, key, parts_id, 1, b"part")
        assert () == collect(backend, unique_prefix, remove=True).items
        plain = backend_on(seaweedfs, engine=engine)
        begin(plain, f"{unique_prefix}young")
        assert () == collect(plain, unique_prefix, remove=True).items
        served.script = older("Initiated", "LastModified")
        removed = sorted(item.name for item in collect(backend, unique_prefix, remove=True).items)
        assert [key, f"{unique_prefix}young"] == removed


@ENGINES
def test_ages_are_told_by_the_clock_of_the_service(seaweedfs: Any, unique_prefix: str, engine: str) -> None:
    """However wrong this machine's clock is: a Date beside old times makes the upload young."""

    def script(request: Request, forward: Forward) -> Reply:
        reply = older("Initiated")(request, forward)
        return attrs.evolve(reply, headers={**reply.headers, "date": "Sun, 22 Nov 2015 20:00:00 GMT"})

    with stand_in(seaweedfs.endpoint_url, script) as served:
        backend = backend_on(seaweedfs, served.url, engine=engine)
        begin(backend_on(seaweedfs), unique_prefix)
        assert () == collect(backend, unique_prefix, remove=True).items


@ENGINES
@pytest.mark.parametrize("status", [200, 403, 501])
def test_the_time_of_the_service_is_told_even_if_it_lists_no_uploads(engine: str, status: int) -> None:
    """The core needs it for the ages of what direct uploads left, which has the service's times too."""
    date = {"date": "Sun, 22 Nov 2015 20:00:00 GMT"}

    def script(request: Request, _: Forward) -> Reply:
        if status == 200:
            page = b"<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>"
            return Reply(200, date, page)
        return attrs.evolve(error_reply(status, "AccessDenied" if status == 403 else "NotImplemented"), headers=date)

    with stand_in(script=script) as served:
        assert datetime(2015, 11, 22, 20, tzinfo=UTC) == collect(backend_at(served.url, engine=engine), "").now


@ENGINES
def test_every_page_is_asked_for(engine: str) -> None:
    """With the markers of the page before, of which SeaweedFS sends one alone; a page without a new one is an error."""
    upload = "<Upload><Key>a{0}</Key><UploadId>u{0}</UploadId><Initiated>2015-11-22T19:53:47Z</Initiated></Upload>"
    marker = "<NextKeyMarker>a{0}</NextKeyMarker><NextUploadIdMarker>u{0}</NextUploadIdMarker>"

    def script(request: Request, _: Forward) -> Reply:
        if "uploads" not in request.path:
            return Reply(200, {}, b"<ListPartsResult><IsTruncated>false</IsTruncated></ListPartsResult>")
        number = int(request.path.partition("upload-id-marker=u")[2].partition("&")[0] or 0) + 1
        more = number < 3 or endless
        next_ = marker.format(min(number, 3)) if more else ""
        text = f"<IsTruncated>{str(more).lower()}</IsTruncated>{next_}{upload.format(number)}"
        return Reply(200, {}, f"<ListMultipartUploadsResult>{text}</ListMultipartUploadsResult>".encode())

    endless = False
    with stand_in(script=script) as served:
        backend = backend_at(served.url, engine=engine)
        assert ["a1", "a2", "a3"] == [item.name for item in collect(backend, "").items]
        assert 2 == len([request for request in served.requests if "key-marker=a" in request.path])
        endless = True
        with pytest.raises(BackendError, match="no new marker"):
            collect(backend, "")


def test_a_service_that_lists_no_uploads_is_told_apart(emulator: Any, unique_prefix: str) -> None:
    """One leftover says so, as Cloudflare's emulator needs it; what direct uploads left is found all the same."""
    backend = backend_on(emulator)
    item = collect(backend, unique_prefix, remove=True).items[0]
    assert ("upload in parts", backend.bucket, "UnsupportedError") == (item.kind, item.name, type(item.error).__name__)
    report = AssetStore(backend).scoped(unique_prefix).collect()
    assert ["UnsupportedError"] == [type(item.error).__name__ for item in report.items]


@ENGINES
@pytest.mark.parametrize(("may_list", "name"), [(False, "assets"), (True, "a")])
def test_what_a_token_may_not_do_is_reported(engine: str, may_list: bool, name: str) -> None:
    """One that may not list uploads, or not look into them, is told as one leftover with the error."""
    upload = b"<Upload><Key>a</Key><UploadId>u</UploadId><Initiated>2015-11-22T19:53:47Z</Initiated></Upload>"
    page = b"<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>%b</ListMultipartUploadsResult>" % upload

    def script(request: Request, _: Forward) -> Reply:
        return Reply(200, {}, page) if may_list and "uploads" in request.path else error_reply(403, "AccessDenied")

    with stand_in(script=script) as served:
        [item] = collect(backend_at(served.url, engine=engine), "", remove=True).items
    assert (name, False, "AccessDeniedError") == (item.name, item.removed, type(item.error).__name__)


@ENGINES
def test_an_upload_that_ends_meanwhile_is_no_leftover(seaweedfs: Any, unique_prefix: str, engine: str) -> None:
    """Between the list and the abort its owner may end it."""
    age = older("Initiated", "LastModified")

    def script(request: Request, forward: Forward) -> Reply:
        reply = age(request, forward)
        if "?uploads" in request.path or "&uploads" in request.path:
            plain.assetstore_end_parts(key=key, options=EndPartsOptions(upload_id=parts_id))
        return reply

    plain, key = backend_on(seaweedfs), f"{unique_prefix}a"
    parts_id = begin(plain, key)
    with stand_in(seaweedfs.endpoint_url, script) as served:
        assert () == collect(backend_on(seaweedfs, served.url, engine=engine), unique_prefix, remove=True).items
