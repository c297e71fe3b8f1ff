"""Makes text safe for a terminal, and numbers readable."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from assetstore.errors import without_users

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from assetstore.errors import AssetStoreError

_SHORT_ESCAPES = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_WORD = re.compile(r"[^\s'\"<>]+")
_SIZE = re.compile(r"(\d{1,15})(\.\d{1,9})? ?(b|([kmgt])(i?)(b?))?", re.ASCII)


def plain(text: str) -> str:
    """Return ``text`` with every non-printable character (control, bidi and others) except line feeds escaped."""
    if text.isprintable():
        return text
    return "".join(character if character == "\n" or character.isprintable() else _escape(character) for character in text)


def shown(text: str) -> str:
    """Return untrusted text for a terminal: unchanged if printable, otherwise as ``$'…'``, which a shell reads back."""
    if text and text.isprintable() and text == text.strip(" "):
        return text
    escaped = "".join(
        f"\\{character}" if character in "\\'" else character if character.isprintable() else _escape(character)
        for character in text
    )
    return f"$'{escaped}'"


def _escape(character: str) -> str:
    code = ord(character)
    if character in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[character]
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def without_secrets(text: str) -> str:
    """Return ``text`` without the users, passwords and query strings of its URLs; the query signs a URL."""
    return _WORD.sub(_without_query, without_users(text)) if "?" in text else without_users(text)


def _without_query(word: re.Match[str]) -> str:
    address, mark, query = word[0].partition("?")
    return f"{address}?***" if mark and query and ":/" in address else word[0]


def byte_count(text: str) -> int:
    """Return the bytes of a size: ``20M`` and ``20MiB`` are 20 times 1,048,576, ``20MB`` is 20 times 1,000,000.

    Raises:
        ValueError: the text is not a size.
    """
    from decimal import Decimal  # the help of the group does not need it

    found = _SIZE.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError("must be a number of bytes, or a size such as 512K, 20MiB or 1.5GB")
    unit, binary, decimal = found[4] or "", found[5], found[6]
    power = "kmgt".index(unit) + 1 if unit else 0
    return int(Decimal(found[1] + (found[2] or "")) * (1000 if decimal and not binary else 1024) ** power)


def duration(text: str) -> timedelta:
    """Return the time that ``30s``, ``15m``, ``12h``, ``7d`` or ``2w`` stands for; a number alone is seconds.

    Raises:
        ValueError: the text is not a time.
    """
    from datetime import timedelta

    from assetstore.errors import InvalidOptionError
    from assetstore.options import seconds_of  # the help of the group does not need the core

    try:
        return timedelta(seconds=seconds_of("time", text))
    except InvalidOptionError:
        raise ValueError("must be a number of seconds, or a time such as 90s, 15m, 1h or 7d") from None


def readable_size(count: float) -> str:
    """Return a size for people: ``"812 B"``, ``"1.2 MiB"``."""
    if count < 1024:
        return f"{count:.0f} B"
    for unit in ("KiB", "MiB", "GiB"):
        count /= 1024
        if count < 1000:
            return f"{count:.1f} {unit}"
    return f"{count / 1024:.1f} TiB"


def readable_time(moment: datetime | None) -> str:
    """Return a time for people, in the local time zone."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M}" if moment else "-"


def readable_age(moment: datetime | None, now: datetime | None = None) -> str:
    """Return how long ago something was, as ``--older-than`` takes it: ``41d``, ``5h``, ``12m``."""
    from datetime import UTC, datetime

    if moment is None:
        return "-"
    seconds = max(0, int(((now or datetime.now(UTC)) - moment).total_seconds()))
    size, unit = next((pair for pair in ((86_400, "d"), (3600, "h"), (60, "m")) if seconds >= pair[0]), (1, "s"))
    return f"{seconds // size}{unit}"


def readable_duration(seconds: float) -> str:
    """Return a duration for people: ``"1.2 s"``, ``"2 min 5 s"``, ``"3 h 20 min"``."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60:,} h {minutes % 60} min"


def as_options(text: str, keywords: Collection[str]) -> str:
    """Return a message of the library as one of a command, with the keywords named in it as options: ``--max-delete``."""
    # Words of one part, such as "delete", are words of the sentence too.
    names = "|".join(name for name in keywords if "_" in name)
    text = re.sub(r"\b(\w+)=True\b", lambda found: f"--{found[1].replace('_', '-')}", text)
    text = re.sub(rf"\bby ({'|'.join(keywords)})\b", lambda found: f"by --{found[1].replace('_', '-')}", text)
    return re.sub(rf"(?<!-)\b(?:{names})\b", lambda found: f"--{found[0].replace('_', '-')}", text)


def name_options(error: AssetStoreError, keywords: Collection[str]) -> None:
    """Name the keywords in an error of the library as the options of a command."""
    error.message = as_options(error.message, keywords)
    error.hint = error.hint and as_options(error.hint, keywords)


def counted(count: int, noun: str) -> str:
    """Return ``"1 asset"`` or ``"2 assets"``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def as_record(value: Any) -> dict[str, object]:
    """Return the fields of a result as JSON values, with times in ISO 8601."""
    return {name: _as_json(getattr(value, name)) for name in (field.name for field in type(value).__attrs_attrs__)}


def _as_json(value: object) -> object:
    from datetime import datetime

    if isinstance(value, datetime):
        return value.isoformat()
    return dict(value) if isinstance(value, Mapping) else value
