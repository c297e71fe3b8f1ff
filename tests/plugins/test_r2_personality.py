"""R2's rules in front of SeaweedFS, which lacks them: each is enforced in R2's words, and other requests pass."""

from __future__ import annotations

import base64
import http.client
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from proxied import client_of, proxied

from assetstore_r2.testing import Answer, R2Personality, Request
from servers import S3Server

PART = 5 << 20
QUICK = {"write_interval": 0.0}


@contextmanager
def as_r2(server: S3Server, **rules: Any) -> Iterator[Any]:
    """Give a client of a server that is as strict as R2, by default without the write limit."""
    with proxied(server, personality=R2Personality(**{**QUICK, **rules})) as (_, client):
        yield client


@pytest.fixture
def r2(seaweedfs: S3Server) -> Iterator[Any]:
    """Give a client of SeaweedFS as R2."""
    with as_r2(seaweedfs) as client:
        yield client


@contextmanager
def refused(status: int, code: str, message: str | None = None) -> Iterator[None]:
    """Expect a refusal by status, code and, where R2's is known, message."""
    with pytest.raises(ClientError) as refusal:
        yield
    answer = refusal.value.response
    expected = (status, code, answer["Error"].get("Message") if message is None else message)
    assert expected == (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"])


@contextmanager
def with_headers(client: Any, **headers: str) -> Iterator[None]:
    """Add headers to each request before it is signed, with underscores for hyphens."""

    def add(request: Any, **_: object) -> None:
        for name, value in headers.items():
            request.headers[name.replace("_", "-")] = value

    client.meta.events.register_first("before-sign.s3", add)
    try:
        yield
    finally:
        client.meta.events.unregister("before-sign.s3", add)


def put(client: Any, key: str, data: bytes = b"abc", **fields: Any) -> Any:
    """Store by one request."""
    return client.put_object(Bucket="assets", Key=key, Body=data, **fields)


def upload_parts(client: Any, key: str, *parts: bytes, numbers: tuple[int, ...] = ()) -> Any:
    """Upload in parts and complete with those of the given numbers, or all."""
    where = {
        "Bucket": "assets",
        "Key": key,
        "UploadId": client.create_multipart_upload(Bucket="assets", Key=key)["UploadId"],
    }
    etags = {
        number: client.upload_part(**where, PartNumber=number, Body=part)["ETag"] for number, part in enumerate(parts, 1)
    }
    listed = [{"PartNumber": number, "ETag": etags[number]} for number in numbers or etags]
    return client.complete_multipart_upload(**where, MultipartUpload={"Parts": listed})


def raw(url: str, method: str, headers: dict[str, str] | None = None, body: Any = None) -> tuple[int, dict[str, str], bytes]:
    """Make a plain request and return status, headers and body."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=600)
    try:
        connection.request(method, f"{parts.path}?{parts.query}", body, headers or {})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def judged(
    method: str, target: str, headers: dict[str, str] | None = None, body: bytes = b"", **rules: Any
) -> Answer | None:
    """Ask the personality alone, without a server; an answer is a refusal."""
    fields = tuple({"content-length": str(len(body)), **(headers or {})}.items())
    return R2Personality(**rules).before(Request(method=method, target=target, fields=fields, body=body))


def verdict(*arguments: Any, **rules: Any) -> tuple[int, str] | None:
    """Return status and code of a refusal, or None."""
    answer = judged(*arguments, **rules)
    return answer and (answer.status, ElementTree.fromstring(answer.body).findtext("Code") or "")


@pytest.mark.parametrize("name", ["seaweedfs", "emulator"])
def test_ordinary_work_passes(request: pytest.FixtureRequest, name: str, unique_prefix: str) -> None:
    """What R2 allows goes through to either server, signatures and all."""
    with as_r2(request.getfixturevalue(name)) as client:
        put(client, f"{unique_prefix}a", Metadata={"by": "gm"}, ContentType="text/plain")
        upload_parts(client, f"{unique_prefix}b", bytes(PART), bytes(PART), b"end")
        client.copy_object(
            Bucket="assets", Key=f"{unique_prefix}c", CopySource={"Bucket": "assets", "Key": f"{unique_prefix}a"}
        )
        page = client.list_objects_v2(Bucket="assets", Prefix=unique_prefix, MaxKeys=1000, FetchOwner=True)
        assert [f"{unique_prefix}{letter}" for letter in "abc"] == [item["Key"] for item in page["Contents"]]
        answer = client.get_object(Bucket="assets", Key=f"{unique_prefix}b", Range="bytes=-3")
        assert b"end" == answer["Body"].read()
        client.delete_object(Bucket="assets", Key=f"{unique_prefix}a")
        with refused(404, "NoSuchKey", "The specified key does not exist."):
            client.get_object(Bucket="assets", Key=f"{unique_prefix}a")


def test_a_key_is_written_once_a_second(seaweedfs: S3Server, unique_prefix: str) -> None:
    """The second write within a second is 429 and has no effect, whichever way it writes; other keys and reads are free."""
    now, a = [time.time()], f"{unique_prefix}a"
    with as_r2(seaweedfs, clock=lambda: now[0], write_interval=1.0) as client:
        put(client, a, b"first")
        now[0] += 0.875
        with refused(429, "TooManyRequests", "Reduce your concurrent request rate for the same object."):
            put(client, a, b"second")
        with refused(429, "TooManyRequests"):
            client.copy_object(Bucket="assets", Key=a, CopySource={"Bucket": "assets", "Key": a})
        put(client, f"{unique_prefix}b")
        assert b"first" == client.get_object(Bucket="assets", Key=a)["Body"].read()
        client.delete_object(Bucket="assets", Key=a)
        now[0] += 0.125
        put(client, a, b"third")
        assert b"third" == client.get_object(Bucket="assets", Key=a)["Body"].read()


def test_completing_an_upload_is_a_write_and_sending_its_parts_is_none(seaweedfs: S3Server, unique_prefix: str) -> None:
    """Only what makes a new version visible counts."""
    now = time.time()
    with as_r2(seaweedfs, clock=lambda: now, write_interval=1.0) as client:
        upload_parts(client, f"{unique_prefix}a", bytes(PART), b"end")
        with refused(429, "TooManyRequests"):
            put(client, f"{unique_prefix}a")


@pytest.mark.parametrize(
    ("sizes", "numbers", "allowed"),
    [
        ((3,), (), True),
        ((PART, PART, PART), (), True),
        ((PART, PART, 1), (), True),
        ((PART, PART + 1, PART), (), False),
        ((PART + 1, PART, PART), (), False),
        ((PART, PART + 1), (), False),
        ((PART, PART + 1, PART), (1, 3), True),
    ],
)
def test_parts_are_equal_and_the_last_is_no_longer(
    r2: Any, unique_prefix: str, sizes: tuple[int, ...], numbers: tuple[int, ...], allowed: bool
) -> None:
    """Only the parts that the upload is completed with count."""
    parts = [bytes(size) for size in sizes]
    if allowed:
        upload_parts(r2, f"{unique_prefix}a", *parts, numbers=numbers)
        return
    with refused(400, "InvalidPart", "All non-trailing parts must have the same length."):
        upload_parts(r2, f"{unique_prefix}a", *parts, numbers=numbers)


def test_copied_parts_count_by_their_range(r2: Any, unique_prefix: str) -> None:
    """UploadPartCopy follows the same rule."""
    put(r2, f"{unique_prefix}a", bytes(2 * PART))
    where = {"Bucket": "assets", "Key": f"{unique_prefix}b"}
    where["UploadId"] = r2.create_multipart_upload(**where)["UploadId"]
    source = {"CopySource": {"Bucket": "assets", "Key": f"{unique_prefix}a"}}
    parts = []
    for number, until in ((1, PART), (2, PART + 9)):
        answer = r2.upload_part_copy(**where, **source, PartNumber=number, CopySourceRange=f"bytes=0-{until - 1}")
        parts.append({"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]})
    with refused(400, "InvalidPart"):
        r2.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})


def test_a_list_of_parts_is_neither_empty_nor_names_one_twice(r2: Any, unique_prefix: str) -> None:
    """Both are refused before the server sees them."""
    with refused(400, "InvalidPart", "There was a problem with the multipart upload."):
        upload_parts(r2, f"{unique_prefix}a", bytes(PART), b"end", numbers=(1, 1))
    assert (400, "MalformedXML") == verdict("POST", "/assets/a?uploadId=x", {}, b"<CompleteMultipartUpload/>")
    assert (400, "MalformedXML") == verdict("POST", "/assets/a?uploadId=x", {}, b"<Complete")


def test_a_token_may_be_scoped_to_buckets(seaweedfs: S3Server, unique_prefix: str) -> None:
    """It may use the objects of its bucket, but not other buckets, nor list or create buckets."""
    denied = (403, "AccessDenied", "Access Denied")
    with as_r2(seaweedfs, buckets=["assets"]) as client:
        put(client, f"{unique_prefix}a")
        client.head_bucket(Bucket="assets")
        client.list_objects_v2(Bucket="assets", MaxKeys=1)
        for call, fields in [
            (client.list_buckets, {}),
            (client.create_bucket, {"Bucket": "assets"}),
            (client.put_bucket_cors, {"Bucket": "assets", "CORSConfiguration": {"CORSRules": []}}),
            (client.list_objects_v2, {"Bucket": "other-assets"}),
            (client.get_object, {"Bucket": "no-such-bucket", "Key": "a"}),
            (client.copy_object, {"Bucket": "assets", "Key": "a", "CopySource": "other-assets/a"}),
        ]:
            with refused(*denied):
                call(**fields)


def test_a_token_may_only_read(seaweedfs: S3Server, unique_prefix: str) -> None:
    """Every operation that changes something is denied; every other passes."""
    with client_of(seaweedfs) as direct:
        put(direct, f"{unique_prefix}a")
    with as_r2(seaweedfs, read_only=True) as client:
        assert b"abc" == client.get_object(Bucket="assets", Key=f"{unique_prefix}a")["Body"].read()
        client.list_buckets()
        key = {"Bucket": "assets", "Key": f"{unique_prefix}a"}
        for call in (client.put_object, client.delete_object, client.create_multipart_upload):
            with refused(403, "AccessDenied"):
                call(**key)


@pytest.mark.parametrize(("offset", "allowed"), [(840, True), (-840, True), (960, False), (-960, False)])
def test_the_clocks_differ_by_at_most_15_minutes(seaweedfs: S3Server, offset: int, allowed: bool) -> None:
    """Beyond that every request is refused, and the response has the service's time."""
    with as_r2(seaweedfs, clock_offset=offset) as client:
        if allowed:
            client.list_buckets()
            return
        with pytest.raises(ClientError) as refusal:
            client.list_buckets()
        answer = refusal.value.response
        assert (403, "RequestTimeTooSkewed") == (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"])
        told = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"]).timestamp()
        assert abs(offset) - 60 < abs(told - time.time()) < abs(offset) + 60


def test_metadata_has_8192_units(r2: Any, unique_prefix: str) -> None:
    """Names and values are counted together."""
    put(r2, f"{unique_prefix}a", Metadata={"name": "x" * 4000, "name2": "y" * 4183})
    with refused(400, "MetadataTooLarge"):
        put(r2, f"{unique_prefix}a", Metadata={"name": "x" * 4000, "name2": "y" * 4184})


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=300))
def test_metadata_is_counted_in_utf_16_doubled_beyond_latin_1(value: str) -> None:
    """R2 counts decoded text in UTF-16 units, doubled if any character is U+0100 or above."""
    units = sum(2 if ord(character) > 0xFFFF else 1 for character in value)
    units *= 2 if any(ord(character) > 0xFF for character in value) else 1
    word = f"=?utf-8?b?{base64.b64encode(value.encode()).decode()}?="
    filler = "x" * (8192 - units - 2)
    headers = {"x-amz-meta-a": word, "x-amz-meta-b": filler}
    assert None is verdict("PUT", "/assets/a", headers)
    assert (400, "MetadataTooLarge") == verdict("PUT", "/assets/a", {**headers, "x-amz-meta-b": filler + "x"})


