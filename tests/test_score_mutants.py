"""The figure of the score that reads what mutmut found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from score import mutants, peers
from score.figure import Outcome, Run
from score.mutants import AREAS, CACHE, measure


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return results of today's modules in which all is well; ``outcome`` reads them."""
    monkeypatch.setattr(mutants, "CACHE", tmp_path / "mutants.json")
    good = {"mutants": 100, "killed": 90, "branches": 7, "taken": 7, "missing": []}
    return {name: {"digest": area.digest(), **good} for name, area in AREAS.items()}


def outcome(results: dict[str, Any], *, short: bool = False) -> Outcome:
    """Return the figure of these results."""
    mutants.CACHE.write_text(json.dumps(results))
    return measure(Run(subject=peers.ours(), short=short, folder=Path()))


def test_the_figure_is_at_its_target_when_each_area_is(results: dict[str, Any]) -> None:
    """Nine of ten mutants are killed, and every branch is taken."""
    assert Outcome(value="450 of 500, 90.0 %; 35 of 35 lines and branches", passed=True) == outcome(results)


def test_an_area_with_more_survivors_than_one_in_ten_fails(results: dict[str, Any]) -> None:
    """Whatever the others have; and so does a branch that no test takes."""
    results["keys"] |= {"killed": 89}
    results["config"] |= {"missing": ["assetstore/config.py:1"]}
    found = outcome(results, short=True)
    expected = ("keys: the tests kill only 89 of 100 mutants", "config: never taken: assetstore/config.py:1")
    assert (False, expected) == (found.passed, found.notes)


def test_what_changed_since_is_said_and_fails_the_full_form_alone(results: dict[str, Any]) -> None:
    """A change of a module must not need minutes before the default tests pass."""
    results["retries"]["digest"] = "older"
    text = "what changed since it was measured: retries; run tox -e mutants"
    short, full = outcome(results, short=True), outcome(results)
    assert (True, (), (text,)) == (short.passed, short.notes, short.left_out)
    assert (False, (text,), ()) == (full.passed, full.notes, full.left_out)


def test_the_results_are_of_all_areas() -> None:
    """None is left out of the file that is committed."""
    assert list(AREAS) == list(json.loads(CACHE.read_text()))
