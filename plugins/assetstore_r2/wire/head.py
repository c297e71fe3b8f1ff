"""Reads the head of an HTTP/1.1 answer (RFC 9112), more strictly than browsers: a store's answers have no old forms."""

from __future__ import annotations

import re

import attrs

from assetstore_r2.wire.errors import NotHttpError

LIMIT = 64 << 10
"""The most bytes that a head may have."""
_HEAD = re.compile(rb"HTTP/1\.([01]) ([1-5]\d\d)(?: [\t -~\x80-\xff]*)?\r\n((?:[!#-'*+\-.0-9A-Z^-z|~]+:[^\r\n\0]*\r\n)*)")
_WITHOUT_BODY = frozenset({204, 304})
_LENGTH = re.compile(r"\d{1,18}", re.ASCII)


@attrs.define
class Head:
    """The head of an answer.

    Attributes:
        status: the status, 100 to 599.
        headers: names in lower case; the values of a repeated one are joined by ``", "``.
        keeps: whether the connection may serve another request.
        chunked: whether the body comes in chunks.
        length: the bytes of the body; ``None`` if it comes in chunks or ends with the connection.
    """

    status: int
    headers: dict[str, str]
    keeps: bool
    chunked: bool
    length: int | None


def find_end(data: bytes | bytearray, start: int = 0) -> int:
    """Return where the head ends, 0 if it is not whole yet.

    Raises:
        NotHttpError: it never will be: it does not begin like HTTP, or it is too long.
    """
    if not b"HTTP/1.".startswith(data[:7]):
        raise NotHttpError("the answer does not begin with HTTP/1.")
    end = data.find(b"\r\n\r\n", max(0, start - 3)) + 4
    if max(end, len(data) if end < 4 else 0) > LIMIT:
        raise NotHttpError(f"the head of the answer has more than {LIMIT} bytes")
    return end if end >= 4 else 0


def parse(data: bytes, method: str) -> Head:
    """Return the head of the answer to a request by ``method``; ``data`` is the head with its empty line.

    Raises:
        NotHttpError: it breaks the rules of HTTP.
    """
    match = _HEAD.fullmatch(data, 0, len(data) - 2)
    if match is None:
        raise NotHttpError("the head of the answer breaks the rules of HTTP")
    version, code, lines = match.groups()
    headers: dict[str, str] = {}
    for line in lines.decode("latin-1").split("\r\n")[:-1]:
        name, _, value = line.partition(":")
        name, value = name.lower(), value.strip(" \t")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    status = int(code)
    options = headers.get("connection", "").lower()
    keeps = "close" not in options and (version == b"1" or "keep-alive" in options)
    if method == "HEAD" or status < 200 or status in _WITHOUT_BODY:
        return Head(status, headers, keeps, False, 0)
    if coding := headers.get("transfer-encoding"):
        if coding.lower() != "chunked":
            raise NotHttpError("the transfer coding of the answer is not chunked")
        # With a length beside it, where the next answer begins is doubtful (RFC 9112, 6.3).
        return Head(status, headers, keeps and "content-length" not in headers, True, None)
    length = headers.get("content-length")
    if length is None:
        return Head(status, headers, False, False, None)
    lengths = set(length.split(", "))
    if len(lengths) > 1 or not _LENGTH.fullmatch(length := lengths.pop()):
        raise NotHttpError("the Content-Length of the answer is not one number")
    return Head(status, headers, keeps, False, int(length))
