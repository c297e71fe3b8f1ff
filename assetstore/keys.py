"""Rules for keys: what is valid, and how keys are joined. Pure functions, no I/O.

The rules are R2's, and hold for every backend: 1 to 1,024 bytes of UTF-8 (R2, "Limits"), in NFC, to which R2 folds every
key (R2, "Unicode interoperability").
"""

from __future__ import annotations

import unicodedata

from assetstore.errors import InvalidKeyError

MAX_KEY_BYTES = 1024


def normalize_key(key: str) -> str:
    """Return ``key`` in the one spelling under which it is stored.

    Raises:
        InvalidKeyError: the key is empty, longer than 1,024 bytes of UTF-8 after NFC normalisation, begins with ``/``,
            has a segment ``.`` or ``..``, or holds a control character or a lone surrogate.
    """
    if not isinstance(key, str):
        raise InvalidKeyError(f"a key is a str, not {type(key).__name__}")
    normal = key if key.isascii() and key.isprintable() else _normalize_unicode(key)
    if not normal:
        raise InvalidKeyError("a key has at least one character")
    if len(normal) > MAX_KEY_BYTES or (not normal.isascii() and len(normal.encode()) > MAX_KEY_BYTES):
        raise InvalidKeyError(
            f"a key has at most {MAX_KEY_BYTES} bytes of UTF-8, this one has {len(normal.encode())}"
        )
    _refuse_path_tricks(normal, normal.split("/"))
    return normal


def normalize_prefix(prefix: str) -> str:
    """Return ``prefix``, the beginning of some keys and possibly empty, in its one spelling.

    Raises:
        InvalidKeyError: no valid key can begin so.
    """
    if not isinstance(prefix, str):
        raise InvalidKeyError(f"a prefix is a str, not {type(prefix).__name__}")
    normal = _normalize_unicode(prefix)
    if len(normal.encode()) > MAX_KEY_BYTES:
        raise InvalidKeyError(f"a prefix has at most {MAX_KEY_BYTES} bytes of UTF-8")
    _refuse_path_tricks(normal, normal.split("/")[:-1])
    return normal


def is_valid_key(key: str) -> bool:
    """Tell whether ``key`` is valid and already in the spelling under which it is stored."""
    try:
        return normalize_key(key) == key
    except InvalidKeyError:
        return False


def join_key(*parts: str) -> str:
    """Join parts with ``/``, leaving out empty ones: ``join_key("maps", "", "keep.webp")`` is ``"maps/keep.webp"``."""
    return "/".join(part.strip("/") for part in parts if part.strip("/"))


def _normalize_unicode(text: str) -> str:
    # What is printable is neither a control character nor a surrogate.
    for character in "" if text.isprintable() else text:
        category = unicodedata.category(character)
        if category == "Cc":
            raise InvalidKeyError(f"a key holds no control characters, this one has U+{ord(character):04X}")
        if category == "Cs":
            raise InvalidKeyError("a key is valid Unicode, this one has a lone surrogate")
    return unicodedata.normalize("NFC", text)


def _refuse_path_tricks(key: str, segments: list[str]) -> None:
    if key.startswith("/"):
        raise InvalidKeyError("a key does not begin with '/'", hint="leave the leading slash out")
    if "." in segments or ".." in segments:
        raise InvalidKeyError("a key has no segment '.' or '..'")
