"""Lists keys in order, without looking at files beyond the page."""

from __future__ import annotations

import stat
from bisect import bisect_left
from collections.abc import Iterator
from heapq import merge
from itertools import islice, product
from typing import NamedTuple, TypeAlias

import attrs

from assetstore.plugin import AccessDeniedError, AssetInfo, ListOptions, ListPage, Prefix, is_valid_key, limits
from assetstore_local.disk.paths import RESERVED, Names, file_names, folder_names, folder_of, read_name, spellings
from assetstore_local.disk.records import info_of
from assetstore_local.disk.root import Root
from assetstore_local.disk.scan_cache import Scan, ScanCache
from assetstore_local.disk.tree import Tree
from assetstore_local.errors import explained
from assetstore_local.read import find

# An entry with a rank after its key: of two files with one key, a reader finds the one with the lower rank.
_Row: TypeAlias = tuple[str, int, Names, bool]


class _Entry(NamedTuple):
    """A file and its key, or a folder and the beginning of the keys in it, with the ``/``."""

    key: str
    names: Names
    is_folder: bool


def list_page(root: Root, scans: ScanCache, prefix: str, options: ListOptions) -> ListPage:
    """Return one page of the assets under a prefix, without headers and digests."""
    if root.is_missing():
        return ListPage(items=())
    if root.rules and options.limit > limits.PAGE:
        options = attrs.evolve(options, limit=limits.PAGE)
    with explained(), root.open() as tree:
        return _page(tree, scans, prefix, options)


def all_keys(tree: Tree) -> Iterator[str]:
    """Yield the key of each asset."""
    for entry in _Walk(tree, ScanCache(), "", ""):
        yield entry.key


def _page(tree: Tree, scans: ScanCache, prefix: str, options: ListOptions) -> ListPage:
    """Walk the folders as far as one page needs. The cursor is the least key that may come next."""
    start = max(options.cursor or "", _behind(options.start_after) if options.start_after else "")
    walk = _Walk(tree, scans, prefix, start)
    items: list[AssetInfo] = []
    prefixes: list[Prefix] = []
    for entry in walk:
        if len(items) + len(prefixes) == options.limit:
            return ListPage(items=tuple(items), prefixes=tuple(prefixes), next_cursor=walk.start)
        status = tree.status(entry.names)
        if status is None or not stat.S_ISREG(status.st_mode):
            # Since its folder was read a writer may have given the file its other name.
            found = find(tree, entry.key)
            if found is None:
                continue
            status = found.status
        head, slash, _ = entry.key[len(prefix) :].partition("/")
        if slash and not options.recursive:
            prefixes.append(Prefix(key=f"{prefix}{head}/"))
            walk.start = f"{prefix}{head}{chr(ord('/') + 1)}"
        else:
            items.append(info_of(entry.key, status))
            walk.start = _behind(entry.key)
    return ListPage(items=tuple(items), prefixes=tuple(prefixes))


def _behind(key: str) -> str:
    # No character of a valid key sorts before the space.
    return f"{key} "


class _Walk:
    """Yields the assets whose keys begin with ``prefix`` and are at least ``start``, which may be raised during the walk.

    Python orders ``str`` by code points, which is the order of their UTF-8 bytes. A depth-first walk yields the keys in
    order when each folder is sorted among its siblings by its name with a ``/``.
    """

    def __init__(self, tree: Tree, scans: ScanCache, prefix: str, start: str) -> None:
        self.start = start
        self._tree = tree
        self._scans = scans
        self._prefix = prefix

    def __iter__(self) -> Iterator[_Entry]:
        base = self._prefix[: self._prefix.rfind("/") + 1]
        # No recursion: a valid key may be 512 folders deep.
        stack = [self._folder(base, folder_of(base))]
        while stack:
            entry = next(stack[-1], None)
            if entry is None:
                stack.pop()
            elif self._wanted(entry.key, entry.is_folder):
                if not entry.is_folder:
                    if is_valid_key(entry.key):
                        yield entry
                elif len(entry.key) <= limits.MAX_KEY_BYTES:
                    stack.append(self._folder(entry.key, entry.names))

    def _wanted(self, key: str, is_folder: bool) -> bool:
        start = self.start[: len(key)] if is_folder else self.start
        return key >= start and key.startswith(self._prefix)

    def _folder(self, base: str, folder: Names) -> Iterator[_Entry]:
        """Yield the entries of a folder in order."""
        last = None
        # One scan serves both: between two, a file may be given its other name.
        plain, others = self._scan(folder)
        for key, _, names, is_folder in merge(self._plain(base, folder, plain), sorted(self._others(base, folder, others))):
            if key != last:
                yield _Entry(key, (*folder, *names), is_folder)
            last = key

    def _plain(self, base: str, folder: Names, names: list[str]) -> Iterator[_Row]:
        """Yield the entries with ASCII names, from the first wanted one on."""
        stem = self._prefix.removeprefix(base) if self._prefix.startswith(base) else ""
        start = max(stem, self.start.removeprefix(base) if self.start.startswith(base) else "")
        head, slash, _ = start.partition("/")
        # The folder that contains the start sorts before it.
        index = bisect_left(names, head + slash)
        for name in islice(names, index, None):
            if not name.startswith(stem):
                return
            text = name.removesuffix("/")
            if self._wanted(base + name, text != name) and (folder or text != RESERVED):
                yield base + name, 0, (text,), text != name

    def _others(
        self, base: str, folder: Names, entries: list[tuple[str, bool]], before: str = "", parts: Names = ()
    ) -> Iterator[_Row]:
        """Yield the entries with other names, including long ones split into folders; names are relative to ``folder``."""
        for name, is_folder in entries:
            segment = read_name(before, name, folder=is_folder)
            if segment is None:
                continue
            text, complete = segment
            names = (*parts, name)
            if not complete:
                if len(text) < limits.MAX_KEY_BYTES:
                    plain, others = self._scan((*folder, *names))
                    others = others + [(inner.removesuffix("/"), inner.endswith("/")) for inner in plain]
                    yield from self._others(base, folder, others, text, names)
                continue
            key = f"{base}{text}/" if is_folder else base + text
            rank = _rank(names, text, is_folder, top=not base) if self._wanted(key, is_folder) else None
            if rank is not None:
                yield key, rank, names, is_folder

    def _scan(self, names: Names) -> Scan:
        try:
            return self._scans.scan(self._tree.folder(names))
        except FileNotFoundError:
            return Scan([], [])
        except PermissionError as error:
            hint = "check its owner and mode, or move it out of the store's folder"
            raise AccessDeniedError(f"the folder {'/'.join(names)!r} cannot be read", hint=hint) from error


def _rank(names: Names, segment: str, is_folder: bool, *, top: bool) -> int | None:
    """Return at which attempt a reader looks for the segment under these names, or ``None`` if it never does."""
    if is_folder:
        candidates = tuple(product(*map(spellings, folder_names(segment, top=top))))
    else:
        candidates = file_names(segment, top=top)
    return candidates.index(names) if names in candidates else None
