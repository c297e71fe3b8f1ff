"""The requests that are sent to services which differ, on both engines; and what two real ones make of the oddest.

A request is written so that all of ten services understand it: none carries what one of them takes otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import attrs
import pytest
import requests
from r2_stand_in import PART, Request, backend_on, get, put, stand_in

from assetstore import CredentialsError, InvalidOptionError, NotFoundError, PreconditionError
from assetstore.plugin import CopyOptions, DeleteOptions, ListOptions, StatOptions
from assetstore_r2 import S3Backend

ODD = "ü b+c%d'(e)/f&g=h,~"
LISTS = {"list-type", "encoding-type", "prefix", "delimiter", "max-keys", "start-after", "continuation-token"}
NEVER = {
    *("expect", "transfer-encoding", "trailer", "te", "if-range", "content-encoding", "x-amz-storage-class"),
    *("x-amz-tagging", "x-amz-acl", "x-amz-expected-bucket-owner", "x-amz-server-side-encryption"),
}


@attrs.frozen
class Sent:
    """What was sent while every operation was used.

    Attributes:
        requests: the requests.
        prefix: before each key.
        engine: the engine that sent them.
        bucket: the bucket's name.
    """

    requests: list[Request] = attrs.field(repr=False)
    prefix: str
    engine: str
    bucket: str

    def by(self, *methods: str) -> list[Request]:
        """Return the requests by these methods."""
        return [request for request in self.requests if request.method in methods]

    def lists(self) -> list[Request]:
        """Return the requests for listings."""
        return [request for request in self.requests if "list-type=2" in request.path]


def exercise(backend: S3Backend, prefix: str) -> None:
    """Use every operation that sends a request of its own form."""
    odd, etag = f"{prefix}{ODD}", put(backend, f"{prefix}a", b"abc", content_type="text/plain").etag
    put(backend, odd, b"", overwrite=False, metadata={"by": "Müller"}, cache_control="no-cache")
    put(backend, f"{prefix}a", b"abcd", if_match=etag)
    put(backend, f"{prefix}c", bytes(PART + 1), overwrite=False)
    for offset, length in ((0, 2), (1, None), (1, 1), (9, None)):
        get(backend, f"{prefix}a", offset=offset, length=length)
    get(backend, odd)
    backend.assetstore_list(prefix=prefix, options=ListOptions(recursive=False, start_after=f"{prefix}a", limit=5_000))
    page = backend.assetstore_list(prefix=prefix, options=ListOptions(limit=1))
    assert page is not None
    backend.assetstore_list(prefix=prefix, options=ListOptions(limit=1, cursor=page.next_cursor))
    backend.assetstore_copy(source=odd, destination=f"{odd} copy", options=CopyOptions())
    backend.assetstore_copy(source=odd, destination=odd, options=CopyOptions(content_type="a/b"))
    backend.assetstore_delete(keys=[odd, f"{odd} copy", f"{prefix}a "], options=DeleteOptions())
    backend.assetstore_delete(keys=[f"{prefix}a"], options=DeleteOptions())


@pytest.fixture(scope="module", params=["wire on seaweedfs", "boto3 on seaweedfs", "wire on emulator", "boto3 on emulator"])
def sent(request: pytest.FixtureRequest) -> Iterator[Sent]:
    """Give what each engine sends to each server."""
    engine, _, name = request.param.partition(" on ")
    server, prefix = request.getfixturevalue(name), f"sent-{engine}/"
    with stand_in(server.endpoint_url) as proxy:
        backend = backend_on(server, proxy.url, engine=engine)
        exercise(backend, prefix)
        backend.assetstore_close()
        yield Sent(list(proxy.requests), prefix, engine, server.bucket)


def test_no_header_is_sent_that_a_service_refuses(sent: Sent) -> None:
    """No encryption, class, owner or tags that nobody asked for, no chunks, no Expect."""
    assert set() == {name for request in sent.requests for name in request.headers if name in NEVER}


def test_each_body_is_announced_by_its_length(sent: Sent) -> None:
    """Also an empty one, which some services refuse otherwise."""
    assert {True} == {request.headers.get("content-length") == str(len(request.body)) for request in sent.by("PUT", "POST")}


def test_each_asset_is_sent_with_a_type(sent: Sent) -> None:
    """Services guess the type otherwise, by the bytes or by the key."""
    wholes = [
        request for request in sent.by("PUT") if "?" not in request.path and "x-amz-copy-source" not in request.headers
    ]
    begins = [request for request in sent.by("POST") if "uploads" in request.path]
    assert (3, 1) == (len(wholes), len(begins))
    assert {True} == {"content-type" in request.headers for request in (*wholes, *begins)}


def test_conditions_are_quoted(sent: Sent) -> None:
    """A bare ETag is an internal error of one service."""
    names = ("if-match", "if-none-match", "x-amz-copy-source-if-match")
    values = {request.headers[name] for request in sent.requests for name in names if name in request.headers}
    assert "*" in values
    assert [] == [value for value in values if value != "*" and not re.fullmatch('"[^"]+"', value)]


def test_ranges_have_a_beginning_and_are_never_asked_of_a_head(sent: Sent) -> None:
    """The last bytes are another run on each service, and a HEAD may tell the size of the run."""
    ranges = [request.headers["range"] for request in sent.by("GET") if "range" in request.headers]
    assert 4 <= len(ranges)
    assert [] == [value for value in ranges if not re.fullmatch(r"bytes=\d+-\d*", value)]
    assert [] == [request for request in sent.by("HEAD") if "range" in request.headers]


def test_a_listing_asks_for_a_number_and_for_nothing_unknown(sent: Sent) -> None:
    """An unknown parameter is refused by two services, and the default size of a page differs."""
    queries = [dict(parse_qsl(urlsplit(request.path).query, keep_blank_values=True)) for request in sent.lists()]
    assert 3 <= len(queries)
    assert set() == {name for query in queries for name in query} - LISTS
    assert {True} == {1 <= int(query["max-keys"]) <= 1_000 and query["encoding-type"] == "url" for query in queries}
    assert [] == [query for query in queries if {"start-after", "continuation-token"} <= query.keys()]


def test_paths_keep_their_slashes(sent: Sent) -> None:
    """A slash that is encoded breaks the signature on four services."""
    paths = [urlsplit(request.path).path for request in sent.requests]
    assert [] == [path for path in paths if "%2f" in path.lower()]
    assert any(path.endswith("/" + quote(f"{sent.prefix}{ODD}", safe="/~")) for path in paths)


def test_the_source_of_a_copy_keeps_its_slashes(sent: Sent) -> None:
    """Bucket and key, with everything else encoded: a bare plus sign is lost on one service."""
    sources = {
        request.headers["x-amz-copy-source"].removeprefix("/")
        for request in sent.by("PUT")
        if "x-amz-copy-source" in request.headers
    }
    assert {f"{sent.bucket}/{sent.prefix}{ODD}"} == {unquote(source) for source in sources}
    assert [] == [
        source for source in sources if "+" in source or "%2f" in source.lower() or "'" in unquote(source) != "'" in source
    ]


def test_a_copy_onto_itself_sends_every_header_anew(sent: Sent) -> None:
    """What is not sent again is lost on one service."""
    onto = [request for request in sent.by("PUT") if request.headers.get("x-amz-metadata-directive") == "REPLACE"]
    assert [("a/b", "no-cache", True)] == [
        (
            request.headers.get("content-type"),
            request.headers.get("cache-control"),
            any(name.startswith("x-amz-meta-by") for name in request.headers),
        )
        for request in onto
    ]


def test_a_bulk_delete_has_a_digest_and_no_key_that_xml_may_change(sent: Sent) -> None:
    """One service demands the digest; two trim keys."""
    bulk = [request for request in sent.by("POST") if "delete" in urlsplit(request.path).query]
    if sent.engine == "wire":  # boto3 no longer sends one; who demands it gets single deletes then
        assert [True] == ["content-md5" in request.headers for request in bulk]
    assert [] == [request for request in bulk if b" </Key>" in request.body or b"<Quiet>true" in request.body]
    assert any(request.path.endswith("a%20") for request in sent.by("DELETE"))


def test_parts_are_joined_in_order(sent: Sent) -> None:
    """Services differ about parts out of order."""
    joined = [request.body for request in sent.by("POST") if "uploadId" in request.path]
    assert [[b"1", b"2"]] == [re.findall(rb"<PartNumber>(\d+)</PartNumber>", body) for body in joined]


def test_the_wire_has_one_name(sent: Sent) -> None:
    """The user agent tells nothing about the machine."""
    if sent.engine == "wire":
        assert {"assetstore"} == {request.headers["user-agent"] for request in sent.requests}


@pytest.fixture(params=["seaweedfs", "emulator"])
def server(request: pytest.FixtureRequest) -> Any:
    """Give each server in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["wire", "boto3"])
