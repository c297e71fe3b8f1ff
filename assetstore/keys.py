"""Rules for keys: what is valid, how keys are joined and matched by globs, how a scope translates them. Pure, no I/O.

The rules are R2's, and hold for every backend: 1 to 1,024 bytes of UTF-8 (R2, "Limits"), in NFC, to which R2 folds every
key (R2, "Unicode interoperability").
"""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

import attrs

from assetstore.errors import BackendError, InvalidKeyError, InvalidOptionError
from assetstore.limits import MAX_GLOB, MAX_KEY_BYTES
from assetstore.results import AssetInfo, Prefix

Entry = TypeVar("Entry", AssetInfo, Prefix)

MAX_ALTERNATIVES = 1000
_TOKEN = re.compile(r"\*\*+/|\*\*+|\*|\?|\[!?+\]?+[^\]]*\]|.", re.DOTALL)


def normalize_key(key: str) -> str:
    """Return ``key`` as it is stored.

    Raises:
        InvalidKeyError: the key is empty, longer than 1,024 bytes of UTF-8 after NFC normalisation, begins with ``/``,
            has a segment ``.`` or ``..``, or contains a control character or a lone surrogate.
    """
    if not isinstance(key, str):
        raise InvalidKeyError(f"a key must be a str, got {type(key).__name__}")
    normal = key if key.isascii() and key.isprintable() else _normalize_unicode(key)
    if not normal:
        raise InvalidKeyError("a key must have at least one character")
    # A character has at most four bytes.
    if len(normal) > MAX_KEY_BYTES // 4 and len(normal.encode()) > MAX_KEY_BYTES:
        raise InvalidKeyError(f"a key must have at most {MAX_KEY_BYTES} bytes of UTF-8, got {len(normal.encode())}")
    if normal[0] in "/." or "/." in normal:
        _refuse_path_tricks(normal, normal.split("/"))
    return normal


def normalize_prefix(prefix: str) -> str:
    """Return ``prefix``, the beginning of some keys and possibly empty, as it would be stored.

    Raises:
        InvalidKeyError: no valid key can begin so.
    """
    if not isinstance(prefix, str):
        raise InvalidKeyError(f"a prefix must be a str, got {type(prefix).__name__}")
    normal = _normalize_unicode(prefix)
    if len(normal.encode()) > MAX_KEY_BYTES:
        raise InvalidKeyError(f"a prefix must have at most {MAX_KEY_BYTES} bytes of UTF-8")
    _refuse_path_tricks(normal, normal.split("/")[:-1])
    return normal


def is_valid_key(key: str) -> bool:
    """Return whether ``key`` is valid and already spelled as it is stored."""
    is_plain = isinstance(key, str) and key.isascii() and key.isprintable() and 0 < len(key) <= MAX_KEY_BYTES
    if is_plain and key[0] not in "/." and "/." not in key:
        return True  # as almost all of a million
    try:
        return normalize_key(key) == key
    except InvalidKeyError:
        return False


_BLANK = vars(AssetInfo(key="", size=0))


def listed_asset(
    key: str, size: int, etag: str | None = None, last_modified: datetime | None = None, digest: str | None = None
) -> AssetInfo:
    """Return an entry of a listing; whether it is ``valid`` is found out from its key.

    It is what ``AssetInfo(…)`` would be. A page has a thousand of them, which this makes in half the time.

    Args:
        key: as for ``AssetInfo``, and so are the others.
        size: bytes.
        etag: without quotes.
        last_modified: aware UTC.
        digest: with its kind.
    """
    fields = _BLANK.copy()
    fields["key"], fields["size"], fields["etag"] = key, size, etag
    fields["last_modified"], fields["digest"], fields["valid"] = last_modified, digest, is_valid_key(key)
    return _with_fields(fields)


def _with_fields(fields: dict[str, Any]) -> AssetInfo:
    """Return an asset of fields that are known to be right; attrs would look at each of them anew."""
    info = object.__new__(AssetInfo)
    object.__setattr__(info, "__dict__", fields)
    return info


