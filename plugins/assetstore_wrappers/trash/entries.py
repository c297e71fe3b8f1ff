"""The keys in the trash: ``.trash/KEY/TIME-RANDOM``, or ``.trash/~SHA256/TIME-RANDOM`` for a KEY too long for that."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import UTC, datetime

from assetstore.plugin import limits

FOLDER = ".trash/"

KEY_NAME = "trashed-key"
"""The metadata name under which an asset keeps a key that does not fit into that in the trash."""

_STAMP = re.compile(r"(\d{8}T\d{6}\d{6}Z)-[0-9a-f]{8}", re.ASCII)
_FORM = "%Y%m%dT%H%M%S%fZ"
_STAMP_BYTES = len("20261128T201831123456Z-00000000")
_HASHED = re.compile(r"~[0-9a-f]{64}", re.ASCII)


def is_long(key: str) -> bool:
    """Return whether a key leaves no room in the key of its entry."""
    return len(f"{FOLDER}{key}/".encode()) + _STAMP_BYTES > limits.MAX_KEY_BYTES


def folder_of(key: str) -> str:
    """Return what the entries of all deletions of a key begin with."""
    return f"{FOLDER}~{hashlib.sha256(key.encode()).hexdigest()}/" if is_long(key) else f"{FOLDER}{key}/"


def new_entry(key: str) -> str:
    """Return the key in the trash for a deletion now. Two deletions never have the same."""
    return f"{folder_of(key)}{datetime.now(UTC).strftime(_FORM)}-{secrets.token_hex(4)}"


def parse(entry: str) -> tuple[str, datetime] | None:
    """Return the key that was deleted, or the hash of a long one, and when; ``None`` for what is not an entry."""
    key, _, stamp = entry.removeprefix(FOLDER).rpartition("/")
    found = _STAMP.fullmatch(stamp)
    if not entry.startswith(FOLDER) or not key or found is None:
        return None
    try:
        return key, datetime.strptime(found[1], _FORM).replace(tzinfo=UTC)
    except ValueError:  # for example a 13th month
        return None


def is_hashed(key: str) -> bool:
    """Return whether what ``parse`` returned may be the hash of a long key; only the metadata tell."""
    return _HASHED.fullmatch(key) is not None
