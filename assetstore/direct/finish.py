"""``finish_upload``: checks the pending object, copies it to its key, and deletes it.

Every step can be repeated. A call that fails anywhere, or runs beside another one, leaves a state that the next call can
end.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping

import attrs

from assetstore.content.reader import AssetReader
from assetstore.content.sniffing import HEAD_BYTES, essence, refusal, unpacked
from assetstore.direct.cancel import discard
from assetstore.direct.context import Context
from assetstore.direct.parts import part_count
from assetstore.direct.token import Claims, fingerprint
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
from assetstore.fallbacks import copy, open_reader
from assetstore.limits import UPLOAD_ID
from assetstore.operation import Operation
from assetstore.options import CopyOptions, EndPartsOptions, PartsOptions, ReadOptions
from assetstore.results import AssetInfo, UploadedPart


def finish(context: Context, operation: Operation, token: str, parts: Mapping[int, str] | None) -> AssetInfo:
    """Check what was sent and give it its key; see ``AssetStore.finish_upload``."""
    claims = context.claims(operation, token)
    info, copied = Finish(context=context, claims=claims, final=context.scope.inward(claims.key)).run(parts)
    operation.bytes = info.size if copied else 0
    return info


@attrs.frozen
class Sent:
    """What was sent.

    Attributes:
        info: the pending object.
        head: its first bytes.
        sha256: its digest in hex, when one was announced; ``None`` otherwise.
    """

    info: AssetInfo
    head: bytes
    sha256: str | None


@attrs.frozen(kw_only=True)
class Finish:
    """The way of one upload from its pending key to its own.

    Attributes:
        context: the store.
        claims: what the token says.
        final: the backend's key of the finished asset.
    """

    context: Context
    claims: Claims
    final: str

    def run(self, parts: Mapping[int, str] | None) -> tuple[AssetInfo, bool]:
        """Return the asset, which stands under its key now, and whether this call copied it there.

        Raises:
            NotFoundError: not all was sent yet.
            IntegrityError: size or digest differ; what was sent is deleted.
            RefusedError: the bytes are not what they claim to be; what was sent is deleted.
            AlreadyExistsError: another asset has taken the key; what was sent stays.
            PreconditionError: the bytes were sent again while they were checked.
        """
        try:
            sent = self._sent(parts)
            refused = self._refused(sent)
            if refused is None:
                result = self._promote(sent.info)
                discard(self.context, self.claims)
                return result
            with contextlib.suppress(AssetStoreError):
                discard(self.context, self.claims)
        except NotFoundError as error:
            # Another call may have ended the upload, just now or long ago.
            refused = error
        except PreconditionError as error:
            raise PreconditionError("the bytes were sent again while they were checked", hint="finish again") from error
        if (own := self._own()) is None:
            raise refused
        return own, False

    @property
    def _pending(self) -> str:
        return self.context.pending_key(self.claims)

    def _sent(self, parts: Mapping[int, str] | None) -> Sent:
        """Return what was sent; parts are put together first."""
        parts_id = self.claims.parts_id
        try:
            return self._read()
        except NotFoundError:
            if parts_id is None or self._own() is not None:
                raise
        self._join(parts_id, parts)
        return self._read()

    def _read(self) -> Sent:
        """Read the first bytes and, when a digest was announced, all of them, in bounded memory."""
        # What the backend says of the digest counts for nothing here: on some, the sender could have put it there.
        whole = self.claims.sha256 is not None
        can_range = "read.length" in self.context.stack.supports
        options = ReadOptions(length=HEAD_BYTES if can_range and not whole else None)
        try:
            with open_reader(self.context.stack, self._pending, options) as reader:
                if reader.info.size != self.claims.size:
                    return Sent(reader.info, b"", None)
                head = reader.read(HEAD_BYTES)
                return Sent(reader.info, head, _sha256(reader, head) if whole else None)
        except StoreNotFoundError:
            raise
        except NotFoundError as error:
            hint = "send the bytes by the signed request, then finish again"
            raise NotFoundError("nothing was uploaded yet", hint=hint) from error

    def _join(self, parts_id: str, parts: Mapping[int, str] | None) -> None:
        try:
            there = self._listed(parts_id) if parts is None else _as_parts(parts)
        except NotFoundError:
            return  # Another call has joined them, or they were dropped: the pending object tells.
        expected = range(1, part_count(self.claims) + 1)
        if missing := sorted(set(expected) - {part.number for part in there}):
            few = ", ".join(map(str, missing[:10])) + (", …" if len(missing) > 10 else "")
            raise NotFoundError(f"not all parts were uploaded yet: {few}", hint="send them, then finish again")
        joined = tuple(part for part in there if part.number in expected)
        with contextlib.suppress(NotFoundError):
            self.context.stack.end_parts(self._pending, EndPartsOptions(upload_id=parts_id, parts=joined))

    def _listed(self, parts_id: str) -> tuple[UploadedPart, ...]:
        try:
            return self.context.stack.list_parts(self._pending, PartsOptions(upload_id=parts_id))
        except UnsupportedError as error:
            raise UnsupportedError(error.message, hint="pass parts=, the ETag of each as its sender saw it") from error

    def _refused(self, sent: Sent) -> AssetStoreError | None:
        """Return what is wrong with the pending object, if anything is."""
        claims, info = self.claims, sent.info
        if info.size != claims.size:
            return IntegrityError(f"the upload must have {claims.size} bytes, it has {info.size}", hint="upload it again")
        if info.content_type is not None and essence(info.content_type) != essence(claims.content_type):
            return RefusedError(f"the content type must be {claims.content_type}, the upload has {info.content_type}")
        if fingerprint(info) != claims.headers:
            return RefusedError("the upload has other headers than were signed", hint="send only the headers of the request")
        if sent.sha256 != claims.sha256:
            return IntegrityError("the bytes do not match the sha256 that was announced", hint="upload it again")
        try:
            head = unpacked(sent.head, info.content_encoding)
        except ValueError as error:
            return RefusedError(str(error), hint="upload it with the content_encoding that it has")
        reason = None if head is None else refusal(claims.content_type, head)
        return RefusedError(reason, hint="upload it under the type that it is") if reason else None

    def _promote(self, sent: AssetInfo) -> tuple[AssetInfo, bool]:
        """Copy the version that was checked, and no other, to a key that is free."""
        options = self._copy_options(sent)
        try:
            if options.overwrite and self.context.stack.find(self.final) is not None:
                raise AlreadyExistsError("the key is taken", hint="free it and finish again, or begin another upload")
            if sent.cache_control != self.claims.cache_control:
                # A browser whose cache is off adds a Cache-Control of its own to the request.
                options = attrs.evolve(options, cache_control=self.claims.cache_control or "")
            return copy(self.context.stack, self._pending, self.final, options), True
        except AlreadyExistsError:
            if (own := self._own()) is None:
                raise
            return own, False

    def _copy_options(self, sent: AssetInfo) -> CopyOptions:
        """Return both conditions where a native copy has both; else those that reading and uploading has."""
        stack = self.context.stack
        both = CopyOptions(overwrite=False, if_match=sent.etag)
        if stack.has("copy") and stack.honours("copy", both):
            known = attrs.evolve(both, known=sent)
            return known if stack.honours("copy", known) else both
        return CopyOptions(
            overwrite="upload.overwrite" not in stack.supports,
            if_match=sent.etag if "read.if_match" in stack.supports else None,
        )

    def _own(self) -> AssetInfo | None:
        """Return what stands under the final key if it came by this upload, or is equal and may be reused."""
        info = self.context.stack.find(self.final)
        if info is None or (info.metadata or {}).get(UPLOAD_ID) == self.claims.upload_id:
            return info
        return info if self.claims.reuse and self._is_equal(info) else None

    def _is_equal(self, info: AssetInfo) -> bool:
        if info.size != self.claims.size or info.digest == f"sha256:{self.claims.sha256}":
            return info.size == self.claims.size
        with open_reader(self.context.stack, self.final, ReadOptions()) as reader:
            return _sha256(reader) == self.claims.sha256


def _sha256(reader: AssetReader, head: bytes = b"") -> str:
    """Return the digest of ``head``, which was read already, and of what is left."""
    digest = hashlib.sha256(head)
    for chunk in reader.chunks():
        digest.update(chunk)
    return digest.hexdigest()


def _as_parts(parts: Mapping[int, str]) -> tuple[UploadedPart, ...]:
    given = (UploadedPart(number=number, etag=etag.strip('"')) for number, etag in parts.items())
    return tuple(sorted(given, key=lambda part: part.number))
