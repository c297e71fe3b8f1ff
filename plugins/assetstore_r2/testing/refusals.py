"""Enforces R2's rules for a single request: signature form, headers, parameters, sizes and checksums."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from email.errors import HeaderParseError
from email.header import decode_header

from assetstore_r2.testing.calls import Call

MAX_KEY = 1024
MAX_METADATA = 8192
MAX_EXPIRES = 604_800
MAX_PART_NUMBER = 10_000
REGIONS = ("wnam", "enam", "weur", "eeur", "apac", "oc", "auto")

_WRITES = frozenset({"PutObject", "CopyObject", "CreateMultipartUpload"})
_BODIES = frozenset({"PutObject", "UploadPart"})
_PARTS = frozenset({"UploadPart", "UploadPartCopy"})
_DELETES = frozenset({"DeleteObject", "DeleteObjects"})
_UNIMPLEMENTED = frozenset(
    {"ListObjectVersions", "GetObjectAttributes", "GetObjectTorrent", "SelectObjectContent", "RestoreObject"}
    | {f"{verb}Object{name}" for verb in ("Get", "Put") for name in ("Tagging", "Acl", "Retention", "LegalHold")}
)
_SETTING = re.compile(r"(Get|Put|Delete)Bucket(?!Cors$|Lifecycle|Location$|Encryption$)\w+")
_ANSWERED_SETTINGS = frozenset({"GetBucketVersioning", "GetBucketTagging", "GetBucketReplication", "GetBucketAcl"})
_ACLS = frozenset(
    {"private", "public-read", "public-read-write", "authenticated-read", "aws-exec-read"}
    | {"bucket-owner-read", "bucket-owner-full-control"}
)
_CHECKSUMS = ("crc32", "crc32c", "crc64nvme", "sha1", "sha256")
_UNKNOWN_HEADERS: tuple[tuple[frozenset[str] | None, re.Pattern[str]], ...] = (
    (None, re.compile(r"x-amz-expected-bucket-owner")),
    (
        _WRITES,
        re.compile(
            r"x-amz-(tagging|grant-.+|website-redirect-location|object-lock-(mode|retain-until-date|legal-hold)"
            r"|server-side-encryption-(aws-kms-key-id|context|bucket-key-enabled))"
        ),
    ),
    (
        frozenset({"CopyObject"}),
        re.compile(r"x-amz-(source-expected-bucket-owner|tagging-directive|checksum-algorithm)"),
    ),
    (frozenset({"UploadPart"}), re.compile(r"x-amz-server-side-encryption|x-amz-checksum-sha(1|256)")),
    (frozenset({"UploadPartCopy"}), re.compile(r"x-amz-copy-source-if-.+")),
    (_DELETES, re.compile(r"x-amz-mfa|x-amz-bypass-governance-retention")),
)
_LIST_V1 = frozenset({"prefix", "delimiter", "marker", "max-keys", "encoding-type"})
_LIST_V2 = frozenset(
    {"list-type", "prefix", "delimiter", "start-after", "continuation-token", "max-keys", "encoding-type", "fetch-owner"}
)
_RANGE = re.compile(r"bytes=(?:(\d+)-(\d*)|-(\d+))")


class RefusedError(Exception):
    """A rule of R2 is broken."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message


def check(call: Call, *, streaming: bool = False) -> None:
    """Raise for the first rule that a request breaks; ``streaming`` skips the rule on the framing of bodies.

    Raises:
        RefusedError: with R2's status, code and, if known, message.
    """
    for rule in _RULES:
        if rule is _framing and streaming:
            continue
        for refusal in rule(call):
            raise refusal


def _not_implemented(what: str) -> RefusedError:
    return RefusedError(501, "NotImplemented", f"{what} not implemented")


def _signature(call: Call) -> Iterator[RefusedError]:
    if "AWSAccessKeyId" in call.query or call.headers.get("authorization", "").startswith("AWS "):
        yield RefusedError(401, "Unauthorized", "SigV2 authorization is not supported. Please use SigV4 instead.")
    scope = re.search(r"Credential=([^,\s]+)", call.headers.get("authorization", ""))
    credential = scope[1] if scope else call.query.get("X-Amz-Credential", "")
    region = credential.split("/")[2] if credential.count("/") >= 4 else "auto"
    if region not in ("", "us-east-1", *REGIONS):
        text = f"The region name '{region}' is not valid. Must be one of: {', '.join(REGIONS)}"
        yield RefusedError(400, "InvalidRegionName", text)
    if "X-Amz-Expires" in call.query:
        expires = call.query["X-Amz-Expires"]
        if not re.fullmatch(r"-?[0-9]+", expires) or int(expires) > MAX_EXPIRES:
            yield RefusedError(400, "InvalidArgument", "X-Amz-Expires")
        elif int(expires) < 1:
            yield RefusedError(403, "ExpiredRequest", "Request has expired")


def _operation(call: Call) -> Iterator[RefusedError]:
    if not call.operation:
        yield RefusedError(404, "RouteNotFound", "No route matches this url.")
    if call.operation == "PostBucket" and call.headers.get("content-type", "").startswith("multipart/form-data"):
        yield _not_implemented("Presigned post requests are not yet implemented")
    setting = _SETTING.fullmatch(call.operation) and call.operation not in _ANSWERED_SETTINGS
    if setting or call.operation in _UNIMPLEMENTED:
        yield _not_implemented(call.operation)


