"""A memory that signs, and mutants of it that go wrong with what they signed."""

# ruff: noqa: D102 - the docstring of each class says what is wrong with it

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from datetime import UTC, datetime
from typing import ClassVar
from urllib.parse import parse_qsl, quote, urlencode

import attrs

from assetstore import AlreadyExistsError, AssetInfo, IntegrityError, NotFoundError, PresignedRequest, UploadedPart
from assetstore.plugin import (
    HEADERS,
    DeleteOptions,
    ReadOptions,
    SigningKeys,
    Source,
    UploadOptions,
    decode_metadata,
    hookimpl,
)
from assetstore.testing import MemoryBackend

BOUND = ("content_type", "content_length", "sha256", "metadata", "cache_control", "overwrite")
OPTIONS = frozenset(
    [
        *(f"presign.{name}" for name in ("method", "expires", "part", "download_as", "window", *BOUND)),
        *(f"begin_parts.{name}" for name in HEADERS),
        *("list_parts.upload_id", "end_parts.upload_id", "end_parts.parts", "application.interface"),
    ]
)
META = "HTTP_X_AMZ_META_"
STATUSES = {NotFoundError: 404, AlreadyExistsError: 412, IntegrityError: 400}


@attrs.define(eq=False, kw_only=True)
class SigningMemory(MemoryBackend):
    """Signs requests for an application of its own, and takes uploads in parts."""

    supports: ClassVar[frozenset[str]] = MemoryBackend.supports | OPTIONS

    ring: SigningKeys = attrs.field(init=False, factory=SigningKeys.new)
    uploads: dict[tuple[str, str], tuple[UploadOptions, dict[int, bytes]]] = attrs.field(init=False, factory=dict)

    @hookimpl
    def assetstore_presign(self, key, options):
        _, end = options.span(datetime.now(UTC))
        headers = options.bound_headers()
        query = {"ends": str(int(end.timestamp())), "bound": urlencode(headers)}
        query |= {f"response-{name}": value for name, value in options.answered_headers().items()}
        if options.part is not None:
            query |= {"partNumber": str(options.part.number), "uploadId": options.part.upload_id}
        query["signature"] = self.sign(options.method, key, query)
        url = f"http://memory.test/{quote(key)}?{urlencode(query)}"
        return PresignedRequest(url=url, method=options.method, headers=headers, expires_at=end)

    @hookimpl
    def assetstore_application(self, options):
        async def asgi(scope, receive, send):
            raise NotImplementedError

        return self.serve if options.interface == "wsgi" else asgi

    @hookimpl
    def assetstore_signing_keys(self, options):
        return self.ring

    @hookimpl
    def assetstore_begin_parts(self, key, options):
        upload_id = secrets.token_hex(8)
        self.uploads[key, upload_id] = options, {}
        return upload_id

    @hookimpl
    def assetstore_list_parts(self, key, options):
        parts = sorted(self.parts_of(key, options.upload_id).items())
        return [UploadedPart(number=number, etag=etag_of(data), size=len(data)) for number, data in parts]

    @hookimpl
    def assetstore_end_parts(self, key, options):
        if options.parts is None:
            self.uploads.pop((key, options.upload_id), None)
            return AssetInfo(key=key, size=0)
        stored = self.parts_of(key, options.upload_id)
        if any(etag_of(stored.get(part.number, b"")) != part.etag.strip('"') for part in options.parts):
            raise IntegrityError("a part is missing or differs")
        data = b"".join(stored[part.number] for part in options.parts)
        return self.assetstore_upload(key, Source(data), self.uploads.pop((key, options.upload_id))[0])

    def sign(self, method, key, query):
        fields = (text for name in sorted(query.keys() - {"signature"}) for text in (name, query[name]))
        return self.ring.sign(f"url:{method}", key, *fields)

    def parts_of(self, key, upload_id):
        if (key, upload_id) not in self.uploads:
            raise NotFoundError("there is no such upload any more")
        return self.uploads[key, upload_id][1]

    def has_ended(self, ends):
        return ends <= time.time()

    def is_bound(self, headers, environ):
        return all(environ.get(name_of(name), "") == value for name, value in headers.items())

    def serve(self, environ, start_response):
        method, key = environ["REQUEST_METHOD"], environ["PATH_INFO"].encode("latin-1").decode().removeprefix("/")
        query = dict(parse_qsl(environ["QUERY_STRING"], keep_blank_values=True))
        forged = not secrets.compare_digest(self.sign(method, key, query), query.get("signature", ""))
        status, headers, body = 403, {}, b""
        if not (forged or self.has_ended(int(query["ends"])) or not self.is_bound(dict(parse_qsl(query["bound"])), environ)):
            status, headers, body = self.answer(method, key, query, environ)
        headers = {"content-length": str(len(body)), **headers}
        start_response(f"{status} -", list(headers.items()))
        return [b"" if method == "HEAD" else body]

    def answer(self, method, key, query, environ):
        try:
            if method == "PUT":
                return 200, {"etag": f'"{self.put(key, query, environ, environ["wsgi.input"].read())}"'}, b""
            if method == "DELETE":
                self.assetstore_delete([key], DeleteOptions())
                return 204, {}, b""
            data = self.assetstore_read(key, ReadOptions()).body.read()
        except (NotFoundError, AlreadyExistsError, IntegrityError) as error:
            return STATUSES[type(error)], {}, b""
        if "HTTP_RANGE" not in environ:
            asked = {name: value for name, value in query.items() if name.startswith("response-")}
            return 200, {name.removeprefix("response-"): value for name, value in asked.items()}, data
        return run_of(data, *environ["HTTP_RANGE"].removeprefix("bytes=").split("-"))

    def put(self, key, query, environ, data):
        digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
        if environ.get("HTTP_X_AMZ_CHECKSUM_SHA256", digest) != digest:
            raise IntegrityError("other bytes came")
        if "uploadId" in query:
            self.parts_of(key, query["uploadId"])[int(query["partNumber"])] = data
            return etag_of(data)
        metadata = {name.removeprefix(META): value for name, value in environ.items() if name.startswith(META)}
        options = UploadOptions(
            content_type=environ.get("CONTENT_TYPE"),
            cache_control=environ.get("HTTP_CACHE_CONTROL"),
            metadata=decode_metadata({name.lower().replace("_", "-"): value for name, value in metadata.items()}),
            overwrite="HTTP_IF_NONE_MATCH" not in environ,
        )
        return self.assetstore_upload(key, Source(data), options).etag


