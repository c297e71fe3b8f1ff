"""Checks that the answer to a GET is the run of bytes that was asked for, because servers and proxies send others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs

from assetstore.plugin import BackendError
from assetstore_r2.errors import LostAnswerError

SKIP = 1 << 20
"""Bytes: a server that ignores ranges sends the whole asset; so much of it is skipped, beyond it the answer is refused."""
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.ASCII)


@attrs.frozen
class Run:
    """A run of an asset.

    Attributes:
        first: the offset of its first byte.
        last: the offset of its last byte; ``None`` for the end of the asset.
    """

    first: int = 0
    last: int | None = None

    @property
    def header(self) -> str | None:
        """The Range header; ``None`` for the whole asset. Never a suffix, which servers read in several ways."""
        if self.first == 0 and self.last is None:
            return None
        return f"bytes={self.first}-{'' if self.last is None else self.last}"


@attrs.frozen
class Sent:
    """What an answer contains.

    Attributes:
        length: bytes of the run; fewer than asked for only where the asset ends.
        size: bytes of the whole asset.
        skip: bytes of the body before the run.
    """

    length: int
    size: int
    skip: int = 0


def check(answer: Mapping[str, Any], run: Run) -> Sent | None:
    """Return what an answer contains; ``None`` if its length shows that it was packed, or nobody can tell.

    Raises:
        LostAnswerError: these are not the bytes that were asked for; another attempt may bring them.
        BackendError: the server ignores ranges, and the run begins far from the start.
    """
    content_range = answer.get("ContentRange")
    length: int | None = answer.get("ContentLength")
    if content_range is not None and run.header is not None:
        sent = _in_part(str(content_range), run)
        if length == sent.length or (length is None and "ContentEncoding" not in answer):
            return sent
        if "ContentEncoding" in answer:
            return None
        raise LostAnswerError("the store sent more or fewer bytes than its Content-Range says")
    if answer["ResponseMetadata"]["HTTPStatusCode"] != 200:
        raise LostAnswerError("the store sent a part of the asset without saying which")
    if length is None:
        return None
    end = length if run.last is None else min(run.last + 1, length)
    if min(run.first, length) > SKIP:
        raise BackendError(
            "the store ignores ranges: it sent the whole asset",
            hint="read it from the start, or download it",
        )
    return Sent(max(0, end - run.first), length, min(run.first, length))


def _in_part(content_range: str, run: Run) -> Sent:
    match = _CONTENT_RANGE.fullmatch(content_range.strip())
    if match is None:
        raise LostAnswerError("the store sent a Content-Range that cannot be read")
    first, last, size = map(int, match.groups())
    end = size if run.last is None else min(run.last + 1, size)
    if (first, last + 1) != (run.first, end) or first > last:
        raise LostAnswerError("the store sent other bytes than those that were asked for")
    return Sent(end - first, size)
