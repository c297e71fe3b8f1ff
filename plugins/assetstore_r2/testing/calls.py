"""Determines the S3 operation of a request from its method, path, parameters and headers."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

import attrs

from assetstore_r2.testing.messages import Request

# The operations that make a new version of an asset visible.
COMMITS = frozenset({"PutObject", "CopyObject", "CompleteMultipartUpload"})

_SERVICE = {"GET": "ListBuckets"}
_BUCKET = {"GET": "ListObjects", "HEAD": "HeadBucket", "PUT": "CreateBucket", "DELETE": "DeleteBucket"}
_BUCKET_SPECIAL = {
    ("POST", "delete"): "DeleteObjects",
    ("GET", "uploads"): "ListMultipartUploads",
    ("GET", "location"): "GetBucketLocation",
    ("GET", "encryption"): "GetBucketEncryption",
    ("GET", "cors"): "GetBucketCors",
    ("PUT", "cors"): "PutBucketCors",
    ("DELETE", "cors"): "DeleteBucketCors",
    ("GET", "lifecycle"): "GetBucketLifecycleConfiguration",
    ("PUT", "lifecycle"): "PutBucketLifecycleConfiguration",
    ("DELETE", "lifecycle"): "DeleteBucketLifecycle",
    ("GET", "versions"): "ListObjectVersions",
}
_KEY = {"GET": "GetObject", "HEAD": "HeadObject", "DELETE": "DeleteObject", "PUT": "PutObject", "POST": "PutObject"}
_KEY_SPECIAL = {
    ("POST", "uploads"): "CreateMultipartUpload",
    ("POST", "uploadId"): "CompleteMultipartUpload",
    ("POST", "select"): "SelectObjectContent",
    ("POST", "restore"): "RestoreObject",
    ("GET", "uploadId"): "ListParts",
    ("DELETE", "uploadId"): "AbortMultipartUpload",
    ("GET", "attributes"): "GetObjectAttributes",
    ("GET", "torrent"): "GetObjectTorrent",
    ("GET", "tagging"): "GetObjectTagging",
    ("PUT", "tagging"): "PutObjectTagging",
    ("GET", "acl"): "GetObjectAcl",
    ("PUT", "acl"): "PutObjectAcl",
    ("GET", "retention"): "GetObjectRetention",
    ("PUT", "retention"): "PutObjectRetention",
    ("GET", "legal-hold"): "GetObjectLegalHold",
    ("PUT", "legal-hold"): "PutObjectLegalHold",
}
_SETTINGS = {
    "accelerate": "Accelerate",
    "acl": "Acl",
    "analytics": "Analytics",
    "intelligent-tiering": "IntelligentTiering",
    "inventory": "Inventory",
    "logging": "Logging",
    "metrics": "Metrics",
    "notification": "Notification",
    "ownershipControls": "OwnershipControls",
    "policy": "Policy",
    "policyStatus": "PolicyStatus",
    "publicAccessBlock": "PublicAccessBlock",
    "replication": "Replication",
    "requestPayment": "RequestPayment",
    "tagging": "Tagging",
    "versioning": "Versioning",
    "website": "Website",
}


@attrs.frozen(kw_only=True)
class Call:
    """A parsed request.

    Attributes:
        operation: S3's name for it, for example ``"UploadPart"``; ``""`` if S3 has no such operation.
        bucket: decoded, or ``""``.
        key: decoded, or ``""``.
        headers: by lower-case name.
        query: the decoded parameters.
        body: of the request.
    """

    operation: str
    bucket: str
    key: str
    headers: Mapping[str, str] = attrs.field(repr=False)
    query: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)

    @property
    def upload(self) -> str:
        """The id of the multipart upload, or ``""``."""
        return self.query.get("uploadId", "")

    @property
    def source(self) -> tuple[str, str]:
        """Bucket and key of the copy source, decoded once; ``("", "")`` if there is none."""
        bucket, _, key = unquote(self.headers.get("x-amz-copy-source", "")).removeprefix("/").partition("/")
        return bucket, key


def understand(request: Request) -> Call:
    """Parse a path-style request."""
    bucket, _, key = request.target.partition("?")[0].removeprefix("/").partition("/")
    return Call(
        operation=_operation(request, bucket, key),
        bucket=unquote(bucket),
        key=unquote(key, errors="surrogateescape"),
        headers=request.headers,
        query=request.query,
        body=request.body,
    )


def _operation(request: Request, bucket: str, key: str) -> str:
    if not bucket:
        return _SERVICE.get(request.method, "")
    if not key:
        return _bucket_operation(request)
    if request.method == "PUT":
        copies = "x-amz-copy-source" in request.headers
        if {"partNumber", "uploadId"} <= request.query.keys():
            return "UploadPartCopy" if copies else "UploadPart"
        if copies:
            return "CopyObject"
    return _special(_KEY_SPECIAL, request) or _KEY.get(request.method, "")


def _bucket_operation(request: Request) -> str:
    if found := _special(_BUCKET_SPECIAL, request):
        return found
    for parameter, name in _SETTINGS.items():
        if parameter in request.query and request.method in ("GET", "PUT", "DELETE"):
            return f"{request.method.title()}Bucket{name}"
    if request.method == "GET" and "list-type" in request.query:
        return "ListObjectsV2"
    return _BUCKET.get(request.method, "PostBucket" if request.method == "POST" else "")


def _special(table: Mapping[tuple[str, str], str], request: Request) -> str | None:
    for (method, parameter), name in table.items():
        if request.method == method and parameter in request.query:
            return name
    return None
