"""Says what is refused as a target."""

from __future__ import annotations

import re
from collections.abc import Iterable

import click

from assetstore.cli.session import PAST
from assetstore.config import find_config
from assetstore.entry_points import SCHEMES, is_installed
from assetstore.errors import InvalidKeyError, InvalidOptionError
from assetstore.keys import normalize_key
from assetstore.store import AssetStore

_STORE = re.compile(r"([^/:]+):(//)?")


def names_store(text: str) -> bool:
    """Return whether a key or path begins with the name of a configured store, a backend's scheme, or any ``scheme://``."""
    found = _STORE.match(text)
    if found is None:
        return False
    if found[2] or is_installed(found[1].lower(), SCHEMES):
        return True
    config = find_config()
    return config is not None and found[1] in config.stores


def other_store(text: str, store: AssetStore) -> InvalidOptionError:
    """Return the error for a key or path that begins like a store; one command works on one store."""
    name = text.partition(":")[0] + ":"
    message = f"a key must not begin with a store, and {name!r} is one: a command works within one store"
    hint = f"name the store by -s and leave it out of the key, or use --literal if {text!r} is the key"
    return InvalidOptionError(message, hint=hint, op=_operation(), key=text, store=store.name)


def refuse_other_store(text: str, store: AssetStore) -> None:
    """Refuse a target that begins like a store.

    Raises:
        InvalidOptionError: it does.
    """
    if names_store(text):
        raise other_store(text, store)


def as_stored(key: str) -> str:
    """Return a key as the store keeps it, in NFC; an invalid one as it is, since its own operation fails."""
    try:
        return normalize_key(key)
    except InvalidKeyError:
        return key


def refuse_meetings(store: AssetStore, pairs: Iterable[tuple[str, str]], hint: str) -> None:
    """Refuse sources of which one would overwrite the other.

    Args:
        store: the store, for the message.
        pairs: sources and targets.
        hint: what to do next.

    Raises:
        InvalidOptionError: two sources have the same target.
    """
    sources: dict[str, str] = {}
    for source, given in pairs:
        target = as_stored(given)
        if sources.setdefault(target, source) != source:
            message = f"{sources[target]!r} and {source!r} would both become {target!r}"
            raise InvalidOptionError(message, hint=hint, op=_operation(), key=target, store=store.name)


def refuse_chains(store: AssetStore, op: str, pairs: Iterable[tuple[str, str]]) -> None:
    """Refuse targets that are to be copied or moved themselves: which of their bytes would go on is a matter of chance.

    Args:
        store: the store that has all sources and targets, whatever its names are.
        op: ``copy`` or ``move``.
        pairs: sources and targets.

    Raises:
        InvalidOptionError: a target is another pair's source.
    """
    pairs = list(pairs)
    sources = {as_stored(source) for source, _ in pairs}
    for source, target in pairs:
        if as_stored(target) in sources and as_stored(target) != as_stored(source):
            message = f"{source!r} would overwrite {target!r}, which is to be {PAST[op]} too"
            hint = "choose another destination, or leave one out by --exclude"
            raise InvalidOptionError(message, hint=hint, op=op, key=target, store=store.name)


def _operation() -> str | None:
    return click.get_current_context().info_name
