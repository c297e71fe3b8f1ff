"""Sends an asset through your own server, whole or the range that was asked for; any asynchronous framework can use it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from assetstore.aio import AsyncAssetStore

RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def span(asked: str | None, size: int) -> tuple[int, int] | None:
    """Return the first byte and the one behind the last, or None for a range that lies behind the end."""
    found = RANGE.fullmatch(asked or "")
    if found is None or not any(found.groups()):
        return 0, size  # no range, or a form of it that a server need not know
    first, last = found.groups()
    start, stop = (int(first), int(last or size) + bool(last)) if first else (size - int(last), size)
    start, stop = max(0, start), min(stop, size)
    return (start, stop) if start < stop else None


async def download(
    store: AsyncAssetStore, key: str, asked: str | None, if_range: str | None = None
) -> tuple[int, dict[str, str], AsyncIterator[bytes]]:
    """Return status, headers and body of the answer; ``asked`` and ``if_range`` are the headers Range and If-Range."""
    info = await store.stat(key)
    whole = (0, info.size)
    found = span(asked, info.size) if if_range in (None, f'"{info.etag}"') else whole
    start, stop = found or (0, 0)

    async def body() -> AsyncIterator[bytes]:
        if start == stop:
            return
        async with store.open(key, offset=start, length=stop - start, if_match=info.etag) as reader:
            async for piece in reader.chunks():
                yield piece

    headers = {
        "content-type": info.content_type or "application/octet-stream",
        "content-length": str(stop - start),
        "accept-ranges": "bytes",
        "etag": f'"{info.etag}"',
        "x-content-type-options": "nosniff",
        "content-security-policy": "sandbox",  # a page that somebody uploaded must not act as one of yours
    }
    if found == whole:
        return 200, headers, body()
    headers["content-range"] = f"bytes {start}-{stop - 1}/{info.size}" if found else f"bytes */{info.size}"
    return 206 if found else 416, headers, body()
