"""Runs the contract against a live store: pytest in this process, without output, with a verdict for each guarantee."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import attrs
import pytest

from assetstore.direct.send import Sender
from assetstore.errors import BackendError
from assetstore.store import AssetStore
from assetstore.testing.verify.live_store import LiveStore
from assetstore.testing.verify.observations import observe
from assetstore.testing.verify.verdicts import Claim, Outcome, Verdict, Verification

REFUSAL = "test_what_is_not_supported_is_refused"
REFUSALS: Mapping[Outcome | None, Claim] = {"holds": "refused", "FAILS": "FAILS"}

Watch: TypeAlias = Callable[[Verdict, int, int], None]


def verify(live: LiveStore, watch: Watch, only: Sequence[str] = ()) -> Verification:
    """Run the contract over a live store, and clean up whatever happens.

    Args:
        live: the store.
        watch: called after each guarantee with its verdict, the number done and the total.
        only: test only the guarantees whose names contain one of these texts; empty for all.

    Raises:
        AssetStoreError: the store cannot be opened or written to.
        KeyboardInterrupt: the user interrupted the run.
    """
    started, began = datetime.now(UTC), time.monotonic()
    try:
        live.explore()
        verdicts = _run(live, watch, only)
        with live.open() as store:
            send = Sender.to(AssetStore(live.open_backend()))
            observations = tuple(observe(store.scoped(live.next_prefix()), send))
            claims = _claims(store, {verdict.guarantee.test: verdict.outcome for verdict in verdicts})
    finally:
        live.clean_up()
    return Verification(
        store=store.name,
        location=store.location,
        prefix=live.prefix,
        started=started,
        seconds=time.monotonic() - began,
        verdicts=tuple(verdicts),
        claims=claims,
        observations=observations,
        leftovers=live.leftovers,
    )


@attrs.define(eq=False)
class Starter:
    """A pytest plugin that imports the contract after pytest has started: only then can failed asserts show differences.

    Attributes:
        live, watch, only: the arguments of ``verify``.
        verdicts: the results.
        interrupted: what Ctrl-C or SIGTERM raised, which pytest keeps for itself.
    """

    live: LiveStore
    watch: Watch
    only: Sequence[str]
    verdicts: list[Verdict] = attrs.field(init=False, factory=list)
    interrupted: BaseException | None = attrs.field(init=False, default=None)

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Remember it."""
        self.interrupted = excinfo.value

    def pytest_configure(self, config: pytest.Config) -> None:
        """Import the contract and set the store to test."""
        from assetstore.testing.verify.collector import Collector
        from assetstore.testing.verify.live_contract import TestLive

        TestLive.at(self.live)
        config.pluginmanager.register(Collector(self.verdicts, self.watch, self.only))


def _run(live: LiveStore, watch: Watch, only: Sequence[str]) -> list[Verdict]:
    starter = Starter(live, watch, only)
    output = io.StringIO()
    with tempfile.TemporaryDirectory(prefix="assetstore-") as folder, _alone(), contextlib.redirect_stdout(output):
        settings = Path(folder, "pytest.ini")
        settings.write_text("[pytest]\n")
        options = ["-c", str(settings), "--rootdir", folder, "--basetemp", str(Path(folder, "tmp")), "--capture=no"]
        options += ["-p", "no:cacheprovider", "-p", "no:faulthandler"]
        code = pytest.main([*options, "--pyargs", "assetstore.testing.verify.live_contract"], plugins=[starter])
    if code == pytest.ExitCode.INTERRUPTED:
        raise starter.interrupted or KeyboardInterrupt
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        last = (output.getvalue().strip().splitlines() or ["no output"])[-1]
        raise BackendError(f"pytest could not run the contract: {last}", hint="report it with these lines")
    return starter.verdicts


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Hide the user's own settings from pytest."""
    hidden = {name: os.environ.pop(name) for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS") if name in os.environ}
    before = os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        yield
    finally:
        os.environ.pop("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
        os.environ.update(hidden if before is None else {**hidden, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": before})


def _claims(store: AssetStore, outcomes: Mapping[str, Outcome]) -> dict[str, Claim]:
    from assetstore.testing.contract.capabilities import PROOFS

    return {capability: _claim(store, capability, PROOFS[capability], outcomes) for capability in PROOFS}


def _claim(store: AssetStore, capability: str, proofs: Sequence[str], outcomes: Mapping[str, Outcome]) -> Claim:
    # Where a backend does not report progress, the store reads and counts itself.
    if not store.can(capability) and capability != "download.progress":
        return REFUSALS.get(outcomes.get(REFUSAL), "not shown")
    shown = {outcomes.get(test) for test in proofs}
    if "FAILS" in shown:
        return "FAILS"
    return "works" if "holds" in shown else "not shown"
