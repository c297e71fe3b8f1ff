"""A third party's store that keeps its word but for one ``fault``, and a wrapper that does not."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import Any, ClassVar
from urllib.parse import SplitResult

import attrs

from assetstore import AccessDeniedError, AssetInfo, BackendError, CredentialsError, DeleteFailure, DeleteReport
from assetstore.plugin import DeleteOptions, Source, UploadOptions, Wrapper, hookimpl
from assetstore.testing import MemoryBackend

SECRET = "hunter2-signature"


@attrs.define(eq=False, kw_only=True)
class BrokenBackend(MemoryBackend):
    """A memory that lasts as long as the process, and breaks as ``fault`` says."""

    location: ClassVar[str] = "a broken memory, here"
    kept: ClassVar[dict[str, Any]] = {}

    fault: str = ""

    def __attrs_post_init__(self) -> None:
        """Take up what others left."""
        self._assets = self.kept

    @classmethod
    def from_url(cls, parts: SplitResult) -> dict[str, str]:
        """Take no path."""
        return {}

    @hookimpl
    def assetstore_upload(self, key: str, source: Source, options: UploadOptions) -> AssetInfo:
        """Write, or do something else."""
        if self.fault == "credentials":
            raise CredentialsError("the access key is unknown", hint="make a new one")
        if self.fault == "leaks" and key.endswith(".webp"):
            raise BackendError(f"no answer\x1b[2J from https://cdn.example/{key}?signature={SECRET}")
        if self.fault == "overwrites":
            options = attrs.evolve(options, overwrite=True)
        info = super().assetstore_upload(key, source, options)
        if self.fault == "interrupt" and key.endswith("/b"):
            signal.raise_signal(signal.SIGINT)
        if self.fault == "terminate" and key.endswith("/b"):
            signal.raise_signal(signal.SIGTERM)
        return info

    @hookimpl
    def assetstore_delete(self, keys: Sequence[str], options: DeleteOptions) -> DeleteReport:
        """Delete, or let what once was written stay."""
        stuck = [key for key in keys if self.fault == "sticky" and key.endswith("b") and key in self.kept]
        super().assetstore_delete([key for key in keys if key not in stuck], options)
        failed = tuple(DeleteFailure(key=key, error=AccessDeniedError("it is locked")) for key in stuck)
        return DeleteReport(deleted=tuple(key for key in keys if key not in stuck), failed=failed)


class Forgetful(Wrapper):
    """Says that it hands metadata on, and does not."""

    supports: ClassVar[frozenset[str]] = frozenset({"upload.*"})

    @hookimpl
    def assetstore_upload(self, key: str, source: Source, options: UploadOptions) -> AssetInfo | None:
        """Forget."""
        return self.inner.assetstore_upload(key=key, source=source, options=attrs.evolve(options, metadata=None))