def join_key(*parts: str) -> str:
    """Join parts with ``/``, leaving out empty ones: ``join_key("maps", "", "keep.webp")`` is ``"maps/keep.webp"``."""
    return "/".join(part.strip("/") for part in parts if part.strip("/"))


@functools.lru_cache(maxsize=256)
def glob_regex(pattern: str, *, ignore_case: bool = False) -> re.Pattern[str]:
    """Return the regex of a glob.

    ``*`` and ``?`` stay between slashes, ``**`` crosses them, ``[a-z]`` is a set, and ``{png,jpg}`` stands for each of its
    parts, as in a shell.

    Raises:
        InvalidOptionError: it is longer than 1,024 characters, a range goes backwards, or its braces stand for more than
            1,000 globs.
    """
    globs = (_TOKEN.findall(glob) for glob in expand_braces(unicodedata.normalize("NFC", pattern)))
    regex = "|".join("".join(_token_regex(token) for token in glob) for glob in globs)
    try:
        return re.compile(regex, re.DOTALL | (re.IGNORECASE if ignore_case else re.NOFLAG))
    except re.error as error:
        message = f"the glob {pattern!r} is not valid: {error.msg}"
        raise InvalidOptionError(message, hint="write a range like [a-z]") from error


def expand_braces(pattern: str) -> list[str]:
    """Return the globs without braces that a glob stands for. Braces without a comma, or in a set, are themselves."""
    if len(pattern) > MAX_GLOB:
        raise InvalidOptionError(f"a glob must have at most {MAX_GLOB:,} characters, got {len(pattern):,}")
    globs: list[str] = [""]
    rest = _TOKEN.findall(pattern)
    while rest:
        token, *rest = rest
        parts, rest = _alternatives(rest) if token == "{" else ([], rest)  # noqa: S105 - a token of a pattern
        choices = [glob for part in parts for glob in expand_braces(part)] or [token]
        globs = [glob + choice for glob in globs for choice in choices]
        if len(globs) > MAX_ALTERNATIVES:
            message = f"the braces of a glob must stand for at most {MAX_ALTERNATIVES:,} globs, got more in {pattern!r}"
            raise InvalidOptionError(message, hint="use fewer braces")
    return globs


def _alternatives(tokens: list[str]) -> tuple[list[str], list[str]]:
    """Return the parts between commas up to the brace that closes, and the tokens after; no parts if there is no comma."""
    parts, depth = [""], 1
    for position, token in enumerate(tokens):
        depth += {"{": 1, "}": -1}.get(token, 0)
        if not depth:
            return (parts, tokens[position + 1 :]) if len(parts) > 1 else ([], tokens)
        if token == "," and depth == 1:  # noqa: S105 - a token of a pattern
            parts.append("")
        else:
            parts[-1] += token
    return [], tokens


def _token_regex(token: str) -> str:
    if token.startswith("**"):
        return "(?:.*/)?" if token.endswith("/") else ".*"
    if token in ("*", "?"):
        return "[^/]*" if token == "*" else "[^/]"  # noqa: S105 - a token of a pattern, not a password
    if len(token) > 1:
        negated = token.startswith("[!")
        members = "".join(character if character == "-" else re.escape(character) for character in token[1 + negated : -1])
        return f"(?!/)[{'^' if negated else ''}{members}]"
    return re.escape(token)


def glob_covers(glob: str, path: str, *, ignore_case: bool = False) -> bool:
    """Return whether a glob matches a path or a folder above it.

    A glob without ``/`` is compared with the name of each, at any depth, as rsync does; one with ``/`` with the whole path
    from its beginning. A glob that ends with ``/`` means folders only, and so does a path that ends with it.

    Raises:
        InvalidOptionError: the glob is not valid.
    """
    regex = glob_regex(glob.strip("/"), ignore_case=ignore_case)
    whole = "/" in glob.rstrip("/")
    names = unicodedata.normalize("NFC", path).rstrip("/").split("/")
    paths = list(itertools.accumulate(names, "{}/{}".format))
    folders = paths if path.endswith("/") else paths[:-1]
    candidates = folders if glob.endswith("/") else paths
    return any(regex.fullmatch(candidate if whole else candidate.rpartition("/")[2]) for candidate in candidates)


