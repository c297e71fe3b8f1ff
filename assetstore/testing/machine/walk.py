"""Runs a random walk in a test."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, Verbosity, settings
from hypothesis.stateful import run_state_machine_as_test

from assetstore.testing.machine.shorten import shorten
from assetstore.testing.machine.walker import Divergence, Walker

LENGTH = 40


def walk(machine: type[Walker], *, steps: int = 400) -> int:
    """Walk at random, 40 steps at a time, each time in an empty store; return the number of steps.

    Args:
        machine: defines the store.
        steps: the least number of steps, unless something is found.

    If store and dict differ, fails the test with a short Python script that reproduces it.
    """
    chosen = settings(
        # Hypothesis ends some walks early.
        max_examples=steps * 3 // 2 // LENGTH + 2,
        stateful_step_count=LENGTH,
        deadline=None,
        # Hypothesis prints the rules of the machine instead of Python, and its shrinking takes minutes here.
        verbosity=Verbosity.quiet,
        phases=(Phase.reuse, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    before, found = machine.steps, None
    try:
        while machine.steps < before + steps:
            run_state_machine_as_test(machine, settings=chosen)
    except Divergence as error:
        found = shorten(machine, error)
    if found is not None:
        pytest.fail(str(found), pytrace=False)
    return machine.steps - before
