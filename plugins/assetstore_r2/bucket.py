"""Holds the bucket and client that every operation uses, and settles writes whose response was lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from assetstore.plugin import AssetStoreError, NotFoundError, PerProcess, UnknownOutcomeError, limits
from assetstore_r2.client import Client
from assetstore_r2.errors import LostAnswerError, in_doubt, translated
from assetstore_r2.headers import WRITE, lower_names, quoted
from assetstore_r2.sigv4 import Signer


@attrs.frozen(kw_only=True)
class Bucket:
    """A bucket of a service.

    Attributes:
        s3: sends the requests: methods, parameters and results are those of botocore's client.
        signer: signs URLs.
        name: the bucket's name.
        part_size: bytes of a part; a very large asset needs larger parts.
        max_concurrency: how many parts are sent at a time.
        max_attempts: a download fails when it has broken this often in a row without progress.
        copy_limit: the largest asset, in bytes, that one request may copy.
        parts_take_sha256: whether a part may carry ``x-amz-checksum-sha256``; R2 responds with 501.
        vendor: makes botocore's client.
        etags_are_md5: whether a plain ETag in a listing is known to be the MD5 of the bytes.
    """

    s3: Client = attrs.field(repr=False)
    signer: Signer = attrs.field(repr=False)
    name: str
    part_size: int
    max_concurrency: int
    max_attempts: int
    vendor: PerProcess[Client] = attrs.field(repr=False)
    copy_limit: int = limits.MAX_PART
    parts_take_sha256: bool = False
    etags_are_md5: bool = True

    @property
    def client(self) -> Client:
        """Botocore's client, for what assetstore does not do itself."""
        return self.vendor.get()

    def head(self, key: str, if_match: str | None = None) -> dict[str, Any]:
        """Return the response to a HEAD, with metadata names in lower case.

        Raises:
            NotFoundError: there is no such asset.
            PreconditionError: its ETag is not ``if_match``.
        """
        condition = {} if if_match is None else {"IfMatch": quoted(if_match)}
        with translated():
            answer: dict[str, Any] = self.s3.head_object(Bucket=self.name, Key=key, **condition)
            if not {"ETag", "ContentLength"} <= answer.keys():
                raise LostAnswerError
        answer["Metadata"] = lower_names(answer)
        return answer

    def settle(self, key: str, write: str, error: AssetStoreError) -> Mapping[str, Any]:
        """Return the HEAD of our write whose response was lost; raise ``error`` if it did not happen.

        Each write carries a unique mark in its metadata, so another writer's equal bytes are never taken for ours.

        Raises:
            UnknownOutcomeError: reading back failed too.
        """
        if not in_doubt(error):
            raise error
        head = self.look_back(key, error)
        if head["Metadata"].get(WRITE) != write:
            raise error
        return head

    def look_back(self, key: str, error: AssetStoreError) -> Mapping[str, Any]:
        """Return the HEAD of a key after a lost response; raise ``error`` if there is no asset.

        Raises:
            UnknownOutcomeError: reading back failed too.
        """
        try:
            return self.head(key)
        except NotFoundError:
            raise error from error.__cause__
        except AssetStoreError as silence:
            raise UnknownOutcomeError(
                f"the response to the write was lost ({error.message}), and reading back failed ({silence.message})",
                hint="look at the asset once the store responds again",
            ) from error