def test_a_key_has_1024_bytes(r2: Any, unique_prefix: str) -> None:
    """Bytes are counted, not characters."""
    longest = unique_prefix + "é/" * ((1024 - len(unique_prefix)) // 3)
    put(r2, longest.rstrip("/"))
    with refused(400, "InvalidObjectName"):
        put(r2, longest + "abcd")


def test_signed_forms_are_not_implemented(r2: Any) -> None:
    """A browser's POST form gets a 501."""
    form = r2.generate_presigned_post("assets", "a")
    status, _, body = raw(form["url"], "POST", {"content-type": "multipart/form-data; boundary=x"}, b"--x--")
    assert 501 == status
    assert "Presigned post requests are not yet implemented not implemented" == ElementTree.fromstring(body).findtext(
        "Message"
    )


def test_a_batch_has_1_to_1000_keys(r2: Any, unique_prefix: str) -> None:
    """No keys, more than 1,000, or an empty key are malformed; 1,000 are deleted."""
    entries = [{"Key": f"{unique_prefix}{number}"} for number in range(1001)]
    assert 1000 == len(r2.delete_objects(Bucket="assets", Delete={"Objects": entries[:1000]})["Deleted"])
    for wrong in (entries, []):
        with refused(400, "MalformedXML"):
            r2.delete_objects(Bucket="assets", Delete={"Objects": wrong})
    for body in (b"<Delete><Object/></Delete>", b"<Delete><Object><Key>a</Key></Object><Quiet>yes</Quiet></Delete>", b"<"):
        assert (400, "MalformedXML") == verdict("POST", "/assets?delete", {}, body)


@pytest.mark.parametrize("count", [1, 2])
def test_a_quiet_batch_is_answered_in_full(r2: Any, unique_prefix: str, count: int) -> None:
    """R2 ignores ``Quiet``: existing and missing keys are both listed as deleted."""
    keys = [f"{unique_prefix}a&<b>", f"{unique_prefix}gone"][:count]
    put(r2, keys[0])
    answer = r2.delete_objects(Bucket="assets", Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True})
    assert keys == sorted(entry["Key"] for entry in answer["Deleted"])
    assert 0 == r2.list_objects_v2(Bucket="assets", Prefix=unique_prefix)["KeyCount"]


