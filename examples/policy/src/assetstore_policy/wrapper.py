"""The wrapper: checks an upload against the rules before it goes to the backend, and counts it on the way."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from fnmatch import fnmatchcase

import attrs

from assetstore.plugin import AssetInfo, InvalidOptionError, Source, UploadOptions, Wrapper, hookimpl, refusal, sniff_type

HEAD_BYTES = 4096
UNKNOWN = "application/octet-stream"


@attrs.define(eq=False)
class Policy(Wrapper):
    """Refuses uploads that break a rule.

    Attributes:
        allowed_types: media types, for example ``"image/png"`` or ``"image/*"``.
        max_size: the most bytes that an asset may have; ``None`` sets no bound.
        sniff: whether the first bytes must fit the declared type.
    """

    supports = frozenset({"upload.*"})
    passes = frozenset({"download", "url", "path", "check", "collect"})

    allowed_types: tuple[str, ...] = attrs.field(kw_only=True, default=("*/*",))
    max_size: int | None = attrs.field(kw_only=True, default=None)
    sniff: bool = attrs.field(kw_only=True, default=True)

    @hookimpl
    def assetstore_upload(self, key: str, source: Source, options: UploadOptions) -> AssetInfo | None:
        """Upload an asset that keeps to the rules."""
        self._check_type(source, options)
        if self.max_size is None:
            return self.inner.assetstore_upload(key=key, source=source, options=options)
        if source.size is not None:
            self._check_size(source.size)
            return self.inner.assetstore_upload(key=key, source=source, options=options)
        with contextlib.closing(Source(self._counted(source))) as counted:
            return self.inner.assetstore_upload(key=key, source=counted, options=options)

    def _check_type(self, source: Source, options: UploadOptions) -> None:
        declared = (options.content_type or UNKNOWN).partition(";")[0].strip().lower()
        head = source.peek(HEAD_BYTES) if self.sniff else b""
        if self.sniff and options.content_encoding:
            raise InvalidOptionError(
                "content_encoding must be empty: packed bytes cannot be checked", hint="unpack them first"
            )
        if self.sniff and (reason := refusal(declared, head)):
            raise InvalidOptionError(reason, hint="declare the type that the bytes have")
        found = sniff_type(head)
        kind = found[0] if found and declared == UNKNOWN else declared
        if not any(fnmatchcase(kind, allowed) for allowed in self.allowed_types):
            raise InvalidOptionError(f"content_type must be one of {', '.join(self.allowed_types)}, got {kind}")

    def _check_size(self, size: int) -> None:
        if self.max_size is not None and size > self.max_size:
            raise InvalidOptionError(f"the asset must have at most {self.max_size} bytes", hint="make it smaller")

    def _counted(self, source: Source) -> Iterator[bytes]:
        count = 0
        for chunk in source.chunks():
            count += len(chunk)
            self._check_size(count)
            yield chunk
