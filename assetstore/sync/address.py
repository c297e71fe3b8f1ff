"""Addresses: texts that name a store and a key in it, or a path on this machine."""

from __future__ import annotations

import re
from pathlib import Path

import attrs

from assetstore.config import find_config
from assetstore.entry_points import SCHEMES, is_installed

_NAME = re.compile(r"([^/:]+):")
_PATH = re.compile(r"(/|~|\.\.?(/|$))")


@attrs.frozen
class Address:
    """What a text names.

    Attributes:
        store: the name of a configured store, or a URL; ``None`` for the store that the command works on.
        key: the key, or a folder of keys.
        path: the path of a file or folder, instead of both.
    """

    store: str | None = None
    key: str = ""
    path: Path | None = None

    @classmethod
    def parse(cls, text: str) -> Address:
        """Return what a text names.

        ``NAME:key`` is a key in a configured store, and what follows the colon is taken as it is; a URL is a whole store; a
        path begins with ``/``, ``./``, ``../`` or ``~``. Anything else is a key of the store that the command works on, and
        a colon in front of it says that it is one, although it begins otherwise.
        """
        if text.startswith(":"):
            return cls(key=text[1:])
        if _PATH.match(text):
            return cls(path=Path(text).expanduser())
        found = _NAME.match(text)
        if found is None:
            return cls(key=text)
        config = find_config()
        if config is not None and found[1] in config.stores:
            return cls(store=found[1], key=text[found.end() :])
        return cls(store=text) if is_installed(found[1].lower(), SCHEMES) else cls(key=text)
