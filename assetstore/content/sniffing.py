"""Detects the type of a file from its first bytes, and compares it with the claimed type."""

from __future__ import annotations

import functools
import re
import struct
import zlib
from collections.abc import Iterator
from fnmatch import fnmatchcase

import attrs

from assetstore.content.content_types import DEFAULT_CONTENT_TYPE, canonical, essence, is_known_type
from assetstore.content.mpeg_audio import has_two_frames
from assetstore.content.signatures import MEMBERS, SHAPES, SIGNATURES, TEXTS, XML, ZIPPED
from assetstore.limits import HEAD_BYTES

TAIL_BYTES = 65_557
"""How many last bytes hold the end record of a ZIP with the longest comment (APPNOTE 4.3.16)."""


@attrs.frozen
class Beginning:
    """How some files begin.

    Attributes:
        types: the types whose files always begin so or by another beginning that names them, the likeliest first.
        others: types that may begin so.
        whole: the kinds, for example ``image``, of which any other type without a beginning may begin so.
        soft: whether a text may begin so too.
    """

    types: tuple[str, ...]
    others: tuple[str, ...]
    whole: tuple[str, ...]
    soft: bool

    @property
    def name(self) -> str:
        """The likeliest type."""
        return (*self.types, *self.others)[0]

    def allows(self, kind: str) -> bool:
        """Return whether a file of this type may begin so."""
        if kind in self.types or any(fnmatchcase(kind, other) for other in self.others):
            return True
        if has_signature(kind):
            # A ZIP of a vendor is a ZIP, and the archive's members tell more.
            return self is _ZIP and _is_zipped(kind)
        top = kind.partition("/")[0]
        if is_known_type(kind) or top != "application":
            return self.soft or (top in self.whole and not is_text(kind)) or (not is_known_type(kind) and self._has(top))
        return True

    def _has(self, top: str) -> bool:
        return any(kind.startswith(f"{top}/") for kind in self.types)


def _beginning(types: str) -> Beginning:
    names = types.removeprefix("?").split()
    marked = [name[1:] for name in names if name.startswith("~")]
    return Beginning(
        types=tuple(name for name in names if not name.startswith("~")),
        others=tuple(name for name in marked if not name.endswith("/*")),
        whole=tuple(name[:-2] for name in marked if name.endswith("/*")),
        soft=types.startswith("?"),
    )


_BEGINNINGS = tuple(_beginning(types) for _, types in SIGNATURES)
_KNOWN = frozenset(kind for beginning in _BEGINNINGS for kind in beginning.types)
_ZIP = next(beginning for beginning in _BEGINNINGS if "application/zip" in beginning.types)
# Formats that may begin behind something else, and the programs that may stand before a ZIP.
_LATER = ("application/pdf", "application/x-tar", "application/zip", "audio/mpeg", "video/mp2t")
_EXTRACTORS = ("application/x-executable", "application/vnd.microsoft.portable-executable")
# Packets of 188 bytes, of 192 with a time, and of 204 with their correction, which may begin anywhere.
_PACKETS = re.compile(rb"\x47(?:.{187}\x47.{187}\x47|.{191}\x47.{191}\x47|.{203}\x47.{203}\x47)", re.DOTALL)
_TAR = Beginning(("application/x-tar",), ("application/x-cbt",), ("application",), False)
_MEMBERS = tuple((claims, re.compile(needed), re.compile(foreign)) for claims, needed, foreign in MEMBERS)
# A ZIP whose first member, packed as it is, says the type (OpenDocument 1.3 part 2, 3.3; EPUB OCF).
_MIMETYPE = re.compile(rb"PK\x03\x04.{22}\x08\0..mimetype(application/[\w.+-]+?)(?=PK|[^\w.+-]|$)", re.DOTALL)
_SHAPES = {kind: re.compile(rb"\s*(?:%b)" % shape, re.DOTALL) for kind, shape in SHAPES.items()}

