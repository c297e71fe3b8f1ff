"""Uploads in parts, on disk: parts that clients send at once, too late or never."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import attrs
import pytest

from assetstore import AssetInfo, IntegrityError, NotFoundError, UploadedPart
from assetstore.plugin import (
    BeginPartsOptions,
    EndPartsOptions,
    Part,
    PartsOptions,
    PresignOptions,
    ReadOptions,
    StatOptions,
)
from assetstore_local import LocalBackend
from assetstore_local.http.put_request import PutRequest
from assetstore_local.http.responses import ErrorResponse, Response
from assetstore_local.http.verify import Request

WEEK = 7 * 86_400


@attrs.frozen(kw_only=True)
class Upload:
    """An upload in parts of the asset ``big``."""

    backend: LocalBackend
    id: str

    @classmethod
    def begin(cls, root: Path, options: BeginPartsOptions | None = None) -> Upload:
        """Begin one in a folder."""
        backend = LocalBackend(root=root, durable=False)
        begun = backend.assetstore_begin_parts(key="big", options=options or BeginPartsOptions())
        return cls(backend=backend, id=str(begun))

    def open(self, number: int, size: int, key: str = "big") -> Response | PutRequest:
        """Pass the head of a request with a part to the application."""
        options = PresignOptions(method="PUT", part=Part(upload_id=self.id, number=number))
        signed = self.backend.assetstore_presign(key=key, options=options)
        assert signed is not None
        url = urlsplit(signed.url)
        headers = {"host": url.netloc, "content-length": str(size)}
        return self.backend.server().open(Request(method="PUT", path=key.encode(), query=url.query, headers=headers))

    def put(self, number: int, data: bytes) -> str:
        """Send a part, and return its ETag."""
        put = self.open(number, len(data))
        assert isinstance(put, PutRequest)
        put.write(data)
        etag = put.finish().headers["etag"]
        put.close()
        return etag

    def list(self) -> dict[int, str]:
        """Return the ETags of the stored parts."""
        parts = self.backend.assetstore_list_parts(key="big", options=PartsOptions(upload_id=self.id))
        return {part.number: part.etag for part in parts or ()}

    def end(self, etags: dict[int, str] | None) -> AssetInfo | None:
        """Join parts."""
        parts = None if etags is None else tuple(UploadedPart(number=number, etag=etag) for number, etag in etags.items())
        return self.backend.assetstore_end_parts(key="big", options=EndPartsOptions(upload_id=self.id, parts=parts))

    def read(self) -> bytes:
        """Return the bytes of the asset."""
        stream = self.backend.assetstore_read(key="big", options=ReadOptions())
        assert stream is not None
        data = stream.body.read()
        stream.body.close()
        return data


@pytest.fixture
def upload(tmp_path: Path) -> Upload:
    """Return a new upload."""
    return Upload.begin(tmp_path)


def left(root: Path) -> list[str]:
    """Return what is unfinished in a store: staged files and uploads in parts."""
    found = (root / ".assetstore" / place for place in ("tmp", "uploads"))
    return [name for place in found if place.is_dir() for name in os.listdir(place)]


def md5(data: bytes) -> str:
    """Return the digest by which S3 names a part."""
    return hashlib.md5(data).hexdigest()


def at_once(*calls: Callable[[], object]) -> Iterator[object]:
    """Yield what calls return or raise when they begin at the same moment."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], object]) -> object:
        barrier.wait(600)
        try:
            return call()
        except (NotFoundError, ErrorResponse) as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        yield from pool.map(run, calls)


def test_parts_are_put_together_in_order(tmp_path: Path) -> None:
    """Parts come in any order and more than once; the last of a number counts; the asset has the first headers."""
    upload = Upload.begin(tmp_path, BeginPartsOptions(content_type="video/mp4", metadata={"by": "gm"}))
    for number, data in ((2, b"second"), (1, b"wrong"), (1, b"first-")):
        assert f'"{md5(data)}"' == upload.put(number, data)
    assert [] == [path for path in tmp_path.iterdir() if path.name != ".assetstore"]
    assert {1: md5(b"first-"), 2: md5(b"second")} == upload.list()
    info = upload.end(upload.list())
    assert info is not None
    assert (b"first-second", "video/mp4", {"by": "gm"}) == (upload.read(), info.content_type, info.metadata)
    assert [] == left(tmp_path)


def test_a_part_that_is_sent_twice_at_once_is_there_once(upload: Upload) -> None:
    """Of several senders of a part one wins, and the part is whole: their clean-ups do not remove each other's file."""
    for turn in range(20):
        sent = [f"{turn} {sender}".encode() for sender in range(4)]
        etags = list(at_once(*(partial(upload.put, 1, data) for data in sent)))
        assert {f'"{md5(data)}"' for data in sent} == set(etags)
        assert upload.list()[1] in map(md5, sent)
        assert [1] == list(upload.list())


def test_an_upload_that_is_ended_twice_at_once_is_one_asset(tmp_path: Path) -> None:
    """One call joins the parts; the others, and late parts, fail because the upload is gone."""
    for _ in range(10):
        upload = Upload.begin(tmp_path)
        etags = {number: upload.put(number, b"x" * number) for number in (1, 2, 3)}
        late = upload.open(4, 1)
        assert isinstance(late, PutRequest)
        late.write(b"x")
        *ended, sent = at_once(*[partial(upload.end, etags)] * 3, late.finish)
        late.close()
        assert [6] == [outcome.size for outcome in ended if isinstance(outcome, AssetInfo)]
        assert 2 == sum(isinstance(outcome, NotFoundError) for outcome in ended)
        assert isinstance(sent, Response) or (isinstance(sent, ErrorResponse) and sent.code == "NoSuchUpload")
        assert (b"xxxxxx", []) == (upload.read(), left(tmp_path))


