"""Opens a store from a URL, a name or a mapping."""

from __future__ import annotations

import functools
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import SplitResult, parse_qsl, quote, urlsplit

import attrs

from assetstore.entry_points import SCHEMES, described, load_factory
from assetstore.errors import ConfigError, PluginError, spelled, without_users
from assetstore.limits import MAX_CONFIG
from assetstore.plugin_faults import unusable, watched
from assetstore.settings import OtherStore, Text, build, check_settings, fault_of, secret_names, suggestion

if TYPE_CHECKING:
    from assetstore.hooks import Hooks
    from assetstore.store import AssetStore

DEFAULTS: Mapping[str, str] = {"naming": "naming", "stats": "stats"}

STORE_VARIABLE = "ASSETSTORE_STORE"
CONFIG_VARIABLE = "ASSETSTORE_CONFIG"
FILE_NAME = "assetstore.toml"
_FILE_NAMES = (FILE_NAME, "pyproject.toml")
_NAME_IT = f"name the file in {CONFIG_VARIABLE}, or the store by its URL"

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_FOLDER = re.compile(r"(\.{1,2}|~)?/|(\.{1,2}|~)$")
# tomllib takes time by the square of the parts of a key.
_ENDLESS_KEY = re.compile(r"(?<![\w\"'-])(?:[\w\"'-]++[ \t]*+\.[ \t]*+){100}")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(:-([^}]*))?\}")


@attrs.frozen(kw_only=True)
class Config:
    """The contents of a configuration file.

    Attributes:
        path: the file.
        default: name of the store that opens when none is named.
        stores: a table for each store, values as written.
    """

    path: Path
    default: str | None
    stores: Mapping[str, Mapping[str, Any]] = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class StoreConfig:
    """One store's table, not yet validated.

    Attributes:
        name: the store's name.
        table: its settings, values as written.
        folder: relative paths in the table start here.
        origin: where the table comes from, for messages.
        file: the configuration file that holds the table, if one does.
    """

    name: str
    table: Mapping[str, Any] = attrs.field(repr=False)
    folder: Path
    origin: str
    file: Path | None = None


@attrs.frozen
class Recipe:
    """How a store was opened, to open it again in another process: what its pickle consists of. It holds no secret.

    Attributes:
        store: a name in ``file``, or a URL.
        file: the configuration file, of which the other process reads what is in it then; ``None`` for a URL.
        folder: the relative paths of a URL start here.
    """

    store: str
    file: Path | None
    folder: Path

    @classmethod
    def of(cls, found: StoreConfig) -> Self:
        """Return the recipe of a store that was opened by its name or URL."""
        if found.file:
            return cls(found.name, found.file, found.folder)
        url = found.table["url"]
        # "~" may be another folder in the other process.
        return cls(os.path.expanduser(url) if _FOLDER.match(url) else url, None, found.folder)

    def open(self) -> AssetStore:
        """Open the store.

        Raises:
            ConfigError: the configuration is not valid here; ``problems`` lists every mistake.
        """
        try:
            if self.file:
                return build_store(_named(self.store, find_config(self.file)))
            return build_store(_of_url(self.store, self.folder))
        except ConfigError as error:
            error.hint = error.hint or "the store came pickled; this process must be able to open it as the sender did"
            raise


def open_store(
    store: str | Mapping[str, Any] | None = None, *, config: str | os.PathLike[str] | None = None
) -> AssetStore:
    """Open a store.

    Args:
        store: a URL (``"file:assets"``), a folder that begins with ``./``, ``../``, ``~/`` or ``/``, a name from a
            configuration file, or a mapping with the keys of such a table. By default ``ASSETSTORE_STORE``, then ``default``
            of the file.
        config: the file. By default ``ASSETSTORE_CONFIG``, then the nearest ``assetstore.toml``, or ``pyproject.toml`` with
            ``[tool.assetstore]``, from the working directory upwards.

    Raises:
        ConfigError: the configuration is not valid; ``problems`` lists every mistake.
    """
    found = find_store(store, config=config)
    recipe = None if isinstance(store, Mapping) else Recipe.of(found)
    # It may hold secrets, and a traceback may show the variables.
    del store
    opened = build_store(found)
    if recipe:
        opened._recipe = recipe  # noqa: SLF001 - what builds a store need not know how it was found
    return opened


