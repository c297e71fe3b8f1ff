"""A run of bytes is checked: what a server sends is what was asked for, is cut to it, or is refused."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from r2_stand_in import Forward, Reply, Request, backend_at, drain, get, hasty_bucket, opened, stand_in

from assetstore import AssetStoreError, BackendError, UnavailableError
from assetstore.plugin import ReadOptions
from assetstore_r2.errors import LostAnswerError
from assetstore_r2.ranges import SKIP, Run, Sent, check
from assetstore_r2.read import read
from assetstore_r2.wire.errors import S3Error

ENGINES = pytest.mark.parametrize("engine", ["wire", "boto3"])
DATA = bytes(range(100))
ETAG = {"etag": '"900150983cd24fb0d6963f7d28e17f72"'}


def answer(status: int, content_range: str | None = None, length: int | None = None) -> dict[str, Any]:
    """Return an answer in botocore's form."""
    found: dict[str, Any] = {"ResponseMetadata": {"HTTPStatusCode": status}}
    found |= {} if content_range is None else {"ContentRange": content_range}
    return found | ({} if length is None else {"ContentLength": length})


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (answer(206, "bytes 10-19/100", 10), Sent(10, 100)),
        (answer(206, "bytes 10-19/100"), Sent(10, 100)),
        (answer(200, "bytes 10-19/100", 10), Sent(10, 100)),
        (answer(206, "bytes 10-14/15", 5), Sent(5, 15)),
        (answer(200, None, 100), Sent(10, 100, skip=10)),
        (answer(200, None, 15), Sent(5, 15, skip=10)),
        (answer(200, None, 10), Sent(0, 10, skip=10)),
        (answer(200, None, 3), Sent(0, 3, skip=3)),
        (answer(200), None),
    ],
)
def test_what_is_right_or_can_be_cut_is_taken(found: dict[str, Any], expected: Sent | None) -> None:
    """A 200 may hold the run, as rclone's do, or the whole asset, of which the rest is skipped."""
    assert expected == check(found, Run(10, 19))


@pytest.mark.parametrize(
    "found",
    [
        answer(206, None, 10),
        answer(206, "bytes 0--1/0", 0),
        answer(206, "bytes */100", 0),
        answer(206, "bytes 10-19/*", 10),
        answer(206, "items 10-19/100", 10),
        answer(206, "bytes 9-18/100", 10),
        answer(206, "bytes 10-18/100", 9),
        answer(206, "bytes 10-20/100", 11),
        answer(206, "bytes 10-19/15", 10),
        answer(206, "bytes 10-9/10", 0),
        answer(206, "bytes 10-19/100", 9),
        answer(206, "bytes 10-19/100", 11),
        answer(206, "bytes 1٠-19/100", 10),
        answer(204, None, 0),
    ],
)
def test_what_was_not_asked_for_is_refused(found: dict[str, Any]) -> None:
    """Other bytes, another length, and a Content-Range that cannot be read."""
    with pytest.raises(LostAnswerError):
        check(found, Run(10, 19))


def test_a_whole_asset_is_not_read_for_a_run_at_its_end() -> None:
    """Up to a mebibyte is skipped; a server that ignores ranges is named beyond it."""
    assert Sent(1, SKIP + 1, skip=SKIP) == check(answer(200, None, SKIP + 1), Run(SKIP))
    with pytest.raises(BackendError, match="ignores ranges"):
        check(answer(200, None, SKIP + 2), Run(SKIP + 1))


@given(
    st.integers(0, 50),
    st.none() | st.integers(0, 50),
    st.integers(0, 50),
    st.sampled_from([200, 206]),
    st.none() | st.tuples(st.integers(-1, 50), st.integers(-1, 50), st.integers(0, 50)),
    st.none() | st.integers(0, 50),
)
def test_no_answer_makes_a_wrong_run(
    first: int, more: int | None, size: int, status: int, span: tuple[int, int, int] | None, length: int | None
) -> None:
    """Whatever head an honest or odd server sends: if it is believed, the run lies where it was asked for."""
    last = None if more is None else first + more
    content_range = None if span is None else "bytes {}-{}/{}".format(*span)
    try:
        sent = check(answer(status, content_range, length), Run(first, last))
    except LostAnswerError:
        return
    if sent is None:
        assert length is None
        return
    end = sent.size if last is None else min(last + 1, sent.size)
    assert max(0, end - first) == sent.length
    assert sent.skip in (0, first, sent.size)
    assert sent.skip or span is None or first == span[0] or Run(first, last).header is None


@ENGINES
def test_a_server_that_ignores_ranges_is_read_all_the_same(engine: str) -> None:
    """The bytes before the run are skipped and those behind it are not read, on a resumed read too."""
    cuts = iter([30, 60])

    def script(request: Request, forward: Forward) -> Reply:
        return Reply(200, ETAG, DATA, cut=next(cuts, None))

    with stand_in(script=script) as server:
        backend = backend_at(server.url, engine=engine)
        assert DATA[20:70] == get(backend, "a", offset=20, length=50)
        assert b"" == get(backend, "a", offset=100)
        assert b"" == get(backend, "a", offset=200, length=5)
        backend.assetstore_close()


