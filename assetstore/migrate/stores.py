"""Opens the stores of a migration by their addresses, once in each process. An address holds no secret."""

from __future__ import annotations

import functools
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import attrs

from assetstore.config import Recipe, find_store
from assetstore.entry_points import SCHEMES, load_factory
from assetstore.errors import ConfigError, InvalidOptionError, without_users
from assetstore.per_process import PerProcess
from assetstore.settings import secret_names
from assetstore.store import AssetStore
from assetstore.sync.address import Address


def named(store: str | AssetStore, what: str, *, folder: bool = False) -> str | None:
    """Return the address of a store as documents and tasks may hold it; ``None`` for a live object.

    Args:
        store: the address or the store.
        what: what it is, for messages, for example ``the source``.
        folder: whether a path may stand for the store that keeps its assets there.

    Raises:
        InvalidOptionError: it names no store, or holds a secret.
    """
    if isinstance(store, AssetStore):
        return None
    address = Address.parse(store)
    if address.path is not None and folder:
        return f"{address.path.absolute()}"
    if address.store is None:
        problem = f"{what} must be a store, got {without_users(store)!r}"
        raise InvalidOptionError(problem, hint="name a configured store, for example prod:maps/, or a URL")
    _refuse_secrets(address.store, what)
    # The query of a URL, which the text of an address leaves out, may be needed to open it.
    return f"{address.store}{'#' if ':' in address.store else ':'}{address.folder}" if address.key else store


def _refuse_secrets(store: str, what: str) -> None:
    parts = urlsplit(store)
    hidden: list[str] = [] if without_users(store) == store else ["a user or a password"]
    if parts.query:
        secrets = secret_names(load_factory(parts.scheme.lower(), SCHEMES))
        hidden += [name for name, _ in parse_qsl(parts.query) if name in secrets]
    if hidden:
        problem = f"the address of {what} must hold no secret, and it has {' and '.join(hidden)}"
        raise InvalidOptionError(problem, hint="put the store into assetstore.toml and name it")


def opened(store: str | AssetStore, folder: str | None = None) -> AssetStore:
    """Return a store; one that is named is opened once in each process, however many shards need it.

    Args:
        store: an address, or a store.
        folder: relative paths of a URL start here; by default in the working directory.

    Raises:
        ConfigError: it cannot be opened.
    """
    if isinstance(store, AssetStore):
        return store
    address = Address.parse(store)
    name = str(address.path.absolute()) if address.path else str(address.store)
    try:
        recipe = Recipe.of(find_store(name))
        if folder is not None and recipe.file is None:
            recipe = attrs.evolve(recipe, folder=Path(folder))
        whole = _shared(recipe).get()
    except ConfigError as error:
        error.op = error.op or "open"
        raise
    return whole.scoped(address.folder) if address.key else whole


def close_opened() -> None:
    """Close what this process has opened by name."""
    for shared in _OPENED:
        if (store := shared.pop()) is not None:
            store.close()


@functools.cache
def _shared(recipe: Recipe) -> PerProcess[AssetStore]:
    shared = PerProcess(recipe.open)
    _OPENED.append(shared)
    return shared


_OPENED: list[PerProcess[AssetStore]] = []
