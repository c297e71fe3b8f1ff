"""What S3 services do differently, and a client must survive, on both engines.

``COVERED`` names each of the differences that were found by probing ten services, and the tests that hold it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import md5
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from r2_stand_in import PART, Reply, Request, Script, StandIn, backend_at, error_reply, get, put, stand_in

from assetstore import (
    AccessDeniedError,
    AlreadyExistsError,
    AssetStoreError,
    BackendError,
    ConfigError,
    CredentialsError,
    NotFoundError,
    PreconditionError,
    StoreNotFoundError,
    UnavailableError,
)
from assetstore.plugin import CopyOptions, DeleteOptions, ListOptions, ListPage, PartsOptions, StatOptions
from assetstore_r2 import S3Backend

KEYS = ["a b", "a+b", "a'b", "a%2Fb", "x/y", "Ü/ü", "&<>"]
XML = {"content-type": "application/xml"}
MD5 = "900150983cd24fb0d6963f7d28e17f72"
OF_PARTS = md5(md5(bytes(PART)).digest() + md5(bytes(1)).digest()).hexdigest() + "-2"
STORED = {"etag": f'"{MD5}"'}
ENGINES = ("wire", "boto3")


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Give each engine in turn."""
    name: str = request.param
    return name


class Service:
    """A stand-in that answers as a test says, and a backend on it."""

    def __init__(self, server: StandIn, backend: S3Backend) -> None:
        """Keep both."""
        self.server = server
        self.backend = backend

    def answers(self, script: Script | Reply) -> None:
        """Answer so from now on."""
        self.server.script = (lambda *_: script) if isinstance(script, Reply) else script
        self.server.requests.clear()


@pytest.fixture
def service(engine: str) -> Iterator[Service]:
    """Give a service and a backend on it."""
    with stand_in() as server:
        backend = backend_at(server.url, engine=engine, max_attempts=2)
        yield Service(server, backend)
        backend.assetstore_close()


