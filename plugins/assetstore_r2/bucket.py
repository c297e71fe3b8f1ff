"""Holds what every operation uses: the bucket, the engine that sends requests, the signer and the retries."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

import attrs

from assetstore.plugin import AssetStoreError, NotFoundError, PerProcess, UnavailableError, limits, require_r2_metadata
from assetstore_r2.client import Client
from assetstore_r2.deadline import Deadline
from assetstore_r2.errors import LostAnswerError, no_bucket, require_asset, translated
from assetstore_r2.headers import lower_names, quoted
from assetstore_r2.retry import Retries
from assetstore_r2.sigv4 import Signer


@attrs.frozen(kw_only=True)
class Bucket:
    """A bucket of a service.

    Attributes:
        vendor: makes botocore's client.
        timeout: seconds that an operation may take beside its bytes.
        min_rate: bytes a second that a transfer must move.
        s3: sends the requests, once each: methods, parameters and results are those of botocore's client.
        retries: how often requests are sent again.
        signer: signs URLs.
        name: the bucket's name.
        part_size: bytes of a part; a very large asset needs larger parts.
        max_concurrency: how many parts are sent at a time.
        is_r2: whether it is R2, which limits metadata, and has headers of its own that bind a copy to its destination.
        copy_limit: the largest asset, in bytes, that one request may copy.
        signs_bodies: whether the engine signs the SHA-256 of a body, and takes one that is known as ``PayloadSHA256``.
        sends_md5: whether each body is sent with its MD5, because the service may not compare the SHA-256.
        parts_take_sha256: whether a part may carry ``x-amz-checksum-sha256``; R2 responds with 501.
        etags_are_md5: whether a plain ETag in a listing is known to be the MD5 of the bytes.
    """

    vendor: PerProcess[Client] = attrs.field(repr=False)
    timeout: float
    min_rate: float
    s3: Client = attrs.field(repr=False)
    retries: Retries
    signer: Signer = attrs.field(repr=False)
    name: str
    part_size: int
    max_concurrency: int
    is_r2: bool = False
    copy_limit: int = limits.MAX_PART
    signs_bodies: bool = True
    sends_md5: bool = True
    parts_take_sha256: bool = False
    etags_are_md5: bool = True

    def deadline(self) -> Deadline:
        """Return the deadline of an operation that begins now."""
        return Deadline(self.timeout, self.min_rate)

    def digests(self, body: bytes, sha256: str | None = None) -> tuple[dict[str, str], bytes | None]:
        """Return the parameters by which the service verifies a body, and its MD5 if it is among them.

        Args:
            body: the body.
            sha256: its SHA-256 in hex, if it is known.
        """
        params = {"PayloadSHA256": sha256} if sha256 is not None and self.signs_bodies else {}
        if not self.sends_md5:
            return params, None
        md5 = hashlib.md5(body, usedforsecurity=False).digest()
        return {**params, "ContentMD5": base64.b64encode(md5).decode()}, md5

    @property
    def client(self) -> Client:
        """Botocore's client, for what assetstore does not do itself; made when it is first asked for."""
        return self.vendor.get()

    def require_metadata(self, metadata: Mapping[str, str] | None) -> None:
        """Raise InvalidOptionError for more metadata than R2 takes; other services have other limits, and say so."""
        if self.is_r2:
            require_r2_metadata(metadata)

    def head(self, key: str, if_match: str | None = None) -> dict[str, Any]:
        """Return the response to a HEAD, with metadata names in lower case.

        Raises:
            NotFoundError: there is no such asset.
            StoreNotFoundError: nor is there such a bucket.
            PreconditionError: its ETag is not ``if_match``.
        """
        condition = {} if if_match is None else {"IfMatch": quoted(if_match)}

        def send() -> dict[str, Any]:
            with translated():
                answer: dict[str, Any] = self.s3.head_object(Bucket=self.name, Key=key, **condition)
                require_asset(answer)
                if "ContentLength" not in answer:
                    raise LostAnswerError
            return answer

        try:
            answer = self.retries.ask(send)
        except NotFoundError as error:
            self._require_bucket(error)
            raise
        answer["Metadata"] = lower_names(answer)
        return answer

    def _require_bucket(self, error: AssetStoreError) -> None:
        """Raise StoreNotFoundError if there is no bucket, which a 404 to HEAD does not tell; ask if nothing worked yet."""
        if self.retries.answered:
            return
        try:
            with translated():
                self.s3.head_bucket(Bucket=self.name)
        except NotFoundError:
            raise no_bucket() from error.__cause__
        except UnavailableError:
            return
        except AssetStoreError:
            pass  # the token may not ask; the asset is missing all the same
        self.retries.succeeded()
