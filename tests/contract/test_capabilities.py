"""What a backend claims is shown to work, and the contract finds out a claim that is none."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from assetstore import AssetStore
from assetstore.cli.capabilities import Backend, installed_backends
from assetstore.hooks import OPTIONAL, REQUIRED
from assetstore.options import OPERATIONS, every
from assetstore.testing import FaultyBackend, MemoryBackend
from assetstore.testing.__main__ import main
from assetstore.testing.contract import BackendContract
from assetstore.testing.contract.capabilities import NEVER_GIVEN, PROOFS

DOCUMENT = Path(__file__).parents[2] / "docs" / "contract.md"


def test_every_operation_and_option_has_a_guarantee_that_shows_it() -> None:
    """A new option field or hook without a proof fails here; a proof is a guarantee that exists."""
    assert {*REQUIRED, *OPTIONAL, *every(*OPERATIONS)} - NEVER_GIVEN == PROOFS.keys()
    tests = {test for proofs in PROOFS.values() for test in proofs}
    assert set() == {test for test in tests if not hasattr(BackendContract, test)}
    assert [] == [capability for capability, proofs in PROOFS.items() if not proofs]


@pytest.mark.parametrize("without", [(), ("copy",), ("download",), ("copy", "download", "check")])
@pytest.mark.parametrize(
    "dropped",
    ["", "upload.overwrite", "upload.if_match", "read.if_match", "copy.if_match", "copy.overwrite", "update.if_match"],
)
def test_the_matrix_says_what_the_store_says(without: tuple[str, ...], dropped: str) -> None:
    """What the command line tells of a class is what ``can`` tells of a store over it."""
    backend = FaultyBackend(MemoryBackend(), without=without)
    backend.supports = frozenset(field for field in backend.supports if field.partition(".")[0] not in without) - {dropped}
    hooks = frozenset({"upload", "read", "stat", "list", "delete", "download", "copy", "check"}.difference(without))
    told = Backend("stand-in", hooks, backend.supports).capabilities()
    store = AssetStore(backend)
    # The store reads and counts itself where a backend cannot tell of its progress.
    asked = told.keys() - {"download.progress"}
    assert {name: store.can(name) for name in asked} == {name: told[name] != "no" for name in asked}


def test_our_own_backends_claim_what_they_implement() -> None:
    """The matrix has all of them, and no option of an operation that is not there."""
    found = {backend.name: backend for backend in installed_backends()}
    assert {"local", "memory", "r2", "s3"} <= found.keys()
    for backend in found.values():
        assert backend.supports is not None
        assert set() == {field for field in backend.supports if field.partition(".")[0] not in {*backend.hooks, "update"}}
    depends = attrs.evolve(found["memory"], supports=None).capabilities()
    assert ("yes", "?", "no") == (depends["upload"], depends["upload.if_match"], depends["presign"])


def test_the_document_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    """``docs/contract.md`` is what ``python -m assetstore.testing --markdown`` prints."""
    assert 0 == main(["--markdown"])
    assert capsys.readouterr().out == DOCUMENT.read_text(encoding="utf-8")