@ENGINES
def test_a_run_that_is_wrong_once_is_fetched_again(engine: str) -> None:
    """A proxy that shortened an answer may do better the next time; if it never does, the store is unavailable."""
    wrong = Reply(206, {**ETAG, "content-range": "bytes 10-19/100"}, DATA[10:15])
    right = Reply(206, {**ETAG, "content-range": "bytes 10-19/100"}, DATA[10:20])
    for replies, expected in ((iter([wrong]), DATA[10:20]), (iter([wrong] * 3), None)):
        with stand_in(script=lambda request, forward, replies=replies: next(replies, right)) as server:  # type: ignore[misc]  # bound now
            backend = backend_at(server.url, max_attempts=3, engine=engine)
            if expected is None:
                with pytest.raises(UnavailableError, match="Content-Range"):
                    backend.assetstore_read(key="a", options=ReadOptions(offset=10, length=10))
            else:
                assert expected == get(backend, "a", offset=10, length=10)
            backend.assetstore_close()


@ENGINES
def test_a_packed_run_without_a_length_is_refused(engine: str) -> None:
    """The emulator packs an asset with a Content-Encoding once more and then sends runs of that, without a length."""
    packed = Reply(
        206,
        {**ETAG, "content-range": "bytes 10-19/100", "content-encoding": "gzip", "transfer-encoding": "chunked"},
        b"a\r\n" + DATA[10:20] + b"\r\n0\r\n\r\n",
    )
    with stand_in(script=lambda request, forward: packed) as server:
        backend = backend_at(server.url, engine=engine)
        with pytest.raises(BackendError, match="Content-Encoding"):
            backend.assetstore_read(key="a", options=ReadOptions(offset=10, length=10))
        backend.assetstore_close()


@ENGINES
def test_every_later_request_is_bound_to_the_version(engine: str) -> None:
    """Also where the server ignores If-Range, which all do; and no request asks for a suffix."""
    cuts = iter([3, 3, 3])

    def script(request: Request, forward: Forward) -> Reply:
        first = int(request.headers.get("range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        told = {"content-range": f"bytes {first}-99/100"} if "range" in request.headers else {}
        return Reply(206 if told else 200, {**ETAG, **told}, DATA[first:], cut=next(cuts, None))

    with stand_in(script=script) as server:
        backend = backend_at(server.url, engine=engine)
        assert DATA == drain(opened(backend, "a"))
        backend.assetstore_close()
        asked = [(request.headers.get("range"), request.headers.get("if-match")) for request in server.requests]
    assert [(None, None), *((f"bytes={first}-99", ETAG["etag"]) for first in (3, 6, 9))] == asked


class Server:
    """Answers GET of one asset, whose version changes, as its script says; the bodies break where it says."""

    def __init__(self, script: list[tuple[str, int]]) -> None:
        self.script = iter(script)
        self.version = 0

    def get_object(self, *, Range: str = "bytes=0-", IfMatch: str | None = None, **_: Any) -> dict[str, Any]:  # noqa: N803 - the engine's
        """Answer."""
        how, cut = next(self.script, ("right", 1000))
        if how == "failed":
            raise S3Error({"Error": {}, "ResponseMetadata": {"HTTPStatusCode": 500, "HTTPHeaders": {}}}, "GetObject")
        self.version += how in ("replaced", "careless")
        if IfMatch not in (None, self.etag) and how != "careless":
            raise S3Error({"Error": {}, "ResponseMetadata": {"HTTPStatusCode": 412, "HTTPHeaders": {}}}, "GetObject")
        begin, _, end = Range.removeprefix("bytes=").partition("-")
        first, last = int(begin), min(int(end or 99), 99)
        if how == "whole" or Range == "bytes=0-":
            return self.answer(200, self.data, cut)
        if first > 99:
            raise S3Error({"Error": {}, "ResponseMetadata": {"HTTPStatusCode": 416, "HTTPHeaders": {}}}, "GetObject")
        first, last = (first + 1, last + 1) if how == "shifted" else (first, last)
        last = max(first, last - 1) if how == "short" else last
        return self.answer(206, self.data[first : last + 1], cut, ContentRange=f"bytes {first}-{last}/100")

    def head_object(self, **_: Any) -> dict[str, Any]:
        """Look."""
        return self.answer(200, self.data, 0)

    def answer(self, status: int, body: bytes, cut: int, **headers: str) -> dict[str, Any]:
        """Return an answer whose body breaks after so many bytes."""
        metadata = {"HTTPStatusCode": status, "HTTPHeaders": {}}
        found = {"ETag": self.etag, "ContentLength": len(body), "Body": io.BytesIO(body[:cut])}
        return {**found, **headers, "Metadata": {}, "ResponseMetadata": metadata}

    @property
    def etag(self) -> str:
        """The version."""
        return f'"{self.version}-1"'

    @property
    def data(self) -> bytes:
        """The bytes of the version."""
        return bytes((byte + self.version) % 256 for byte in range(100))


@settings(max_examples=max(300, settings().max_examples))
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["right", "whole", "failed", "replaced", "careless", "shifted", "short"]), st.integers(0, 110)
        ),
        max_size=6,
    ),
    st.integers(0, 120),
    st.none() | st.integers(0, 120),
)
def test_a_read_is_exact_or_an_error(script: list[tuple[str, int]], offset: int, length: int | None) -> None:
    """Whatever breaks, is replaced or ignored on the way: the bytes are those of one version, and all of them."""
    server = Server(script)
    bucket = hasty_bucket(server)
    with bucket.deadline():
        try:
            stream = read(bucket, "a", ReadOptions(offset=offset, length=length))
            version = int((stream.info.etag or "").partition("-")[0])
            found = drain(stream)
        except AssetStoreError:
            return
    end = 100 if length is None else offset + length
    assert bytes((byte + version) % 256 for byte in range(100))[offset:end] == found
