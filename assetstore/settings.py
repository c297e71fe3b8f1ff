"""Validates a plugin's settings against the attrs fields of its factory. Returns mistakes instead of raising them."""

from __future__ import annotations

import math
import os
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self
from urllib.parse import urlsplit

import attrs

from assetstore.errors import AssetStoreError, ConfigError, PluginError
from assetstore.limits import MAX_SETTING, MAX_SETTINGS, MAX_SETTINGS_DEPTH
from assetstore.per_process import PerProcess
from assetstore.plugin_faults import RAISED, is_own_failure, words_of

if TYPE_CHECKING:
    from assetstore.store import AssetStore

_BOOLEANS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


_IS_SECRET = "assetstore.secret"  # noqa: S105 - the mark on a field, not a secret


class SecretText(str):
    """A secret. Its repr is ``'***'``, so that no dump and no traceback with variables shows it. It cannot be pickled."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret cannot be pickled; make the object that holds it where it is needed")


def secret(**arguments: Any) -> Any:
    """Return an ``attrs.field`` for a secret of a plugin: a SecretText or a tuple of them, never shown, refused in URLs."""
    metadata = {**arguments.pop("metadata", {}), _IS_SECRET: True}
    given = arguments.pop("converter", None)
    converter = attrs.converters.pipe(*([given] if given else []), _concealed)
    return attrs.field(
        converter=converter, metadata=metadata, repr=lambda value: "None" if value is None else "'***'", **arguments
    )


def _concealed(value: Any) -> Any:
    """Return a text, or each text of a list, as a SecretText."""
    if isinstance(value, list | tuple):
        return type(value)(map(_concealed, value))
    return SecretText(value) if isinstance(value, str) else value


class OtherStore:
    """Another store, which a setting of a plugin names. It is opened once in each process, when it is first used.

    That of a wrapper is opened with the store above it, which must have no assets in common with it; if it cannot be opened
    then, it is when it is used.

    A field of this type, with ``as_other_store`` as its converter, is set in a configuration by the name of a store in the
    same file, or by a URL, and in a program also by an open store.

    Attributes:
        name: how messages name it; it holds no secret.
    """

    def __init__(self, name: str, make: Callable[[], AssetStore], *, is_ours: bool = True) -> None:
        self.name = name
        self._opened = PerProcess(make)
        self._is_ours = is_ours

    def get(self) -> AssetStore:
        """Return the store.

        Raises:
            ConfigError: its configuration is not valid; ``problems`` lists every mistake.
        """
        return self._opened.get()

    def close(self) -> None:
        """Close the store if it was opened here."""
        opened = self._opened.pop()
        if opened is not None and self._is_ours:
            opened.close()

    def __repr__(self) -> str:
        return f"<OtherStore {self.name}>"


def as_other_store(store: OtherStore | AssetStore) -> OtherStore:
    """Return an open store as one that whoever opened it closes: the converter of a field of a plugin."""
    return store if isinstance(store, OtherStore) else OtherStore(store.name, lambda: store, is_ours=False)


class Text(str):
    """A value from a URL or an environment variable, which can only be text and may mean a number."""

    __slots__ = ()


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` when a known name is similar, or an empty string."""
    import difflib  # slow to load, and seldom needed

    close = difflib.get_close_matches(name, sorted(known), 1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def fault_of(value: object) -> str | None:
    """Return what is wrong with a value that no setting of any plugin may have, or ``None``; looks into lists and tables.

    Numbers must be finite and of at most 64 bits, texts of bounded length and storable as UTF-8, names must be texts.
    """
    level = [value]
    for _ in range(MAX_SETTINGS_DEPTH):
        if not level:
            return None
        if len(level) > MAX_SETTINGS:
            return f"must have at most {MAX_SETTINGS:,} values"
        for each in level:
            if fault := _fault_of_one(each):
                return fault
        level = [inner for each in level for inner in _inside(each)]
    return f"must be nested at most {MAX_SETTINGS_DEPTH} deep"


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, Mapping):
        return [*value.keys(), *value.values()]
    return value if isinstance(value, list | tuple) else ()


def _fault_of_one(value: object) -> str | None:
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        return "must be a number of at most 64 bits"
    if isinstance(value, float) and not math.isfinite(value):
        return f"must be a finite number, got {value}"
    if isinstance(value, str | Path):
        return _fault_of_text(str(value))
    if isinstance(value, Mapping) and not all(isinstance(name, str) for name in value):
        return "the names in a table must be texts"
    return None


def _fault_of_text(text: str) -> str | None:
    if len(text) > MAX_SETTING:
        return f"must have at most {MAX_SETTING:,} characters, got {len(text):,}"
    if "\0" in text:
        return "must not contain a zero byte"
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return "must be valid Unicode, got a lone surrogate"
    return None


def is_web_url(text: str) -> bool:
    """Return whether a text is a URL of http or https with a host, without blanks and control characters."""
    try:
        parts = urlsplit(text)
        _ = parts.port  # a ValueError if it is not one
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and text.isprintable() and " " not in text


