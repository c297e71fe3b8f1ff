"""Finds the frames of MPEG audio (ISO/IEC 11172-3 and 13818-3), which may begin anywhere in a file."""

from __future__ import annotations

import re

# Sync, then a bit rate and a sample rate that exist; a free bit rate has no length to check.
_SYNC = re.compile(rb"\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff](?=[\x10-\xef])", re.DOTALL)
# kbit/s by bit rate index: of version 1 by layer, then of versions 2 and 2.5.
_RATES = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_HERTZ = (44_100, 48_000, 32_000)


def has_two_frames(head: bytes) -> bool:
    """Return whether two frames in a row stand anywhere in these bytes."""
    for found in _SYNC.finditer(head):
        size = _frame_size(head[found.start() : found.start() + 4])
        following = head[found.start() + size : found.start() + size + 4] if size else b""
        # The same version, layer and sample rate.
        if len(following) == 4 and following[:1] == b"\xff" and (following[1] | 1, following[2] & 12) == (
            head[found.start() + 1] | 1,
            head[found.start() + 2] & 12,
        ):
            return True
    return False


def _frame_size(header: bytes) -> int:
    """Return the bytes of a frame with this header, 0 if it cannot be one."""
    if len(header) < 4 or header[2] & 12 == 12 or not 0 < header[2] >> 4 < 15:
        return 0
    version, layer, padding = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3), header[2] >> 1 & 1
    if version == 1 or layer == 4:
        return 0
    hertz = _HERTZ[header[2] >> 2 & 3] >> {3: 0, 2: 1, 0: 2}[version]
    rate = 1000 * _RATES[1 if version == 3 else 2, layer][(header[2] >> 4) - 1]
    if layer == 1:
        return 4 * (12 * rate // hertz + padding)
    return (72 if layer == 3 and version != 3 else 144) * rate // hertz + padding
