"""Finds the peaks of a WAV, from which a page draws its waveform."""

from __future__ import annotations

import sys
import wave
from array import array
from typing import Any

from assetstore_gallery.bounded import Bounded

COLUMNS = 200
MAX_BYTES = 50_000_000
"""Bytes of the largest file whose waveform is drawn: all of it is read."""
_PIECE = 1 << 16
_CODES = {1: "B", 2: "h", 4: "i"}


def facts_of(file: Bounded) -> dict[str, Any]:
    """Return ``peaks``: the loudest sample of each of at most ``COLUMNS`` equal parts, from 0 to 1; all channels as one."""
    with wave.open(file) as sound:
        count, width, channels = sound.getnframes(), sound.getsampwidth(), sound.getnchannels()
        columns = min(COLUMNS, count)
        peaks: list[float] = []
        at = 0
        for column in range(columns):
            end = count * (column + 1) // columns
            loudest = 0.0
            while at < end and (data := sound.readframes(min(end - at, _PIECE))):
                at += max(1, len(data) // (width * channels))
                loudest = max(loudest, _loudest(data, width))
            peaks.append(round(loudest, 3))
    return {"peaks": peaks}


def _loudest(data: bytes, width: int) -> float:
    """Return the largest amplitude of PCM samples of so many bytes each."""
    if width == 3:
        # The upper two of the three bytes are as exact as a picture needs.
        upper = bytearray(len(data) // 3 * 2)
        upper[0::2], upper[1::2] = data[1 : len(upper) * 3 // 2 : 3], data[2 : len(upper) * 3 // 2 : 3]
        return _loudest(bytes(upper), 2)
    samples = array(_CODES[width], data[: len(data) // width * width])
    if sys.byteorder == "big":
        samples.byteswap()
    if width == 1:  # these alone have no sign
        return min(1.0, max(max(samples) - 128, 128 - min(samples)) / 128) if samples else 0.0
    return min(1.0, max(max(samples), -min(samples)) / (1 << 8 * width - 1)) if samples else 0.0
