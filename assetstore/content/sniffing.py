"""Detects the type of a file from its first bytes, and compares it with the claimed type."""

from __future__ import annotations

import re
import zlib
from fnmatch import fnmatchcase

from assetstore.content.content_types import DEFAULT_CONTENT_TYPE

HEAD_BYTES = 4096
"""How many first bytes are enough; browsers look at 1,445 at most (WHATWG MIME Sniffing)."""

# Each is long enough that plain text does not begin with it by chance.
_SIGNATURES: dict[bytes, tuple[str, ...]] = {
    rb"\x89PNG\r\n\x1a\n": ("image/png", "image/apng", "image/x-png"),
    rb"\xff\xd8\xff": ("image/jpeg", "image/jpg", "image/pjpeg"),
    rb"GIF8[79]a": ("image/gif",),
    rb"RIFF....WEBP": ("image/webp",),
    rb"BM.{4}\0{4}.{4}[\x0c(48@l|]\0\0\0": ("image/bmp", "image/x-ms-bmp", "image/x-bmp"),
    rb"II[*+]\0|MM\0[*+]": ("image/tiff",),
    rb"\0\0\x01\0[\x01-\xff]": ("image/vnd.microsoft.icon", "image/x-icon"),
    rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n": ("image/jxl",),
    rb"\0\0\0\x0cjP  \r\n\x87\n": ("image/jp2", "image/jpx"),
    rb"\0...ftypavi[fs]": ("image/avif", "image/avif-sequence"),
    rb"\0...ftyp(?:mif1|msf1|miaf)": ("image/heif", "image/heic", "image/avif", "image/heif-sequence"),
    rb"\0...ftyphe[iv][cxms]": ("image/heic", "image/heif", "image/heic-sequence"),
    rb"\0...(?:ftyp|moov|wide|free|skip|pnot)|....mdat": (
        *("video/mp4", "audio/mp4", "audio/x-m4a", "audio/m4a", "video/quicktime", "video/x-m4v"),
        *("video/3gpp", "audio/3gpp", "video/3gpp2", "audio/3gpp2", "application/mp4"),
    ),
    rb"\x1a\x45\xdf\xa3": (
        *("video/webm", "audio/webm", "video/matroska", "audio/matroska"),
        *("video/x-matroska", "audio/x-matroska"),
    ),
    rb"OggS\0": ("audio/ogg", "video/ogg", "application/ogg", "audio/opus"),
    rb"ID3[\x02-\x04]": ("audio/mpeg", "audio/mp3", "audio/aac", "audio/flac", "audio/x-flac", "audio/x-mpeg"),
    rb"\xff[\xe2-\xe5\xf2-\xf5\xfa-\xfd]": ("audio/mpeg", "audio/mp3", "audio/x-mpeg"),
    rb"\xff[\xf0\xf1\xf8\xf9]|ADIF": ("audio/aac", "audio/aacp", "audio/x-aac"),
    rb"fLaC[\0\x80]": ("audio/flac", "audio/x-flac"),
    rb"(?:RIFF|RF64|BW64)....WAVE": ("audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"),
    rb"FORM....AIF[FC]": ("audio/aiff", "audio/x-aiff"),
    rb"MThd\0\0\0\x06": ("audio/midi", "audio/x-midi", "audio/mid"),
    rb"RIFF....AVI ": ("video/x-msvideo", "video/vnd.avi", "video/avi", "video/msvideo"),
    rb"\0\0\x01[\xb3\xba]": ("video/mpeg",),
    rb"FLV\x01": ("video/x-flv",),
    rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11": ("video/x-ms-wmv", "audio/x-ms-wma", "video/x-ms-asf", "application/vnd.ms-asf"),
    rb"(?:\xef\xbb\xbf)?\s{0,16}%PDF-\d": ("application/pdf", "application/x-pdf"),
    rb"PK(?:\x03\x04|\x05\x06|\x07\x08)": (
        *("application/zip", "application/x-zip-compressed", "application/x-zip"),
        "application/epub+zip",
    ),
}
_TABLE = tuple((re.compile(pattern, re.DOTALL), types) for pattern, types in _SIGNATURES.items())
_KNOWN = frozenset(kind for types in _SIGNATURES.values() for kind in types)