def escaped(text: str) -> str:
    """Return a text as XML has it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def listing(*entries: str, more: str = "<IsTruncated>false</IsTruncated>") -> Reply:
    """Return a page of a listing."""
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult>{"".join(entries)}{more}</ListBucketResult>'
    return Reply(200, XML, text.encode())


def entry(key: str, *, etag: str = f"<ETag>&#34;{MD5}&#34;</ETag>", date: str = "2026-11-28T10:27:53.000Z") -> str:
    """Return an asset of a listing."""
    modified = f"<LastModified>{date}</LastModified>"
    return f"<Contents><Key>{escaped(key)}</Key>{modified}{etag}<Size>3</Size><Owner><ID>1</ID></Owner></Contents>"


def listed(service: Service, **options: Any) -> ListPage:
    """List a page."""
    page = service.backend.assetstore_list(prefix="", options=ListOptions(**options))
    assert page is not None
    return page


def everything(text: str) -> str:
    """Encode all but letters and digits."""
    return quote(text, safe="")


def by_folder(text: str) -> str:
    """Encode a slash at the end, and no quote."""
    return quote(text, safe="'")


URL = "<EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>"
PLAIN = "<IsTruncated>false</IsTruncated>"
ENCODINGS = {
    "R2's emulator": (everything, everything, URL),
    "ministack, localbucket": (quote, quote, URL),
    "SeaweedFS": (lambda key: quote_plus(key, safe="/"), quote, URL),
    "juicefs, rclone": (quote_plus, quote_plus, URL),
    "radosgw": (by_folder, lambda key: quote(key, safe="/'"), URL),
    "pys3local, s3rver": (escaped, escaped, PLAIN),
}


@pytest.mark.parametrize("name", ENCODINGS)
def test_keys_are_read_however_a_listing_encodes_them(name: str, service: Service) -> None:
    """Keys and common prefixes come back as they were stored, whatever a service encodes, and whether it says so."""
    of_key, of_prefix, more = ENCODINGS[name]
    keys = [f"<Contents><Key>{of_key(key)}</Key><Size>3</Size></Contents>" for key in KEYS]
    prefixes = [f"<CommonPrefixes><Prefix>{of_prefix(f'{key}/')}</Prefix></CommonPrefixes>" for key in KEYS]
    service.answers(listing(*keys, *prefixes, more=more))
    page = listed(service, recursive=False)
    assert KEYS == [info.key for info in page.items]
    assert [f"{key}/" for key in KEYS] == [prefix.key for prefix in page.prefixes]


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("2026-11-28T10:27:53Z", datetime(2026, 11, 28, 10, 27, 53, tzinfo=UTC)),
        ("2026-11-28T10:27:53.000Z", datetime(2026, 11, 28, 10, 27, 53, tzinfo=UTC)),
        ("2026-11-28T10:27:53.123Z", datetime(2026, 11, 28, 10, 27, 53, 123_000, tzinfo=UTC)),
        ("2026-11-28T10:27:53.12Z", datetime(2026, 11, 28, 10, 27, 53, 120_000, tzinfo=UTC)),
        ("2026-11-28T10:27:53.123456Z", datetime(2026, 11, 28, 10, 27, 53, 123_456, tzinfo=UTC)),
        ("2026-11-28T11:27:53+01:00", datetime(2026, 11, 28, 10, 27, 53, tzinfo=UTC)),
    ],
)
def test_dates_are_read_in_every_form(date: str, expected: datetime, service: Service) -> None:
    """Seconds, milliseconds, cut zeros and microseconds are the same time."""
    service.answers(listing(entry("a", date=date)))
    assert [expected] == [info.last_modified for info in listed(service).items]


@pytest.mark.parametrize(
    ("etag", "expected"),
    [
        (f"<ETag>&#34;{MD5}&#34;</ETag>", MD5),
        (f"<ETag>&quot;{MD5}&quot;</ETag>", MD5),
        (f"<ETag>{MD5}</ETag>", MD5),
        ("<ETag></ETag>", None),
        ("<ETag/>", None),
        ("", None),
    ],
    ids=["quoted", "by name", "bare", "empty", "no text", "none"],
)
def test_an_etag_in_a_listing_may_be_bare_or_missing(etag: str, expected: str | None, service: Service) -> None:
    """One ETag has one form, and an asset without one is listed."""
    service.answers(listing(entry("a", etag=etag)))
    assert [(3, expected)] == [(info.size, info.etag) for info in listed(service).items]


def test_a_listing_may_lack_its_count(service: Service) -> None:
    """KeyCount says nothing that is needed, and some services leave it out."""
    service.answers(listing(entry("a"), entry("b")))
    assert ["a", "b"] == [info.key for info in listed(service).items]


def test_a_listing_that_goes_on_without_a_token_is_an_error(service: Service) -> None:
    """A page that names no next one would look like the end of the bucket."""
    service.answers(listing(entry("a"), more="<IsTruncated>true</IsTruncated>"))
    with pytest.raises(BackendError, match="token"):
        listed(service)


def test_a_listing_that_repeats_its_token_is_an_error(service: Service) -> None:
    """A page whose next one is itself would never end."""
    more = "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"
    service.answers(listing(entry("a"), more=more))
    assert "t" == listed(service).next_cursor
    with pytest.raises(BackendError, match="token"):
        listed(service, cursor="t")


def test_an_indented_listing_is_the_same(service: Service) -> None:
    """Blanks between elements are no part of keys."""
    page = listing(entry("a b"), entry("c"))
    indented = page.body.replace(b"><", b">\n    <")
    service.answers(Reply(200, XML, indented))
    assert ["a b", "c"] == [info.key for info in listed(service).items]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Welcome</html>",
        b"Internal Server Error",
        listing(entry("a")).body[:-20],
        b"<ListBucketResult></ListBucketResult>",
        b"<ListBucketResult><Contents><Size>3</Size></Contents><IsTruncated>false</IsTruncated></ListBucketResult>",
        b"<ListBucketResult><Contents><Key>a</Key></Contents><IsTruncated>false</IsTruncated></ListBucketResult>",
        b"<ListBucketResult><CommonPrefixes/><IsTruncated>false</IsTruncated></ListBucketResult>",
    ],
    ids=["empty", "a page", "a text", "cut", "nothing", "no key", "no size", "no prefix"],
)
def test_what_is_no_listing_is_not_taken_for_one(body: bytes, service: Service) -> None:
    """An answer of a proxy is not an empty bucket, and an asset without a key or a size is no asset."""
    service.answers(Reply(200, XML, body))
    with pytest.raises(UnavailableError):
        listed(service)


ERRORS = [
    (Reply(500, {"content-type": "text/plain"}, b"Internal Server Error"), UnavailableError),
    (Reply(500), UnavailableError),
    (Reply(403), AccessDeniedError),
    (Reply(403, XML, b"<Error><Code>"), AccessDeniedError),
    (Reply(403, XML, b"\n\n  <Error><Code>SignatureDoesNotMatch</Code></Error>"), CredentialsError),
    (Reply(403, {"content-type": "text/html"}, b"<html><h1>Forbidden</h1></html>"), AccessDeniedError),
    (Reply(404), NotFoundError),
    (error_reply(404, "NoSuchBucket"), StoreNotFoundError),
    (Reply(404, {"content-type": "application/json"}, b'{"code": "NoSuchBucket"}'), NotFoundError),
    (error_reply(501, "NotImplemented"), AssetStoreError),
    (Reply(499, {}, b""), UnavailableError),
]


@pytest.mark.parametrize(("reply", "error"), ERRORS, ids=lambda value: getattr(value, "__name__", None))
def test_an_error_without_a_document_goes_by_its_status(
    reply: Reply, error: type[AssetStoreError], service: Service
) -> None:
    """Plain texts, pages, cut documents and empty bodies raise nothing of their own."""
    service.answers(reply)
    with pytest.raises(error):
        get(service.backend, "a")


@pytest.mark.parametrize("headers", [{}, {"content-length": "266"}, {"transfer-encoding": "chunked"}])
@pytest.mark.parametrize(("status", "error"), [(404, NotFoundError), (403, AccessDeniedError)])
def test_a_head_has_no_body(headers: dict[str, str], status: int, error: type[AssetStoreError], service: Service) -> None:
    """An answer to HEAD may announce a body, which never comes; the next request is not affected."""
    service.answers(Reply(status, headers))
    for _ in range(2):
        with pytest.raises(error):
            service.backend.assetstore_stat(key="a", options=StatOptions())


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("region", [None, "eu-west-3"])
@pytest.mark.parametrize("method", ["get", "head", "put", "list"])
def test_a_redirect_is_an_error_that_names_the_cure(status: int, region: str | None, method: str, service: Service) -> None:
    """A request is never sent to another place, which it is not signed for."""
    with stand_in() as elsewhere:
        headers = {"location": f"{elsewhere.url}/a"} | ({"x-amz-bucket-region": region} if region else {})
        service.answers(Reply(status, headers))
        with pytest.raises(ConfigError) as caught:
            {
                "get": lambda: get(service.backend, "a"),
                "head": lambda: service.backend.assetstore_stat(key="a", options=StatOptions()),
                "put": lambda: put(service.backend, "a", b"abc"),
                "list": lambda: listed(service),
            }[method]()
        assert "region" in str(caught.value.hint)
        assert region is None or region in str(caught.value.hint)
        assert [] == elsewhere.requests


def completing(body: bytes, **headers: str) -> Script:
    """Return a script of an upload in parts whose last answer is ``body`` with 200, after which there is no asset."""

    def script(request: Request, _: object) -> Reply:
        if request.method == "HEAD":
            return Reply(404)
        if request.method == "POST" and "uploads" in request.path:
            return Reply(200, XML, b"<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>")
        if request.method == "POST":
            return Reply(200, {**XML, **headers}, body)
        return Reply(204) if request.method == "DELETE" else Reply(200, STORED)

    return script


@pytest.mark.parametrize("before", [b"", b"\n\n   \n", b'<?xml version="1.0"?>\n\n   \n'], ids=["", "blanks", "declared"])
def test_an_upload_that_ends_with_an_error_in_a_200_failed(before: bytes, service: Service) -> None:
    """S3 answers Complete with 200 before it knows the outcome."""
    service.answers(completing(before + b"<Error><Code>InvalidPart</Code></Error>"))
    with pytest.raises(BackendError, match="refused a part"):
        put(service.backend, "a", bytes(PART + 1))
    assert "DELETE" == service.server.requests[-1].method


@pytest.mark.parametrize("body", [b"", b"   ", b"<html/>", b"<CompleteMultipartUploadResult><ETag>"])
def test_an_upload_that_ends_with_no_answer_in_a_200_is_looked_up(body: bytes, service: Service) -> None:
    """An empty or foreign 200 is no success: the asset is looked up, and is not there."""
    service.answers(completing(body))
    with pytest.raises(UnavailableError):
        put(service.backend, "a", bytes(PART + 1))
    assert "HEAD" in [request.method for request in service.server.requests]


@pytest.mark.parametrize("method", ["put", "copy"])
def test_an_error_in_a_200_is_an_error(method: str, service: Service) -> None:
    """A service that learns of an error late cannot change the status any more."""

    def script(request: Request, _: object) -> Reply:
        if request.method == "HEAD":
            return Reply(200, {**STORED, "content-length": "3"}) if request.path.endswith("/a") else Reply(404)
        return Reply(200, {**XML, **STORED}, b"<Error><Code>AccessDenied</Code></Error>")

    service.answers(script)
    backend = service.backend
    calls = {
        "put": lambda: put(backend, "b", b"abc"),
        "copy": lambda: backend.assetstore_copy(source="a", destination="b", options=CopyOptions()),
    }
    with pytest.raises(AccessDeniedError):
        calls[method]()


def deleted(service: Service, *keys: str) -> dict[str, str]:
    """Delete keys and return what became of each: ``""`` or an error's name."""
    report = service.backend.assetstore_delete(keys=list(keys), options=DeleteOptions())
    assert report is not None
    return dict.fromkeys(report.deleted, "") | {failure.key: type(failure.error).__name__ for failure in report.failed}


