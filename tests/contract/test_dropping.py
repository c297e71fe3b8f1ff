"""The contract finds out a backend that claims an option and drops it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from dropping_backends import FIELDS, class_name

from assetstore.testing.contract.capabilities import PROOFS

CONTROL = "test_every_way_of_reading_gives_the_same_bytes"  # none of the options has a part in it
FILE = Path(__file__).with_name("dropping_backends.py")


def test_an_option_that_is_claimed_and_dropped_fails_its_guarantee() -> None:
    """For each option: a backend that says it honours it, and silently does not, fails one of its proofs."""
    tests = {(field, test) for field in FIELDS for test in (*PROOFS[field], CONTROL)}
    chosen = {f"{FILE}::{class_name(field)}::{test}" for field, test in tests}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "--tb=no", *sorted(chosen)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=1500, cwd=FILE.parent)
    failed = [line.split("::") for line in run.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    assert {class_name(field) for field in FIELDS} == {kind for _, kind, _ in failed}, run.stdout[-3000:]
    assert set() == {kind for _, kind, test in failed if test.startswith(CONTROL)}
