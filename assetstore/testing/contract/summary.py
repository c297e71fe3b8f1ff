"""Lines at the end of a test run that count what the contract excluded and what it left out, so that nothing is silent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

EXCLUDED = "assetstore-excluded"
EXCLUDED_KEY = "assetstore-excluded-key"
LEFT_OUT = "assetstore-left-out"

_TITLES = {
    EXCLUDED: "guarantees excluded by name, and seen to fail",
    EXCLUDED_KEY: "odd keys excluded by name, and seen to fail",
    LEFT_OUT: "abilities that a backend does not have",
}


def register(config: pytest.Config) -> None:
    """Add the summary to a test run, once."""
    if not config.pluginmanager.has_plugin("assetstore-contract"):
        config.pluginmanager.register(Summary(), "assetstore-contract")


class Summary:
    """Prints a count for each reason."""

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print what the tests recorded."""
        properties = list(_properties(terminalreporter))
        for kind, title in _TITLES.items():
            counts = Counter(text for name, text in properties if name == kind)
            if counts:
                terminalreporter.section(f"{sum(counts.values())} {title}")
            for text, count in sorted(counts.items()):
                terminalreporter.line(f"{count:4} {text}")


def _properties(terminalreporter: pytest.TerminalReporter) -> Iterator[tuple[str, str]]:
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport) and report.when == "call":
                yield from ((name, str(value)) for name, value in report.user_properties)
