"""Finds the peaks of a WAV, from which a page draws its waveform."""

from __future__ import annotations

import wave
from typing import Any

from assetstore_gallery.bounded import Bounded

COLUMNS = 200
MAX_BYTES = 50_000_000
"""Bytes of the largest file whose waveform is drawn: all of it is read."""
_PIECE = 1 << 16
_SIGNED = bytes(each if each < 128 else 255 - each for each in range(256))
_WITHOUT_SIGN = bytes(each - 128 if each >= 128 else 127 - each for each in range(256))
"""Amplitudes by the upper byte of a sample; samples of one byte have no sign."""


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
    """Return the largest amplitude of PCM samples of so many bytes each, by the upper byte: enough for a picture."""
    upper = data[width - 1 :: width]
    return max(upper.translate(_WITHOUT_SIGN if width == 1 else _SIGNED), default=0) / 127
