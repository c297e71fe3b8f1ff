"""The S3 operations that assetstore uses, by the names, parameters and results of botocore's client; each is tried once."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote, unquote_plus

import attrs

from assetstore.plugin import count_request
from assetstore_r2 import copy_conditions
from assetstore_r2.deadline import Deadline
from assetstore_r2.prices import class_of
from assetstore_r2.sigv4 import EMPTY, Signer, quoted_paths
from assetstore_r2.wire import xml
from assetstore_r2.wire.connection import Answer, Sendable
from assetstore_r2.wire.errors import CutAnswerError, S3Error, WireError
from assetstore_r2.wire.pool import Pool

T = TypeVar("T")

METADATA = "x-amz-meta-"
_SENT = {
    "CacheControl": "cache-control",
    "ContentDisposition": "content-disposition",
    "ContentEncoding": "content-encoding",
    "ContentLanguage": "content-language",
    "ContentMD5": "content-md5",
    "ContentType": "content-type",
    "CopySourceIfMatch": "x-amz-copy-source-if-match",
    "CopySourceRange": "x-amz-copy-source-range",
    "Expires": "expires",
    "IfMatch": "if-match",
    "IfNoneMatch": "if-none-match",
    "MetadataDirective": "x-amz-metadata-directive",
    "Range": "range",
    "StorageClass": "x-amz-storage-class",
    "WebsiteRedirectLocation": "x-amz-website-redirect-location",
}
_ENCRYPTION = {
    "x-amz-server-side-encryption": "ServerSideEncryption",
    "x-amz-server-side-encryption-customer-algorithm": "SSECustomerAlgorithm",
}
_RECEIVED = {
    **_ENCRYPTION,
    "cache-control": "CacheControl",
    "content-disposition": "ContentDisposition",
    "content-encoding": "ContentEncoding",
    "content-language": "ContentLanguage",
    "content-range": "ContentRange",
    "content-type": "ContentType",
    "etag": "ETag",
    "expires": "Expires",
    "x-amz-storage-class": "StorageClass",
    "x-amz-website-redirect-location": "WebsiteRedirectLocation",
}
_FIXED = {"user-agent": "assetstore", "accept-encoding": "identity"}
_MAX_XML = 64 << 20
_ISO = datetime.fromisoformat
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@attrs.define(eq=False)
class WireClient:
    """Sends the requests for one bucket; threads may share it. ``Bucket`` in its calls is the bucket's name, and not used.

    Attributes:
        signer: signs them.
        pool: the connections.
    """

    signer: Signer
    pool: Pool

    def close(self) -> None:
        """Close the connections."""
        self.pool.close()

    def put_object(self, **params: Any) -> dict[str, Any]:
        """Write an asset; ``PayloadSHA256`` is the digest of ``Body`` in hex, if it is known."""
        return _described(self._done("PUT", "PutObject", params))

    def put_objects(
        self, puts: Iterable[tuple[T, Mapping[str, Any]]], count: int, most: int, limit: Deadline
    ) -> Iterator[tuple[T, dict[str, Any] | Exception]]:
        """Write several assets at once, in this thread alone.

        Args:
            puts: a tag for each and the parameters of ``put_object``; each is taken when it can be sent at once.
            count: how many they are, at most.
            most: how many are under way at once, at most.
            limit: cancels all; each has a child of it.

        Yields:
            the tag of each, in the order in which they end, with what ``put_object`` returns or raises.
        """
        from assetstore_r2.wire.exchange import Exchange, Request  # most programs do without

        refused: list[tuple[T, Exception]] = []

        def requests() -> Iterator[Request[T]]:
            for tag, params in puts:
                try:
                    target, headers, body = self._signed("PUT", params)
                    data = memoryview(self.pool.head_of("PUT", target, headers, body) + body)
                except Exception as error:
                    refused.append((tag, error))
                else:
                    yield Request(tag, "PUT", data, limit.child())

        for request, reply in Exchange(self.pool, requests(), count, most, limit).run():
            try:
                end: dict[str, Any] | Exception = _described(_emptied("PutObject", _accepted("PutObject", reply)))
            except Exception as error:
                end = error
            yield request.tag, end
        yield from refused

    def get_object(self, **params: Any) -> dict[str, Any]:
        """Read an asset; the result's ``Body`` has ``read``, ``readinto`` and ``close``."""
        answer = self._ask("GET", "GetObject", params)
        return {**_described(answer), "Body": answer}

    def head_object(self, **params: Any) -> dict[str, Any]:
        """Look an asset up."""
        return _described(self._done("HEAD", "HeadObject", params))

    def delete_object(self, **params: Any) -> dict[str, Any]:
        """Delete an asset."""
        return _described(self._done("DELETE", "DeleteObject", params))

    def head_bucket(self, **params: Any) -> dict[str, Any]:
        """Ask whether there is such a bucket."""
        return _described(self._done("HEAD", "HeadBucket", params))

    def delete_objects(self, *, Delete: Mapping[str, Any], **params: Any) -> dict[str, Any]:  # noqa: N803 - botocore's
        """Delete up to 1,000 assets."""
        body = xml.write("Delete", "Object", Delete["Objects"])
        digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
        _, found = self._document("POST", "DeleteObjects", {**params, "Body": body, "ContentMD5": digest}, {"delete": ""})
        return {"Deleted": found.groups["Deleted"], "Errors": found.groups["Error"]}

    def list_objects_v2(self, **params: Any) -> dict[str, Any]:
        """List a page. Keys come encoded, because XML cannot hold them all; each service encodes other things."""
        names = {"ContinuationToken": "continuation-token", "Delimiter": "delimiter", "MaxKeys": "max-keys"}
        names |= {"Prefix": "prefix", "StartAfter": "start-after"}
        query = {header: str(params[name]) for name, header in names.items() if name in params}
        answer, found = self._document("GET", "ListObjectsV2", {}, {"encoding-type": "url", "list-type": "2", **query})
        plain = _decoded if found.texts.get("EncodingType") == "url" else str
        return {
            **_status(answer),
            **_truncation(found, "NextContinuationToken"),
            "Contents": _listed(found.columns, plain) + [_entry(texts, plain) for texts in found.groups["Contents"]],
            "CommonPrefixes": [_entry(texts, plain) for texts in found.groups["CommonPrefixes"]],
        }

    def copy_object(self, **params: Any) -> dict[str, Any]:
        """Copy an asset inside the bucket."""
        answer, found = self._document("PUT", "CopyObject", params)
        return {**_status(answer), "CopyObjectResult": _entry(found.texts, str)}

    def create_multipart_upload(self, **params: Any) -> dict[str, Any]:
        """Begin an upload in parts."""
        _, found = self._document("POST", "CreateMultipartUpload", params, {"uploads": ""})
        return dict(found.texts)

    def upload_part(self, **params: Any) -> dict[str, Any]:
        """Write a part; ``PayloadSHA256`` as for ``put_object``."""
        return _described(self._done("PUT", "UploadPart", params, _part_of(params)))

    def upload_part_copy(self, **params: Any) -> dict[str, Any]:
        """Write a part from an asset of the bucket."""
        _, found = self._document("PUT", "UploadPartCopy", params, _part_of(params))
        return {"CopyPartResult": _entry(found.texts, str)}

    def complete_multipart_upload(self, *, MultipartUpload: Mapping[str, Any], **params: Any) -> dict[str, Any]:  # noqa: N803
        """Join the parts."""
        body = xml.write("CompleteMultipartUpload", "Part", MultipartUpload["Parts"])
        query = {"uploadId": params["UploadId"]}
        answer, found = self._document("POST", "CompleteMultipartUpload", {**params, "Body": body}, query)
        return {**_status(answer), **_entry(found.texts, str)}

    def abort_multipart_upload(self, **params: Any) -> dict[str, Any]:
        """Drop the parts."""
        return _described(self._done("DELETE", "AbortMultipartUpload", params, {"uploadId": params["UploadId"]}))

    def list_multipart_uploads(self, **params: Any) -> dict[str, Any]:
        """List a page of the uploads in parts that were begun and not ended."""
        names = {"KeyMarker": "key-marker", "Prefix": "prefix", "UploadIdMarker": "upload-id-marker"}
        query = {header: params[name] for name, header in names.items() if name in params}
        answer, found = self._document("GET", "ListMultipartUploads", {}, {"uploads": "", **query})
        markers = {**_truncation(found, "NextKeyMarker"), **_truncation(found, "NextUploadIdMarker")}
        return {**_status(answer), **markers, "Uploads": [_upload(texts) for texts in found.groups["Upload"]]}

    def list_parts(self, **params: Any) -> dict[str, Any]:
        """List a page of the parts of an upload."""
        query = {"part-number-marker": str(params["PartNumberMarker"]), "uploadId": params["UploadId"]}
        _, found = self._document("GET", "ListParts", params, query)
        parts = [_entry(texts, str) for texts in found.groups["Part"]]
        for part, texts in zip(parts, found.groups["Part"], strict=True):
            if (number := texts.get("PartNumber", "")).isdecimal():
                part["PartNumber"] = int(number)
        return {**_truncation(found, "NextPartNumberMarker"), "Parts": parts}

    def _ask(self, method: str, operation: str, params: Mapping[str, Any], query: Mapping[str, str] | None = None) -> Answer:
        target, headers, body = self._signed(method, params, query)
        try:
            reply: Answer | WireError = self.pool.send(method, target, headers, body)
        except WireError as error:
            reply = error
        return _accepted(operation, reply)

    def _signed(
        self, method: str, params: Mapping[str, Any], query: Mapping[str, str] | None = None
    ) -> tuple[str, dict[str, str], Sendable]:
        """Return path and query, headers and body of a request."""
        target = self.signer.address.path + quoted_paths((params.get("Key", ""),))[0]
        if query:
            target += "?" + "&".join(f"{name}={quote(query[name], safe='')}" for name in sorted(query))
        body: Sendable = params.get("Body", b"")
        payload = params.get("PayloadSHA256") or (hashlib.sha256(body).hexdigest() if body else EMPTY)
        return target, {**self.signer.headers(method, target, _headers(params), payload), **_FIXED}, body

    def _done(
        self, method: str, operation: str, params: Mapping[str, Any], query: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request and read an answer whose body says nothing, unless it is an error."""
        return _emptied(operation, self._ask(method, operation, params, query))

    def _document(
        self, method: str, operation: str, params: Mapping[str, Any], query: Mapping[str, str] | None = None
    ) -> tuple[Answer, xml.Document]:
        """Send a request and read the XML of the answer; an answer of 200 may hold an error all the same."""
        answer = self._ask(method, operation, params, query)
        return answer, _refuse_error(operation, answer, _whole(answer))


def _accepted(operation: str, reply: Answer | WireError) -> Answer:
    """Count a request by what it brought; return its answer, or raise what went wrong."""
    if isinstance(reply, WireError):
        if reply.assetstore_doubt:
            count_request(class_of(operation))
        raise reply
    count_request(class_of(operation))
    if not 200 <= reply.status < 300:
        raise _error(operation, reply, xml.read(_body_of_error(reply)))
    return reply


def _emptied(operation: str, answer: Answer) -> Answer:
    """Read an answer whose body says nothing, unless it is an error."""
    if answer.length != 0:
        _refuse_error(operation, answer, _whole(answer))
    return answer


def _headers(params: Mapping[str, Any]) -> dict[str, str]:
    headers = {_SENT[name]: value for name, value in params.items() if name in _SENT}
    for name, value in params.get("Metadata", {}).items():
        headers[METADATA + name] = value
    if "CopySource" in params:
        headers["x-amz-copy-source"] = quote("{Bucket}/{Key}".format_map(params["CopySource"]))
    return {**headers, **params.get(copy_conditions.PARAMETER, {})}


def _status(answer: Answer) -> dict[str, Any]:
    """Return what every answer has; the other headers of one with a document are not those of an asset."""
    found = {name: value for header, name in _ENCRYPTION.items() if (value := answer.headers.get(header))}
    return {**found, "ResponseMetadata": {"HTTPStatusCode": answer.status, "HTTPHeaders": answer.headers}}


def _described(answer: Answer) -> dict[str, Any]:
    headers = answer.headers
    found: dict[str, Any] = {_RECEIVED[name]: value for name, value in headers.items() if name in _RECEIVED}
    found["ResponseMetadata"] = {"HTTPStatusCode": answer.status, "HTTPHeaders": headers}
    found["Metadata"] = {name[len(METADATA) :]: value for name, value in headers.items() if name.startswith(METADATA)}
    if (length := headers.get("content-length")) is not None and length.isdecimal():
        found["ContentLength"] = int(length)
    if modified := headers.get("last-modified"):
        found["LastModified"] = _time(modified)
    return found


def _entry(texts: Mapping[str, str], plain: Callable[[str], str]) -> dict[str, Any]:
    """Return the texts of an element with their types; what a service leaves out or empty is left out."""
    found: dict[str, Any] = {}
    if key := texts.get("Key"):
        found["Key"] = plain(key)
    if prefix := texts.get("Prefix"):
        found["Prefix"] = plain(prefix)
    if etag := texts.get("ETag", "").strip():
        found["ETag"] = etag
    if (size := texts.get("Size", "")).isdecimal():
        found["Size"] = int(size)
    if modified := texts.get("LastModified"):
        found["LastModified"] = _time(modified)
    return found


def _upload(texts: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {name: texts[name] for name in ("Key", "UploadId") if texts.get(name)}
    if (began := _time(texts.get("Initiated", ""))) is not None:
        found["Initiated"] = began
    return found


def _listed(columns: Mapping[str, Sequence[str]], plain: Callable[[str], str]) -> list[dict[str, Any]]:
    """Return the assets of a listing that are built alike. Most services say all of each, which is quicker to read."""
    try:
        keys, sizes, etags = columns["Key"], columns["Size"], columns["ETag"]
        times = [time if time.tzinfo is UTC else time.astimezone(UTC) for time in map(_ISO, columns["LastModified"])]
        if all(keys) and "".join(sizes).isdecimal() and all(etag[:1] == '"' == etag[-1:] for etag in etags):
            rows = zip(map(plain, keys), map(int, sizes), etags, times, strict=True)
            return [{"Key": key, "Size": size, "ETag": etag, "LastModified": time} for key, size, etag, time in rows]
    except (KeyError, ValueError, OverflowError):
        pass
    return [_entry(dict(zip(columns, texts, strict=True)), plain) for texts in zip(*columns.values(), strict=True)]


def _decoded(text: str) -> str:
    """Return a key of a listing; most contain slashes and blanks, and no other character that is encoded."""
    quick = text.replace("+", " ").replace("%20", " ").replace("%2F", "/")
    return unquote_plus(text) if "%" in quick else quick


def _truncation(found: xml.Document, marker: str) -> dict[str, Any]:
    """Return whether there is another page; nothing if the document does not say, so that it is not taken for an answer."""
    answer: dict[str, Any] = {}
    if truncated := found.texts.get("IsTruncated", "").strip():
        answer["IsTruncated"] = truncated == "true"
    if (token := found.texts.get(marker, "")).strip():
        answer[marker] = token
    return answer


def _part_of(params: Mapping[str, Any]) -> dict[str, str]:
    return {"partNumber": str(params["PartNumber"]), "uploadId": params["UploadId"]}


def _time(text: str) -> datetime | None:
    """Return a time in the form of HTTP's headers or of XML, in UTC; ``None`` if it is in neither."""
    try:
        if text[3:4] == ",":
            month = _MONTHS.index(text[8:11]) + 1
            hour, minute, second = text[17:19], text[20:22], text[23:25]
            return datetime(int(text[12:16]), month, int(text[5:7]), int(hour), int(minute), int(second), tzinfo=UTC)
        time = _ISO(text)
        return time if time.tzinfo is UTC else time.astimezone(UTC)
    except (ValueError, OverflowError):  # a zone may lead beyond all years
        return None


def _whole(answer: Answer) -> bytes:
    pieces, count = [], 0
    while piece := answer.read(1 << 20):
        pieces.append(piece)
        count += len(piece)
        if count > _MAX_XML:
            answer.close()
            raise CutAnswerError(f"the answer has more than {_MAX_XML} bytes")
    return b"".join(pieces)


def _body_of_error(answer: Answer) -> bytes:
    """Return the body of an error; where the service stopped to read, what it wrote may be cut, and the status remains."""
    try:
        return _whole(answer)
    except CutAnswerError:
        if answer.sent_whole:
            raise
        return b""


def _refuse_error(operation: str, answer: Answer, data: bytes) -> xml.Document:
    """Return the document of an answer; raise its error if it is one."""
    found = xml.read(data) or xml.NOTHING
    if found.root == "Error":
        raise _error(operation, answer, found)
    return found


def _error(operation: str, answer: Answer, document: xml.Document | None) -> S3Error:
    """Return the error of an answer; one with a good status counts as 500, as in botocore."""
    status = answer.status if answer.status >= 300 else 500
    texts = document.texts if document is not None and document.root == "Error" else {"Code": str(status)}
    metadata = {"HTTPStatusCode": status, "HTTPHeaders": answer.headers}
    return S3Error({"Error": texts, "ResponseMetadata": metadata}, operation, sent_whole=answer.sent_whole)
