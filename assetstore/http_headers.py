"""HTTP headers that hold more than ASCII: file names by RFC 6266, metadata by RFC 2047."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from urllib.parse import quote, unquote

ESCAPED = "assetstore-escaped"
_OURS = "assetstore-"
_UNSAFE = re.compile(r'[^ -~]|["\\%/]')


def attachment(filename: str) -> str:
    """Return the Content-Disposition under which a browser saves a file by this name (RFC 6266, RFC 8187)."""
    plain = _UNSAFE.sub("_", filename)
    if plain == filename:
        return f'attachment; filename="{plain}"'
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"


def encode_metadata(metadata: Mapping[str, str] | None) -> dict[str, str]:
    """Return metadata as ASCII header values: RFC 2047 for other text.

    R2 decodes RFC 2047 when it stores, and encodes again only what is not ASCII. What looks like an encoded word, or begins
    or ends with a blank, would not survive that; it is percent-encoded instead, and ``assetstore-escaped`` names it.
    """
    encoded, escaped = {}, []
    for name, value in (metadata or {}).items():
        if "=?" in value or value != value.strip() or not value:
            escaped.append(name)
            encoded[name] = quote(value)
        elif value.isascii():
            encoded[name] = value
        else:
            encoded[name] = f"=?utf-8?b?{base64.b64encode(value.encode()).decode()}?="
    if escaped:
        encoded[ESCAPED] = " ".join(escaped)
    return encoded


def decode_metadata(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the user's metadata: the inverse of ``encode_metadata``, without our own names."""
    escaped = headers.get(ESCAPED, "").split()
    found = dict.fromkeys(escaped, "")  # some services drop an empty value
    for name, value in headers.items():
        if not name.startswith(_OURS):
            found[name] = unquote(value) if name in escaped else _decode_words(value)
    return found


def _decode_words(value: str) -> str:
    if "=?" not in value:
        return value
    # Slow to load, and seldom needed.
    from email.errors import HeaderParseError
    from email.header import decode_header

    try:
        pieces = decode_header(value)
        return "".join(piece if isinstance(piece, str) else piece.decode(charset or "latin-1") for piece, charset in pieces)
    except (HeaderParseError, LookupError, UnicodeDecodeError, binascii.Error):
        return value