def bulk(*elements: str) -> Reply:
    """Return an answer to DeleteObjects."""
    return Reply(200, XML, f"<DeleteResult>{''.join(elements)}</DeleteResult>".encode())


A, B = "<Deleted><Key>a</Key></Deleted>", "<Deleted><Key>b</Key></Deleted>"
DENIED = "<Error><Key>b</Key><Code>AccessDenied</Code><Message>no</Message></Error>"
BULK = {
    "all": (bulk(A, B), {"a": "", "b": ""}),
    "in another order": (bulk(B, A), {"a": "", "b": ""}),
    "one twice": (bulk(A, A, B), {"a": "", "b": ""}),
    "one refused": (bulk(A, DENIED), {"a": "", "b": "AccessDeniedError"}),
    "deleted and refused": (bulk(A, B, DENIED), {"a": "", "b": "AccessDeniedError"}),
    "one not named": (bulk(A), {"a": "", "b": "UnknownOutcomeError"}),
    "a foreign one": (bulk(A, "<Deleted><Key>c</Key></Deleted>"), {"a": "", "b": "UnknownOutcomeError"}),
    "with markers": (bulk("<Deleted><Key>a</Key><DeleteMarker>true</DeleteMarker></Deleted>", B), {"a": "", "b": ""}),
    "indented": (Reply(200, XML, bulk(A, B).body.replace(b"><", b">\n  <")), {"a": "", "b": ""}),
    "an error without a key": (bulk(A, "<Error><Code>InternalError</Code></Error>"), {"a": "", "b": "UnknownOutcomeError"}),
    "a deletion without a key": (bulk(A, "<Deleted></Deleted>"), {"a": "", "b": "UnknownOutcomeError"}),
}


