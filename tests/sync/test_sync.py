"""``sync`` makes a destination hold what a source holds: any trees, any options, and whatever fails on the way."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assetstore import AssetStore, AssetStoreError, BackendError
from assetstore.keys import Filter
from assetstore.sync import check, sync
from assetstore.testing import FaultyBackend, MemoryBackend, Raise
from assetstore_local import LocalBackend

PATHS = ["a", "a!", "b/c", "b/d/e", "maps/keep.webp", "maps/ü.png", "sub/a", "zz"]
DATA = st.sampled_from([b"", b"1", b"2", b"33", b"44"])
TREES = st.dictionaries(st.sampled_from(PATHS), DATA)
Tree = dict[str, bytes]


class Sides:
    """Makes and reads back sides of each kind."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.count = 0

    def make(self, kind: str, tree: Tree) -> Any:
        """Return a side with these assets."""
        self.count += 1
        folder = self.top / str(self.count)
        folder.mkdir()
        if kind == "folder":
            write(folder, tree)
            return folder
        store = AssetStore(MemoryBackend() if kind == "memory" else LocalBackend(root=folder))
        for key, data in tree.items():
            store.upload(data, key)
        return store

    def read(self, side: Any) -> Tree:
        """Return what a side has."""
        if isinstance(side, Path):
            return {path.relative_to(side).as_posix(): path.read_bytes() for path in side.rglob("*") if path.is_file()}
        return {info.key: side.read(info.key) for info in side.list()}


def write(folder: Path, tree: Tree) -> None:
    """Write files."""
    for key, data in tree.items():
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(data)


@pytest.fixture
def sides(tmp_path: Path) -> Sides:
    """Return what makes sides."""
    return Sides(tmp_path)


KINDS = st.sampled_from(
    [*(("folder", store) for store in ("memory", "local")), *((store, "folder") for store in ("memory", "local")),
     ("memory", "local"), ("local", "memory")]
)


def expected(ours: Tree, theirs: Tree, options: dict[str, Any]) -> Tree:
    """Return what the destination is to have afterwards."""
    takes = Filter(exclude=options.get("exclude", ())).takes
    made = dict(theirs)
    for key in filter(takes, ours):
        if key not in theirs or not (options.get("skip_existing") or is_equal(ours[key], theirs[key], options)):
            made[key] = ours[key]
    if options.get("delete"):
        made = {key: data for key, data in made.items() if key in ours or not takes(key)}
    return made


def is_equal(one: bytes, other: bytes, options: dict[str, Any]) -> bool:
    """Return whether two contents count as equal."""
    return len(one) == len(other) if options.get("size_only") else one == other


@settings(max_examples=150)
@given(ours=TREES, theirs=TREES, kinds=KINDS, data=st.data())
def test_afterwards_all_is_as_asked_for(ours: Tree, theirs: Tree, kinds: tuple[str, str], data: Any) -> None:
    """Of any two trees and with any options the destination equals the model, and a second run does nothing."""
    options = {"allow_empty": True, "checksum": True}
    for name in ("delete", "skip_existing", "renames"):
        options[name] = data.draw(st.booleans(), name)
    if data.draw(st.booleans(), "size_only"):
        options |= {"size_only": True, "checksum": False}
    options["exclude"] = data.draw(st.sampled_from([(), ("a",), ("maps/",), ("*.png", "zz")]), "exclude")
    options["last"] = data.draw(st.sampled_from([(), ("a", "zz"), ("*",)]), "last")
    with tempfile.TemporaryDirectory() as top:
        sides = Sides(Path(top))
        source, destination = sides.make(kinds[0], ours), sides.make(kinds[1], theirs)
        report = sync(source, destination, **options)
        assert report.ok
        assert expected(ours, theirs, options) == sides.read(destination)
        assert ours == sides.read(source)
        again = sync(source, destination, **options)
        assert (0, 0, 0) == (sum_of(again), again.bytes, again.failed)


def sum_of(report: Any) -> int:
    """Return how many actions were done."""
    counts = report.counts
    return int(counts.new + counts.changed + counts.headers + counts.renamed + counts.deleted)


@settings(max_examples=100)
@given(ours=TREES, theirs=TREES, data=st.data())
def test_a_failure_anywhere_deletes_nothing(ours: Tree, theirs: Tree, data: Any) -> None:
    """Whichever call fails, no asset is missing afterwards, and the next run without failures ends what was begun."""
    backend = FaultyBackend(MemoryBackend())
    source, destination = AssetStore(MemoryBackend()), AssetStore(backend)
    for store, tree in ((source, ours), (destination, theirs)):
        for key, content in tree.items():
            store.upload(content, key)
    op = data.draw(st.sampled_from(["upload", "list", "stat", "copy"]), "op")
    error = data.draw(st.sampled_from([BackendError("broken"), OSError("broken too")]), "error")
    nth = data.draw(st.integers(1, 3), "nth")
    options = {"delete": True, "allow_empty": True}
    with backend.failing(Raise(op=op, nth=nth, error=error)):
        try:
            report = sync(source, destination, **options)
        except AssetStoreError:
            report = None
        struck = bool(backend.struck)
    now = {info.key for info in destination.list()}
    if struck and op != "stat":  # what a stat before a deletion does not find is kept alone
        assert theirs.keys() <= now
        assert report is None or not report.ok
    assert sync(source, destination, **options).ok
    assert check(source, destination, allow_empty=True).same


@pytest.mark.parametrize("fault", ["list", "read"])
def test_a_failure_of_the_source_deletes_nothing(fault: str) -> None:
    """A listing or an asset of the source that cannot be read leaves everything at the destination."""
    backend = FaultyBackend(MemoryBackend())
    source, destination = AssetStore(backend), AssetStore(MemoryBackend())
    source.upload(b"1", "a")
    destination.upload(b"2", "old")
    with backend.failing(Raise(op=fault, nth=None, error=BackendError("broken"))):
        if fault == "list":
            with pytest.raises(BackendError):
                sync(source, destination, delete=True)
        else:
            report = sync(source, destination, delete=True)
            assert (1, 1, ["a"]) == (report.failed, report.withheld, [failure.key for failure in report.errors])
    assert destination.exists("old")


def test_a_second_run_of_a_folder_reads_and_sends_nothing(sides: Sides) -> None:
    """Of 1,000 unchanged files the second run reads none and asks for listings alone."""
    source = sides.make("folder", {f"{number:04}": b"%d" % number for number in range(1000)})
    backend = FaultyBackend(MemoryBackend())
    destination = AssetStore(backend)
    assert 1000 == sync(source, destination).counts.new
    backend.calls.clear()
    opened: list[str] = []

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and str(arguments[0]).startswith(f"{source}/"):
            opened.append(str(arguments[0]))

    sys.addaudithook(note)
    report = sync(source, destination)
    assert (1000, 0, []) == (report.counts.unchanged, report.bytes, opened)
    assert ["list"] == [op for op, _ in backend.calls]
