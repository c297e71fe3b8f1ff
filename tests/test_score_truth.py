"""What figures 4, 5 and 10 of the score judge by: a store that lies, a bit that flips and a race that two win are seen."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import attrs
import pytest

from assetstore import AssetInfo, AssetStore, IntegrityError
from assetstore.plugin import Source, UploadOptions, hookimpl
from assetstore.testing import MemoryBackend
from assetstore_local import LocalBackend
from assetstore_r2.testing import Answer, Request
from score.flips import Rotten, rotten
from score.model_machines import RivalMachine
from score.model_walk import walked
from score.network_cases import SMALL
from score.network_plan import KINDS, Attempt, Case, cases
from score.network_verdict import RIVAL, untrue


def case(op: str, fault: str = "lost", cell: str = "") -> Case:
    """Return a case of a fault that strikes once."""
    return Case(kind=KINDS[0], cell=cell or op, op=op, fault=fault, lasting=False)


@pytest.mark.parametrize("short", [True, False])
def test_there_are_112_cells(short: bool) -> None:
    """Each of 16 faults meets each of 7 operations, in the short form too."""
    assert 112 == len({(each.kind.name, each.cell) for each in cases(short=short)})


@pytest.mark.parametrize(
    ("op", "fault", "attempt", "found"),
    [
        ("upload", "lost", Attempt(value=len(SMALL)), {"a": b"old"}),
        ("upload", "lost", Attempt(error="UnavailableError"), {"a": SMALL}),
        ("create", "lost", Attempt(error="AlreadyExistsError"), {"a": SMALL}),
        ("read", "cut", Attempt(value=SMALL[:100]), {"a": SMALL}),
        ("read", "replaced", Attempt(value=SMALL[:100] + RIVAL[100:]), {"a": RIVAL}),
        ("copy", "empty 200", Attempt(value=len(SMALL)), {"a": SMALL}),
        ("delete", "lost", Attempt(), {"a": SMALL}),
    ],
)
def test_a_lie_about_an_operation_is_seen(op: str, fault: str, attempt: Attempt, found: dict[str, bytes]) -> None:
    """Who returns without the work, raises after it or hands out other bytes fails the cell."""
    assert untrue(case(op, fault), attempt, found) is not None


@pytest.mark.parametrize(
    ("op", "fault", "attempt", "found"),
    [
        ("upload", "lost", Attempt(value=len(SMALL)), {"a": SMALL}),
        ("upload", "lost", Attempt(error="UnknownOutcomeError", unknown=True), {"a": SMALL}),
        ("create", "replaced", Attempt(error="AlreadyExistsError"), {"a": RIVAL}),
        ("read", "replaced", Attempt(value=RIVAL), {"a": RIVAL}),
        ("delete", "lost", Attempt(error="UnavailableError"), {}),
    ],
)
def test_the_truth_about_an_operation_passes(op: str, fault: str, attempt: Attempt, found: dict[str, bytes]) -> None:
    """A deletion may be repeated, a rival may come first, and an unknown outcome is either."""
    assert untrue(case(op, fault), attempt, found) is None


@pytest.mark.parametrize(
    ("fields", "body", "changed"), [((), b"abcd", True), ((("content-range", "bytes 2-3/4"),), b"cd", False)]
)
def test_a_rotten_bit_is_the_same_in_each_range(fields: Any, body: bytes, changed: bool) -> None:
    """A bit of the first byte is wrong in the whole asset, and not in a range behind it."""
    fault = Rotten(bit=3)
    given = Answer(status=206 if fields else 200, fields=fields, body=body)
    answer = fault.amend(Request(method="GET", target="/bucket/a"), given)
    assert changed == (answer.body != body)
    assert body[1:] == answer.body[1:]


def test_a_rotten_file_keeps_its_times(tmp_path: Path) -> None:
    """The folder takes it for the version that was stored, whose digest then differs; after the block all is well."""
    with AssetStore(LocalBackend(root=tmp_path)) as store:
        store.upload(SMALL, "a")
        with rotten(tmp_path / "a", random.Random(1)), pytest.raises(IntegrityError):
            store.read("a")
        assert SMALL == store.read("a")


class Overwriting(MemoryBackend):
    """Never refuses, so that every rival wins."""

    @hookimpl
    def assetstore_upload(self, key: str, source: Source, options: UploadOptions) -> AssetInfo:
        """Write over whatever is there."""
        return super().assetstore_upload(key, source, attrs.evolve(options, overwrite=True, if_match=None))


class OverwritingMachine(RivalMachine):
    """A store of which every rival wins."""

    setup = "backend = Overwriting()"
    opening = "backend"


def test_a_race_that_several_win_ends_the_walk() -> None:
    """The figure then shows the steps that lead there."""
    made = walked(OverwritingMachine, {"Overwriting": Overwriting}, {"steps": 2000, "seed": 1})
    assert made["diverged"] is not None
