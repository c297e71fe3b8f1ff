"""What is in the folder after a power failure, at any moment of an operation."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, TypeAlias

import local_recorder
import pytest
from flushing import require_whole

from assetstore import AssetInfo, AssetStore, IntegrityError
from assetstore_local import LocalBackend
from score.power_failure import Call, Content, restore, states

View: TypeAlias = dict[str, tuple[AssetInfo, bytes]]
# Nobody reads temporary files.
_UNREAD = frozenset({"root/.assetstore/tmp"})


def _record(base: Path, scenario: str, flush: str) -> tuple[dict[str, Any], list[Call]]:
    command = [sys.executable, local_recorder.__file__, base, scenario, flush]
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return told["before"], [tuple(call) for call in told["calls"]]


def _view(content: Content, base: Path) -> View:
    """Return what a store opened after the power failure reports of each key."""
    restore(content, base)
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
        for disk in states(self.before, calls, _UNREAD):
            content = disk.content(self.before["id"], _UNREAD)
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