class HasOnePurposeForAllMethods(SigningMemory):
    """Signs the key and not the method."""

    def sign(self, method, key, query):
        return super().sign("any", key, query)


class NeverEnds(SigningMemory):
    """Signs when a request ends, and does not look at it."""

    def has_ended(self, ends):
        return False


class TakesAnySize(SigningMemory):
    """Signs the size, and does not look at it."""

    def is_bound(self, headers, environ):
        return super().is_bound({name: value for name, value in headers.items() if name != "content-length"}, environ)


class ShowsPartsAtOnce(SigningMemory):
    """Takes each part for the asset."""

    def put(self, key, query, environ, data):
        self.assetstore_upload(key, Source(data), UploadOptions())
        return super().put(key, query, environ, data)


class CopiesOverWhatIsThere(SigningMemory):
    """Ignores that a copy is to be create-only."""

    @hookimpl
    def assetstore_copy(self, source, destination, options):
        return super().assetstore_copy(source, destination, attrs.evolve(options, overwrite=True))


class CopiesWhatCameLast(SigningMemory):
    """Ignores which version of the source is to be copied."""

    @hookimpl
    def assetstore_copy(self, source, destination, options):
        return super().assetstore_copy(source, destination, attrs.evolve(options, if_match=None))


class KeepsDroppedParts(SigningMemory):
    """Says that it dropped an upload."""

    @hookimpl
    def assetstore_end_parts(self, key, options):
        return super().assetstore_end_parts(key, options) if options.parts is not None else AssetInfo(key=key, size=0)


def name_of(header):
    """Return what WSGI calls a header."""
    name = header.upper().replace("-", "_")
    return name if name in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{name}"


def etag_of(data):
    """Return the ETag of a part."""
    return hashlib.sha256(data).hexdigest()


def run_of(data, first, last):
    """Return the answer to a range."""
    start = int(first) if first else len(data) - int(last)
    end = min(int(last), len(data) - 1) if first and last else len(data) - 1
    if start >= len(data):
        return 416, {}, b""
    return 206, {"content-range": f"bytes {start}-{end}/{len(data)}"}, data[start : end + 1]