def secret_names(factory: Callable[..., object]) -> frozenset[str]:
    """Return the settings of a factory that are secrets."""
    return frozenset(field.alias or field.name for field in _fields(factory) if field.metadata.get(_IS_SECRET))


def check_settings(
    factory: Callable[..., object],
    settings: Mapping[str, object],
    *,
    folder: Path,
    known: Iterable[str] = (),
    other: Callable[[str], OtherStore] | None = None,
) -> tuple[dict[str, object], list[str]]:
    """Return the settings converted to the types of the factory's fields, and the mistakes in them.

    Args:
        factory: an attrs class; anything else takes no settings.
        settings: names and values from TOML, a URL or a program.
        folder: relative paths start here.
        known: other names that the table may have, to suggest in messages.
        other: finds the store that a setting names; its ValueError is a mistake of that setting.
    """
    fields = {field.alias or field.name: field for field in _fields(factory)}
    hints = _hints(factory) if fields else {}
    good: dict[str, object] = {}
    problems = []
    for name, value in settings.items():
        if name not in fields:
            problems.append(f"{name}: unknown{suggestion(name, {*fields, *known})}")
            continue
        try:
            hint = hints.get(fields[name].name, Any)
            named = other is not None and hint is OtherStore and isinstance(value, str)
            good[name] = other(str(value)) if other and named else _convert(value, hint, folder)
            if fields[name].metadata.get(_IS_SECRET):
                good[name] = _concealed(good[name])
        except ValueError as error:
            problems.append(f"{name}: {error}")
            continue
        # What comes from a variable or a URL is seen here first, and is a number only now.
        if fault := fault_of(good[name]):
            problems.append(f"{name}: {fault}")
    for name, field in fields.items():
        if field.default is attrs.NOTHING and name not in settings:
            problems.append(f"{name}: missing")
    return good, problems


def build(factory: Callable[..., object], settings: Mapping[str, object]) -> tuple[object, list[str]]:
    """Call the factory; return the object and the mistakes that the factory found.

    Raises:
        PluginError: the factory raised something else. The message does not name the plugin, whose name only the caller has.
    """
    try:
        return factory(**settings), []
    except ConfigError as error:
        hint = f"; {error.hint}" if error.hint else ""
        return None, [f"{problem}{hint}" for problem in error.problems]
    except AssetStoreError:
        raise
    except RAISED as error:
        if not is_own_failure(error):
            raise
        text = words_of(error)
        for secret_name in secret_names(factory):
            text = text.replace(str(settings.get(secret_name) or "\0"), "***")
        if isinstance(error, TypeError | ValueError):
            return None, [text.partition(": ")[2] or text]
        raise PluginError(f"cannot be made: {text}") from error


def _fields(factory: Callable[..., object]) -> list[attrs.Attribute[Any]]:
    if not isinstance(factory, type) or not attrs.has(factory):
        return []
    return [field for field in attrs.fields(factory) if field.init and field.name != "inner"]


def _hints(factory: Callable[..., object]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(factory)
    except NameError:  # an annotation that exists for type checkers alone
        return {}


def _convert(value: object, hint: Any, folder: Path) -> object:
    """Return ``value`` converted to the type ``hint``.

    Raises:
        ValueError: it cannot be converted; the message never holds the value.
    """
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return _convert_union(value, typing.get_args(hint), folder)
    kind = typing.get_origin(hint) or hint
    if isinstance(value, Text) and kind in (bool, int, float):
        return _parse(value, kind)
    if kind is Path and isinstance(value, str | Path):
        return folder / value
    if kind is tuple and isinstance(value, list | tuple):
        return tuple(_convert(item, typing.get_args(hint)[0], folder) for item in value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(kind, type) or kind in (Any, object):
        return value
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"must be {_article(kind)}, got {_article(type(value))}")
    return str(value) if isinstance(value, Text) else value


def _convert_union(value: object, hints: tuple[Any, ...], folder: Path) -> object:
    if value is None and type(None) in hints:
        return None
    problem = ValueError("must not be empty")
    for hint in hints:
        if hint is not type(None):
            try:
                return _convert(value, hint, folder)
            except ValueError as error:
                problem = error
    raise problem


def _parse(text: str, kind: Any) -> object:
    if kind is bool:
        if text.strip().lower() not in _BOOLEANS:
            raise ValueError("must be true or false")
        return _BOOLEANS[text.strip().lower()]
    try:
        return kind(text)
    except ValueError:
        raise ValueError(f"must be {_article(kind)}") from None


def _article(kind: type) -> str:
    names = {str: "a text", Text: "a text", int: "a whole number", float: "a number", bool: "true or false", dict: "a table"}
    names |= {Path: "a path", tuple: "a list", list: "a list", type(None): "nothing", Mapping: "a table"}
    names |= {OtherStore: "the name or URL of a store"}
    return names.get(kind, kind.__name__)