def backend(request: pytest.FixtureRequest, server: Any) -> Iterator[S3Backend]:
    """Give a backend on each server by each engine."""
    made = backend_on(server, engine=request.param)
    yield made
    made.assetstore_close()


@pytest.mark.parametrize("engine", ["wire", "boto3"])
def test_a_large_body_with_a_wrong_secret_is_named(engine: str, server: Any, unique_prefix: str) -> None:
    """The emulator answers before the body is out, and its connection is dead without a word."""
    wrong = backend_on(server, engine=engine, secret_key="0" * 64, part_size=64 << 20, max_attempts=3)
    for _ in range(2):
        with pytest.raises(CredentialsError):
            put(wrong, f"{unique_prefix}a", bytes(32 << 20))
    with pytest.raises(CredentialsError):
        get(wrong, f"{unique_prefix}a")
    wrong.assetstore_close()


def test_heads_and_empty_answers_leave_the_connection_usable(backend: S3Backend, unique_prefix: str) -> None:
    """404 to HEAD, 204 and 416 in turn, then a whole asset."""
    for number in range(3):
        key = f"{unique_prefix}{number}"
        with pytest.raises(NotFoundError):
            backend.assetstore_stat(key=key, options=StatOptions())
        put(backend, key, b"abc")
        assert (b"", b"abc") == (get(backend, key, offset=9), get(backend, key))
        backend.assetstore_delete(keys=[key], options=DeleteOptions())
        with pytest.raises(NotFoundError):
            get(backend, key)


