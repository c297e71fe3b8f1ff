"""Finds the assets that the arguments of a command name: keys, globs and folders, less what its filters leave out."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import attrs
import click

from assetstore.cli.session import F, literal_option, recursive_option
from assetstore.cli.targets import names_store, other_store
from assetstore.errors import InvalidKeyError, NotFoundError
from assetstore.keys import Filter, expand_braces, glob_regex, normalize_prefix
from assetstore.results import AssetInfo, Prefix
from assetstore.store import AssetStore

_WILD = re.compile(r"[*?\[]")


def marks_folder(entry: AssetInfo | Prefix) -> bool:
    """Return whether an entry is an asset that marks a folder: consoles make them, without bytes, with ``/`` at the end."""
    return isinstance(entry, AssetInfo) and entry.key.endswith("/") and entry.size == 0


@attrs.frozen(kw_only=True)
class Selected:
    """An asset that an argument selects.

    Attributes:
        key: its key.
        info: its entry in the listing, or ``None`` if the argument is its key.
        relative: its path below the folder that the argument names.
    """

    key: str
    info: AssetInfo | None
    relative: str

    @property
    def size(self) -> int | None:
        """Its size in bytes, or ``None`` if it was not listed."""
        return None if self.info is None else self.info.size

    @property
    def is_folder(self) -> bool:
        """Whether it marks a folder."""
        return self.info is not None and marks_folder(self.info)


@attrs.frozen(kw_only=True)
class Selector:
    """Interprets the arguments of a command.

    Attributes:
        recursive: whether each is a folder.
        literal: whether none is a glob or begins with the name of a store.
        addressed: whether the stores of addresses were taken off, so that what is left is a key, whatever it begins with.
        keep_folders: whether paths begin with the name of the folder that an argument names.
        filtering: says which assets are left.
    """

    recursive: bool = False
    literal: bool = False
    addressed: bool = False
    keep_folders: bool = False
    filtering: Filter = attrs.field(factory=Filter)

    def is_glob(self, store: AssetStore, argument: str) -> bool:
        """Return whether an argument is a glob: it has ``*``, ``?``, ``[`` or ``{a,b}``, and no asset has exactly this key.

        With ``ignore_case`` every argument is one, unless an asset has this key.
        """
        if self.literal or not (self.filtering.ignore_case or _WILD.search(argument) or len(expand_braces(argument)) > 1):
            return False
        return not _is_there(store, argument)

    def refuse_other_store(self, store: AssetStore, argument: str) -> None:
        """Refuse an argument that begins with the name of a store or a URL's scheme, unless an asset has exactly this key.

        Raises:
            InvalidOptionError: it begins so.
        """
        if self.literal or self.addressed or not names_store(argument):
            return
        if self.recursive or not _is_there(store, argument):
            raise other_store(argument, store)

    def select(self, store: AssetStore, argument: str) -> Iterator[Selected]:
        """Yield the assets that an argument selects and the filter takes.

        Raises:
            InvalidOptionError: the argument begins with the name of another store or with a URL's scheme.
            NotFoundError: no asset matches the glob or is in the folder; a plain key is not looked up.
        """
        self.refuse_other_store(store, argument)
        if self.recursive:
            prefix = f"{argument.rstrip('/')}/" if argument.strip("/") else ""
            infos, below, missing = store.list(prefix), len(prefix), "there is no asset in this folder"
            cut = prefix.rfind("/", 0, -1) + 1 if self.keep_folders else below
        elif self.is_glob(store, argument):
            infos, missing = matches(store, argument, ignore_case=self.filtering.ignore_case), "no asset matches this glob"
            below = cut = argument.rfind("/", 0, _first_wild(argument)) + 1
        else:
            name = argument.rpartition("/")[2]
            if self.filtering.takes(name):
                yield Selected(key=argument, info=None, relative=name)
            return
        info = None
        for info in infos:
            if self.filtering.takes(info.key[below:]):
                yield Selected(key=info.key, info=info, relative=info.key[cut:])
        if info is None:
            raise NotFoundError(missing, op=click.get_current_context().info_name, key=argument, store=store.name)

    def select_all(self, store: AssetStore, arguments: Sequence[str]) -> Iterator[Selected]:
        """Yield the assets that several arguments select, each once.

        Raises:
            NotFoundError: an argument selects nothing, or the filter takes nothing.
        """
        seen = set()
        for argument in arguments:
            for selected in self.select(store, argument):
                if selected.key not in seen:
                    seen.add(selected.key)
                    yield selected
        if not seen:
            raise nothing_left(store)

    def is_single(self, store: AssetStore, arguments: Sequence[str]) -> bool:
        """Return whether the arguments are one key."""
        return len(arguments) == 1 and not self.recursive and not self.is_glob(store, arguments[0])


def _is_there(store: AssetStore, argument: str) -> bool:
    try:
        return store.exists(argument)
    except InvalidKeyError:
        return False


def nothing_left(store: AssetStore) -> NotFoundError:
    """Return the error for filters that leave nothing."""
    message = "--include and --exclude leave nothing"
    return NotFoundError(message, hint="correct the globs", op=click.get_current_context().info_name, store=store.name)


def matches(store: AssetStore, pattern: str, *, ignore_case: bool = False) -> Iterator[AssetInfo]:
    """Yield the assets whose keys match a glob; lists only the part of the store that can match."""
    regex = glob_regex(pattern, ignore_case=ignore_case)
    fixed = pattern[: _first_wild(pattern)]
    if ignore_case:
        fixed = "".join(itertools.takewhile(lambda character: character.lower() == character.upper(), fixed))
    deep = any("/" in glob[len(fixed) :] or "**" in glob for glob in expand_braces(pattern))
    try:
        normalize_prefix(fixed)
    except InvalidKeyError:
        # Foreign keys may begin in ways that no valid key does.
        fixed, deep = "", True
    for entry in store.list(fixed, recursive=deep):
        if isinstance(entry, AssetInfo) and regex.fullmatch(entry.key):
            yield entry


def _first_wild(pattern: str) -> int:
    found = re.search(r"[*?\[{]", pattern)
    return found.start() if found else len(pattern)


ignore_case_option: Callable[[F], F] = click.option(
    "-i", "--ignore-case", is_flag=True, help="Let globs ignore upper and lower case."
)


def filter_options(function: F) -> F:
    """Add the options that make a ``Filter``; the function gets it as ``filtering``."""

    @functools.wraps(function)
    def call(*args: Any, include: Sequence[str], exclude: Sequence[str], ignore_case: bool, **options: Any) -> Any:
        filtering = Filter(include=include, exclude=exclude, ignore_case=ignore_case)
        return function(*args, filtering=filtering, **options)

    for add in (
        ignore_case_option,
        click.option("--exclude", multiple=True, metavar="GLOB", help="Leave out what matches; repeatable."),
        click.option("--include", multiple=True, metavar="GLOB", help="Take only what matches; repeatable."),
    ):
        add(call)
    return cast(F, call)


def selecting(function: F) -> F:
    """Add the options that make a ``Selector``; the function gets it as ``selector``."""

    @functools.wraps(function)
    def call(*args: Any, recursive: bool, literal: bool, filtering: Filter, **options: Any) -> Any:
        keep_folders = options.pop("keep_folders", False)
        selector = Selector(recursive=recursive, literal=literal, keep_folders=keep_folders, filtering=filtering)
        return function(*args, selector=selector, **options)

    return recursive_option(literal_option(filter_options(cast(F, call))))
