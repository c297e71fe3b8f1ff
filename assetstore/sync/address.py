"""Addresses: texts that name a store and a key in it, or a path on this machine."""

from __future__ import annotations

import os
import re
from pathlib import Path

import attrs

from assetstore.config import find_config
from assetstore.entry_points import SCHEMES, is_installed
from assetstore.errors import ConfigError, InvalidOptionError, without_users
from assetstore.settings import suggestion

_STORE = re.compile(r"([^/:]+):(//)?")
_PATH = re.compile(r"/|(~|\.\.?)(/|$)")


def _named(store: str | None) -> str | None:
    """Return the name of a store for messages: the query of its URL may hold a secret."""
    return None if store is None else without_users(store).partition("?")[0]


@attrs.frozen
class Address:
    """What a text names: a key or a folder of keys in a store, or a path on this machine.

    The beginning of the text decides, and nothing is looked up but the names of the configured stores:

    * ``/``, ``./``, ``../`` and ``~`` begin the path of a plain file or folder: ``./art``;
    * ``:`` begins a key of the command's own store, whatever it looks like: ``:dev:x`` is the key ``dev:x``;
    * ``NAME:`` is a configured store, and what follows is a key as it is: ``dev:maps/``, ``dev:dev:x``;
    * ``SCHEME:`` of an installed backend and any ``SCHEME://`` begin a URL, which is a whole store; a key follows behind
      ``#``, as it is: ``s3://bucket#maps/``, ``file:assets?profile=r2#a.webp``;
    * everything else is a key of the command's own store, which ``-s`` or the configuration names. A word is never taken
      for a path because there happens to be such a file.

    Another word with ``:`` behind it is a store that does not exist, and an error, so that a slip writes no odd key.

    Attributes:
        store: the name of a configured store, or a URL; ``None`` for the store that the command works on.
        key: the key, or a folder of keys; empty for the whole store.
        path: the path of a file or folder, instead of both.
    """

    store: str | None = attrs.field(default=None, repr=_named)  # type: ignore[arg-type]  # attrs formats what it returns
    key: str = ""
    path: Path | None = None

    @classmethod
    def parse(cls, text: str) -> Address:
        """Return what a text names.

        Raises:
            InvalidOptionError: the text is empty, or begins with ``~`` for a user without a home.
            ConfigError: it begins with the name of a store that is not configured; the error lists those that are.
        """
        if not text:
            raise InvalidOptionError("an address must not be empty", hint="write NAME:key, a URL, or a path such as ./art")
        if text.startswith(":"):
            return cls(key=text[1:])
        if _PATH.match(text):
            return cls(path=_expanded(text))
        found = _STORE.match(text)
        if found is None:
            return cls(key=text)
        config = find_config()
        stores = {} if config is None else config.stores
        if found[1] in stores and not found[2]:
            return cls(store=found[1], key=text[found.end() :])
        if found[2] or is_installed(found[1].lower(), SCHEMES):
            # A password may hold a '#'. Whoever opens such a URL refuses it whole.
            url, _, key = text.partition("#") if without_users(text) == text else (text, "", "")
            return cls(store=url, key=key)
        known = ", ".join(sorted(stores)) or "none"
        raise ConfigError(
            f"no store {found[1]!r} is configured{suggestion(found[1], stores)}; there are: {known}",
            hint="correct the name; if this is a key, write ':' in front of it",
            store=found[1],
        )

    def __str__(self) -> str:
        """The address as messages and other processes may have it: without the query of a URL it holds no secret."""
        if self.path is not None:
            text = str(self.path)
            return text if _PATH.match(text) else f".{os.sep}{text}"
        if self.store is None:
            return f":{self.key}"
        named = _named(self.store) or ""
        if ":" not in named:
            return f"{named}:{self.key}"
        return f"{named}#{self.key}" if self.key else named

    @property
    def folder(self) -> str:
        """The key as the beginning of the keys in it: without the slash, ``site`` would be that of ``site-old/`` too."""
        return self.key if not self.key or self.key.endswith("/") else f"{self.key}/"


def _expanded(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        # As in a container that runs as a user nobody has entered.
        message = f"{text!r} needs a home, and this user has none"
        raise InvalidOptionError(message, hint="set HOME, or write the path") from error