@pytest.mark.parametrize(
    ("operation", "fields"),
    [
        ("put_object", {"Tagging": "a=b"}),
        ("put_object", {"ExpectedBucketOwner": "123456789012"}),
        ("put_object", {"WebsiteRedirectLocation": "/b"}),
        ("put_object", {"GrantRead": "id=1"}),
        ("put_object", {"ServerSideEncryption": "aws:kms"}),
        ("put_object", {"ObjectLockLegalHoldStatus": "ON", "ContentMD5": "kAFQmDzST7DWlj99KOF/cg=="}),
        ("put_object", {"ACL": "log-delivery-write"}),
        ("copy_object", {"CopySource": "assets/b", "TaggingDirective": "REPLACE"}),
        ("copy_object", {"CopySource": "assets/b", "ChecksumAlgorithm": "CRC32"}),
        ("upload_part_copy", {"CopySource": "assets/b", "UploadId": "x", "PartNumber": 1, "CopySourceIfMatch": "e"}),
        ("upload_part", {"UploadId": "x", "PartNumber": 1, "ChecksumSHA256": "x" * 43 + "="}),
        ("get_object_tagging", {}),
        ("put_object_acl", {"ACL": "private"}),
        ("get_object_attributes", {"ObjectAttributes": ["ETag"]}),
        ("delete_object", {"MFA": "1 2"}),
    ],
)
def test_what_r2_lacks_is_501(r2: Any, operation: str, fields: dict[str, Any]) -> None:
    """Headers and operations that R2 does not implement are refused, not ignored."""
    with refused(501, "NotImplemented"):
        getattr(r2, operation)(Bucket="assets", Key="a", **fields)


