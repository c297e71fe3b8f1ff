"""Enforces R2's rules in front of a server that lacks them."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from xml.etree import ElementTree

import attrs

from assetstore_r2.testing import batches, refusals
from assetstore_r2.testing.calls import COMMITS, Call, understand
from assetstore_r2.testing.copies import Copies
from assetstore_r2.testing.messages import Answer, Request, error_answer
from assetstore_r2.testing.multipart import Parts, copied_size
from assetstore_r2.testing.refusals import RefusedError

MAX_PUT = (5 << 30) - (5 << 20)
_SKEW = 900.0
_CHANGES = COMMITS | {"CreateMultipartUpload", "UploadPart", "UploadPartCopy", "AbortMultipartUpload"}
_DELETES = frozenset({"DeleteObject", "DeleteObjects"})
_OF_OBJECTS = _CHANGES | _DELETES | {"GetObject", "HeadObject", "ListParts", "ListObjects", "ListObjectsV2"}
_SCOPED = _OF_OBJECTS | {"HeadBucket", "ListMultipartUploads", "GetBucketLocation"}
# The error codes of other servers, with R2's status and code for the same error.
_OTHER_WORDS = {
    "InvalidAccessKeyId": (401, "Unauthorized"),
    "BucketAlreadyOwnedByYou": (409, "BucketConflict"),
    "BucketAlreadyExists": (409, "BucketConflict"),
    "KeyTooLongError": (400, "InvalidObjectName"),
}
_MESSAGES = {
    "NoSuchKey": "The specified key does not exist.",
    "NoSuchBucket": "The specified bucket does not exist.",
    "NoSuchUpload": "The specified multipart upload does not exist.",
    "PreconditionFailed": "At least one of the pre-conditions you specified did not hold.",
    "EntityTooSmall": "Your proposed upload is smaller than the minimum allowed object size.",
    "InternalError": "We encountered an internal error. Please try again.",
}


@attrs.define(eq=False, kw_only=True)
class R2Personality:
    """Refuses what Cloudflare R2 refuses, with R2's status, code and message, and rewords the server's errors as R2's.

    Enforced: one write per second and key; equal parts; tokens scoped to buckets; clock skew; 8,192 units of metadata; 1,024
    bytes of key; no POST policy; DeleteObjects of 1 to 1,000 keys with ``Quiet`` ignored; 501 for the headers, operations,
    parameters and ``STREAMING-`` or ``aws-chunked`` bodies that R2 lacks; 411 without Content-Length; one checksum per
    request and no SHA on parts; no conditions on UploadPartCopy; signed URLs for 1 second to 7 days; list limits; one range;
    416 for any range of an empty asset; 412 for ``If-Match`` without an asset; ``cf-copy-destination-if-none-match: *``,
    for keys written through this proxy; errors without namespace and request id.

    Not enforced, because signed requests cannot be rewritten or R2's rule is not known: folding of keys to NFC; decoding and
    encoding of RFC 2047 in metadata; metadata directive MERGE and the other ``cf-*`` headers; parts sorted at Complete, and
    an upload aborted by a failed condition; DELETE with ``?tagging`` deleting the asset; the content type that R2 guesses;
    pages cut to 1,000; a key id of 32 characters; static answers such as GetBucketEncryption; bucket names. Whether R2
    counts a delete as a write of a key is not known; here it is not counted. The upstream server verifies signatures after
    these rules, R2 before them. Nothing here was compared with a live R2.

    Attributes:
        clock: the service's clock, seconds since 1970.
        clock_offset: seconds by which the service's clock is ahead of ``clock``.
        write_interval: seconds between two writes of a key, 0 for no limit.
        buckets: the buckets that the token is scoped to; it can neither list nor create buckets. ``None``: an admin token.
        read_only: the token may not write.
        max_put: the largest body or copied range of one request, in bytes; lower it to test the limit.
        allow_streaming: let ``STREAMING-`` and ``aws-chunked`` bodies through.
    """

    clock: Callable[[], float] = time.time
    clock_offset: float = 0.0
    write_interval: float = 1.0
    buckets: Collection[str] | None = None
    read_only: bool = False
    max_put: int = MAX_PUT
    allow_streaming: bool = False
    _parts: Parts = attrs.field(init=False, factory=Parts)
    _copies: Copies = attrs.field(init=False, factory=Copies)
    _lock: threading.Lock = attrs.field(init=False, factory=threading.Lock)
    _written: dict[tuple[str, str], float] = attrs.field(init=False, factory=dict)

    def before(self, request: Request) -> Answer | None:
        """Return R2's refusal, or ``None``."""
        call = understand(request)
        try:
            self._check_clock(call)
            self._check_token(call)
            refusals.check(call, streaming=self.allow_streaming)
            self._check_size(call)
            if call.operation == "DeleteObjects":
                batches.keys_of(call.body)
            if call.operation == "CompleteMultipartUpload":
                self._parts.check(call)
            self._check_rate(call)
            # Last, because a copy that passes counts as in progress until its response.
            self._copies.check(call)
        except RefusedError as refused:
            return self._refusal(refused.status, refused.code, refused.message)
        return None

    def after(self, request: Request, answer: Answer) -> Answer:
        """Return the server's response as R2 would send it."""
        call = understand(request)
        self._parts.note(call, answer)
        self._copies.note(call, answer)
        if call.operation == "DeleteObjects" and answer.status == 200:
            return batches.naming_all(answer, batches.keys_of(call.body))
        if answer.status == 404 and call.operation == "PutObject" and "if-match" in call.headers:
            return self._refusal(412, "PreconditionFailed", _MESSAGES["PreconditionFailed"])
        if "range" in call.headers and call.operation == "GetObject" and answer.status < 300 and not answer.body:
            return self._refusal(416, "InvalidRange", "The requested range is not satisfiable")
        return self._reworded(answer) if answer.status >= 400 else answer

    def _now(self) -> float:
        return self.clock() + self.clock_offset

    def _refusal(self, status: int, code: str, message: str) -> Answer:
        return error_answer(status, code, message, now=self._now())

    def _check_clock(self, call: Call) -> None:
        date = call.headers.get("x-amz-date", "")
        if not re.fullmatch(r"\d{8}T\d{6}Z", date):
            return
        signed = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
        if abs(self._now() - signed) > _SKEW:
            text = "The difference between the request time and the server's time is too large."
            raise RefusedError(403, "RequestTimeTooSkewed", text)

    def _check_token(self, call: Call) -> None:
        denied = RefusedError(403, "AccessDenied", "Access Denied")
        if self.buckets is not None:
            source = call.source[0] or call.bucket
            if call.operation not in _SCOPED or not {call.bucket, source} <= set(self.buckets):
                raise denied
        if self.read_only and (call.operation in _CHANGES or call.operation.startswith(("Create", "Delete", "Put"))):
            raise denied

    def _check_size(self, call: Call) -> None:
        if call.operation in ("PutObject", "UploadPart"):
            size: int | None = int(call.headers.get("content-length", 0))
        else:
            size = copied_size(call)
        if size is not None and size > self.max_put:
            raise RefusedError(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size.")

    def _check_rate(self, call: Call) -> None:
        if call.operation not in COMMITS or self.write_interval <= 0:
            return
        now = self.clock()
        with self._lock:
            last = self._written.get((call.bucket, call.key))
            if last is not None and now - last < self.write_interval:
                raise RefusedError(429, "TooManyRequests", "Reduce your concurrent request rate for the same object.")
            self._written[call.bucket, call.key] = now

    def _reworded(self, answer: Answer) -> Answer:
        fields = tuple(field for field in answer.fields if not field[0].startswith(("x-amz-request-id", "x-amz-id-")))
        answer = attrs.evolve(answer, fields=fields)
        try:
            error = ElementTree.fromstring(answer.body)  # noqa: S314 - the test's own server
        except ElementTree.ParseError:
            return answer
        code = error.findtext("{*}Code") or ""
        if not code:
            return answer
        status, code = _OTHER_WORDS.get(code, (answer.status, code))
        reworded = self._refusal(status, code, _MESSAGES.get(code) or error.findtext("{*}Message") or "")
        kept = tuple(field for field in fields if field[0] not in dict(reworded.fields))
        return attrs.evolve(reworded, fields=(*kept, *reworded.fields))