def _headers(call: Call) -> Iterator[RefusedError]:
    for name, value in call.headers.items():
        for operations, pattern in _UNKNOWN_HEADERS:
            if (operations is None or call.operation in operations) and pattern.fullmatch(name):
                yield _not_implemented(f"Header '{name}' with value '{value}'")
    for name, known in (("x-amz-acl", _ACLS), ("x-amz-server-side-encryption", frozenset({"AES256"}))):
        if call.operation in _WRITES and call.headers.get(name) not in (None, *known):
            yield _not_implemented(f"Header '{name}' with value '{call.headers[name]}'")
    if call.headers.get("x-amz-storage-class") not in (None, "STANDARD", "STANDARD_IA"):
        yield RefusedError(400, "InvalidStorageClass", "The storage class you specified is not valid.")
    directive = call.headers.get("x-amz-metadata-directive")
    if call.operation == "CopyObject" and directive not in (None, "COPY", "REPLACE", "MERGE"):
        yield RefusedError(400, "InvalidArgument", "x-amz-metadata-directive")


def _framing(call: Call) -> Iterator[RefusedError]:
    if call.operation not in _BODIES:
        return
    payload = call.headers.get("x-amz-content-sha256", "")
    if payload.startswith("STREAMING-"):
        yield _not_implemented(payload)
    if "aws-chunked" in call.headers.get("content-encoding", ""):
        yield _not_implemented(f"Header 'content-encoding' with value '{call.headers['content-encoding']}'")
    if "content-length" not in call.headers:
        yield RefusedError(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")


def _checksums(call: Call) -> Iterator[RefusedError]:
    given = [name for name in _CHECKSUMS if f"x-amz-checksum-{name}" in call.headers]
    if len(given) + ("content-md5" in call.headers) > 1:
        yield RefusedError(400, "InvalidRequest", "You can only specify one checksum at a time.")


def _name(call: Call) -> Iterator[RefusedError]:
    size = len(call.key.encode(errors="surrogateescape"))
    if size > MAX_KEY:
        yield RefusedError(400, "InvalidObjectName", f"The key has {size} bytes, and at most {MAX_KEY} are allowed.")


def _metadata(call: Call) -> Iterator[RefusedError]:
    if call.operation in _WRITES and metadata_size(call) > MAX_METADATA:
        yield RefusedError(400, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size.")


def metadata_size(call: Call) -> int:
    """Return how much of R2's 8,192 a write's metadata uses: UTF-16 units, doubled for a text with any beyond U+00FF."""
    prefix = "x-amz-meta-"
    texts = [(name.removeprefix(prefix), _decoded(value)) for name, value in call.headers.items() if name.startswith(prefix)]
    return sum(
        len(text.encode("utf-16-le", "surrogatepass")) // 2 * (2 if max(text, default="") > "\xff" else 1)
        for pair in texts
        for text in pair
    )


def _decoded(value: str) -> str:
    if "=?" not in value:
        return value
    try:
        pieces = decode_header(value)
        return "".join(piece if isinstance(piece, str) else piece.decode(charset or "latin-1") for piece, charset in pieces)
    except (HeaderParseError, LookupError, UnicodeDecodeError, ValueError):
        return value


def _part_number(call: Call) -> Iterator[RefusedError]:
    if call.operation not in _PARTS:
        return
    number = call.query["partNumber"]
    if not re.fullmatch(r"-?[0-9]+", number):
        yield RefusedError(404, "RouteNotFound", "No route matches this url.")
    elif not 1 <= int(number) <= MAX_PART_NUMBER:
        yield RefusedError(400, "InvalidArgument", f"Part number must be an integer between 1 and {MAX_PART_NUMBER}.")


def _listing(call: Call) -> Iterator[RefusedError]:
    if call.operation not in ("ListObjects", "ListObjectsV2"):
        return
    if call.query.get("list-type", "2") != "2":
        yield _not_implemented(f"ListObjectsV2 search parameter list-type={call.query['list-type']}")
    if call.operation == "ListObjects" and "continuation-token" in call.query:
        yield RefusedError(400, "InvalidArgument", "continuation-token")
    known = _LIST_V2 if call.operation == "ListObjectsV2" else _LIST_V1
    for name in call.query:
        if name not in known and name != "x-id" and not name.lower().startswith("x-amz-"):
            yield _not_implemented(f"{call.operation} search parameter {name}")
    if call.query.get("encoding-type", "url") != "url":
        yield _not_implemented(f"{call.operation} search parameter encoding-type={call.query['encoding-type']}")
    if not re.fullmatch(r"[0-9]+(\.[0-9]*)?", call.query.get("max-keys", "0")):
        yield RefusedError(400, "InvalidMaxKeys", "MaxKeys params must be positive integer <= 1000.")


def _range(call: Call) -> Iterator[RefusedError]:
    if call.operation not in ("GetObject", "HeadObject") or "range" not in call.headers:
        return
    found = _RANGE.fullmatch(call.headers["range"])
    if found is None:
        yield RefusedError(400, "InvalidArgument", "range")
    elif found[2] and int(found[1]) > int(found[2]):
        yield RefusedError(400, "InvalidArgument", "range must be positive.")


_RULES: tuple[Callable[[Call], Iterator[RefusedError]], ...] = (
    _signature,
    _operation,
    _headers,
    _framing,
    _checksums,
    _name,
    _metadata,
    _part_number,
    _listing,
    _range,
)
