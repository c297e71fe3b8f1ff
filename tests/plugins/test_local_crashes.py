"""What is in the folder after a power failure, at any moment of an operation.

The disk is taken to be as unkind as it may: a change of a file or folder that was not flushed may have reached the disk or
not, each on its own and a write also by half; only changes of one name keep their order, and a rename is one step.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import attrs
import local_recorder
import pytest
from flushing import require_whole

from assetstore import AssetInfo, AssetStore, IntegrityError
from assetstore_local import LocalBackend

Call: TypeAlias = tuple[Any, ...]
Content: TypeAlias = tuple[tuple[str, Any], ...]
View: TypeAlias = dict[str, tuple[AssetInfo, bytes]]
_HALF = "half"


@attrs.define
class Disk:
    """Files and folders by number.

    Attributes:
        folders: the names in each folder, and what they stand for.
        files: bytes and time of change of each file.
    """

    folders: dict[int, dict[str, int]] = attrs.field(factory=dict)
    files: dict[int, tuple[str, int]] = attrs.field(factory=dict)

    def load(self, node: dict[str, Any]) -> int:
        """Take over what the recorder saw."""
        if "entries" in node:
            self.folders[node["id"]] = {name: self.load(child) for name, child in node["entries"].items()}
        else:
            self.files[node["id"]] = node["data"], node["mtime"]
        return int(node["id"])

    def apply(self, call: Call, *, half: bool) -> None:
        """Let a call reach the disk."""
        kind, number, *rest = call
        if kind == "write":
            data, mtime = self.files[number]
            self.files[number] = data + rest[0][: len(rest[0]) // (2 if half else 1)], mtime
        elif kind == "stamp":
            self.files[number] = self.files[number][0], rest[0]
        elif kind == "make":
            self.folders[rest[0]][rest[1]] = number
        elif kind == "remove" and not self.folders.get(number):
            self._remove(number, *rest)
        elif kind == "rename":
            self._remove(number, *rest[:2])
            self.folders[rest[2]][rest[3]] = number

    def _remove(self, number: int, folder: int, name: str) -> None:
        if self.folders[folder].get(name) == number:
            del self.folders[folder][name]

    def content(self, number: int, path: str = "") -> Content:
        """Return the paths below a folder with their contents, without temporary files, which nobody reads."""
        found: list[tuple[str, Any]] = []
        for name, child in sorted(self.folders[number].items()):
            if child in self.files:
                found.append((f"{path}{name}", self.files[child]))
            elif f"{path}{name}" != "root/.assetstore/tmp":
                found += [(f"{path}{name}/", None), *self.content(child, f"{path}{name}/")]
        return tuple(found)


def _record(base: Path, scenario: str, flush: str) -> tuple[dict[str, Any], list[Call]]:
    command = [sys.executable, local_recorder.__file__, base, scenario, flush]
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return told["before"], [tuple(call) for call in told["calls"]]


def _touches(call: Call) -> set[tuple[int, str]]:
    kind, _, *rest = call
    places = {"make": [rest[:2]], "remove": [rest[:2]], "rename": [rest[:2], rest[2:]]}.get(kind, [])
    return {(folder, name) for folder, name in places}


def _flushed_by(call: Call) -> int:
    """Return the number of the file or folder that must be flushed to make a call durable."""
    kind, number, *rest = call
    return int(number if kind in ("write", "stamp") else rest[2 if kind == "rename" else 0])


def _states(before: dict[str, Any], calls: list[Call]) -> Iterator[Disk]:
    """Yield each state that the disk may be in when the power fails after the last of ``calls``."""
    doubtful = [
        index
        for index, call in enumerate(calls)
        if call[0] != "sync" and not {("sync", None), ("sync", _flushed_by(call))} & set(calls[index:])
    ]
    choices = [(False, True, _HALF) if calls[index][0] == "write" else (False, True) for index in doubtful]
    for chosen in itertools.product(*choices):
        fate = dict(zip(doubtful, chosen, strict=True))
        if _keeps_order(calls, fate):
            disk = Disk()
            disk.load(before)
            for _, number, *rest in (call for call in calls if call[0] == "make"):
                disk.files.update({number: ("", 1)} if rest[2] == "file" else {})
                disk.folders.update({number: {}} if rest[2] == "folder" else {})
            for index, call in enumerate(calls):
                if fate.get(index, True):
                    disk.apply(call, half=fate.get(index) == _HALF)
            yield disk


def _keeps_order(calls: list[Call], fate: dict[int, object]) -> bool:
    lost: set[tuple[int, str]] = set()
    for index, call in enumerate(calls):
        if fate.get(index, True):
            if _touches(call) & lost:
                return False
        else:
            lost |= _touches(call)
    return True


def _view(content: Content, base: Path) -> View:
    """Return what a store opened after the power failure reports of each key."""
    for path, file in content:
        if file is None:
            (base / path).mkdir(parents=True)
        else:
            (base / path).write_bytes(file[0].encode("latin-1"))
            os.utime(base / path, ns=(file[1], file[1]))
    store = AssetStore(LocalBackend(root=base / "root", durable=False))
    return {item.key: _seen(store, item.key) for item in store.list()}


def _seen(store: AssetStore, key: str) -> tuple[AssetInfo, bytes]:
    try:
        return store.stat(key), store.read(key)
    except IntegrityError:
        # Neither the old nor the new one.
        return AssetInfo(key=key, size=0, etag="damaged"), b""


class Views:
    """What a store reports for each state of a disk, each examined once."""

    def __init__(self, folder: Path, scenario: str, flush: str) -> None:
        (folder / "recorded").mkdir()
        self.before, self.calls = _record(folder / "recorded", scenario, flush)
        self.seen: dict[Content, View] = {}
        self._folder = folder

    def behind(self, calls: list[Call]) -> list[View]:
        """Return all possible reports if the power fails after the last of ``calls``; in the last one nothing was lost."""
        found = []
        for disk in _states(self.before, calls):
            content = disk.content(self.before["id"])
            if content not in self.seen:
                self.seen[content] = _view(content, self._folder / str(len(self.seen)))
            found.append(self.seen[content])
        return found


@pytest.mark.parametrize("flush", ["whole", "each"])
@pytest.mark.parametrize("scenario", [*local_recorder.SCENARIOS, *local_recorder.BATCHES])
def test_a_power_failure_leaves_the_old_or_the_new(tmp_path: Path, scenario: str, flush: str) -> None:
    """Each asset is the old or the new one, whatever reached the disk; the new one once the call has returned."""
    if flush == "whole":
        require_whole(tmp_path)
    views = Views(tmp_path, scenario, flush)
    ((old,), (*others, new)) = views.behind([]), views.behind(views.calls)
    assert old != new
    assert [new] * len(others) == others
    for moment in range(len(views.calls)):
        for found in views.behind(views.calls[:moment]):
            for key in {*old, *new, *found}:
                assert found.get(key) in (old.get(key), new.get(key)), f"{key!r} behind {views.calls[:moment]}"
    sys.stdout.write(f"\n{scenario}, {flush}: {len(views.calls)} calls, {len(views.seen)} states of the disk\n")


@pytest.mark.parametrize("scenario", ["overwrite", "update", "delete", "new"])
def test_without_flushing_a_power_failure_would_be_seen(tmp_path: Path, scenario: str) -> None:
    """Without its flushes an operation may be lost after it returned: the simulated disk is strict enough."""
    views = Views(tmp_path, scenario, "each")
    found = views.behind([call for call in views.calls if call[0] != "sync"])
    assert any(view != found[-1] for view in found)
