"""Walks at random through one store, for ``model_steps``: reads an order as JSON, prints the steps and what diverged."""

from __future__ import annotations

import functools
import itertools
import json
import sys
from typing import Any

import attrs
import hypothesis
import pytest

from assetstore.testing.machine import Walker, walk
from assetstore_r2 import R2Backend
from assetstore_r2.testing import FaultProxy, R2Personality
from score import model_machines


def main() -> None:
    """Do what stdin says."""
    order = json.load(sys.stdin)
    hypothesis.settings.register_profile("score", database=None)
    hypothesis.settings.load_profile("score")
    machine: type[Walker] = getattr(model_machines, order["machine"])
    names: dict[str, Any] = {"root": order["root"]}
    if order["bucket"] is None:
        print(json.dumps(walked(machine, names, order)))
        return
    with FaultProxy(order["bucket"]["endpoint_url"], personality=R2Personality(write_interval=0)) as proxy:
        opened = functools.partial(R2Backend, **{**order["bucket"], "endpoint_url": proxy.url})
        names |= {"open_bucket": opened, "network": proxy, "TROUBLES": model_machines.TROUBLES, "attrs": attrs}
        print(json.dumps(walked(machine, names, order)))


def walked(machine: type[Walker], names: dict[str, Any], order: dict[str, Any]) -> dict[str, Any]:
    """Walk; return how many steps were taken and the Python that leads to a divergence, if there is one."""
    taken = 0
    for number in itertools.count():
        # A walk takes more steps than it is asked for, half as many again.
        steps = max(40, (order["steps"] - taken) * 5 // 8)
        chosen: type[Walker] = type(machine.__name__, (machine,), {"names": {**machine.names, **names}})
        try:
            taken += walk(hypothesis.seed(order["seed"] + number)(chosen), steps=steps)
        except pytest.fail.Exception as found:
            return {"steps": taken + chosen.steps, "diverged": str(found)}
        if taken >= order["steps"]:
            break
    return {"steps": taken, "diverged": None}


if __name__ == "__main__":
    main()