@attrs.frozen(kw_only=True)
class Filter:
    """Says which of the files or assets that are named a command takes; ``glob_covers`` says how globs are compared.

    Attributes:
        include: globs, of which one must match; without any, everything does.
        exclude: globs, of which none may match. ``*`` beside an include means "nothing else" and is implied.
        ignore_case: whether upper and lower case are the same.
    """

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    ignore_case: bool = False

    def takes(self, path: str) -> bool:
        """Return whether a file is taken; ``path`` is relative to the folder that was named."""
        if not self.include and not self.exclude:
            return True  # of a million keys
        return (not self.include or self._matches(self.include, path)) and not self.leaves_out(path)

    def leaves_out(self, path: str) -> bool:
        """Return whether ``path`` is excluded: a file, or with ``/`` at its end a folder and so everything in it."""
        exclude = [glob for glob in self.exclude if not self.include or glob.strip("*/")]
        return self._matches(exclude, path)

    def _matches(self, globs: Sequence[str], path: str) -> bool:
        return any(glob_covers(glob, path, ignore_case=self.ignore_case) for glob in globs)


def _normalize_unicode(text: str) -> str:
    # Printable text has neither control characters nor surrogates.
    for character in "" if text.isprintable() else text:
        category = unicodedata.category(character)
        if category == "Cc":
            raise InvalidKeyError(f"a key must not contain control characters, got U+{ord(character):04X}")
        if category == "Cs":
            raise InvalidKeyError("a key must be valid Unicode, got a lone surrogate")
    return unicodedata.normalize("NFC", text)


def _refuse_path_tricks(key: str, segments: list[str]) -> None:
    if key.startswith("/"):
        raise InvalidKeyError("a key must not begin with '/'", hint="leave the leading slash out")
    if "." in segments or ".." in segments:
        raise InvalidKeyError("a key must not have a segment '.' or '..'")


@attrs.frozen
class Scope:
    """The part of a store under a prefix. Translates keys between its users and the backend.

    Attributes:
        prefix: the beginning of every key; empty for a whole store.
    """

    prefix: str = attrs.field(default="", converter=normalize_prefix)

    def inward(self, key: str) -> str:
        """Return the backend's key for a user's, valid and normalised.

        Raises:
            InvalidKeyError: one of the two is not valid.
        """
        normal = normalize_key(key)
        if not self.prefix:
            return normal
        room = MAX_KEY_BYTES - len(self.prefix.encode())
        if len(normal) > room // 4 and (size := len(normal.encode())) > room:
            raise InvalidKeyError(f"a key must have at most {room} bytes of UTF-8 below {self.prefix!r}, got {size}")
        return self._within(normalize_key(self.prefix + normal))

    def problem_of(self, key: str) -> str | None:
        """Return why no asset can have exactly this key, or ``None``."""
        try:
            normal = normalize_key(key)
            self.inward(normal)
        except InvalidKeyError as error:
            return error.message
        return None if normal == key else f"the key must be spelled {normal!r}, in NFC"

    def inward_prefix(self, prefix: str) -> str:
        """Return the backend's prefix for a user's."""
        return self._within(normalize_prefix(self.prefix + normalize_prefix(prefix)))

    def outward(self, entry: Entry) -> Entry:
        """Return an entry of the backend with the user's key."""
        if not self.prefix:
            return entry
        if not entry.key.startswith(self.prefix):
            raise BackendError(f"the backend returned {entry.key!r}, which lies outside {self.prefix!r}")
        key = entry.key[len(self.prefix) :]
        if type(entry) is not AssetInfo:
            return attrs.evolve(entry, key=key)
        fields = vars(entry).copy()
        fields["key"] = key
        if key[:1] in ("", "/", "."):  # what a prefix leaves of a valid key need not be one
            fields["valid"] = entry.valid and is_valid_key(key)
        return _with_fields(fields)

    def _within(self, key: str) -> str:
        # NFC composes a combining character at the front of a key with the last one of the prefix.
        if not key.startswith(self.prefix):
            message = f"the key's first character combines with the end of the prefix {self.prefix!r}"
            raise InvalidKeyError(message, hint="end the prefix with '/'")
        return key
