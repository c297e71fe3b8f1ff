"""Enforces the limits of Cloudflare R2 on disk, with R2's messages, so that code that works offline works online."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TypeVar
from urllib.parse import quote

import attrs

from assetstore.plugin import InvalidOptionError, SourceError, UnavailableError, limits

T = TypeVar("T")

# The R2 plugin's own metadata, names and values: assetstore-write and assetstore-sha256.
_OWN_METADATA = 129
_ESCAPED = "assetstore-escaped"


@attrs.frozen(kw_only=True)
class R2Rules:
    """R2's limits (R2, "Limits"), and how the R2 plugin copes with them.

    R2 accepts one write a second to each key and responds to more with 429; the plugin's client then waits and tries
    again, five times in all. A write here that comes too soon waits for its turn in the same way. It fails, as on R2, only
    when that client might have given up too. A burst of writes to one key is slow here because it is slow there.

    Attributes:
        pause: the minimum of seconds between two writes of a key.
        patience: the seconds that a write waits for its turn: the minimum that the client waits in five attempts.
    """

    pause: float = 1.0
    patience: float = 7.5

    def require_size(self, size: int | None) -> None:
        """Raise SourceError when an asset is too large; ``None`` means that its size is not known yet."""
        if size is not None and size > limits.MAX_ASSET:
            raise SourceError(
                f"Your proposed upload exceeds the maximum allowed object size. It has {size} bytes,"
                f" R2 allows {limits.MAX_ASSET}",
                hint="split it",
            )

    def require_metadata(self, metadata: Mapping[str, str] | None) -> None:
        """Raise InvalidOptionError when metadata are larger than R2 allows."""
        size = metadata_size(metadata or {})
        if size > limits.MAX_METADATA_BYTES:
            raise InvalidOptionError(
                f"Your metadata headers exceed the maximum allowed metadata size. R2 counts {size},"
                f" allows {limits.MAX_METADATA_BYTES}",
                hint="shorten it; a text with any character beyond U+00FF counts twice",
            )

    def require_pause(self, last_ns: int, now_ns: int) -> None:
        """Raise UnavailableError when a key last written at ``last_ns`` is written again too soon."""
        left = self.pause - (now_ns - last_ns) / 1e9
        # A time in the future was set by hand.
        if 0 < left <= self.pause:
            raise UnavailableError(
                "Reduce your concurrent request rate for the same object.",
                hint="write a key at most once a second",
                retry_after=left,
            )

    def patiently(self, write: Callable[[], T]) -> T:
        """Return the result of ``write``, retried while it comes too soon and the patience lasts."""
        deadline = time.monotonic() + self.patience
        while True:
            try:
                return write()
            except UnavailableError as refusal:
                if refusal.retry_after is None or time.monotonic() + refusal.retry_after > deadline:
                    raise
                time.sleep(refusal.retry_after)


def metadata_size(metadata: Mapping[str, str]) -> int:
    """Return the size of metadata as R2 counts it, including the R2 plugin's own; R2 allows 8,192.

    R2 counts UTF-16 units, and counts them twice in a text that has a character beyond U+00FF. The plugin percent-encodes
    the values that R2 would not store unchanged.
    """
    escaped = [name for name, value in metadata.items() if "=?" in value or value != value.strip() or not value]
    sent = {name: quote(value) if name in escaped else value for name, value in metadata.items()}
    if escaped:
        sent[_ESCAPED] = " ".join(escaped)
    return _OWN_METADATA + sum(_units(text) for pair in sent.items() for text in pair)


def _units(text: str) -> int:
    units = len(text.encode("utf-16-le")) // 2
    return 2 * units if max(text, default="") > "\xff" else units
