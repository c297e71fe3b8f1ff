"""A store in memory whose signed requests a test sends by ``send``, for want of a server."""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import UTC, datetime

import attrs

from assetstore import (
    AssetInfo,
    AssetStore,
    AssetStoreError,
    IntegrityError,
    NotFoundError,
    PresignedRequest,
    UploadedPart,
)
from assetstore.limits import MIN_PART
from assetstore.options import every
from assetstore.plugin import (
    BeginPartsOptions,
    EndPartsOptions,
    PartsOptions,
    PresignOptions,
    ProposedKey,
    SigningKeys,
    SigningKeysOptions,
    Source,
    UploadOptions,
    hookimpl,
)
from assetstore.testing import MemoryBackend

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
SHA256 = hashlib.sha256(PNG).hexdigest()
LARGE = b"\x89PNG\r\n\x1a\n" + bytes(2 * MIN_PART)
PART_NUMBERS = (1, 2, 3)
SIGNED = ("presign", "begin_parts", "list_parts", "end_parts")


@attrs.define(eq=False, kw_only=True)
class SigningMemory(MemoryBackend):
    """Signs by handing out addresses that nobody can guess, and takes what is sent there."""

    supports = MemoryBackend.supports | every(*SIGNED)

    keys: SigningKeys = attrs.field(factory=SigningKeys.new)
    signed: dict[str, tuple[str, PresignOptions, PresignedRequest]] = attrs.field(init=False, factory=dict, repr=False)
    uploads: dict[str, tuple[UploadOptions, dict[int, bytes]]] = attrs.field(init=False, factory=dict, repr=False)

    @hookimpl
    def assetstore_signing_keys(self, options: SigningKeysOptions) -> SigningKeys:
        """Hand out the keys."""
        return self.keys

    @hookimpl
    def assetstore_presign(self, key: str, options: PresignOptions) -> PresignedRequest:
        """Note what was signed."""
        url = f"https://memory.example/{key}?signature={secrets.token_hex(16)}"
        headers, (_, end) = options.bound_headers(), options.span(datetime.now(UTC))
        request = PresignedRequest(url=url, method=options.method, headers=headers, expires_at=end)
        self.signed[url] = key, options, request
        return request

    @hookimpl
    def assetstore_begin_parts(self, key: str, options: BeginPartsOptions) -> str:
        """Begin an upload."""
        upload_id = secrets.token_hex(16)
        self.uploads[upload_id] = options, {}
        return upload_id

    @hookimpl
    def assetstore_list_parts(self, key: str, options: PartsOptions) -> list[UploadedPart]:
        """Tell what came."""
        if options.upload_id not in self.uploads:
            raise NotFoundError("there is no such upload")
        parts = sorted(self.uploads[options.upload_id][1].items())
        return [UploadedPart(number=number, etag=_etag(data), size=len(data)) for number, data in parts]

    @hookimpl
    def assetstore_end_parts(self, key: str, options: EndPartsOptions) -> AssetInfo:
        """Put together what came, in the order of its numbers."""
        if options.parts is None:
            self.uploads.pop(options.upload_id, None)
            return AssetInfo(key=key, size=0)
        with self._lock.get():
            if options.upload_id not in self.uploads:
                raise NotFoundError("there is no such upload")
            upload, there = self.uploads[options.upload_id]
            if any(part.etag != _etag(there.get(part.number, b"")) for part in options.parts):
                raise IntegrityError("a part is another one")
            info = self.assetstore_upload(key, Source(b"".join(there[part.number] for part in options.parts)), upload)
            del self.uploads[options.upload_id]
            return info

    def send(self, request: PresignedRequest, body: bytes, **changed: str) -> int:
        """Send a signed PUT as a browser does, with other headers if there are any; return the status."""
        if request.url not in self.signed:
            return 403
        key, options, signed = self.signed[request.url]
        sent = {**request.headers, **{name.replace("_", "-"): value for name, value in changed.items()}}
        # A browser counts by itself.
        sent["content-length"] = str(len(body))
        if signed.expires_at <= datetime.now(UTC) or any(sent.get(name) != text for name, text in signed.headers.items()):
            return 403
        if options.sha256 and sent["x-amz-checksum-sha256"] != base64.b64encode(hashlib.sha256(body).digest()).decode():
            return 400
        try:
            self._take(key, options, body)
        except AssetStoreError:
            return 404
        return 200

    def _take(self, key: str, options: PresignOptions, body: bytes) -> None:
        if options.part is None:
            fields = ("content_type", "metadata", "cache_control", "overwrite")
            upload = UploadOptions(**{name: getattr(options, name) for name in fields})
            self.assetstore_upload(key, Source(body), upload)
        elif options.part.upload_id in self.uploads:
            self.uploads[options.part.upload_id][1][options.part.number] = body
        else:
            raise NotFoundError("there is no such upload")


def _etag(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


@attrs.define(eq=False)
class Naming:
    """Proposes ``images/map-0.png``, then ``images/map-1.png``, or what the digest says."""

    on_clash: str = "remake"

    @hookimpl
    def assetstore_name(self, filename, options):
        """Propose."""
        number = options.digest() if self.on_clash == "reuse" else options.attempt
        return ProposedKey(key=f"{options.category}/map-{number}.png", on_clash=self.on_clash)


def make_store(faulty, backend, *plugins):
    """Return a store whose backend is behind a stand-in, which does not pass on what is no operation."""
    faulty.assetstore_signing_keys = backend.assetstore_signing_keys
    return AssetStore(("backend", faulty), plugins=plugins, name="dev")


def keys(store):
    """Return all keys."""
    return [info.key for info in store.list()]


def sent_parts(store, backend, numbers=PART_NUMBERS, **options):
    """Begin an upload of three parts and send some of them."""
    upload = store.begin_upload(key="a.png", size=len(LARGE), part_size=MIN_PART, **options)
    send_parts(store, backend, upload, numbers)
    return upload


def send_parts(store, backend, upload, numbers=PART_NUMBERS):
    """Send parts by their signed requests."""
    for number, request in store.presign_parts(upload.token, numbers).items():
        assert 200 == backend.send(request, LARGE[(number - 1) * MIN_PART : number * MIN_PART])