@pytest.mark.parametrize("name", ["policy", "versioning", "tagging", "website", "notification", "acl", "logging"])
def test_settings_of_a_bucket_that_r2_lacks_are_501(r2: Any, name: str) -> None:
    """The message names the operation; a few GETs have a constant response, which is left to the server."""
    assert (501, "NotImplemented") == verdict("PUT", f"/assets?{name}")


def test_the_message_of_a_501_names_header_and_value(r2: Any) -> None:
    """It is the message that was seen from R2."""
    with refused(501, "NotImplemented", "Header 'x-amz-tagging' with value 'a=b' not implemented"):
        put(r2, "a", Tagging="a=b")
    with refused(501, "NotImplemented", "GetBucketPolicy not implemented"):
        r2.get_bucket_policy(Bucket="assets")


@pytest.mark.parametrize("fields", [{"ACL": "public-read"}, {"StorageClass": "STANDARD"}])
def test_what_r2_ignores_passes(r2: Any, unique_prefix: str, fields: dict[str, Any]) -> None:
    """Some of Amazon's headers have no effect and are not an error."""
    ignored = {"x-amz-request-payer": "requester", "x-amz-mfa": "1 2", "x-amz-server-side-encryption": "AES256"}
    assert None is verdict("PUT", "/assets/a", ignored)
    put(r2, f"{unique_prefix}a", **fields)