# The elements by which browsers recognize a page, those of SVG, and those that load or run something. Other elements count
# only if they name an XML namespace, so a chat's "<gm> roll!" does not.
_ELEMENTS = (
    "a animate area article aside audio b base blockquote body br button center details div dl embed fieldset figure font"
    " footer foreignobject form frame frameset g h[1-6] head header hr html iframe image img input link main map marquee"
    " math meta nav noscript object ol p path picture pre script section select set span style svg table template textarea"
    " title ul use video"
).replace(" ", "|")
_MARKUP = re.compile(
    rf"\s*<(?:!(?:--|\[|[a-z])|/[a-z]|\?(?!php|=)[a-z]|(?:{_ELEMENTS})(?=[\s/>])|[a-z][\w.-]*:[a-z]|[a-z][\w.-]*\s[^>]*\bxmlns\b)".encode(),
    re.IGNORECASE,
)
# Markup that is a page or a drawing, or loads or runs something; the rest may stand in a table's cell or in plain text.
_PAGE = re.compile(
    rb"\s*<(?:!|\?|(?:html|head|body|title|meta|link|base|script|style|svg|math|iframe|frame|frameset|embed|object|template)"
    rb"(?=[\s/>])|[a-z][^>]*\s(?:(?:on[a-z]+|src|href)\s*=|xmlns\b)|/)",
    re.IGNORECASE,
)
# XML that is neither a page nor a drawing.
_VENDOR_XML = re.compile(rb"\s*<\?xml(?!.*<(?:[\w-]+:)?(?:html|svg|script)[\s/>])", re.IGNORECASE | re.DOTALL)
# What may stand before the root of XML; one at a time, since nested repetition takes exponential time.
_PROLOG = re.compile(rb"\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^<>\[]*(?:\[[^\]]*\]\s*)?>", re.IGNORECASE | re.DOTALL)
_ELEMENT = re.compile(rb"<([\w:.-]+)")
# Markdown may hold HTML anywhere, and so may the sources of programs and templates.
_MARKUP_CLAIMS = re.compile(
    r"text/(?:html|xml|xsl|sgml|markdown|jsx|mdx|x-[\w.+-]+)|application/(?:x-[\w.-]*(?:php|sgml|sami)|xml-dtd)|[\w.-]+/[\w.-]+\+xml",
    re.ASCII,
)
_PHP = re.compile(rb"\s*<(?:\?(?:php|=|\s)|%)", re.IGNORECASE)
_PHP_CLAIMS = re.compile(r"(?:text|application)/(?:x-[\w.-]+|html|markdown|xml)", re.ASCII)
_SCRIPT = re.compile(rb"\s*#!\s*/")
_SCRIPT_CLAIMS = re.compile(r"text/(?!html)[\w.+-]+|application/(?:x-[\w.-]+|javascript|node|sql)", re.ASCII)
_CELLS = ("text/csv", "text/plain", "text/tab-separated-values")
# XML that may be a page or a drawing.
_PAGES = ("text/xml", "image/svg+xml", "application/xhtml+xml", "application/xslt+xml")
# A file that begins like the first may run when it is opened; its claimed type must match the second.
_ACTIVE = ((_MARKUP, _MARKUP_CLAIMS), (_PHP, _PHP_CLAIMS), (_SCRIPT, _SCRIPT_CLAIMS))
# The window bits by which zlib reads each coding (RFC 9110, 8.4.1: deflate is a zlib stream).
_WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_BEFORE_TEXT = re.compile(rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?\s*")
# UTF-16 and UTF-32 hold NULs; without a byte order mark only markup is sure to be text.
_WIDE = re.compile(rb"\xff\xfe|\xfe\xff|\0\0\xfe\xff|<\0[?!a-zA-Z]|\0<\0")


@functools.cache
def _signatures() -> re.Pattern[bytes]:
    """Return one pattern of all signatures, a group each. It takes a while to compile, so the first use does."""
    return re.compile(b"|".join(b"(%b)" % pattern for pattern, _ in SIGNATURES), re.DOTALL)


def unpacked(head: bytes, content_encoding: str | None) -> bytes | None:
    """Return the first bytes without their Content-Encoding, or ``None`` for an unknown coding.

    Raises:
        ValueError: the bytes do not have this coding.
    """
    coding = (content_encoding or "identity").strip().lower()
    if coding == "identity":
        return head
    if coding not in _WINDOWS:
        # Brotli has no signature; what begins as something known, or as a page, is not packed.
        if coding == "br" and (_found(head) or looks_active(head)):
            raise ValueError("the bytes are not encoded as br")
        return None if coding in ("br", "zstd", "compress") or "," in coding else head
    try:
        decoder = zlib.decompressobj(wbits=_WINDOWS[coding])
        shown = decoder.decompress(head, HEAD_BYTES)
    except zlib.error as error:
        raise ValueError(f"the bytes are not encoded as {coding}") from error
    if not shown and not decoder.eof:
        raise ValueError(f"the first bytes, encoded as {coding}, show nothing")
    return shown


def has_encoding(head: bytes, content_encoding: str) -> bool:
    """Return whether a file with these first bytes can have this Content-Encoding."""
    try:
        unpacked(head, content_encoding)
    except ValueError:
        return False
    return bool(head)


def sniff_type(head: bytes) -> tuple[str, ...]:
    """Return the media types that a file with these first bytes may have, the likeliest first; empty when unknown.

    Recognizes images, films, sounds, fonts, models, documents, archives and programs, but no texts.
    """
    found = _found(head)
    return (*found.types, *found.others) if found else ()


def looks_active(head: bytes) -> bool:
    """Return whether a file begins like HTML, SVG, XML or a script, in UTF-8, UTF-16 or UTF-32, after any blanks."""
    return _claims_of_active(_text(head)) is not None


def has_signature(content_type: str) -> bool:
    """Return whether every file of this type begins with a known signature."""
    kind = canonical(content_type)
    return kind in _KNOWN or kind == "application/x-tar" or _is_zipped(kind)


def is_text(content_type: str) -> bool:
    """Return whether files of this type are text, and so hold no NUL unless they are in UTF-16 or UTF-32."""
    kind = canonical(content_type)
    return kind.startswith("text/") or kind.endswith(("+json", "+yaml")) or kind in TEXTS or _is_xml(kind)


def _is_xml(kind: str) -> bool:
    return kind.endswith(("+xml", "-flat-xml")) or kind in XML


def allows(types: tuple[str, ...], content_type: str) -> bool:
    """Return whether a policy of these types, for example ``image/*``, allows this one. No types allow all."""
    claimed = {essence(content_type), canonical(content_type)}
    patterns = {essence(allowed) for allowed in types} | {canonical(allowed) for allowed in types}
    return not types or any(fnmatchcase(kind, pattern) for kind in claimed for pattern in patterns)


def needs_tail(content_type: str, head: bytes) -> bool:
    """Return whether the last ``TAIL_BYTES`` bytes can still show the claimed type: a ZIP may have a program before it."""
    return canonical(content_type) == "application/zip" and _found(head) is not _ZIP


def refusal(content_type: str, head: bytes, types: tuple[str, ...] = (), tail: bytes = b"") -> str | None:
    """Return why a file with these first bytes cannot have the claimed type, or ``None``.

    A type whose files begin by a signature must show one, and an archive of documents a member of such. A known beginning
    contradicts every other claim but that of a vendor's own ``application/…``. A text holds no NUL, XML begins with ``<``,
    JSON with a value. A file that looks like a page, a drawing or a script must be claimed as such.
    ``application/octet-stream`` claims nothing: unless the policy names it, the detected type counts.

    Args:
        content_type: the claimed media type, which the policy allows.
        head: the first 4,096 bytes, or all if there are fewer.
        types: the types of the policy.
        tail: the last bytes, where ``needs_tail`` asks for them.
    """
    claimed = canonical(content_type)
    found = _found(head)
    if claimed == DEFAULT_CONTENT_TYPE:
        named = not types or claimed in types
        if named or found is None or any(allows(types, kind) for kind in sniff_type(head)):
            return None
        return f"the bytes are {found.name}, which is not allowed"
    if _begins_later(claimed, found, head, tail):
        return None
    if found and found.soft and is_text(claimed):
        found = None
    if found and not found.allows(claimed):
        return f"the bytes are {found.name} and not {claimed}"
    if found:
        return _misses_member(claimed, head) if found is _ZIP else None
    if has_signature(claimed) or (not head and not is_text(claimed) and is_known_type(claimed)):
        return f"the bytes do not begin as {claimed} does"
    return _active_refusal(claimed, head) or (_text_refusal(claimed, head) if is_text(claimed) else None)


def _found(head: bytes) -> Beginning | None:
    match = _signatures().match(head)
    if match is None:
        return _TAR if _is_tar(head) else None
    assert match.lastindex is not None
    if head.startswith(b"ID3") and len(head) >= 10:
        # The tag's size has seven bits a byte; what follows it tells more, where it is at hand.
        size = 10 + functools.reduce(lambda total, byte: total << 7 | byte & 127, head[6:10], 0)
        return (_found(head[size:]) if head[size : size + 4].strip(b"\0") else None) or _BEGINNINGS[match.lastindex - 1]
    return _BEGINNINGS[match.lastindex - 1]


def _is_zipped(kind: str) -> bool:
    if kind.endswith("+zip") or kind in ZIPPED:
        return True
    return not _is_xml(kind) and any(fnmatchcase(kind, claims) for claims, _, _ in MEMBERS)


def _is_tar(head: bytes) -> bool:
    """Return whether the first block is a TAR header with its checksum."""
    block = head[:512]
    if len(block) < 512 or not block.strip(b"\0"):
        return False
    digits = block[148:156].strip(b"\0 ")
    blank = sum(block[:148]) + 8 * 32 + sum(block[156:])
    return re.fullmatch(rb"[0-7]+", digits) is not None and int(digits, 8) == blank


def _begins_later(claimed: str, found: Beginning | None, head: bytes, tail: bytes) -> bool:
    """Return whether a format that may have something before it begins later, and what stands there cannot run."""
    if claimed not in _LATER or (found and not found.soft and found.name not in _EXTRACTORS) or looks_active(head):
        return False
    if claimed == "application/zip":
        return _ends_as_zip(tail)
    if found and found.name in _EXTRACTORS:
        return False
    if claimed == "application/pdf":
        # PDF Reference, implementation notes: Acrobat accepts the header within the first 1,024 bytes.
        return b"%PDF-" in head[:1024]
    if claimed == "audio/mpeg":
        return has_two_frames(head)
    if claimed == "video/mp2t":
        return _PACKETS.search(head[:1024]) is not None
    # An empty TAR is zeros.
    return len(head) >= 512 and not head.strip(b"\0")


def _ends_as_zip(tail: bytes) -> bool:
    """Return whether these are the last bytes of a ZIP: its end record counts members and tells its own length."""
    position = tail.rfind(b"PK\x05\x06")
    if position < 0 or len(tail) < position + 22:
        return False
    members, directory, comment = struct.unpack_from("<HI4xH", tail, position + 10)
    return bool(members and directory >= 46 * members and position + 22 + comment == len(tail))


def _member_names(head: bytes) -> Iterator[bytes]:
    """Yield the names of a ZIP's first members, as far as their headers stand in these bytes (APPNOTE 4.3.7)."""
    position = 0
    while head[position : position + 4] == b"PK\3\4" and len(head) >= position + 30:
        flags, packed, _, name, extra = struct.unpack_from("<H10xIIHH", head, position + 6)
        yield head[position + 30 : position + 30 + name]
        if flags & 8 and not packed:
            return  # The size stands behind the data.
        position += 30 + name + extra + packed


def _misses_member(claimed: str, head: bytes) -> str | None:
    rules = next(((needed, foreign) for claims, needed, foreign in _MEMBERS if fnmatchcase(claimed, claims)), None)
    names = list(_member_names(head))
    if rules is None or not names:
        return None
    member = _MIMETYPE.match(head)
    kind = member[1].decode() if member else claimed
    if not any(map(rules[0].match, names)) or any(map(rules[1].match, names)) or _document(kind) != _document(claimed):
        return f"the bytes are a ZIP, and not that of {claimed}"
    return None


def _document(kind: str) -> str:
    """Return the type of the documents that a template makes; LibreOffice calls databases ``base``."""
    return re.sub(r"[.-]template$", "", kind).replace("opendocument.base", "opendocument.database")


def _active_refusal(claimed: str, head: bytes) -> str | None:
    text = _text(head)
    claims = _claims_of_active(text)
    if claims is None or claims.fullmatch(claimed):
        return None
    if claims is _MARKUP_CLAIMS and (_is_xml(claimed) or (claimed in _CELLS and not _PAGE.match(text))):
        return None
    vendors = claimed == "text/plain" or (claimed.startswith("application/") and not is_text(claimed))
    if claims is _MARKUP_CLAIMS and vendors and _VENDOR_XML.match(text):
        return None
    return f"the bytes begin as HTML, SVG, XML or a script does, and not as {claimed}"


def _text_refusal(claimed: str, head: bytes) -> str | None:
    """Return why these bytes are not a text of this type, or ``None``."""
    if b"\0" in head and not _WIDE.match(head):
        return f"{claimed} is text, and the bytes hold NULs"
    text, xml = _text(head), _is_xml(claimed)
    shape = _SHAPES.get("+xml" if xml else "+json" if claimed.endswith("+json") else claimed)
    if shape is not None and not shape.match(text):
        return f"the bytes do not begin as {claimed} does"
    root = _root(text) if xml else None
    if claimed == "image/svg+xml" and root not in (None, "svg"):
        return f"the root element is {root} and not svg"
    if claimed not in _PAGES and root in ("html", "svg"):
        return f"the root element is {root}, which {claimed} has not"
    return None


def _root(text: bytes) -> str | None:
    """Return the name of the root element, lower-case and without its prefix; ``None`` if it does not stand here."""
    position = 0
    while found := _PROLOG.match(text, position):
        position = found.end()
    element = _ELEMENT.match(text, position)
    return element[1].decode(errors="replace").rpartition(":")[2].lower() if element else None


def _text(head: bytes) -> bytes:
    """Return the first bytes without byte order mark and blanks."""
    # Without their zeros, UTF-16 and UTF-32 become ASCII, which is close enough here.
    return _BEFORE_TEXT.sub(b"", head[:HEAD_BYTES].replace(b"\0", b""), count=1)


def _claims_of_active(text: bytes) -> re.Pattern[str] | None:
    """Return a pattern of the types that this active content may claim, or ``None`` if it does not look active."""
    return next((claims for pattern, claims in _ACTIVE if pattern.match(text)), None)