# The elements by which browsers recognize a page, those of SVG, and those that load or run something. Other elements count
# only if they name an XML namespace, so a chat's "<gm> roll!" does not.
_ELEMENTS = (
    "a animate area article aside audio b base blockquote body br button center details div dl embed fieldset figure font"
    " footer foreignobject form frame frameset g h[1-6] head header hr html iframe image img input link main map marquee"
    " math meta nav noscript object ol p path picture pre script section select set span style svg table template textarea"
    " title ul use video"
).replace(" ", "|")
_MARKUP = re.compile(
    rf"\s*<(?:!(?:--|\[|[a-z])|/[a-z]|\?xml|(?:{_ELEMENTS})(?=[\s/>])|[a-z][\w.-]*:[a-z]|[a-z][\w.-]*\s[^>]*\bxmlns\b)".encode(),
    re.IGNORECASE,
)
# Markdown may hold HTML anywhere.
_MARKUP_CLAIMS = re.compile(
    r"text/(?:html|xml|xsl|(?:x-)?sgml|markdown|x-php)|application/(?:xml|xml-dtd|x-httpd-php|x-php)|[\w.-]+/[\w.-]+\+xml",
    re.ASCII,
)
_PHP, _PHP_CLAIMS = re.compile(rb"\s*<[?%]"), re.compile(r"(?:text|application)/(?:x-[\w.-]*php|html|markdown)", re.ASCII)
_SCRIPT = re.compile(rb"\s*#!\s*/")
_SCRIPT_CLAIMS = re.compile(r"text/(?!html)[\w.-]+|application/(?:x-[\w.-]+|javascript|node|sql)", re.ASCII)
# A file that begins like the first may run when it is opened; its claimed type must match the second.
_ACTIVE = ((_MARKUP, _MARKUP_CLAIMS), (_PHP, _PHP_CLAIMS), (_SCRIPT, _SCRIPT_CLAIMS))
_BEFORE_TEXT = re.compile(rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?\s*")


def unpacked(head: bytes, content_encoding: str | None) -> bytes | None:
    """Return the first bytes without their Content-Encoding, or ``None`` for an unknown coding.

    Raises:
        ValueError: the bytes do not have this coding.
    """
    coding = (content_encoding or "identity").strip().lower()
    if coding == "identity":
        return head
    if coding not in ("gzip", "x-gzip", "deflate"):
        return None
    try:
        # 47 accepts the header of gzip or zlib.
        return zlib.decompressobj(wbits=47).decompress(head, HEAD_BYTES)
    except zlib.error as error:
        raise ValueError(f"the bytes are not encoded as {coding}") from error


def sniff_type(head: bytes) -> tuple[str, ...]:
    """Return the media types that a file with these first bytes may have, the likeliest first; empty when unknown.

    Recognizes raster images, audio, video, PDF and ZIP.
    """
    return next((types for pattern, types in _TABLE if pattern.match(head)), ())


def looks_active(head: bytes) -> bool:
    """Return whether a file begins like HTML, SVG, XML or a script, in UTF-8, UTF-16 or UTF-32, after any blanks."""
    return _claims_of_active(head) is not None


def has_signature(content_type: str) -> bool:
    """Return whether every file of this type begins with a known signature."""
    return essence(content_type) in _KNOWN


def allows(types: tuple[str, ...], content_type: str) -> bool:
    """Return whether a policy of these types, for example ``image/*``, allows this one. No types allow all."""
    claimed = essence(content_type)
    return not types or any(fnmatchcase(claimed, essence(allowed)) for allowed in types)


def refusal(content_type: str, head: bytes, types: tuple[str, ...] = ()) -> str | None:
    """Return why a file with these first bytes cannot have the claimed type, or ``None``.

    A type with a known signature must show it. A file that looks like HTML, SVG, XML or a script must be claimed as such. An
    ``application/…`` without a known signature may show any other one, since many are containers.
    ``application/octet-stream`` claims nothing: unless the policy names it, the detected type counts.

    Args:
        content_type: the claimed media type, which the policy allows.
        head: the first 4,096 bytes, or all if there are fewer.
        types: the types of the policy.
    """
    claimed = essence(content_type)
    found = sniff_type(head)
    if claimed in found:
        return None
    if found and not _may_hold(claimed, found):
        return f"the bytes are {found[0]} and not {claimed}"
    if claimed in _KNOWN:
        return f"the bytes do not begin as {claimed} does"
    named = claimed != DEFAULT_CONTENT_TYPE or claimed in map(essence, types)
    if found and not named and not any(allows(types, kind) for kind in found):
        return f"the bytes are {found[0]}, which is not allowed"
    active = None if found else _claims_of_active(head)
    if active and not active.fullmatch(claimed):
        return f"the bytes begin as HTML, SVG, XML or a script does, and not as {claimed}"
    return None


def essence(content_type: str) -> str:
    """Return a content type in lower case, without its parameters."""
    return content_type.partition(";")[0].strip().lower() or DEFAULT_CONTENT_TYPE


def _may_hold(claimed: str, found: tuple[str, ...]) -> bool:
    """Return whether a type without a signature may show one of these, for example a raw photograph that of TIFF."""
    if claimed in _KNOWN or _MARKUP_CLAIMS.fullmatch(claimed):
        return False
    return claimed.partition("/")[0] in ("application", *(kind.partition("/")[0] for kind in found))


def _claims_of_active(head: bytes) -> re.Pattern[str] | None:
    """Return a pattern of the types that this active content may claim, or ``None`` if it does not look active."""
    # Without their zeros, UTF-16 and UTF-32 become ASCII, which is close enough here.
    text = _BEFORE_TEXT.sub(b"", head[:HEAD_BYTES].replace(b"\0", b""), count=1)
    return next((claims for pattern, claims in _ACTIVE if pattern.match(text)), None)
