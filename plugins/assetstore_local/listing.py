"""Listing in the order of the keys, holding one folder's names at a time for each level and looking at nothing else."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple, TypeAlias

from assetstore import AssetInfo, ListOptions, ListPage, Prefix, is_valid_key
from assetstore.keys import MAX_KEY_BYTES
from assetstore_local.names import RESERVED, Names, file_names, folder_names, folder_of, read_name, spellings
from assetstore_local.records import info_of
from assetstore_local.tree import Tree


class _Entry(NamedTuple):
    """A file and its key, or a folder and what all keys in it begin with, up to and with the ``/``."""

    key: str
    names: Names
    is_folder: bool
    rank: int


_Entries: TypeAlias = Iterator[_Entry]


def list_page(tree: Tree, prefix: str, options: ListOptions) -> ListPage:
    """Return one page. The cursor is the least key that may come next."""
    start = max(options.cursor or "", _behind(options.start_after) if options.start_after else "")
    walk = _Walk(tree, prefix, start)
    items: list[AssetInfo] = []
    prefixes: list[Prefix] = []
    for entry in walk:
        if len(items) + len(prefixes) == options.limit:
            return ListPage(items=tuple(items), prefixes=tuple(prefixes), next_cursor=walk.start)
        head, slash, _ = entry.key[len(prefix) :].partition("/")
        if slash and not options.recursive:
            prefixes.append(Prefix(key=f"{prefix}{head}/"))
            walk.start = f"{prefix}{head}{chr(ord('/') + 1)}"
        elif (status := tree.status(entry.names)) and stat.S_ISREG(status.st_mode):
            items.append(info_of(entry.key, status))
            walk.start = _behind(entry.key)
    return ListPage(items=tuple(items), prefixes=tuple(prefixes))


def _behind(key: str) -> str:
    # No character of a valid key comes before the space.
    return f"{key} "


class _Walk:
    """The assets whose keys begin with ``prefix`` and are not less than ``start``, which may be raised on the way.

    Python orders ``str`` by code points, which is the order of their UTF-8 bytes. Depth first is the order of the keys
    when a folder stands among its siblings by its name and a ``/``.
    """

    def __init__(self, tree: Tree, prefix: str, start: str) -> None:
        self.start = start
        self._tree = tree
        self._prefix = prefix

    def __iter__(self) -> _Entries:
        base = self._prefix[: self._prefix.rfind("/") + 1]
        # No recursion: a valid key may be 512 folders deep.
        stack = [self._folder(_Entry(base, folder_of(base), True, 0))]
        while stack:
            entry = next(stack[-1], None)
            if entry is None:
                stack.pop()
            elif self._wanted(entry):
                if not entry.is_folder:
                    if is_valid_key(entry.key):
                        yield entry
                elif len(entry.key) <= MAX_KEY_BYTES:
                    stack.append(self._folder(entry))

    def _wanted(self, entry: _Entry) -> bool:
        start = self.start[: len(entry.key)] if entry.is_folder else self.start
        return entry.key >= start and entry.key.startswith(self._prefix)

    def _folder(self, folder: _Entry) -> _Entries:
        entries: dict[str, _Entry] = {}
        for entry in self._scan(folder.key, "", folder.names):
            # Of two files with one key, the one that a reader finds.
            if entry.key not in entries or entry.rank < entries[entry.key].rank:
                entries[entry.key] = entry
        return iter([entries[key] for key in sorted(entries)])

    def _scan(self, base: str, before: str, names: Names) -> _Entries:
        """Yield what is wanted of a folder and of the folders in it that hold the rest of long names, in no order."""
        try:
            with os.scandir(self._tree.folder(names)) as found:
                entries = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in found if _is_plain(entry)]
        except FileNotFoundError:
            return
        for name, is_folder in entries:
            segment = read_name(before, name, folder=is_folder)
            if segment is None or (name == RESERVED and not names):
                continue
            text, complete = segment
            if complete:
                entry = _Entry(f"{base}{text}/" if is_folder else base + text, (*names, name), is_folder, 0)
                if self._wanted(entry):
                    yield from (entry,) if name.isascii() and not before else _ranked(entry, text, top=not base)
            elif len(base + text) < MAX_KEY_BYTES:
                yield from self._scan(base, text, (*names, name))


def _is_plain(entry: os.DirEntry[str]) -> bool:
    return entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False)


def _ranked(entry: _Entry, segment: str, *, top: bool) -> _Entries:
    """Yield the entry with its rank, and nothing when no reader would come to it."""
    if entry.is_folder:
        candidates = tuple(product(*map(spellings, folder_names(segment, top=top))))
    else:
        candidates = file_names(segment, top=top)
    for rank, names in enumerate(candidates):
        if entry.names[-len(names) :] == names:
            yield entry._replace(rank=rank)
            return
