"""Uploads that their senders send straight to the store's own place: begun here, sent there, and finished here.

What is sent lies under ``pending/`` until it is finished. The asset keeps the random name of its upload in its metadata, as
``upload-id``: by that a call that is repeated knows the asset for its own.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

import attrs

from assetstore import generated_keys
from assetstore.deletes import Deleter
from assetstore.direct_models import UPLOAD_ID, DirectUpload, EndPartsOptions, NewUpload, PartsOptions, UploadedPart
from assetstore.errors import AlreadyExistsError, InvalidOptionError, NotFoundError, RefusedError
from assetstore.host import Host
from assetstore.keys import normalize_key
from assetstore.models import AssetInfo, DeleteReport, ListOptions, ProposedKey, StatOptions, UploadOptions
from assetstore.operation import Operation
from assetstore.promoting import Promotion, fingerprint, part_count
from assetstore.relay import Relay
from assetstore.scope import Scope
from assetstore.signed import Part, PresignedRequest, PresignOptions
from assetstore.sniffing import allows
from assetstore.tokens import Claims, seal, unseal

# The token outlives the requests, for an upload that began in time may end late.
GRACE = 86_400

_PENDING = "pending/"
_PENDING_KEY = re.compile(r"pending/[0-9a-f]{32}", re.ASCII)


@attrs.frozen(kw_only=True)
class DirectUploads:
    """Direct uploads to a store.

    Attributes:
        relay: where to.
        host: has the naming plugins and the signing keys.
        scope: translates keys; a token holds for its prefix alone.
    """

    relay: Relay
    host: Host
    scope: Scope

    def begin(self, operation: Operation, new: NewUpload) -> DirectUpload:
        """Check all, name the key, and sign; nothing is sent before all is known to be right.

        Raises:
            RefusedError: the policy does not allow it.
            UnsupportedError: the store cannot bind a request to what it is to be.
            AlreadyExistsError: the key is taken.
        """
        upload = secrets.token_hex(16)
        put = self._put(new, upload)
        ring = self.host.signing_keys()
        key, on_clash = self._free_key(operation, new, put)
        claims = Claims(
            key=key,
            upload=upload,
            size=new.size,
            content_type=new.content_type,
            headers=fingerprint(put),
            ends=int(time.time()) + put.expires + GRACE,
            sha256=put.sha256,
            reuse=on_clash == "reuse" and put.sha256 is not None,
            part_size=new.part_size,
            cache_control=put.cache_control,
        )
        request, claims = self._begin(claims, put)
        try:
            token = seal(ring, self.scope.prefix, claims)
        except InvalidOptionError:
            self._drop(claims)
            raise
        return DirectUpload(
            key=key,
            token=token,
            request=request,
            part_size=new.part_size,
            part_count=part_count(claims) or None,
            expires_at=datetime.fromtimestamp(claims.ends, UTC),
        )

    def _begin(self, claims: Claims, put: PresignOptions) -> tuple[PresignedRequest | None, Claims]:
        if claims.part_size is None:
            return self.relay.presign(self._pending(claims), self._bound(put)), claims
        return None, attrs.evolve(claims, upload_id=self.relay.begin_parts(self._pending(claims), _stored(put)))

    def _put(self, new: NewUpload, upload: str) -> PresignOptions:
        """Return what is to be sent, once the policy and the backend's abilities allow it."""
        put = PresignOptions(
            method="PUT",
            expires=new.expires,
            content_type=new.content_type,
            content_length=new.size,
            sha256=new.sha256,
            metadata={**new.metadata, UPLOAD_ID: upload},
            cache_control=new.cache_control,
        )
        if new.policy.max_size is not None and new.size > new.policy.max_size:
            raise RefusedError(f"it has {new.size} bytes, and {new.policy.max_size} are allowed", hint="make it smaller")
        if not allows(new.policy.types, new.content_type):
            allowed = ", ".join(new.policy.types)
            raise RefusedError(f"{new.content_type} is not allowed", hint=f"allowed are {allowed}")
        if new.part_size is None:
            self.relay.require("presign", self._bound(put))
        else:
            self.relay.require("presign", _part(put.expires, 1, "", 1))
            self.relay.require("begin_parts", _stored(put))
            self.relay.require("end_parts", EndPartsOptions(upload_id="", parts=()))
        return put

    def _bound(self, put: PresignOptions) -> PresignOptions:
        # What cannot be bound to the request is verified when the upload is finished, as it is anyway.
        return put if "presign.sha256" in self.relay.supports else attrs.evolve(put, sha256=None)

    def _free_key(self, operation: Operation, new: NewUpload, put: PresignOptions) -> tuple[str, str]:
        """Return a key that is free, or whose asset may be reused, and what the naming plugin wants on a clash."""
        for attempt, proposed in enumerate(self._proposals(new, put.sha256), 1):
            operation.attempts = attempt
            operation.key = proposed.key
            operation.full_key = self.scope.inward(proposed.key)
            if proposed.key.startswith(_PENDING):
                raise InvalidOptionError(f"keys under {_PENDING!r} are for uploads on their way", hint="choose another key")
            if proposed.on_clash == "reuse" or not self._is_taken(operation.full_key):
                return proposed.key, proposed.on_clash
            if proposed.on_clash == "fail":
                raise AlreadyExistsError("the key is taken", hint="choose another key")
        raise AlreadyExistsError(f"the naming plugin proposed {generated_keys.MAX_REMAKES} keys and all were taken")

    def _proposals(self, new: NewUpload, sha256: str | None) -> Iterator[ProposedKey]:
        if new.key is not None:
            yield ProposedKey(key=normalize_key(new.key), on_clash="fail")
            return

        def digest() -> str:
            if sha256 is None:
                raise InvalidOptionError("this naming scheme needs the digest of the bytes", hint="pass sha256=")
            return sha256

        filename, kind = new.filename or "", new.content_type
        propose = generated_keys.proposer(self.host, filename, kind, new.category, new.size, digest)
        yield from map(propose, range(generated_keys.MAX_REMAKES))

    def _is_taken(self, full_key: str) -> bool:
        with contextlib.suppress(NotFoundError):
            self.relay.stat(full_key, StatOptions())
            return True
        return False

    def presign_parts(
        self, operation: Operation, token: str, numbers: Iterable[int], expires: int | timedelta
    ) -> dict[int, PresignedRequest]:
        """Sign a PUT for each part, bound to its exact size."""
        claims, upload_id = self._in_parts(operation, token)
        count, pending = part_count(claims), self._pending(claims)
        requests = {}
        for number in numbers:
            if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= count:
                raise InvalidOptionError(f"parts are numbered from 1 to {count}, and {number!r} is none of them")
            size = min(claims.part_size or 0, claims.size - (number - 1) * (claims.part_size or 0))
            requests[number] = self.relay.presign(pending, _part(expires, number, upload_id, size))
        return requests

    def list_parts(self, operation: Operation, token: str) -> tuple[UploadedPart, ...]:
        """Return the parts that are there."""
        claims, upload_id = self._in_parts(operation, token)
        return self.relay.list_parts(self._pending(claims), PartsOptions(upload_id=upload_id))

    def finish(self, operation: Operation, token: str, parts: Mapping[int, str] | None) -> AssetInfo:
        """Check what was sent and give it its key; see ``Promotion``."""
        return self._promotion(operation, self._claims(operation, token)).run(parts)

    def cancel(self, operation: Operation, token: str) -> None:
        """Delete what was sent, and drop the parts; an asset that is finished stays."""
        claims = self._claims(operation, token)
        self._drop(claims)
        self._promotion(operation, claims).discard()

    def _drop(self, claims: Claims) -> None:
        if claims.upload_id is not None:
            with contextlib.suppress(NotFoundError):
                self.relay.end_parts(self._pending(claims), EndPartsOptions(upload_id=claims.upload_id))

    def sweep(self, operation: Operation, older_than: timedelta) -> DeleteReport:
        """Delete what was sent so long ago that nobody will finish it."""
        if not isinstance(older_than, timedelta) or older_than < timedelta(0):
            raise InvalidOptionError("older_than is a timedelta and not negative")
        operation.full_key = self.scope.inward_prefix(_PENDING)
        report = Deleter(self.relay, self.scope, _quiet).delete(self._sent_before(datetime.now(UTC) - older_than))
        for failure in report.failed:
            operation.explain(failure.error)
        return report

    def _sent_before(self, time: datetime) -> Iterator[AssetInfo]:
        options = ListOptions()
        while True:
            page = self.relay.list(self.scope.inward_prefix(_PENDING), options)
            for info in map(self.scope.outward, page.items):
                if _PENDING_KEY.fullmatch(info.key) and info.last_modified is not None and info.last_modified < time:
                    yield info
            if page.next_cursor is None or page.next_cursor == options.cursor:
                return
            options = attrs.evolve(options, cursor=page.next_cursor)

    def _claims(self, operation: Operation, token: str) -> Claims:
        claims = unseal(self.host.signing_keys(), self.scope.prefix, token)
        operation.key = claims.key
        operation.locate(self.scope)
        return claims

    def _in_parts(self, operation: Operation, token: str) -> tuple[Claims, str]:
        claims = self._claims(operation, token)
        if claims.upload_id is None:
            raise InvalidOptionError("this upload is not in parts", hint="pass part_size= to begin_upload")
        return claims, claims.upload_id

    def _pending(self, claims: Claims) -> str:
        return self.scope.inward(_PENDING + claims.upload)

    def _promotion(self, operation: Operation, claims: Claims) -> Promotion:
        final = self.scope.inward(claims.key)
        return Promotion(
            relay=self.relay, operation=operation, claims=claims, pending=self._pending(claims), final=final
        )


def _part(expires: int | timedelta, number: int, upload_id: str, size: int) -> PresignOptions:
    part = Part(upload_id=upload_id, number=number)
    return PresignOptions(method="PUT", expires=expires, content_length=size, part=part)


def _stored(put: PresignOptions) -> UploadOptions:
    return UploadOptions(content_type=put.content_type, metadata=put.metadata, cache_control=put.cache_control)


def _quiet(key: str) -> Operation:
    return Operation(lambda _: None, "", "", key)
