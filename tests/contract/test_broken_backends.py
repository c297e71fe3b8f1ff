"""The contract finds what is wrong, and an exclusion cannot hide what is right."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from broken_backends import BROKEN

FILE = Path(__file__).with_name("broken_backends.py")


def failures_of(*tests: str) -> tuple[set[str], str]:
    """Run tests of ``broken_backends.py``, and return those that failed and all that was printed."""
    chosen = [f"{FILE}::{test}" for test in tests]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--tb=short", *chosen]
    run = subprocess.run(command, capture_output=True, text=True, timeout=1500, cwd=FILE.parent)
    lines = [line.partition("::")[2] for line in run.stdout.splitlines() if line.startswith("FAILED")]
    failed = {line.partition(" - ")[0].partition("[")[0] for line in lines}
    return failed, run.stdout


def test_a_backend_that_breaks_a_guarantee_fails_its_test():
    """Each of a dozen broken backends is found out by the test of the guarantee that it breaks."""
    tests = {f"Test{kind.__name__}::{test}" for kind, test in BROKEN.items()}
    assert tests == failures_of(*tests)[0]


def test_an_exclusion_that_is_none_fails_the_run():
    """A guarantee or a key that is excluded and holds all the same is a failure, and what is excluded is counted."""
    tests = {
        "TestExcluded::test_a_deleted_asset_is_gone",
        "TestExcludedKey::test_odd_keys_round_trip_and_never_merge",
    }
    failed, output = failures_of(*tests)
    assert tests == failed
    assert "2 guarantees excluded by name" in output
    assert "'a//b' was excluded (it is not) and works" in output
