"""Collects the outcome of each guarantee from pytest."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import TypeAlias

import pytest

from assetstore.errors import AssetStoreError
from assetstore.testing.contract import summary
from assetstore.testing.contract.backend import guarantees
from assetstore.testing.verify.verdicts import Outcome, Verdict

MAX_REASON = 400

Watch: TypeAlias = Callable[[Verdict, int, int], None]


class Collector:
    """A pytest plugin that gathers verdicts."""

    def __init__(self, verdicts: list[Verdict], watch: Watch, only: Sequence[str]) -> None:
        """Append verdicts to ``verdicts`` in the order of the contract; see ``verify`` for the others."""
        self.verdicts = verdicts
        self._watch = watch
        self._guarantees = {
            guarantee.test: guarantee
            for guarantee in guarantees()
            if not only or any(text.casefold() in guarantee.name for text in only)
        }
        self._left: Counter[str] = Counter()
        self._reasons: dict[str, str] = {}
        self._reports: defaultdict[str, list[pytest.TestReport]] = defaultdict(list)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Select the guarantees and sort them by subject; pytest would begin with the last base class."""
        order = list(self._guarantees)
        items[:] = [item for item in items if _test(item.nodeid) in self._guarantees]
        items.sort(key=lambda item: order.index(_test(item.nodeid)))
        self._left.update(_test(item.nodeid) for item in items)

    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        """Record why a test failed, before pytest expands it to a page."""
        if call.excinfo is not None and not call.excinfo.errisinstance(pytest.skip.Exception):
            self._reasons.setdefault(_test(item.nodeid), _reason(call.excinfo.value))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record one of the three phases of a test; after the last one of a guarantee, give its verdict."""
        test = _test(report.nodeid)
        self._reports[test].append(report)
        if report.when == "teardown":
            self._left[test] -= 1
            if not self._left[test]:
                self.verdicts.append(self._verdict(test))
                self._watch(self.verdicts[-1], len(self.verdicts), len(self._left))

    def _verdict(self, test: str) -> Verdict:
        reports = self._reports.pop(test)
        properties = [noted for report in reports for noted in report.user_properties]
        without = {str(text).partition(": ")[2] for name, text in properties if name == summary.LEFT_OUT}
        outcome: Outcome = "not claimed" if without else "holds"
        if any(report.failed for report in reports):
            outcome = "FAILS"
        elif any(report.skipped for report in reports):
            outcome = "skipped"
        return Verdict(
            guarantee=self._guarantees[test],
            outcome=outcome,
            reason=self._reasons.get(test) if outcome == "FAILS" else None,
            without=tuple(sorted(without)),
            seconds=sum(report.duration for report in reports),
        )


def _test(node_id: str) -> str:
    return node_id.rpartition("::")[2].partition("[")[0]


def _reason(error: BaseException) -> str:
    """Return the failure in one line; of an assert, the comparison and the first difference."""
    known = isinstance(error, AssetStoreError | AssertionError | pytest.fail.Exception)
    text = str(error) if known else f"{type(error).__name__}: {error}"
    lines = [line.strip() for line in text.splitlines() if line.strip()] or [type(error).__name__]
    reason = "; ".join(lines[:3])
    return reason if len(reason) <= MAX_REASON else f"{reason[:MAX_REASON]}…"
