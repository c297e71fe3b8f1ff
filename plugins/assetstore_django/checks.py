"""System checks: each mistake in ``STORAGES`` is named by the path of its key."""

from __future__ import annotations

import difflib
import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.apps import apps
from django.conf import STATICFILES_STORAGE_ALIAS, settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's name
from django.utils.module_loading import import_string

from assetstore import AssetStore, AssetStoreError, ConfigError
from assetstore.plugin import PresignOptions, normalize_prefix
from assetstore_django.storage import AssetStorage

_APP, _STATICFILES = "assetstore_django", "django.contrib.staticfiles"


def check_storages(**_: object) -> list[CheckMessage]:
    """Return the mistakes in the options of each storage that is ours. Nothing is sent to a store."""
    ours = {alias: params for alias, params in settings.STORAGES.items() if issubclass(_class_of(params), AssetStorage)}
    messages = [message for alias, params in ours.items() for message in _check(alias, params)]
    if STATICFILES_STORAGE_ALIAS in ours:
        messages += _check_order()
    return messages


def _class_of(params: Mapping[str, Any]) -> type:
    """Return the class of a storage; what cannot be imported is for Django to report."""
    try:
        found = import_string(params["BACKEND"])
    except (ImportError, KeyError, TypeError, AttributeError):
        return object
    return found if isinstance(found, type) else object


def _check(alias: str, params: Mapping[str, Any]) -> Iterator[CheckMessage]:
    options = params.get("OPTIONS", {})
    path = f'STORAGES["{alias}"]["OPTIONS"]'
    if not isinstance(options, Mapping) or not all(isinstance(name, str) for name in options):
        kind = type(options).__name__  # never the value, which may hold secrets
        yield Error(f"{path}: must be a table of options by their names, got a {kind}", id="assetstore.E002")
        return
    known = _options_of(_class_of(params))
    for name in options:
        if name not in known:
            close = difflib.get_close_matches(name, sorted(known), 1)
            hint = f"did you mean {close[0]!r}?" if close else f"it takes: {', '.join(sorted(known))}"
            yield Error(f'{path}["{name}"]: unknown option; {hint}', id="assetstore.E001")
    for name, check in _VALUES.items():
        try:
            if name in options:
                check(options[name])
        except (AssetStoreError, TypeError) as error:
            what = error.message if isinstance(error, AssetStoreError) else str(error)
            yield Error(f'{path}["{name}"]: {what}', id="assetstore.E002")
    # A class derived from ours may know its store itself.
    if "store" in options or not _is_derived(_class_of(params)):
        yield from _check_store(path, options)


def _is_derived(kind: type) -> bool:
    return not kind.__module__.startswith("assetstore_django.")


def _options_of(kind: type) -> set[str]:
    """Return the names of the arguments of a class, also of those that it hands on to the classes below it."""
    names: set[str] = set()
    for base in kind.__mro__:
        if "__init__" in vars(base):
            parameters = inspect.signature(base.__init__).parameters.values()  # type: ignore[misc]  # of a class
            names |= {item.name for item in parameters if item.kind in (item.POSITIONAL_OR_KEYWORD, item.KEYWORD_ONLY)}
            if not any(item.kind == item.VAR_KEYWORD for item in parameters):
                break
    return names - {"self"}


def _boolean(value: object) -> None:
    if value is not None and not isinstance(value, bool):
        raise TypeError(f"must be True or False, got {value!r}")


def _location(value: Any) -> None:
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(f"must be a text or a path, got {value!r}")
    normalize_prefix(str(value).strip("/"))


_VALUES: Mapping[str, Callable[[Any], object]] = {
    "expires": lambda value: PresignOptions(expires=value),
    "window": lambda value: PresignOptions(expires=1, window=value),
    "location": _location,
    "overwrite": _boolean,
    "public": _boolean,
}


def _check_store(path: str, options: Mapping[str, Any]) -> Iterator[CheckMessage]:
    """Open the store, which sends nothing, and compare it with what the options ask of it."""
    given = options.get("store")
    if not isinstance(given, (str, Mapping, AssetStore, type(None))):
        yield Error(
            f'{path}["store"]: must be a name, a URL or a table, got a {type(given).__name__}', id="assetstore.E003"
        )
        return
    try:
        store = AssetStorage(given).store
    except ConfigError as error:
        for problem in error.problems:
            yield Error(f'{path}["store"]: {problem}', hint=error.hint, id="assetstore.E003")
        return
    try:
        yield from _compare(path, options, store)
    finally:
        if not isinstance(given, AssetStore):
            store.close()


def _compare(path: str, options: Mapping[str, Any], store: AssetStore) -> Iterator[CheckMessage]:
    public = options.get("public")
    if public and not store.can("url"):
        yield Error(
            f'{path}["public"]: the store {store.name!r} has no public URLs',
            hint="set public_url in the table of the store, or leave public out for signed URLs",
            id="assetstore.E004",
        )
    if not public and not store.can("url") and not store.can("presign"):
        yield Warning(
            f'{path}["store"]: the store {store.name!r} has neither public nor signed URLs, so url() fails',
            id="assetstore.W001",
        )
    if not settings.DEBUG and "gone with the process" in store.location:
        yield Warning(
            f'{path}["store"]: the store {store.name!r} is in memory, so its files are gone with the process',
            hint="name a folder or a bucket, for example 'file:media'",
            id="assetstore.W002",
        )


def _check_order() -> Iterator[CheckMessage]:
    names = [config.name for config in apps.get_app_configs()]
    if _STATICFILES in names and names.index(_APP) > names.index(_STATICFILES):
        yield Warning(
            f"INSTALLED_APPS: {_APP!r} must stand before {_STATICFILES!r}, whose collectstatic otherwise asks the store"
            " about every file and uploads one after the other",
            id="assetstore.W003",
        )
