"""Enforces the limits of Cloudflare R2 on disk, with R2's messages, so that code that works offline works online."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TypeVar

import attrs

from assetstore.plugin import SourceError, UnavailableError, limits, require_r2_metadata

T = TypeVar("T")


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
        require_r2_metadata(metadata)

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
