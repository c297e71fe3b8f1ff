"""Finds the assets that the arguments of a command name: keys, globs and folders."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

import attrs
import click

from assetstore.errors import InvalidKeyError, InvalidOptionError, NotFoundError
from assetstore.keys import normalize_prefix
from assetstore.results import AssetInfo
from assetstore.store import AssetStore

_WILD = re.compile(r"[*?\[]")
_TOKEN = re.compile(r"\*\*+/|\*\*+|\*|\?|\[!?\]?[^\]]*\]|.", re.DOTALL)


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


@attrs.frozen(kw_only=True)
class Selector:
    """Interprets the arguments of a command.

    Attributes:
        recursive: whether each is a folder.
        literal: whether none is a glob.
    """

    recursive: bool = False
    literal: bool = False

    def is_glob(self, store: AssetStore, argument: str) -> bool:
        """Return whether an argument is a glob: it has ``*``, ``?`` or ``[``, and no asset has exactly this key."""
        if self.literal or not _WILD.search(argument):
            return False
        try:
            return not store.exists(argument)
        except InvalidKeyError:
            return True

    def select(self, store: AssetStore, argument: str) -> Iterator[Selected]:
        """Yield the assets that an argument selects.

        Raises:
            NotFoundError: no asset matches the glob or is in the folder; a plain key is not looked up.
        """
        if self.recursive:
            prefix = f"{argument.rstrip('/')}/" if argument.strip("/") else ""
            found = _below(store.list(prefix), len(prefix))
            missing = "there is no asset in this folder"
        elif self.is_glob(store, argument):
            found = _below(matches(store, argument), argument.rfind("/", 0, _first_wild(argument)) + 1)
            missing = "no asset matches this glob"
        else:
            yield Selected(key=argument, info=None, relative=argument.rpartition("/")[2])
            return
        empty = True
        for selected in found:
            empty = False
            yield selected
        if empty:
            raise NotFoundError(missing, op=click.get_current_context().info_name, key=argument, store=store.name)

    def select_all(self, store: AssetStore, arguments: Sequence[str]) -> Iterator[Selected]:
        """Yield the assets that several arguments select, each once."""
        seen = set()
        for argument in arguments:
            for selected in self.select(store, argument):
                if selected.key not in seen:
                    seen.add(selected.key)
                    yield selected

    def is_single(self, store: AssetStore, arguments: Sequence[str]) -> bool:
        """Return whether the arguments are one key."""
        return len(arguments) == 1 and not self.recursive and not self.is_glob(store, arguments[0])


def matches(store: AssetStore, pattern: str) -> Iterator[AssetInfo]:
    """Yield the assets whose keys match a glob; lists only the part of the store that can match."""
    fixed = pattern[: _first_wild(pattern)]
    regex = glob_regex(pattern)
    deep = "/" in pattern[len(fixed) :] or "**" in pattern
    try:
        normalize_prefix(fixed)
    except InvalidKeyError:
        # Foreign keys may begin in ways that no valid key does.
        fixed, deep = "", True
    for entry in store.list(fixed, recursive=deep):
        if isinstance(entry, AssetInfo) and regex.fullmatch(entry.key):
            yield entry


def glob_regex(pattern: str) -> re.Pattern[str]:
    """Return the regex of a glob: ``*`` and ``?`` stay between slashes, ``**`` crosses them, ``[a-z]`` is a set."""
    tokens = _TOKEN.findall(unicodedata.normalize("NFC", pattern))
    try:
        return re.compile("".join(_token_regex(token) for token in tokens), re.DOTALL)
    except re.error as error:
        hint = "write a range like [a-z], or use --literal"
        raise InvalidOptionError(f"the glob {pattern!r} is not valid: {error.msg}", hint=hint) from error


def _token_regex(token: str) -> str:
    if token.startswith("**"):
        return "(?:.*/)?" if token.endswith("/") else ".*"
    if token in ("*", "?"):
        return "[^/]*" if token == "*" else "[^/]"  # noqa: S105 - a token of a pattern, not a password
    if len(token) > 1:
        negated = token.startswith("[!")
        members = "".join(character if character == "-" else re.escape(character) for character in token[1 + negated : -1])
        return f"(?!/)[{'^' if negated else ''}{members}]"
    return re.escape(token)


def _first_wild(pattern: str) -> int:
    found = _WILD.search(pattern)
    return found.start() if found else len(pattern)


def _below(infos: Iterator[AssetInfo], cut: int) -> Iterator[Selected]:
    for info in infos:
        yield Selected(key=info.key, info=info, relative=info.key[cut:])
