"""What may be on a disk after the power fails at some moment of an operation.

The disk is taken to be as unkind as it may: a change of a file or folder that was not flushed may have reached the disk or
not, each on its own, and a write also by half. Only changes of one name keep their order, and a rename is one step.

Files and folders have numbers of their own. A call is one of these tuples, with the number of what it changes:

* ``("make", number, folder, name, "file" or "folder")``
* ``("link", number, folder, name)``, ``("remove", number, folder, name)``
* ``("rename", number, old folder, old name, new folder, new name)``
* ``("write", number, text[, offset])``, where each character of the text is a byte; at the end without an offset
* ``("size", number, bytes)``, ``("stamp", number, modification time in ns)``
* ``("sync", number)``, or ``("sync", None)`` where the whole disk is flushed
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import attrs

Call: TypeAlias = tuple[Any, ...]
Content: TypeAlias = tuple[tuple[str, Any], ...]
HALF = "half"
MOST_STATES = 4096
"""So many states behind one call are all examined; of more, as many as this are drawn."""


@attrs.frozen
class Disk:
    """Files and folders by number.

    Attributes:
        entries: what the name in a folder stands for.
        files: bytes and time of change of each file.
        lost: the names whose last change did not reach the disk, so that no later one of them may.
    """

    entries: dict[tuple[int, str], int] = attrs.field(factory=dict)
    files: dict[int, tuple[str, int]] = attrs.field(factory=dict)
    lost: frozenset[tuple[int, str]] = frozenset()

    def load(self, node: Mapping[str, Any]) -> int:
        """Take over a tree: ``{"id", "entries"}`` is a folder and ``{"id", "data", "mtime"}`` a file."""
        number = int(node["id"])
        if "entries" in node:
            self.entries.update({(number, name): self.load(child) for name, child in node["entries"].items()})
        else:
            self.files[number] = node["data"], node["mtime"]
        return number

    def same(self) -> object:
        """Return what is equal for equal disks."""
        return frozenset(self.entries.items()), frozenset(self.files.items()), self.lost

    def after(self, call: Call, fate: object = True) -> Disk | None:
        """Return the disk that a call reached, or not (``False``), or by half; ``None`` if it cannot be."""
        kind, number, *rest = call
        touched = _touches(call)
        if fate is False:
            return attrs.evolve(self, lost=self.lost | touched)
        if touched & self.lost:
            return None
        if kind in ("write", "size", "stamp"):
            return attrs.evolve(self, files={**self.files, number: self._changed(call, fate)})
        entries = dict(self.entries)
        if kind in ("make", "link"):
            entries[rest[0], rest[1]] = number
        elif kind == "remove" and not any(folder == number for folder, _ in entries):
            self._remove(entries, number, *rest)
        elif kind == "rename":
            self._remove(entries, number, *rest[:2])
            entries[rest[2], rest[3]] = number
        return attrs.evolve(self, entries=entries)

    def _changed(self, call: Call, fate: object) -> tuple[str, int]:
        kind, number, *rest = call
        data, mtime = self.files[number]
        if kind == "stamp":
            return data, rest[0]
        if kind == "size":
            return data[: rest[0]].ljust(rest[0], "\0"), mtime
        start = len(data) if len(rest) == 1 else rest[1]
        text = rest[0][: len(rest[0]) // 2] if fate == HALF else rest[0]
        return data[:start].ljust(start, "\0") + text + data[start + len(text) :], mtime

    @staticmethod
    def _remove(entries: dict[tuple[int, str], int], number: int, folder: int, name: str) -> None:
        if entries.get((folder, name)) == number:
            del entries[folder, name]

    def content(self, number: int, unread: frozenset[str] = frozenset(), path: str = "") -> Content:
        """Return the paths below a folder with their contents, without those of folders that nobody reads."""
        found: list[tuple[str, Any]] = []
        for name, child in sorted((name, child) for (folder, name), child in self.entries.items() if folder == number):
            if child in self.files:
                found.append((f"{path}{name}", self.files[child]))
            elif f"{path}{name}" not in unread:
                found += [(f"{path}{name}/", None), *self.content(child, unread, f"{path}{name}/")]
        return tuple(found)


def restore(content: Content, base: Path) -> None:
    """Make the files and folders of a disk below ``base``."""
    base.mkdir(parents=True)
    for path, file in content:
        if file is None:
            (base / path).mkdir(parents=True)
        else:
            (base / path).write_bytes(file[0].encode("latin-1"))
            os.utime(base / path, ns=(file[1], file[1]))


def states(
    before: Mapping[str, Any],
    calls: Sequence[Call],
    unread: frozenset[str] = frozenset(),
    chance: random.Random | None = None,
) -> Iterator[Disk]:
    """Yield each state that the disk may be in when the power fails after the last of ``calls``.

    In the last one nothing was lost. Where there are more than ``MOST_STATES`` and there is a ``chance``, it draws as many.
    What never leaves a folder that nobody reads is taken to have reached the disk.
    """
    whole = Disk()
    whole.load(before)
    made = {number: ("", 1) for kind, number, *rest in calls if kind == "make" and rest[2] == "file"}
    whole = attrs.evolve(whole, files={**whole.files, **made})
    found = {whole.same(): whole}
    idle = _idle(before, calls, unread)
    for index, call in enumerate(calls):
        if call[0] != "sync":
            flushed = ("sync", _flushed_by(call))
            fates: tuple[object, ...] = (False, HALF, True) if call[0] == "write" else (False, True)
            if call[1] in idle or any(later in (flushed, ("sync", None)) for later in calls[index:]):
                fates = (True,)
            after = (disk.after(call, fate) for disk in found.values() for fate in fates)
            found = {disk.same(): disk for disk in after if disk is not None}
            if chance is not None and len(found) > MOST_STATES:
                found = dict(chance.sample(list(found.items()), MOST_STATES))
            whole = whole.after(call) or whole
    found.pop(whole.same(), None)
    yield from found.values()
    yield whole


def _idle(before: Mapping[str, Any], calls: Sequence[Call], unread: frozenset[str]) -> set[int]:
    """Return the numbers of the new files that are only in folders which nobody reads."""
    disk = Disk()
    paths = {disk.load(before): ""}
    made = [((folder, name), number) for kind, number, folder, name, *rest in (call for call in calls if call[0] == "make")]
    for (folder, name), number in [*sorted(disk.entries.items()), *made]:
        paths[number] = f"{paths[folder]}{name}/"
    hidden = {number for number, path in paths.items() if path.removesuffix("/") in unread}
    new = {call[1] for call in calls if call[0] == "make"}
    shown = {call[1] for call in calls for folder, _ in _touches(call) if folder not in hidden}
    return new - shown


def _touches(call: Call) -> set[tuple[int, str]]:
    kind, _, *rest = call
    places = {"make": [rest[:2]], "link": [rest[:2]], "remove": [rest[:2]], "rename": [rest[:2], rest[2:]]}.get(kind, [])
    return {(folder, name) for folder, name in places}


def _flushed_by(call: Call) -> int:
    """Return the number of the file or folder that must be flushed to make a call durable."""
    kind, number, *rest = call
    return int(number if kind in ("write", "size", "stamp") else rest[2 if kind == "rename" else 0])
