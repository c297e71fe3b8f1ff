"""``begin_upload``: validates the arguments, chooses the key and signs the request. The token holds all state."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import attrs

from assetstore import named_upload
from assetstore.content.content_types import DEFAULT_CONTENT_TYPE, canonical, guess_headers
from assetstore.content.sniffing import allows
from assetstore.direct.cancel import drop_parts
from assetstore.direct.context import Context
from assetstore.direct.parts import part_count, part_options
from assetstore.direct.token import Claims, fingerprint, seal
from assetstore.errors import AlreadyExistsError, InvalidOptionError, RefusedError
from assetstore.keys import normalize_key
from assetstore.limits import MAX_PART, MAX_PARTS, MAX_PROPOSALS, MIN_PART, PENDING, TOKEN_GRACE, UPLOAD_ID
from assetstore.operation import Operation
from assetstore.options import BeginPartsOptions, EndPartsOptions, PresignOptions, UploadPolicy, is_positive
from assetstore.results import DirectUpload, PresignedRequest, ProposedKey


@attrs.frozen(kw_only=True)
class Begin:
    """One call of ``begin_upload``.

    Attributes:
        context: the store.
        operation: the running operation.
        put: the request to sign.
        filename: the file name for a generated key and the content type.
        key: the key of the asset; without one the naming plugin makes it.
        category: for a generated key; by default taken from the content type.
        policy: what is allowed.
        part_size: bytes of each part but the last; ``None`` sends all in one request.
    """

    context: Context
    operation: Operation
    put: PresignOptions
    filename: str | None
    key: str | None
    category: str | None
    policy: UploadPolicy
    part_size: int | None = attrs.field(validator=is_positive)

    def __attrs_post_init__(self) -> None:
        """Check what depends on more than one field.

        Raises:
            InvalidOptionError: a value is out of its range, or does not fit the others.
        """
        if self.key is None and self.filename is None:
            raise InvalidOptionError("an upload needs a name", hint="pass filename= or key=")
        if self.key is not None and self.category is not None:
            raise InvalidOptionError("category is for generated keys", hint="leave key= or category= out")
        if UPLOAD_ID in (self.put.metadata or {}):
            raise InvalidOptionError(f"metadata {UPLOAD_ID!r} is set by begin_upload itself", hint="choose another name")
        if self.part_size is None and self._size > MAX_PART:
            raise InvalidOptionError(f"one request must carry at most {MAX_PART} bytes", hint="pass part_size=")
        if self.part_size is not None and not MIN_PART <= self.part_size <= MAX_PART:
            raise InvalidOptionError(f"part_size must be between {MIN_PART} and {MAX_PART} bytes, got {self.part_size}")
        if self.part_size is not None and self._size > self.part_size * MAX_PARTS:
            raise InvalidOptionError(f"an upload must have at most {MAX_PARTS} parts", hint="pass a larger part_size")

    @property
    def _size(self) -> int:
        if self.put.content_length is None:
            raise InvalidOptionError("size must be the number of bytes that will be sent")
        return self.put.content_length

    def run(self) -> DirectUpload:
        """Sign the request once everything is known to be right.

        Raises:
            RefusedError: the policy does not allow it.
            UnsupportedError: the store cannot bind a request to its size, headers or key.
            AlreadyExistsError: the key is taken.
        """
        upload_id = secrets.token_hex(16)
        put = attrs.evolve(self._typed(), metadata={**(self.put.metadata or {}), UPLOAD_ID: upload_id})
        self._require_allowed(put)
        keys = self.context.plugins.signing_keys()
        key, on_clash = self._free_key(put)
        claims = Claims(
            key=key,
            upload_id=upload_id,
            size=self._size,
            content_type=put.content_type or "",
            headers=fingerprint(put),
            ends=int(time.time()) + put.expires + TOKEN_GRACE,
            sha256=put.sha256,
            reuse=on_clash == "reuse" and put.sha256 is not None,
            part_size=self.part_size,
            cache_control=put.cache_control,
        )
        request, claims = self._sign(claims, put)
        try:
            token = seal(keys, self.context.scope.prefix, claims)
        except InvalidOptionError:
            drop_parts(self.context, claims)
            raise
        return DirectUpload(
            key=key,
            token=token,
            request=request,
            part_size=self.part_size,
            part_count=part_count(claims) or None,
            expires_at=datetime.fromtimestamp(claims.ends, UTC),
        )

    def _typed(self) -> PresignOptions:
        """Return the request with a type, and with the Content-Encoding that the name tells.

        What a browser claims gives way to the name when it is another name of the same type, says nothing, or is not allowed
        while the name's type is: the bytes have to fit the type in any case.
        """
        types, supports = self.policy.types, self.context.stack.supports
        guessed, encoding = guess_headers(*(name for name in (self.key, self.filename) if name is not None))
        claimed = self.put.content_type or guessed
        vague = {canonical(guessed), DEFAULT_CONTENT_TYPE, "application/gzip" if encoding else DEFAULT_CONTENT_TYPE}
        gives_way = (";" not in claimed and canonical(claimed) in vague) or not allows(types, claimed)
        if not (gives_way and allows(types, guessed)):
            return attrs.evolve(self.put, content_type=claimed)
        if self.put.content_encoding is not None or "presign.content_encoding" not in supports:
            encoding = self.put.content_encoding
        return attrs.evolve(self.put, content_type=guessed, content_encoding=encoding)

    def _require_allowed(self, put: PresignOptions) -> None:
        """Raise unless the policy and the backend's abilities allow the request."""
        stack, policy, size = self.context.stack, self.policy, self._size
        if policy.max_size is not None and size > policy.max_size:
            raise RefusedError(f"the upload must have at most {policy.max_size} bytes, got {size}", hint="make it smaller")
        if not allows(policy.types, put.content_type or ""):
            raise RefusedError(f"{put.content_type} is not allowed", hint=f"allowed are {', '.join(policy.types)}")
        if self.part_size is None:
            stack.require("presign", self._bound(put))
        else:
            stack.require("presign", part_options(put.expires, 1, "", 1))
            stack.require("begin_parts", self._in_parts(put))
            stack.require("end_parts", EndPartsOptions(upload_id="", parts=()))

    def _bound(self, put: PresignOptions) -> PresignOptions:
        # finish_upload verifies the digest in any case.
        return put if "presign.sha256" in self.context.stack.supports else attrs.evolve(put, sha256=None)

    def _sign(self, claims: Claims, put: PresignOptions) -> tuple[PresignedRequest | None, Claims]:
        stack, pending = self.context.stack, self.context.pending_key(claims)
        if self.part_size is None:
            return stack.presign(pending, self._bound(put)), claims
        return None, attrs.evolve(claims, parts_id=stack.begin_parts(pending, self._in_parts(put)))

    def _in_parts(self, put: PresignOptions) -> BeginPartsOptions:
        part_size = self.part_size if "begin_parts.part_size" in self.context.stack.supports else None
        return BeginPartsOptions(**put.given(), part_size=part_size)

    def _free_key(self, put: PresignOptions) -> tuple[str, str]:
        """Return a key that is free, or whose asset may be reused, and what the naming plugin wants on a clash."""
        operation = self.operation
        for attempt, proposed in enumerate(self._proposals(put), 1):
            operation.attempts = attempt
            operation.key = proposed.key
            operation.full_key = self.context.scope.inward(proposed.key)
            if proposed.key.startswith(PENDING):
                raise InvalidOptionError(
                    f"keys under {PENDING!r} are reserved for unfinished uploads", hint="choose another key"
                )
            if proposed.on_clash == "reuse" or self.context.stack.find(operation.full_key) is None:
                return proposed.key, proposed.on_clash
            if proposed.on_clash == "fail":
                raise AlreadyExistsError("the key is taken", hint="choose another key")
        raise named_upload.all_taken()

    def _proposals(self, put: PresignOptions) -> Iterator[ProposedKey]:
        if self.key is not None:
            yield ProposedKey(key=normalize_key(self.key), on_clash="fail")
            return

        def digest() -> str:
            if put.sha256 is None:
                raise InvalidOptionError("this naming scheme needs the digest of the bytes", hint="pass sha256=")
            return put.sha256

        propose = named_upload.proposer(
            self.context.plugins, self.filename or "", put.content_type or "", self.category, self._size, digest
        )
        yield from map(propose, range(MAX_PROPOSALS))
