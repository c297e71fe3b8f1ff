"""Spells the conditions of signed requests as HTTP headers.

The spelling is S3's, because R2 demands it; no other module of the core knows it. A backend of another vendor may use any
other spelling: no hook demands this one.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from assetstore.errors import InvalidOptionError
from assetstore.limits import MAX_METADATA_BYTES, RESERVED_METADATA

if TYPE_CHECKING:
    from assetstore.options import PresignOptions

METADATA_HEADER = "x-amz-meta-"
SHA256_HEADER = "x-amz-checksum-sha256"
ESCAPED = f"{RESERVED_METADATA}escaped"
_OWN_METADATA = 129
"""The size of assetstore's own metadata on R2, names and values: assetstore-write and assetstore-sha256, in whose place
a part size is shorter."""
_WORD = "=?utf-8?b?"
_UNSAFE = re.compile(r'[^ -~]|["\\%/]')


def http_name(header: str) -> str:
    """Return the HTTP name of a header, for example ``cache-control`` for ``cache_control``."""
    return header.replace("_", "-")


def bound(options: PresignOptions) -> dict[str, str]:
    """Return the headers that a signed PUT must send, their names in lower case, in order; all values are ASCII."""
    if options.method != "PUT":
        return {}
    headers = {f"{METADATA_HEADER}{name}": value for name, value in encode_metadata(options.metadata).items()}
    headers |= {http_name(name): text for name, text in options.given().items() if text and name != "metadata"}
    if options.content_length is not None:
        headers["content-length"] = str(options.content_length)
    if not options.overwrite:
        headers["if-none-match"] = "*"
    if options.sha256:
        headers[SHA256_HEADER] = base64.b64encode(bytes.fromhex(options.sha256)).decode()
    return dict(sorted(headers.items()))


def answered(options: PresignOptions) -> dict[str, str]:
    """Return the headers that the answer to a signed GET must have, their names in lower case, in order."""
    headers = {} if options.download_as is None else {"content-disposition": attachment(options.download_as)}
    if options.method == "GET" and options.content_type:
        headers["content-type"] = options.content_type
    return headers


def attachment(filename: str) -> str:
    """Return the Content-Disposition under which a browser saves a file by this name (RFC 6266, RFC 8187)."""
    plain = _UNSAFE.sub("_", filename)
    if plain == filename:
        return f'attachment; filename="{plain}"'
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"


def encode_metadata(metadata: Mapping[str, str] | None) -> dict[str, str]:
    """Return metadata as ASCII header values, other text by RFC 2047.

    R2 decodes RFC 2047 when it stores, and encodes only text that is not ASCII again. A value that looks like an encoded
    word, or begins or ends with a blank, would not survive that. It is percent-encoded, and ``assetstore-escaped`` names it.
    """
    encoded, escaped = {}, []
    for name, value in (metadata or {}).items():
        if "=?" in value or value != value.strip() or not value:
            escaped.append(name)
            encoded[name] = quote(value)
        elif value.isascii():
            encoded[name] = value
        else:
            encoded[name] = f"{_WORD}{base64.b64encode(value.encode()).decode()}?="
    if escaped:
        encoded[ESCAPED] = " ".join(escaped)
    return encoded


def require_r2_metadata(metadata: Mapping[str, str] | None) -> None:
    """Raise InvalidOptionError when metadata, with assetstore's own, are larger than R2 allows (R2, "Limits")."""
    size = r2_metadata_size(metadata or {})
    if size > MAX_METADATA_BYTES:
        raise InvalidOptionError(
            f"Your metadata headers exceed the maximum allowed metadata size. R2 counts {size}, allows {MAX_METADATA_BYTES}",
            hint="shorten it; a text with any character beyond U+00FF counts twice",
        )


def r2_metadata_size(metadata: Mapping[str, str]) -> int:
    """Return the size of metadata as R2 counts it, including assetstore's own.

    R2 counts UTF-16 units of the decoded texts, and counts them twice in a text that has a character beyond U+00FF.
    """
    encoded = encode_metadata(metadata)
    sent = {name: metadata[name] if value.startswith(_WORD) else value for name, value in encoded.items()}
    return _OWN_METADATA + sum(_r2_units(text) for pair in sent.items() for text in pair)


def _r2_units(text: str) -> int:
    units = len(text.encode("utf-16-le")) // 2
    return 2 * units if max(text, default="") > "\xff" else units


def decode_metadata(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the user's metadata: the inverse of ``encode_metadata``, without our own names."""
    escaped = headers.get(ESCAPED, "").split()
    found = dict.fromkeys(escaped, "")  # some services drop an empty value
    for name, value in headers.items():
        if not name.startswith(RESERVED_METADATA):
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
