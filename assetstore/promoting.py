"""The end of a direct upload: what was sent is checked, copied to its key, and removed from where it was sent to.

Every step can be repeated: a call that fails anywhere, or runs beside another one, leaves what the next call can end.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping

import attrs

from assetstore.direct_models import UPLOAD_ID, EndPartsOptions, PartsOptions, UploadedPart
from assetstore.errors import (
    AlreadyExistsError,
    AssetStoreError,
    IntegrityError,
    NotFoundError,
    PreconditionError,
    RefusedError,
    StoreNotFoundError,
    UnsupportedError,
)
from assetstore.models import AssetInfo, CopyOptions, DeleteOptions, ReadOptions, StatOptions
from assetstore.operation import Operation
from assetstore.relay import Relay
from assetstore.signed import PresignOptions
from assetstore.sniffing import HEAD_BYTES, essence, refusal
from assetstore.tokens import Claims
from assetstore.transfers import copy, open_reader


@attrs.frozen(kw_only=True)
class Promotion:
    """The way of one upload from its pending key to its own.

    Attributes:
        relay: where both are.
        operation: counts the bytes.
        claims: what the token says.
        pending: where it was sent to, as the backend knows it.
        final: what it will be called, as the backend knows it.
    """

    relay: Relay
    operation: Operation
    claims: Claims
    pending: str
    final: str

    def run(self, parts: Mapping[int, str] | None) -> AssetInfo:
        """Return the asset, which stands under its key now, or stood there already.

        Raises:
            NotFoundError: not all was sent yet.
            IntegrityError: size or digest differ; what was sent is deleted.
            RefusedError: the bytes are not what they claim to be; what was sent is deleted.
            AlreadyExistsError: another asset has taken the key; what was sent stays.
            PreconditionError: it was sent anew while it was checked.
        """
        try:
            sent = self._sent(parts)
            refused = self._refused(sent)
            if refused is None:
                info = self._promote(sent)
                self.discard()
                return info
            with contextlib.suppress(AssetStoreError):
                self.discard()
        except NotFoundError as error:
            # Another call may have ended the upload, just now or long ago.
            refused = error
        except PreconditionError as error:
            raise PreconditionError("it was sent anew while it was checked", hint="finish again") from error
        if (own := self._own()) is None:
            raise refused
        return own

    def discard(self) -> None:
        """Delete what was sent; nothing counts as deleted."""
        for failure in self.relay.delete([self.pending], DeleteOptions()).failed:
            raise failure.error

    def _sent(self, parts: Mapping[int, str] | None) -> AssetInfo:
        """Return the pending object; parts are put together first."""
        upload_id = self.claims.upload_id
        try:
            return self._pending()
        except NotFoundError:
            if upload_id is None or self._own() is not None:
                raise
        self._join(upload_id, parts)
        return self._pending()

    def _pending(self) -> AssetInfo:
        try:
            return self.relay.stat(self.pending, StatOptions())
        except StoreNotFoundError:
            raise
        except NotFoundError as error:
            hint = "send the bytes by the signed request, then finish again"
            raise NotFoundError("nothing was uploaded yet", hint=hint) from error

    def _join(self, upload_id: str, parts: Mapping[int, str] | None) -> None:
        try:
            there = self._parts(upload_id) if parts is None else _told(parts)
        except NotFoundError:
            return  # Another call has joined them, or they were dropped: the pending object tells.
        expected = range(1, part_count(self.claims) + 1)
        if missing := sorted(set(expected) - {part.number for part in there}):
            few = ", ".join(map(str, missing[:10])) + (", …" if len(missing) > 10 else "")
            raise NotFoundError(f"not all parts were uploaded yet: {few}", hint="send them, then finish again")
        joined = tuple(part for part in there if part.number in expected)
        with contextlib.suppress(NotFoundError):
            self.relay.end_parts(self.pending, EndPartsOptions(upload_id=upload_id, parts=joined))

    def _parts(self, upload_id: str) -> tuple[UploadedPart, ...]:
        try:
            return self.relay.list_parts(self.pending, PartsOptions(upload_id=upload_id))
        except UnsupportedError as error:
            raise UnsupportedError(error.message, hint="pass parts=, the ETag of each as its sender saw it") from error

    def _refused(self, sent: AssetInfo) -> AssetStoreError | None:
        """Return what is wrong with the pending object, if anything is."""
        claims = self.claims
        if sent.size != claims.size:
            return IntegrityError(f"{sent.size} bytes were sent instead of {claims.size}", hint="upload it again")
        if sent.content_type is not None and essence(sent.content_type) != essence(claims.content_type):
            return RefusedError(f"it was sent as {sent.content_type} instead of {claims.content_type}")
        if fingerprint(sent) != claims.headers:
            return RefusedError("it was sent with other headers than were signed", hint="send those of the request alone")
        head, digest = self._read(sent)
        if digest != claims.sha256:
            return IntegrityError("the bytes do not match the sha256 that was announced", hint="upload it again")
        reason = refusal(claims.content_type, head)
        return RefusedError(reason, hint="upload it under the type that it is") if reason else None

    def _read(self, sent: AssetInfo) -> tuple[bytes, str | None]:
        """Return the first bytes and, when one was announced, the digest of all, in bounded memory."""
        # What the backend says of the digest counts for nothing here: on some, the sender could have put it there.
        whole, digest = self.claims.sha256 is not None, None
        options = ReadOptions(
            length=None if whole or "read.length" not in self.relay.supports else HEAD_BYTES,
            if_match=sent.etag if "read.if_match" in self.relay.supports else None,
        )
        with open_reader(self.relay, self.pending, options) as reader:
            if None not in (sent.etag, reader.info.etag) and sent.etag != reader.info.etag:
                raise PreconditionError("the ETag is another one")
            head = reader.read(HEAD_BYTES)
            if whole:
                sha256 = hashlib.sha256(head)
                for chunk in reader.chunks():
                    sha256.update(chunk)
                digest = sha256.hexdigest()
        return head, digest

    def _promote(self, sent: AssetInfo) -> AssetInfo:
        """Copy the version that was checked, and no other, to a key that is free."""
        options = self._copy_options(sent)
        try:
            if options.overwrite and self._stands() is not None:
                raise AlreadyExistsError("the key is taken", hint="free it and finish again, or begin anew")
            if sent.cache_control != self.claims.cache_control:
                # A browser whose cache is off sends a Cache-Control of its own, which is for the way and not for the asset.
                options = attrs.evolve(options, cache_control=self.claims.cache_control or "")
            info = copy(self.relay, self.pending, self.final, options)
        except AlreadyExistsError:
            if (own := self._own()) is None:
                raise
            return own
        self.operation.bytes = info.size
        return info

    def _copy_options(self, sent: AssetInfo) -> CopyOptions:
        """Return both conditions where a native copy has both; else those that reading and uploading has."""
        both = CopyOptions(overwrite=False, if_match=sent.etag)
        if self.relay.has("copy") and self.relay.honours("copy", both):
            return both
        supports = self.relay.supports
        return CopyOptions(
            overwrite="upload.overwrite" not in supports, if_match=sent.etag if "read.if_match" in supports else None
        )

    def _own(self) -> AssetInfo | None:
        """Return what stands under the final key if it came by this upload, or is as good."""
        info = self._stands()
        if info is None or (info.metadata or {}).get(UPLOAD_ID) == self.claims.upload:
            return info
        return info if self.claims.reuse and self._is_equal(info) else None

    def _stands(self) -> AssetInfo | None:
        try:
            return self.relay.stat(self.final, StatOptions())
        except StoreNotFoundError:
            raise
        except NotFoundError:
            return None

    def _is_equal(self, info: AssetInfo) -> bool:
        if info.size != self.claims.size or info.digest == f"sha256:{self.claims.sha256}":
            return info.size == self.claims.size
        sha256 = hashlib.sha256()
        with open_reader(self.relay, self.final, ReadOptions()) as reader:
            for chunk in reader.chunks():
                sha256.update(chunk)
        return sha256.hexdigest() == self.claims.sha256


def part_count(claims: Claims) -> int:
    """Return how many parts the upload has, at least one."""
    return max(1, -(-claims.size // claims.part_size)) if claims.part_size else 0


def fingerprint(sent: AssetInfo | PresignOptions) -> str:
    """Return a digest of the headers and metadata that are signed, and of those that could have been sent beside them."""
    names = ("content_disposition", "content_language")
    headers = [getattr(sent, name, None) for name in names]
    text = json.dumps([*headers, sorted((sent.metadata or {}).items())])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _told(parts: Mapping[int, str]) -> tuple[UploadedPart, ...]:
    told = (UploadedPart(number=number, etag=etag.strip('"')) for number, etag in parts.items())
    return tuple(sorted(told, key=lambda part: part.number))