def default_plugins() -> dict[str, object]:
    """Return new plugins for the slots ``naming`` and ``stats``, the ones that a store has by default.

    Raises:
        PluginError: one of them is not installed, or is disabled.
    """
    return {slot: load_factory(name)() for slot, name in DEFAULTS.items()}


def find_store(
    store: str | Mapping[str, Any] | None = None, *, config: str | os.PathLike[str] | None = None
) -> StoreConfig:
    """Find the table that ``open_store`` would open, without opening it.

    Raises:
        ConfigError: there is none.
    """
    if isinstance(store, Mapping):
        backend = store.get("backend")
        name = backend if isinstance(backend, str) else "store"
        return StoreConfig(name=name, table=store, folder=_here(), origin="the mapping")
    wanted = store or os.environ.get(STORE_VARIABLE)
    if fault := fault_of(wanted):
        raise ConfigError(f"the name or URL of a store {fault}", op="open")
    if wanted and (_FOLDER.match(wanted) or _URL.match(wanted)):
        return _of_url(wanted, _here())
    return _named(wanted, find_config(config))


def _of_url(url: str, folder: Path) -> StoreConfig:
    # The query may hold secrets, and so may the user part before the host.
    name = url if _FOLDER.match(url) else without_users(url).partition("?")[0]
    return StoreConfig(name=name, table={"url": url}, folder=folder, origin=f"the URL {name!r}")


def _named(wanted: str | None, found: Config | None) -> StoreConfig:
    wanted = wanted or (found.default if found else None)
    if found is None or not wanted:
        raise ConfigError(
            f"no store {wanted!r} is configured" if wanted else "no store was named and none is configured",
            hint=_folder_hint(wanted) or "name one, for example -s file:assets, or write an assetstore.toml",
        )
    if wanted not in found.stores:
        known = ", ".join(sorted(found.stores)) or "none"
        raise ConfigError(
            f"{found.path} has no store {wanted!r}{suggestion(wanted, found.stores)}; it has: {known}",
            hint=_folder_hint(wanted),
            store=wanted,
        )
    table = found.stores[wanted]
    origin = f"{found.path} [stores.{wanted}]"
    return StoreConfig(name=wanted, table=table, folder=found.path.parent, origin=origin, file=found.path)


def _folder_hint(name: str | None) -> str | None:
    """Return how to open the folder that has the name of a store that is not configured."""
    return f"to open the folder of this name, write ./{name.rstrip('/')}" if name and os.path.isdir(name) else None


def _folder_url(path: str) -> str:
    """Return the URL of a folder, with ``~`` as the user's home."""
    path = os.path.expanduser(path)
    return f"file:{'//' if os.path.isabs(path) else ''}{quote(os.fsencode(path))}"


def find_config(path: str | os.PathLike[str] | None = None) -> Config | None:
    """Return the configuration that applies, or ``None`` when there is no file.

    Raises:
        ConfigError: the named file is missing, or the file is not valid.
    """
    named = path or os.environ.get(CONFIG_VARIABLE)
    if named:
        return _load(Path(named)) or Config(path=Path(named), default=None, stores={})
    here = _here(f"cannot look for {FILE_NAME}", _NAME_IT)
    found = (folder / name for folder in (here, *here.parents) for name in _FILE_NAMES if _is_file(folder / name))
    return next((config for config in map(_load, found) if config is not None), None)