@pytest.mark.parametrize("name", BULK)
def test_each_key_of_a_bulk_delete_has_its_own_outcome(name: str, service: Service) -> None:
    """A key counts as deleted only if the answer says so by name, or a look finds nothing; here the look fails."""
    reply, outcomes = BULK[name]
    service.answers(reply)
    assert outcomes == deleted(service, "a", "b")


@pytest.mark.parametrize("code", ["NotImplemented", "MethodNotAllowed", "MissingContentMD5"])
def test_a_service_without_bulk_deletes_is_asked_one_by_one(code: str, service: Service) -> None:
    """A service may have no DeleteObjects."""
    service.answers(lambda request, _: error_reply(501, code) if request.method == "POST" else Reply(204))
    assert {"a": "", "b": ""} == deleted(service, "a", "b")
    assert ["POST", "DELETE", "DELETE"] == [request.method for request in service.server.requests]


@pytest.mark.parametrize("key", [" a", "a ", "\ta", "a\n", "\x01", "\ufeffa", "\ufffe"])
def test_a_key_that_xml_may_change_is_deleted_by_itself(key: str, service: Service) -> None:
    """Two services trim keys in bulk deletes, and would delete another asset."""
    service.answers(lambda request, _: bulk(A) if request.method == "POST" else Reply(204))
    deleted(service, "a", key)
    sent = [request for request in service.server.requests if request.method == "DELETE"]
    assert quote(key) in [request.path.rpartition("/")[2] for request in sent]


