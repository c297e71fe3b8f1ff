"""Evaluates HTTP conditions and ranges as R2 does (RFC 9110; R2, "GetObject")."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from assetstore.plugin import AssetInfo
from assetstore_local.http.responses import ErrorResponse

CONDITIONS = frozenset({"if-match", "if-none-match", "if-modified-since", "if-unmodified-since"})

# Python refuses to parse numbers of thousands of digits.
_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})", re.ASCII)
_FAILED = (412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold.")


def is_unmodified(info: AssetInfo, headers: Mapping[str, str]) -> bool:
    """Return whether the client has this version already.

    Raises:
        ErrorResponse: 412, the client requires another version.
    """
    changed = (info.last_modified or datetime.now(UTC)).replace(microsecond=0)
    if "if-match" in headers:
        if not names(headers["if-match"], info.etag, weak=False):
            raise ErrorResponse(*_FAILED)
    elif (when := _time(headers.get("if-unmodified-since"))) is not None and changed > when:
        raise ErrorResponse(*_FAILED)
    if "if-none-match" in headers:
        return names(headers["if-none-match"], info.etag, weak=True)
    return (when := _time(headers.get("if-modified-since"))) is not None and changed <= when


def require(info: AssetInfo | None, headers: Mapping[str, str]) -> None:
    """Check the conditions of an upload against the current asset, if there is one.

    Raises:
        ErrorResponse: 412, a condition does not hold.
    """
    if "if-match" in headers if info is None else is_unmodified(info, headers):
        raise ErrorResponse(*_FAILED)


def names(condition: str, etag: str | None, *, weak: bool) -> bool:
    """Return whether a list of ETags, or ``*``, includes this one."""
    if condition.strip() == "*":
        return etag is not None
    tags = [tag.strip() for tag in condition.split(",")]
    return any((tag.removeprefix("W/") if weak else tag) == f'"{etag}"' for tag in tags)


def range_of(info: AssetInfo, headers: Mapping[str, str]) -> tuple[int, int] | None:
    """Return offset and length of the requested range, or ``None`` for the whole asset.

    Raises:
        ErrorResponse: 416, the asset has no such bytes; 400, the header is not a single range.
    """
    asked = headers.get("range")
    if asked is None or not _is_current(info, headers.get("if-range")):
        return None
    match = _RANGE.fullmatch(asked.strip())
    first, last = match.groups() if match else ("", "")
    if not first and not last:
        raise ErrorResponse(400, "InvalidArgument", "The range must be bytes=a-b, bytes=a- or bytes=-n.")
    size = info.size
    if first:
        begin, end = int(first), min(int(last), size - 1) if last else size - 1
        if last and int(last) < begin:
            raise ErrorResponse(400, "InvalidArgument", "range must be positive.")
    else:
        begin, end = max(size - int(last), 0), size - 1
    if begin > end:
        whole = {"content-range": f"bytes */{size}"}
        raise ErrorResponse(416, "InvalidRange", "The requested range is not satisfiable", whole)
    return begin, end - begin + 1


def _is_current(info: AssetInfo, condition: str | None) -> bool:
    if condition is None:
        return True
    if condition.startswith(('"', "W/")):
        return condition == f'"{info.etag}"'
    when = _time(condition)
    return when is not None and info.last_modified is not None and info.last_modified.replace(microsecond=0) == when


def _time(text: str | None) -> datetime | None:
    try:
        when = parsedate_to_datetime(text) if text else None
    except (ValueError, OverflowError):
        return None
    return when if when is None or when.tzinfo else when.replace(tzinfo=UTC)