def test_an_unknown_storage_class_is_refused(r2: Any) -> None:
    """R2 has two of them."""
    with refused(400, "InvalidStorageClass"):
        put(r2, "a", StorageClass="GLACIER")


@pytest.mark.parametrize("payload", ["STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"])
def test_streaming_bodies_are_501(payload: str) -> None:
    """The sentinel is named in the message; the rule can be switched off, because R2 may add it."""
    answer = judged("PUT", "/assets/a", {"x-amz-content-sha256": payload})
    assert answer is not None
    assert f"{payload} not implemented" == ElementTree.fromstring(answer.body).findtext("Message")
    assert None is judged("PUT", "/assets/a", {"x-amz-content-sha256": payload}, allow_streaming=True)


def test_aws_chunked_bodies_are_501() -> None:
    """Such a body carries checksum trailers, which boto3 sends over TLS by default."""
    assert (501, "NotImplemented") == verdict("PUT", "/assets/a", {"content-encoding": "aws-chunked"})


def test_a_body_needs_its_length(r2: Any) -> None:
    """HTTP's chunked encoding is refused with 411."""
    url = r2.generate_presigned_url("put_object", {"Bucket": "assets", "Key": "a"})
    status, _, body = raw(url, "PUT", {"transfer-encoding": "chunked"}, b"3\r\nabc\r\n0\r\n\r\n")
    assert (411, "MissingContentLength") == (status, ElementTree.fromstring(body).findtext("Code"))


def test_a_request_has_one_checksum(r2: Any) -> None:
    """MD5 counts as one."""
    with refused(400, "InvalidRequest"), with_headers(r2, content_md5="kAFQmDzST7DWlj99KOF/cg=="):
        put(r2, "a", ChecksumCRC32="NSRBwg==")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("list-type=2&max-keys=1001", None, None),
        ("list-type=2&max-keys=0", None, None),
        ("list-type=2&max-keys=2.5", None, None),
        ("list-type=2&x-id=ListObjectsV2&X-Amz-Date=1", None, None),
        ("prefix=a&marker=b", None, None),
        ("list-type=2&max-keys=", 400, "InvalidMaxKeys"),
        ("list-type=2&max-keys=-1", 400, "InvalidMaxKeys"),
        ("list-type=2&max-keys=many", 400, "InvalidMaxKeys"),
        ("list-type=3", 501, "NotImplemented"),
        ("list-type=2&marker=a", 501, "NotImplemented"),
        ("list-type=2&encoding-type=xml", 501, "NotImplemented"),
        ("continuation-token=a", 400, "InvalidArgument"),
    ],
)
def test_a_listing_takes_known_parameters(query: str, status: int | None, code: str | None) -> None:
    """Others are not implemented; odd limits are refused."""
    assert (None if status is None else (status, code)) == verdict("GET", f"/assets?{query}")


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("bytes=0-9", None),
        ("bytes=5-", None),
        ("bytes=-5", None),
        ("bytes=0-1,3-4", "InvalidArgument"),
        ("bytes=9-0", "InvalidArgument"),
        ("items=0-1", "InvalidArgument"),
    ],
)
def test_one_range_is_read(value: str, code: str | None) -> None:
    """Several ranges, other units and reversed bounds are refused."""
    assert (code and (400, code)) == verdict("GET", "/assets/a", {"range": value})


def test_an_empty_asset_has_no_range(r2: Any, unique_prefix: str) -> None:
    """Any range of it is outside."""
    put(r2, f"{unique_prefix}a", b"")
    with refused(416, "InvalidRange"):
        r2.get_object(Bucket="assets", Key=f"{unique_prefix}a", Range="bytes=0-9")


