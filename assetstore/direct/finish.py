"""``finish_upload``: checks the pending object, copies it to its key, and deletes it.

Every step can be repeated. A call that fails anywhere, or runs beside another one, leaves a state that the next call can
complete.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping

import attrs

from assetstore.content.content_types import essence
from assetstore.content.reader import AssetReader
from assetstore.content.sniffing import TAIL_BYTES, needs_tail, refusal, unpacked
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
from assetstore.limits import HEAD_BYTES, UPLOAD_ID
from assetstore.operation import Operation
from assetstore.options import CopyOptions, EndPartsOptions, PartsOptions, ReadOptions
from assetstore.results import AssetInfo, UploadedPart


def finish(context: Context, operation: Operation, token: str, parts: Mapping[int, str] | None) -> AssetInfo:
    """Verify the pending object and copy it to its key; see ``AssetStore.finish_upload``."""
    claims = context.claims(operation, token)
    info, copied = Finish(context=context, claims=claims, final=context.scope.inward(claims.key)).run(parts)
    operation.bytes = info.size if copied else 0
    return info


@attrs.frozen
class Sent:
    """The pending object.

    Attributes:
        info: its size and headers.
        head: its first bytes.
        tail: its last bytes, where they help to tell the type; empty otherwise.
        sha256: its digest in hex, when one was announced; ``None`` otherwise.
    """

    info: AssetInfo
    head: bytes
    tail: bytes
    sha256: str | None


@attrs.frozen(kw_only=True)
class Finish:
    """One call of ``finish_upload``.

    Attributes:
        context: the store.
        claims: the claims of the token.
        final: the backend's key of the finished asset.
    """

    context: Context
    claims: Claims
    final: str

    def run(self, parts: Mapping[int, str] | None) -> tuple[AssetInfo, bool]:
        """Return the asset under its key, and whether this call copied it there.

        Raises:
            NotFoundError: the bytes or some parts are still missing.
            IntegrityError: the size or the digest differs; the bytes are deleted.
            RefusedError: the type or the headers differ; the bytes are deleted.
            AlreadyExistsError: another asset has taken the key; the bytes stay.
            PreconditionError: the bytes were sent again while they were checked.
        """
        try:
            sent = self._sent(parts)
            refused = self._refused(sent)
            if refused is None:
                result = self._promote(sent.info)
                self._discard()
                return result
            self._discard()
        except NotFoundError as error:
            # Another call may have finished the upload, just now or long ago.
            refused = error
        except PreconditionError as error:
            raise PreconditionError("the bytes were sent again while they were checked", hint="finish again") from error
        if (own := self._own()) is None:
            raise refused
        return own, False

    def _discard(self) -> None:
        # The upload has ended, well or not, whatever becomes of these bytes; they are swept later.
        with contextlib.suppress(AssetStoreError):
            discard(self.context, self.claims)

    @property
    def _pending(self) -> str:
        return self.context.pending_key(self.claims)

    def _sent(self, parts: Mapping[int, str] | None) -> Sent:
        """Return the pending object; join the parts if that is still to be done."""
        parts_id = self.claims.parts_id
        try:
            return self._read()
        except NotFoundError:
            if parts_id is None or self._own() is not None:
                raise
        self._join(parts_id, parts)
        return self._read()

    def _read(self) -> Sent:
        """Read the first bytes or, when a digest was announced, all of them, in bounded memory."""
        # The digest that the backend reports cannot be trusted: on some backends the sender can set it.
        whole = self.claims.sha256 is not None
        can_range = "read.length" in self.context.stack.supports
        options = ReadOptions(length=HEAD_BYTES if can_range and not whole else None)
        try:
            with open_reader(self.context.stack, self._pending, options) as reader:
                if reader.info.size != self.claims.size:
                    return Sent(reader.info, b"", b"", None)
                head = reader.read(HEAD_BYTES)
                sha256 = _sha256(reader, head) if whole else None
            return Sent(reader.info, head, self._tail(reader.info, head) if can_range else b"", sha256)
        except StoreNotFoundError:
            raise
        except NotFoundError as error:
            hint = "send the bytes by the signed request, then finish again"
            raise NotFoundError("nothing was uploaded yet", hint=hint) from error

    def _tail(self, info: AssetInfo, head: bytes) -> bytes:
        if info.size <= HEAD_BYTES:
            return head
        if info.content_encoding or not needs_tail(self.claims.content_type, head):
            return b""
        # The version whose head was read, and no other.
        etag = info.etag if "read.if_match" in self.context.stack.supports else None
        options = ReadOptions(offset=max(0, info.size - TAIL_BYTES), if_match=etag)
        with open_reader(self.context.stack, self._pending, options) as reader:
            return reader.read()

    def _join(self, parts_id: str, parts: Mapping[int, str] | None) -> None:
        try:
            there = self._listed(parts_id) if parts is None else _as_parts(parts)
        except NotFoundError:
            return  # Another call has joined the parts, or dropped them: the pending object shows which.
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
            raise UnsupportedError(error.message, hint="pass parts=, the ETag that its sender got for each") from error

    def _refused(self, sent: Sent) -> AssetStoreError | None:
        """Return the error that the pending object deserves, or ``None``."""
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
            return RefusedError(str(error), hint="upload it with its actual content_encoding")
        reason = None if head is None else refusal(claims.content_type, head, tail=sent.tail)
        return RefusedError(reason, hint="upload it under its actual type") if reason else None

    def _promote(self, sent: AssetInfo) -> tuple[AssetInfo, bool]:
        """Copy exactly the verified version to its key, which must be free."""
        options = self._copy_options(sent)
        try:
            if options.overwrite and self.context.stack.find(self.final) is not None:
                raise AlreadyExistsError("the key is taken", hint="free it and finish again, or begin another upload")
            if sent.cache_control != self.claims.cache_control:
                # A browser with its cache disabled adds a Cache-Control of its own to the request.
                options = attrs.evolve(options, cache_control=self.claims.cache_control or "")
            return copy(self.context.stack, self._pending, self.final, options), True
        except AlreadyExistsError:
            if (own := self._own()) is None:
                raise
            return own, False

    def _copy_options(self, sent: AssetInfo) -> CopyOptions:
        """Return both conditions where a native copy honours both, otherwise those that reading and uploading honours."""
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
        """Return the asset under the final key if this upload made it, or if it is equal and may be reused."""
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
    """Return the digest of ``head``, which was already read, and the remaining bytes."""
    digest = hashlib.sha256(head)
    for chunk in reader.chunks():
        digest.update(chunk)
    return digest.hexdigest()


def _as_parts(parts: Mapping[int, str]) -> tuple[UploadedPart, ...]:
    given = (UploadedPart(number=number, etag=etag.strip('"')) for number, etag in parts.items())
    return tuple(sorted(given, key=lambda part: part.number))
