"""Keys that are valid and odd, and keys that are not valid: what file systems, URLs, XML and shells trip over."""

from __future__ import annotations

import string
import unicodedata

_POSITIONS = ("{0}", "{0}x", "x{0}y", "x{0}", "x/{0}/y")
_PUNCTUATION = [position.format(mark) for mark in string.punctuation if mark not in "./" for position in _POSITIONS[1:4]]

_SLASHES = [
    *("a", "a/", "a//", "a/b", "a//b", "a///b", "a/b/"),
    *("a/b/c", "a/b//c", "a/b//", "b/", "c/d/", "c//", "x//y//z"),
]
_DOTS = [
    *("...", "....", ".a", "a.", "..a", "a..", "a/...", "a/..b"),
    *("a/b..", ".hidden/x", "a/.hidden", "x.", "x./y", "x../y"),
]
_SPACES = [
    *(" ", "  ", " a", "a ", "a b", "a  b", " /", " / ", "a / b"),
    *("a/ b", "a /b", "x\u00a0y", "x\u3000y", "x\u2009y", "\u3000"),
]
_PERCENT = [
    *("%", "%%", "%2", "%2F", "a%2Fb", "a%2fb", "a%5Cb", "%2e%2e"),
    *("%2E", "%2e%2e/a", "%00", "a%00b", "%25", "%252F", "100%"),
]
_QUERIES = [
    *("a+b", "a%20b", "a%2Bb", "?acl", "?uploads", "?list-type=2"),
    *("a?versionId=1", "a?b=c&d=e", "#", "#a", "a#b", "a;b=c"),
]
_SHELL = [
    *("$HOME", "${HOME}", "`id`", "$(id)", "*", "?", "-rf"),
    *("--help", "~", "~/x", "~root", "a|b>c", "!!", "'\"'", "a\\ b"),
]
_WINDOWS = [
    *("con", "CON", "nul", "aux.txt", "com1", "lpt9.png", "prn/x"),
    *("x/con", "a:b", "C:", "C:x", "C:\\x", "a*b", "desktop.ini"),
]
_BACKSLASHES = ["\\", "\\\\", "a\\b", "a\\..\\b", "..\\a", "\\\\host\\share", "a/\\/b", "a\\", "\\a"]
_MARKUP = [
    *("<a>", "</Key>", "&amp;", "&lt;b&gt;", "a&b", "]]>"),
    *("<!--", "<img src=x onerror=alert(1)>", '"><svg>', "&#10;"),
]
_WORDS = [
    *("None", "null", "true", "NaN", "0", "-1", "1e3", "{}"),
    *("[]", "{key}", "{{x}}", "%s", "%(a)s", "${x}", "undefined"),
]
_URLS = [
    *("http://x/y", "file:///x", "s3://b/k", "user@host"),
    *("host:80/x", "a=b", "a,b", "a@b/c", "mailto:x", "data:,x"),
]
_CASES = [
    *("Case", "case", "CASE", "case/Inner", "Case/inner"),
    *("case/inner", "ß", "ẞ", "ss", "SS", "İ", "ı", "ſ", "σ", "ς", "Σ"),
]
_LETTERS = [
    *("é", "e", "É", "Å", "ñ/ñ", "ﬁ", "fi", "日本語", "한국어"),
    *("кириллица", "ελληνικά", "ไทย", "हिन्दी", "ạ̈", "q̣̇", "中/文/字"),
]
_RIGHT_TO_LEFT = [
    *("עברית", "العربية", "א/ב", "a/ב/c", "\u202egnp.exe"),
    *("x\u202ey", "\u200fa", "\u2066a\u2069", "a\u061cb"),
]
_INVISIBLE = [
    *("\u200b", "a\u200bb", "a\u200cb", "a\u200db", "\ufeffa"),
    *("a\ufeff", "a\u00adb", "a\u2060b", "a\u2028b", "a\u2029b"),
]
_SYMBOLS = [
    *("👍", "👍🏽", "👨‍👩‍👧‍👦", "🇩🇪", "❤", "❤️", "🏴‍☠️", "x/🎲/y"),
    *("😀.png", "\U0001f9ff", "𝒜", "𐍈", "①", "½", "…", "“a”"),
]
_EDGES = [
    *("\u00ff", "\ud7ff", "\ue000", "\uf8ff", "\ufffd"),
    *("\uffee", "\U00010000", "\U000e0001", "\U0010fffd", "~\u00ff"),
]
_OURS = [
    *(".assetstore", ".assetstore/x", ".assetstore/tmp/x"),
    *("a/.assetstore", ".part", "x.part", "x.tmp", "x.json", ".x.meta"),
]
_LONG = [
    *("s" * 200, "s" * 240, "s" * 241, "s" * 250, "s" * 251, "s" * 254, "s" * 255, "s" * 256, "s" * 257, "s" * 1000),
    *("s" * 254 + "/x", "s" * 255 + "/x", "x/" + "s" * 256, "s" * 256 + "/x", "s" * 300 + ".png"),
    *("s" * 500 + "/" + "t" * 490, "é" * 120, "é" * 127, "é" * 128, "漢" * 85, "漢" * 86, "😀" * 63, "😀" * 64),
    *("😀" * 250, "d/" * 30 + "x", "d/" * 490 + "x"),
]

ODD_KEYS: tuple[str, ...] = tuple(
    dict.fromkeys(
        unicodedata.normalize("NFC", key)
        for group in (
            *(_SLASHES, _DOTS, _SPACES, _PERCENT, _QUERIES, _SHELL, _WINDOWS, _BACKSLASHES, _MARKUP, _WORDS, _URLS, _CASES),
            *(_LETTERS, _RIGHT_TO_LEFT, _INVISIBLE, _SYMBOLS, _EDGES, _OURS, _LONG, _PUNCTUATION),
        )
        for key in group
    )
)
"""Valid keys of at most 1,000 bytes, all distinct; each must round-trip beside all others."""

INVALID_KEYS: tuple[object, ...] = (
    *("", "/", "/a", "//a", ".", "..", "./a", "../a", "a/.", "a/..", "a/./b", "a/../b", "a/../../b"),
    *("\0", "a\0b", "a\nb", "a\rb", "a\tb", "\x1b[2J", "a\x7f", "\x80", "a\x9fb", "\ud800", "a\udfffb"),
    *("k" * 1025, "é" * 513, "a/" * 512 + "b", None, 1, b"a", True),
)
"""What is no key, some of it not even text."""