def _here(problem: str = "relative paths start nowhere", hint: str = "change to a folder that exists") -> Path:
    """Return the working directory.

    Raises:
        ConfigError: it was removed, or cannot be read.
    """
    try:
        return Path.cwd()
    except OSError as error:
        raise ConfigError(f"{problem}: there is no working directory: {error}", hint=hint) from error


def _is_file(path: Path) -> bool:
    # Path.is_file() says no, or raises an OSError, where that cannot be told; then another file further up would apply.
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise ConfigError(f"cannot tell whether there is {path}: {error.strerror}", hint=_NAME_IT) from error


def configured_plugins(store: str | None = None) -> frozenset[str]:
    """Return the names and URL schemes of the plugins that every store has, that the configuration names, and ``store`` has.

    Raises:
        ConfigError: the file is not valid, or there is no such store.
    """
    found = find_config()
    tables = [*(found.stores.values() if found else ()), *([find_store(store).table] if store else ())]
    return frozenset(DEFAULTS.values()).union(*map(_plugins_in, tables))


def _plugins_in(table: Mapping[str, Any]) -> Iterator[str]:
    url = str(table.get("url") or "")
    scheme = "file" if _FOLDER.match(url) else url.partition(":")[0]
    named: list[object] = [scheme, table.get("backend")]
    named += [slot.get("plugin") if isinstance(slot, Mapping) else slot for slot in map(table.get, DEFAULTS)]
    for names in (table.get("wrappers"), table.get("plugins")):
        named += names if isinstance(names, list | tuple) else ()
    return (name for name in named if isinstance(name, str) and name)


def build_store(config: StoreConfig) -> AssetStore:
    """Validate a store's table and open the store.

    Raises:
        ConfigError: the table is not valid; ``problems`` lists every mistake.
    """
    return _Builder(config).build()


def _load(path: Path) -> Config | None:
    import tomllib  # a store opened by its URL does not need it

    try:
        data: Any = tomllib.loads(_text_of(path))
    except (OSError, ValueError) as error:  # ValueError: an impossible name, bad UTF-8 or bad TOML
        raise ConfigError(f"cannot read {path}: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"cannot read {path}: its lists and tables are nested too deep") from error
    if path.name == "pyproject.toml":
        tool = data.get("tool")
        data = tool.get("assetstore") if isinstance(tool, dict) else None
        if data is None:
            return None
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: [tool.assetstore] must be a table, for example with a line default = \"dev\"")
    known = ("default", "stores")
    problems = [f"{path}: {name}: unknown{suggestion(name, known)}" for name in data if name not in known]
    stores = data.get("stores", {})
    if not isinstance(stores, dict) or not all(isinstance(table, dict) for table in stores.values()):
        problems.append(f"{path}: stores: must be a table of tables, for example [stores.dev]")
    if not isinstance(data.get("default", ""), str):
        problems.append(f"{path}: default: must be a text")
    if problems:
        raise _error(problems, None)
    return Config(path=path.absolute(), default=data.get("default"), stores=stores)


def _text_of(path: Path) -> str:
    """Return the text of a configuration file, with or without a byte-order mark.

    Raises:
        ValueError: it is a pipe, too long or not UTF-8.
    """
    with open(path, encoding="utf-8-sig", opener=_open_at_once) as file:
        text = file.read(MAX_CONFIG + 1)
    if len(text) > MAX_CONFIG:
        raise ValueError(f"a configuration must have at most {MAX_CONFIG:,} characters")
    if _ENDLESS_KEY.search(text):
        raise ValueError("a key must have at most 100 parts")
    return text


def _open_at_once(path: str, flags: int) -> int:
    # Without O_NONBLOCK, opening a pipe that nobody writes to would hang.
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ValueError("it must be a file, not a pipe")
    return descriptor


class _Open(str):
    """A text with a variable that could not be filled in. No plugin gets it, since one might make a file of that name."""

    __slots__ = ()