def joining(complete: Reply, etag: str) -> Script:
    """Return a script of an upload in parts that ends with a reply; then the asset is there with this ETag."""
    marks: dict[str, str] = {}

    def script(request: Request, _: object) -> Reply:
        if request.method == "POST" and "uploads" in request.path:
            marks.update((name, value) for name, value in request.headers.items() if name.startswith("x-amz-meta-"))
            return Reply(200, XML, b"<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>")
        if request.method == "HEAD":
            return Reply(200, {**marks, "etag": etag, "content-length": str(PART + 1)}) if marks else Reply(404)
        if request.method == "POST":
            return complete
        return Reply(200, STORED)

    return script


@pytest.mark.parametrize("etag", [f'"{OF_PARTS}"', f'"{MD5}"', '"an-opaque-one"', OF_PARTS])
@pytest.mark.parametrize("answered", ["the same", "&quot;another&quot;", "", None], ids=str)
def test_an_asset_in_parts_may_have_any_etag(etag: str, answered: str | None, service: Service) -> None:
    """Only one that is made of the MD5 of the parts is compared; Complete may answer with a bare, an empty or no ETag."""
    text = etag.replace('"', "&quot;") if answered == "the same" else answered
    element = "" if text is None else f"<ETag>{text}</ETag>"
    result = f"<CompleteMultipartUploadResult>{element}</CompleteMultipartUploadResult>"
    service.answers(joining(Reply(200, XML, result.encode()), etag))
    info = put(service.backend, "a", bytes(PART + 1))
    assert etag.strip('"') == info.etag
    assert info.size == PART + 1


def test_a_condition_that_fails_at_the_end_of_parts_leaves_no_parts(service: Service) -> None:
    """After a refused Complete the upload is still there, and is called off."""
    service.answers(
        lambda request, forward: (
            error_reply(412, "PreconditionFailed")
            if request.method == "POST" and "uploadId" in request.path
            else completing(b"")(request, forward)
        )
    )
    with pytest.raises(AlreadyExistsError):
        put(service.backend, "a", bytes(PART + 1), overwrite=False)
    assert "DELETE" == service.server.requests[-1].method


@pytest.mark.parametrize(
    "parts",
    [
        "<IsTruncated>true</IsTruncated>",
        "<IsTruncated>true</IsTruncated><Part><PartNumber>0</PartNumber><ETag>x</ETag><Size>1</Size></Part>",
        "<IsTruncated>false</IsTruncated><Part><ETag>x</ETag><Size>1</Size></Part>",
        "<IsTruncated>false</IsTruncated><Part><PartNumber>1</PartNumber><Size>1</Size></Part>",
        "<IsTruncated>false</IsTruncated><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part>",
        "",
    ],
    ids=["no parts", "the same page again", "no number", "no ETag", "no size", "nothing"],
)
def test_a_list_of_parts_that_leads_nowhere_is_an_error(parts: str, service: Service) -> None:
    """A service may count from the marker itself: what would never end, or lacks what every part has, is no list."""
    service.answers(Reply(200, XML, f"<ListPartsResult>{parts}</ListPartsResult>".encode()))
    with pytest.raises(UnavailableError, match="not from the store"):
        service.backend.assetstore_list_parts(key="a", options=PartsOptions(upload_id="u"))


@pytest.mark.parametrize("status", [404, 412])
def test_a_condition_on_a_missing_asset_is_one_error(status: int, service: Service) -> None:
    """Services answer 404 or 412."""
    service.answers(lambda request, _: Reply(404) if request.method == "HEAD" else Reply(status))
    with pytest.raises(PreconditionError, match="no asset"):
        put(service.backend, "a", b"abc", if_match=MD5)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        ("=?utf-8?b?TcO8bGxlcg==?=", "Müller"),
        ("=?UTF-8?Q?M=C3=BCller?=", "Müller"),
        ("Müller".encode().decode("latin-1"), "Müller"),
        ("M\xfcller", "Müller"),
        ("a  b", "a  b"),
    ],
)
def test_metadata_are_read_in_every_form(value: str, expected: str, service: Service) -> None:
    """As RFC 2047 has them, as UTF-8 or as Latin-1; names in any case."""
    headers = {**STORED, "content-length": "3", "X-Amz-Meta-By": value, "x-amz-meta-UP_per": "1"}
    service.answers(Reply(200, headers))
    info = service.backend.assetstore_stat(key="a", options=StatOptions())
    assert info is not None
    assert {"by": expected, "up_per": "1"} == dict(info.metadata)