def test_a_part_of_an_upload_that_is_gone_is_refused_before_it_is_sent(tmp_path: Path, upload: Upload) -> None:
    """Dropped, ended or of another key: 404 NoSuchUpload, and nothing stays."""
    upload.put(1, b"one")
    stranger = upload.open(1, 3, key="other")
    for _ in range(2):
        info = upload.end(None)
        assert info is not None
        assert 0 == info.size
    for answer in (stranger, upload.open(2, 3), attrs.evolve(upload, id="0" * 32).open(1, 3)):
        assert isinstance(answer, Response)
        assert isinstance(answer.body, bytes)
        assert (404, True) == (answer.status, b"<Code>NoSuchUpload</Code>" in answer.body)
    assert [] == left(tmp_path)


@pytest.mark.parametrize("name", ["", ".", "..", "../tmp", "0" * 31, "0" * 33, "0" * 31 + "A", "\0" * 32, "x/" * 16])
def test_the_id_of_an_upload_is_no_path(upload: Upload, name: str) -> None:
    """An id that was never returned names no upload, and dropping it changes nothing."""
    stranger = attrs.evolve(upload, id=name)
    with pytest.raises(NotFoundError):
        stranger.list()
    with pytest.raises(NotFoundError):
        stranger.end({1: md5(b"")})
    stranger.end(None)
    assert {} == upload.list()


def test_what_was_damaged_on_the_disk_is_found(tmp_path: Path, upload: Upload) -> None:
    """A part whose bytes are not those of its ETag makes no asset, and can be sent again."""
    etags = {1: upload.put(1, b"one"), 2: upload.put(2, b"two")}
    (stored,) = tmp_path.glob(f".assetstore/uploads/*/1-{md5(b'one')}")
    stored.write_bytes(b"0ne")
    with pytest.raises(IntegrityError, match="part 1 was damaged"):
        upload.end(etags)
    with pytest.raises(NotFoundError):
        upload.backend.assetstore_stat(key="big", options=StatOptions())
    upload.put(1, b"one")
    upload.end(etags)
    assert b"onetwo" == upload.read()


def test_an_upload_without_parts_is_no_asset(upload: Upload) -> None:
    """Without parts there is nothing to join, and no asset is made."""
    with pytest.raises(IntegrityError, match="at least one"):
        upload.end({})
    assert {} == upload.list()


def test_an_upload_whose_record_was_lost_is_gone(tmp_path: Path, upload: Upload) -> None:
    """After a power failure an upload of a store that is not durable may be an empty file; it is begun again."""
    (record,) = tmp_path.glob(".assetstore/uploads/*/options.json")
    record.write_bytes(b"")
    with pytest.raises(NotFoundError, match="no such upload"):
        upload.list()


def test_no_flipped_bit_of_an_uploads_headers_reaches_the_asset(tmp_path: Path, upload: Upload) -> None:
    """A damaged file of headers is none: the upload has to begin again."""
    (record,) = tmp_path.glob(".assetstore/uploads/*/options.json")
    text = record.read_bytes()
    for bit in range(len(text) * 8):
        record.write_bytes(bytes([*text[: bit // 8], text[bit // 8] ^ 1 << bit % 8, *text[bit // 8 + 1 :]]))
        with pytest.raises(NotFoundError, match="no such upload"):
            upload.list()


def test_an_upload_that_the_disk_refuses_is_an_answer_and_no_exception(tmp_path: Path, upload: Upload) -> None:
    """An error of the system when a part begins does not leave the application."""
    options = tmp_path / ".assetstore" / "uploads" / upload.id / "options.json"
    options.unlink()
    options.symlink_to(options)
    answer = upload.open(1, 5)
    assert isinstance(answer, Response)
    assert 500 == answer.status


def test_an_upload_that_was_begun_without_a_check_sum_goes_on(tmp_path: Path, upload: Upload) -> None:
    """An upload from before there were check sums is not lost by an update of the library."""
    (record,) = tmp_path.glob(".assetstore/uploads/*/options.json")
    fields = json.loads(record.read_bytes())
    del fields["sha256"]
    record.write_text(json.dumps(fields))
    assert [] == list(upload.list())
    record.write_text("{}")
    with pytest.raises(NotFoundError, match="no such upload"):
        upload.list()


def test_uploads_that_nobody_ends_are_swept_after_a_week(tmp_path: Path, upload: Upload) -> None:
    """The next process that writes removes them, but not an upload with a recent part, nor anything else."""
    young = Upload.begin(tmp_path)
    young.put(1, b"one")
    uploads = tmp_path / ".assetstore" / "uploads"
    (uploads / "by-hand").mkdir()
    then = time.time() - WEEK - 60
    for name in (upload.id, "by-hand"):
        os.utime(uploads / name, (then, then))
    os.utime(uploads / young.id, (then + 120, then + 120))
    Upload.begin(tmp_path)
    assert not (uploads / upload.id).exists()
    assert (uploads / "by-hand").exists()
    assert {1: md5(b"one")} == young.list()