def test_a_key_with_a_blank_is_deleted_alone(backend: S3Backend, server: Any, unique_prefix: str) -> None:
    """The emulator trims keys in bulk deletes: the asset without the blank stays."""
    keys = [f"{unique_prefix}map", f"{unique_prefix}map ", f"{unique_prefix}other"]
    for key in keys:
        put(backend, key, key.encode())
    report = backend.assetstore_delete(keys=keys[1:], options=DeleteOptions())
    assert report is not None
    assert set(keys[1:]) == set(report.deleted)
    page = backend.assetstore_list(prefix=unique_prefix, options=ListOptions())
    assert page is not None
    assert keys[:1] == [info.key for info in page.items]


def test_runs_of_blanks_are_signed_as_services_fold_them(backend: S3Backend, unique_prefix: str) -> None:
    """Metadata with several blanks are accepted and come back."""
    put(backend, f"{unique_prefix}a", b"abc", metadata={"by": "a  b   c"})
    info = backend.assetstore_stat(key=f"{unique_prefix}a", options=StatOptions())
    assert info is not None
    assert {"by": "a  b   c"} == dict(info.metadata)


def test_a_condition_on_a_missing_asset_is_one_error(backend: S3Backend, unique_prefix: str) -> None:
    """Some services answer 412, others 404."""
    with pytest.raises(PreconditionError, match="no asset"):
        put(backend, f"{unique_prefix}none", b"abc", if_match="900150983cd24fb0d6963f7d28e17f72")


@pytest.mark.parametrize("value", ["a\nb", "a\r", "\u20ac", "\xfc", "\0"])
def test_a_condition_that_no_etag_meets_is_refused_before_it_is_sent(backend: S3Backend, value: str) -> None:
    """No line break gets into a header, and nothing is in doubt."""
    with pytest.raises(InvalidOptionError, match="if_match"):
        put(backend, "never", b"abc", if_match=value)
    with pytest.raises(InvalidOptionError, match="if_match"):
        get(backend, "never", if_match=value)


def test_what_another_program_stored_as_utf_8_can_be_changed(emulator: Any, unique_prefix: str) -> None:
    """Headers that are not ASCII are signed as they are sent, and metadata are written anew as ours."""
    key, made = f"{unique_prefix}a", backend_on(emulator)
    with emulator.client() as client:
        url = client.generate_presigned_url("put_object", {"Bucket": emulator.bucket, "Key": key})
    headers = {"content-disposition": 'inline; filename="Müller"'.encode(), "x-amz-meta-by": "Müller".encode()}
    assert 200 == requests.put(url, data=b"abc", headers=headers, timeout=600).status_code
    info = made.assetstore_copy(source=key, destination=key, options=CopyOptions(content_type="text/css"))
    made.assetstore_close()
    assert info is not None
    assert ("text/css", {"by": "Müller"}) == (info.content_type, dict(info.metadata))


def test_an_asset_in_parts_is_what_was_sent(backend: S3Backend, unique_prefix: str) -> None:
    """Whatever ETag a service makes of parts, and of their copy."""
    data = bytes(PART) + b"end"
    put(backend, f"{unique_prefix}a", data)
    backend.assetstore_copy(source=f"{unique_prefix}a", destination=f"{unique_prefix}b", options=CopyOptions())
    assert (data, data) == (get(backend, f"{unique_prefix}a"), get(backend, f"{unique_prefix}b"))
