"""Cleans file names so that they fit into a key, a URL and a disk."""

from __future__ import annotations

import re
import unicodedata

MAX_NAME_BYTES = 200
FALLBACK = "asset"

# Letters and their marks, numbers, and symbols such as emoji: no spaces, controls or bidi overrides.
_SAFE = {"Ll", "Lm", "Lo", "Lt", "Lu", "Mc", "Me", "Mn", "Nd", "Nl", "No", "So"}
_SUFFIX = re.compile(r"\.[A-Za-z0-9_-]{1,16}", re.ASCII)


def clean_filename(filename: str) -> tuple[str, str]:
    r"""Return the stem and the suffix of a file name, made of letters, digits, symbols, ``.``, ``-`` and ``_`` alone.

    Leading folders, of any system, are cut off; each sequence of other characters becomes one ``_``. The stem is never
    empty and does not begin with a dot. Both together have at most 200 bytes of UTF-8, so that they fit on any disk.

    Example::

        assert clean_filename(r"C:\fakepath\Old keep (1).png") == ("Old_keep_1_", ".png")
        assert clean_filename("../..") == ("asset", "")
    """
    last = unicodedata.normalize("NFC", filename).replace("\\", "/").rpartition("/")[2].rstrip(". ")
    stem, dot, end = last.rpartition(".")
    suffix = dot + end
    if not stem.strip(".") or not _SUFFIX.fullmatch(suffix):
        stem, suffix = last, ""
    clean = re.sub("\0+", "_", "".join(c if _is_safe(c) else "\0" for c in stem))
    # A cut between characters keeps the text in NFC.
    short = clean.encode()[: MAX_NAME_BYTES - len(suffix)].decode(errors="ignore").strip(".")
    return (short if short.strip("._-") else FALLBACK), suffix


def _is_safe(character: str) -> bool:
    return character in "._-" or unicodedata.category(character) in _SAFE