def _is_open(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(map(_is_open, value.values()))
    return isinstance(value, _Open) or (isinstance(value, list | tuple) and any(map(_is_open, value)))


class _Builder:
    """Builds one store; collects every mistake of its table and then raises them together."""

    def __init__(self, config: StoreConfig, above: tuple[str, ...] = ()) -> None:
        """Take the table, and the names of the stores one of whose wrappers uses this one, the first one first."""
        self.config = config
        self.above = (*above, config.name)
        self.circles: list[str] = []
        self.problems: list[str] = []
        for name, value in config.table.items():
            if fault := fault_of({name: value}):
                self._problem(spelled(name).strip("'"), fault)
        if self.problems:
            raise _error(self.problems, config.name)
        self.table = {name: self._expand(value, name) for name, value in config.table.items()}
        self._holds_secret = False

    def build(self) -> AssetStore:
        from assetstore.store import AssetStore  # to find a store needs none of it

        backend_name, factory, settings = self._backend()
        wrappers = [(name, self._load(name)) for name in self._names("wrappers")]
        plugins = [(name, self._load(name)) for name in self._names("plugins")]
        slots = [slot for slot in (self._slot(name) for name in DEFAULTS) if slot is not None]
        wrapper_settings = [self._settings(name, name, made, self._sub_table(name)) for name, made in wrappers]
        objects = [(name, self._make(name, name, made, self._sub_table(name))) for name, made in plugins]
        objects += [(name, self._make(name, name, made, table)) for name, made, table in slots]
        backend = self._make(backend_name, "", factory, {**self._rest(), **settings}) if factory else None
        if self.problems:
            raise _error(self.problems, self.config.name)
        if self._holds_secret and self.config.file and (reader := _reader_of(self.config.file)):
            _warn(f"{self.config.file} holds a secret and {reader}: chmod 600 it, or write ${{VARIABLE}} for the secret")
        stack = [
            (name, functools.partial(self._wrap, name, made, settings))
            for (name, made), settings in zip(wrappers, wrapper_settings, strict=True)
            if made is not None
        ]
        return AssetStore((backend_name, backend), wrappers=stack, plugins=objects, name=self.config.name)

    def _backend(self) -> tuple[str, Callable[..., object] | None, dict[str, object]]:
        url, name = self.table.get("url"), self.table.get("backend")
        if (url is None) == (name is None):
            self._problem("url", "give exactly one of url and backend")
            return "", None, {}
        if name is not None:
            name = self._plugin_name("backend", name)
            return name, self._load(name) if name else None, {}
        if isinstance(url, str) and _FOLDER.match(url):
            url = _folder_url(url)
        if not isinstance(url, str) or not _URL.match(url):
            self._problem("url", "must be a URL, for example 'file:assets'")
            return "", None, {}
        try:
            parts = urlsplit(url)
        except ValueError:  # the host is in a bracket that is not closed, or has characters that look like others
            self._problem("url", "must be a URL with a valid host, for example 's3://bucket'")
            return "", None, {}
        factory = self._load(parts.scheme, SCHEMES)
        return parts.scheme, factory, self._from_url(parts, factory) if factory else {}

    def _from_url(self, parts: SplitResult, factory: Callable[..., object]) -> dict[str, object]:
        fields: dict[str, str] = {}
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        _, colon, port = parts.netloc.partition(":")
        # A password with a slash or a question mark ends the host for urlsplit.
        has_password = bool(colon) and not port.isdecimal() and "@" in f"{parts.path}{parts.query}{parts.fragment}"
        has_users = any(without_users(value) != value for value in query.values())
        if "@" in parts.netloc or has_password or has_users or secret_names(factory) & query.keys():
            self._problem("url", "must not hold a secret; put it into the table or the environment")
            return {}
        if parts.fragment:
            self._problem("url", "must not have a '#'; write it as %23")
        try:
            with unusable(functools.partial(described, parts.scheme)):
                if from_url := getattr(factory, "from_url", None):
                    fields = dict(from_url(parts))
        except ConfigError as error:
            self.problems += [f"{self.config.origin}: url: {problem}" for problem in error.problems]
            return {}
        settings: dict[str, object] = {}
        for name, value in (*fields.items(), *query.items()):
            if name in settings or name in self.table:
                self._problem(name, "is given twice")
            settings[name] = Text(value)
        return settings

    def _rest(self) -> dict[str, object]:
        """Return the backend's own settings: the keys of the table that nothing else uses."""
        taken = {"url", "backend", "wrappers", "plugins", *DEFAULTS, *self._names("wrappers"), *self._names("plugins")}
        return {name: value for name, value in self.table.items() if name not in taken}

    def _slot(self, slot: str) -> tuple[str, Callable[..., object] | None, Mapping[str, object]] | None:
        """Return the plugin of a slot; its value is ``false``, a name, or a table of settings and perhaps ``plugin``."""
        value = self.table.get(slot, True)
        if value is False:
            return None
        if isinstance(value, str):
            return value, self._load(value), {} if value == slot else self._sub_table(value)
        if value is not True and not isinstance(value, Mapping):
            self._problem(slot, "must be false, a plugin name or a table")
            return None
        settings = {} if value is True else dict(value)
        name = self._plugin_name(f"{slot}.plugin", settings.pop("plugin", DEFAULTS[slot]))
        return name, self._load(name) if name else None, settings

    def _plugin_name(self, key: str, value: object) -> str:
        if isinstance(value, str) and value:
            return value
        self._problem(key, "must be the name of a plugin")
        return ""

    def _names(self, key: str) -> tuple[str, ...]:
        value = self.table.get(key, ())
        if isinstance(value, list | tuple) and all(isinstance(name, str) for name in value):
            return tuple(value)
        self._problem(key, "must be a list of plugin names")
        return ()

    def _sub_table(self, name: str) -> Mapping[str, object]:
        value = self.table.get(name, {})
        if isinstance(value, Mapping):
            return value
        self._problem(name, "must be a table of the plugin's settings")
        return {}

    def _load(self, name: str, group: str = "assetstore") -> Callable[..., object] | None:
        try:
            return load_factory(name, group)
        except PluginError as error:
            self.problems.append(f"{self.config.origin}: {error}")
            return None

    def _settings(
        self, name: str, key: str, factory: Callable[..., object] | None, table: Mapping[str, object]
    ) -> dict[str, object]:
        if factory is None:
            return {}
        try:
            with unusable(functools.partial(described, name)):
                return self._checked(key, factory, table)
        except PluginError as error:
            self.problems.append(f"{self.config.origin}: {error}")
            return {}

    def _checked(self, key: str, factory: Callable[..., object], table: Mapping[str, object]) -> dict[str, object]:
        self._holds_secret |= any(_is_literal(table[secret]) for secret in secret_names(factory) & table.keys())
        known = () if key else {"url", "backend", "wrappers", "plugins", *DEFAULTS}
        folder = self.config.folder
        settings, problems = check_settings(factory, table, folder=folder, known=known, other=self._other)
        self.problems += [self._where(key, problem) for problem in problems]
        return settings

    def _other(self, name: str) -> OtherStore:
        """Return the store that a setting names, which is a URL or stands in the same file.

        Raises:
            ValueError: there is none, or it uses this one in turn, so that no operation would ever end.
        """
        if _FOLDER.match(name) or _URL.match(name):
            found = _of_url(name, self.config.folder)
        else:
            try:
                found = _named(name, find_config(self.config.file))
            except ConfigError as error:
                raise ValueError(error.message) from error
            self._require_no_circle(found)
        return OtherStore(found.name, Recipe.of(found).open)

    def _require_no_circle(self, found: StoreConfig) -> None:
        if found.name in self.above:
            circles = [" -> ".join((*self.above, found.name))]
        else:
            # Its other mistakes are those of whoever opens it.
            below = _Builder(found, self.above)
            for name in below._names("wrappers"):
                below._settings(name, name, below._load(name), below._sub_table(name))
            circles = below.circles
        self.circles += circles
        if circles:
            raise ValueError(f"these stores go round in a circle: {circles[0]}")

    def _make(
        self, name: str, key: str, factory: Callable[..., object] | None, table: Mapping[str, object]
    ) -> object:
        """Make a plugin from its settings, which stand under ``key`` in the table; those of the backend under none."""
        before = len(self.problems)
        settings = self._settings(name, key, factory, table)
        if factory is None or len(self.problems) > before or _is_open(table):
            return None
        try:
            make = watched(build, lambda: f"{described(name)} has not returned from its construction")
            made, problems = make(factory, settings)
        except PluginError as error:
            self.problems.append(self._unmade(name, error))
            return None
        self.problems += [self._where(key, problem) for problem in problems]
        return made

    def _wrap(self, name: str, factory: Callable[..., object], settings: Mapping[str, object], inner: Hooks) -> object:
        try:
            made, problems = build(factory, {"inner": inner, **settings})
        except PluginError as error:
            raise _error([self._unmade(name, error)], self.config.name) from error
        if problems:
            raise _error([self._where(name, problem) for problem in problems], self.config.name)
        return made

    def _unmade(self, name: str, error: PluginError) -> str:
        return f"{self.config.origin}: {described(name)} {error}"

    def _where(self, name: str, problem: str) -> str:
        return f"{self.config.origin}: {name}.{problem}" if name else f"{self.config.origin}: {problem}"

    def _problem(self, key: str, text: str) -> None:
        problem = f"{self.config.origin}: {key}: {text}"
        if problem not in self.problems:
            self.problems.append(problem)

    def _expand(self, value: object, where: str) -> object:
        """Replace ``${VAR}`` and ``${VAR:-default}`` in every text of a value."""
        if isinstance(value, str):
            before = len(self.problems)
            if "${" in "".join(default or "" for _, _, default in _VARIABLE.findall(value)) + _VARIABLE.sub("", value):
                self._problem(where, "after '${' must come NAME} or NAME:-default}, without another '${' in it")
            expanded = _VARIABLE.sub(lambda match: self._variable(match, where), value)
            if len(self.problems) > before:
                return _Open(value)
            return Text(expanded) if expanded != value else value
        if isinstance(value, Mapping):
            return {name: self._expand(item, f"{where}.{name}") for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._expand(item, where) for item in value]
        return value

    def _variable(self, match: re.Match[str], where: str) -> str:
        found = os.environ.get(match[1]) or match[3]
        if found is None:
            self._problem(where, f"the environment variable {match[1]} is not set or is empty")
            return ""
        return found


def _is_literal(value: object) -> bool:
    """Return whether a setting is written in the table itself, in whole: with a variable in it, it is a Text."""
    if isinstance(value, list | tuple):
        return any(map(_is_literal, value))
    return isinstance(value, str) and value != "" and not isinstance(value, Text)


def _reader_of(path: Path) -> str | None:
    """Return who else can read a file, as far as this system tells."""
    if os.name != "posix":
        return None
    try:
        status = path.stat()
    except OSError:  # it was there when it was read
        return None
    if status.st_uid not in (os.getuid(), 0):
        return "belongs to another user"
    return "other users can read it" if status.st_mode & (stat.S_IRGRP | stat.S_IROTH) else None


@functools.cache
def _warn(text: str) -> None:
    """Log a warning, once in each process."""
    import logging  # to find a store needs none of it

    logging.getLogger("assetstore").warning("%s", text)


def _error(problems: list[str], store: str | None) -> ConfigError:
    message = problems[0] if len(problems) == 1 else "\n  ".join([f"{len(problems)} mistakes:", *problems])
    return ConfigError(message, problems=tuple(problems), op="open", store=store)
