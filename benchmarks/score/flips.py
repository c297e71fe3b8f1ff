"""What flips in figure 5, and the faults that flip a bit on the way, in what a store keeps, or beside a checksum."""

from __future__ import annotations

import base64
import os
import random
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import attrs

from assetstore_r2.testing import Answer, Fault, FlipBit, Request
from score.network_cases import PART

SMALL = random.Random(5).randbytes(20_000)
BIG = random.Random(6).randbytes(PART + 20_000)
WAY, REST = "on the way", "at rest"
NOT_STRUCK = "no request was struck"
Flip: TypeAlias = Callable[[random.Random], str | None]
_RANGE = re.compile(r"bytes (\d+)-\d+/\d+")


@attrs.frozen(kw_only=True)
class Case:
    """A kind of flip.

    Attributes:
        where: ``WAY`` or ``REST``.
        name: what flips.
        count: how often.
        flip: flips one bit, and returns what is wrong with what came of it, or ``None``.
    """

    where: str
    name: str
    count: int
    flip: Flip


def flipped(data: bytes, bit: int) -> bytes:
    """Return the data with one bit flipped."""
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@attrs.frozen(kw_only=True)
class Rotten(Fault):
    """Answers as if one bit of the stored asset had flipped: the same in each answer that has it, whole or a range.

    Attributes:
        bit: its number in the asset, from 0.
    """

    bit: int
    method: str | None = "GET"
    times: int | None = None

    def amend(self, request: Request, answer: Answer) -> Answer:
        """Flip the bit if it is in this answer."""
        found = _RANGE.fullmatch(dict(answer.fields).get("content-range", ""))
        bit = self.bit - 8 * int(found[1]) if found else self.bit
        inside = answer.status in (200, 206) and 0 <= bit < 8 * len(answer.body)
        return attrs.evolve(answer, body=flipped(answer.body, bit)) if inside else answer


@attrs.frozen(kw_only=True)
class Summed(FlipBit):
    """Adds the CRC-32 of the right bytes to the headers of an answer, as S3 does, before a bit of it flips."""

    def amend(self, request: Request, answer: Answer) -> Answer:
        """Add the header."""
        digest = base64.b64encode(zlib.crc32(answer.body).to_bytes(4, "big")).decode()
        return attrs.evolve(answer, fields=(*answer.fields, ("x-amz-checksum-crc32", digest)))


@contextmanager
def rotten(path: Path, chance: random.Random) -> Iterator[None]:
    """Flip a bit of a file during the block, as a disk would: its times stay."""
    data, status = path.read_bytes(), path.stat()
    times = (status.st_atime_ns, status.st_mtime_ns)
    path.write_bytes(flipped(data, chance.randrange(8 * len(data))))
    os.utime(path, ns=times)
    try:
        yield
    finally:
        path.write_bytes(data)
        os.utime(path, ns=times)