@pytest.mark.parametrize(
    ("expires", "status", "code"),
    [
        ("1", None, None),
        ("604800", None, None),
        ("604801", 400, "InvalidArgument"),
        ("x", 400, "InvalidArgument"),
        ("0", 403, "ExpiredRequest"),
        ("-1", 403, "ExpiredRequest"),
    ],
)
def test_a_signed_url_lives_a_second_to_seven_days(expires: str, status: int | None, code: str | None) -> None:
    """Other lives are refused."""
    query = f"X-Amz-Credential=id%2F20260101%2Fauto%2Fs3%2Faws4_request&X-Amz-Expires={expires}"
    assert (None if status is None else (status, code)) == verdict("GET", f"/assets/a?{query}")


@pytest.mark.parametrize(
    ("region", "code"), [("auto", None), ("us-east-1", None), ("enam", None), ("eu-west-1", "InvalidRegionName")]
)
def test_a_signature_names_a_region_of_r2(region: str, code: str | None) -> None:
    """Amazon's regions are unknown, except the first."""
    headers = {"authorization": f"AWS4-HMAC-SHA256 Credential=id/20260101/{region}/s3/aws4_request, Signature=a"}
    assert (code and (400, code)) == verdict("GET", "/assets/a", headers)


def test_old_signatures_are_unauthorized() -> None:
    """SigV2 is not supported."""
    assert (401, "Unauthorized") == verdict("GET", "/assets/a?AWSAccessKeyId=id&Expires=1&Signature=a")
    assert (401, "Unauthorized") == verdict("GET", "/assets/a", {"authorization": "AWS id:a"})


@pytest.mark.parametrize(
    ("number", "status", "code"),
    [
        ("1", None, None),
        ("10000", None, None),
        ("0", 400, "InvalidArgument"),
        ("10001", 400, "InvalidArgument"),
        ("one", 404, "RouteNotFound"),
    ],
)
def test_parts_are_numbered_from_1_to_10000(number: str, status: int | None, code: str | None) -> None:
    """Other numbers are refused; a word gets a 404."""
    expected = None if status is None else (status, code)
    assert expected == verdict("PUT", f"/assets/a?partNumber={number}&uploadId=x")


def test_one_request_has_a_largest_body(seaweedfs: S3Server, unique_prefix: str) -> None:
    """The limit can be lowered, to test uploads without gigabytes."""
    with as_r2(seaweedfs, max_put=10) as client:
        put(client, f"{unique_prefix}a", bytes(10))
        with refused(400, "EntityTooLarge"):
            put(client, f"{unique_prefix}a", bytes(11))
    range_of_11 = {"x-amz-copy-source": "assets/b", "x-amz-copy-source-range": "bytes=0-10"}
    assert (400, "EntityTooLarge") == verdict("PUT", "/assets/a?partNumber=1&uploadId=x", range_of_11, max_put=10)


def test_a_condition_on_a_missing_asset_fails(r2: Any, unique_prefix: str) -> None:
    """``If-Match`` without a stored asset is 412."""
    with refused(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold."):
        put(r2, f"{unique_prefix}a", IfMatch='"0123"')


def test_errors_of_the_server_are_reworded(seaweedfs: S3Server) -> None:
    """Code and message alone, no namespace, no request id, and the ``cf-ray`` header that identifies a request."""
    with proxied(seaweedfs, personality=R2Personality()) as (proxy, client):
        url = client.generate_presigned_url("get_object", {"Bucket": "assets", "Key": "no-such-key"})
        status, headers, body = raw(url, "GET")
        document = ElementTree.fromstring(body)
        assert (404, "Error", ["Code", "Message"]) == (status, document.tag, [child.tag for child in document])
        assert ("cf-ray" in headers, "x-amz-request-id" in headers) == (True, False)
        with client_of(seaweedfs, proxy.url, aws_access_key_id="0" * 32) as stranger, refused(401, "Unauthorized"):
            stranger.list_buckets()
        with pytest.raises(ClientError) as missing:
            client.head_object(Bucket="assets", Key="no-such-key")
        assert "404" == missing.value.response["Error"]["Code"]


def test_an_unknown_method_has_no_route() -> None:
    """It is 404 rather than 405."""
    assert (404, "RouteNotFound") == verdict("PATCH", "/assets/a")


def test_every_refusal_has_the_form_of_r2() -> None:
    """Quotes are escaped, and the length is that of the body."""
    answer = judged("PUT", "/assets/a", {"x-amz-tagging": "<&'\">"})
    assert answer is not None
    assert b"with value &apos;&lt;&amp;&apos;&quot;&gt;&apos; not implemented</Message></Error>" in answer.body