def test_a_lookup_may_lack_the_etag_but_not_all_that_assets_have(service: Service) -> None:
    """One service keeps no ETags; what has no header of S3 either comes from a proxy."""
    service.answers(Reply(200, {"content-length": "3", "x-amz-request-id": "1"}))
    info = service.backend.assetstore_stat(key="a", options=StatOptions())
    assert info is not None
    assert (3, None) == (info.size, info.etag)
    service.answers(Reply(200, {"content-length": "3"}))
    with pytest.raises(UnavailableError, match="not from the store"):
        service.backend.assetstore_stat(key="a", options=StatOptions())


COVERED = {
    1: (
        "test_r2_network.test_a_bit_flipped_on_the_way_up_is_refused",
        "test_r2_wire.test_every_body_has_a_digest_and_a_length",
    ),
    2: ("test_s3_servers.test_what_is_put_is_listed_and_read_back",),
    3: (
        "test_s3_differences.test_an_etag_in_a_listing_may_be_bare_or_missing",
        "test_s3_differences.test_an_asset_in_parts_may_have_any_etag",
        "test_s3_differences.test_a_lookup_may_lack_the_etag_but_not_all_that_assets_have",
    ),
    4: ("test_s3_sent.test_conditions_are_quoted",),
    5: (
        "test_s3_differences.test_an_asset_in_parts_may_have_any_etag",
        "test_s3_sent.test_an_asset_in_parts_is_what_was_sent",
    ),
    6: ("test_r2_create_only.test_only_r2_claims_it", "test_servers"),
    7: ("test_s3_differences.test_a_condition_on_a_missing_asset_is_one_error",),
    8: ("test_s3_differences.test_a_condition_that_fails_at_the_end_of_parts_leaves_no_parts",),
    9: ("test_r2_create_only.test_a_taken_key_is_seen_before_anything_is_copied",),
    10: ("test_r2_settle.test_nothing_of_another_client_is_undone_and_each_claim_is_true",),
    11: ("test_r2_reading.test_a_server_that_ignores_the_condition_is_not_believed",),
    12: ("test_wire_answers.test_an_odd_answer_has_one_verdict_and_does_not_spoil_the_next",),
    13: (
        "test_wire_pool.test_a_write_takes_a_connection_that_was_used_lately",
        "test_wire_pool.test_a_connection_that_has_ended_is_not_used_again",
    ),
    14: (
        "test_wire_answers.test_an_answer_before_the_body_is_out_is_read",
        "test_s3_sent.test_a_large_body_with_a_wrong_secret_is_named",
    ),
    15: ("test_s3_sent.test_no_header_is_sent_that_a_service_refuses",),
    16: ("test_s3_sent.test_each_body_is_announced_by_its_length",),
    17: ("test_r2_retry.test_any_error_after_a_broken_send_is_in_doubt",),
    18: ("test_wire_pool.test_64_threads_get_their_own_answers",),
    19: (
        "test_s3_differences.test_a_head_has_no_body",
        "test_s3_sent.test_heads_and_empty_answers_leave_the_connection_usable",
    ),
    20: (
        "test_wire_answers.test_an_odd_answer_has_one_verdict_and_does_not_spoil_the_next",
        "test_s3_differences.test_an_error_without_a_document_goes_by_its_status",
    ),
    21: (
        "test_r2_requests.test_a_store_without_a_clock_is_not_called_right",
        "test_r2_mend.test_a_wrong_clock_is_set_by_the_stores",
        "test_wire_answers.test_a_value_keeps_its_bytes_and_repeated_fields_are_joined",
    ),
    22: ("test_s3_differences.test_dates_are_read_in_every_form",),
    23: ("test_s3_sent.test_each_asset_is_sent_with_a_type",),
    24: (
        "test_r2_ranges.test_what_is_right_or_can_be_cut_is_taken",
        "test_r2_ranges.test_what_was_not_asked_for_is_refused",
    ),
    25: ("test_r2_reading.test_runs_outside_the_asset_are_empty", "test_r2_ranges.test_no_answer_makes_a_wrong_run"),
    26: ("test_s3_sent.test_ranges_have_a_beginning_and_are_never_asked_of_a_head",),
    27: ("test_s3_sent.test_ranges_have_a_beginning_and_are_never_asked_of_a_head",),
    28: ("test_r2_reading.test_a_replaced_asset_is_not_spliced",),
    29: ("test_s3_differences.test_keys_are_read_however_a_listing_encodes_them",),
    30: (
        "test_wire_xml.test_what_is_no_document_is_none",
        "test_s3_sent.test_a_listing_asks_for_a_number_and_for_nothing_unknown",
    ),
    31: ("test_s3_sent.test_a_listing_asks_for_a_number_and_for_nothing_unknown",),
    32: (
        "test_s3_differences.test_a_listing_may_lack_its_count",
        "test_s3_differences.test_a_listing_that_goes_on_without_a_token_is_an_error",
    ),
    33: ("test_s3_servers.test_seaweedfs_fault_a_listing_is_in_order_of_folders",),
    34: (
        "test_s3_differences.test_a_listing_that_repeats_its_token_is_an_error",
        "test_s3_sent.test_a_listing_asks_for_a_number_and_for_nothing_unknown",
    ),
    35: ("test_s3_sent.test_a_listing_asks_for_a_number_and_for_nothing_unknown",),
    36: (
        "test_s3_differences.test_a_key_that_xml_may_change_is_deleted_by_itself",
        "test_s3_sent.test_a_key_with_a_blank_is_deleted_alone",
    ),
    37: (
        "test_s3_differences.test_each_key_of_a_bulk_delete_has_its_own_outcome",
        "test_s3_differences.test_a_service_without_bulk_deletes_is_asked_one_by_one",
        "test_s3_sent.test_a_bulk_delete_has_a_digest_and_no_key_that_xml_may_change",
    ),
    38: ("test_s3_sent.test_a_copy_onto_itself_sends_every_header_anew",),
    39: ("test_s3_sent.test_the_source_of_a_copy_keeps_its_slashes",),
    40: ("test_s3_differences.test_metadata_are_read_in_every_form",),
    41: ("test_r2_requests.test_more_metadata_than_r2_takes_is_refused_before_anything_is_sent",),
    42: ("test_s3_sent.test_runs_of_blanks_are_signed_as_services_fold_them", "test_options"),
    43: ("test_s3_differences.test_metadata_are_read_in_every_form",),
    44: ("test_r2_lost_answers.test_a_completed_upload_is_found_behind_no_such_upload",),
    45: ("test_s3_sent.test_parts_are_joined_in_order",),
    46: ("test_r2_multipart_direct.test_a_part_sent_again_counts_as_sent_last",),
    47: (
        "test_r2_multipart_direct.test_a_service_that_cannot_list_parts_puts_them_together",
        "test_r2_multipart_direct.test_parts_are_listed_page_by_page",
        "test_s3_differences.test_a_list_of_parts_that_leads_nowhere_is_an_error",
    ),
    48: ("test_presign_options",),
    49: ("test_s3_sent.test_paths_keep_their_slashes", "test_keys"),
    50: (
        "test_r2_requests.test_a_mistyped_bucket_is_named_and_not_made",
        "test_r2_retry.test_a_missing_bucket_is_told_from_a_missing_asset",
    ),
    51: ("test_s3_sent.test_no_header_is_sent_that_a_service_refuses",),
}
"""The differences by number, each with the tests (or the modules of tests) that hold what a client makes of it."""


def test_each_difference_is_covered() -> None:
    """All 51 have a test, and each test that is named exists."""
    written = {path.stem: path.read_text() for path in Path(__file__).parent.parent.rglob("test_*.py")}
    missing = []
    for name in (name for names in COVERED.values() for name in names):
        module, _, function = name.partition(".")
        if f"def {function}" not in written.get(module, ""):
            missing.append(name)
    assert [] == missing
    assert list(range(1, 52)) == list(COVERED)
