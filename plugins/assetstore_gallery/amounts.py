"""Writes numbers and sizes as the pages' languages do; ``readable`` in ``static/actions.js`` writes the same sizes."""

from __future__ import annotations

UNITS = {
    "en": ("bytes", "kB", "MB", "GB", "TB"),
    "de": ("Byte", "kB", "MB", "GB", "TB"),
    "fr": ("octets", "ko", "Mo", "Go", "To"),
}
_SEPARATORS = {"en": (",", "."), "de": (".", ","), "fr": ("\u202f", ",")}
"""What stands between thousands, and before the decimals."""
_SINGULAR = {"en": ((1, "byte"),), "de": (), "fr": ((0, "octet"), (1, "octet"))}


def number(language: str, value: float, decimals: int = 0) -> str:
    """Return a number with its thousands apart: ``1,234`` is ``1.234`` in German."""
    thousands, point = _SEPARATORS[language]
    return f"{value:,.{decimals}f}".translate({ord(","): thousands, ord("."): point})


def readable(language: str, count: int) -> str:
    """Return a number of bytes in the largest unit that leaves a whole number before the point: ``1.5 MB``.

    No line ends between the number and the unit.
    """
    power, rest = 0, float(count)
    while rest >= 1000 and power < len(UNITS[language]) - 1:
        power, rest = power + 1, rest / 1000
    unit = dict(_SINGULAR[language]).get(count, UNITS[language][power])
    return f"{number(language, rest, 1).removesuffix(f'{_SEPARATORS[language][1]}0')}\u00a0{unit}"
