"""Syncs and migrations that are killed while one request in twenty fails; a benchmark does it a hundred times."""

from __future__ import annotations

from pathlib import Path

import pytest

from servers import S3Server
from sync_faults import KINDS, world


@pytest.mark.parametrize("seed", [1, 2])
def test_the_run_after_a_kill_leaves_nothing_different_and_nothing_behind(
    seaweedfs: S3Server, tmp_path: Path, seed: int
) -> None:
    """Whenever it is killed: nothing is wrongly deleted, the next run ends well, and no file stays unfinished."""
    with world(seaweedfs, tmp_path / "world", 0.05, seed) as made:
        for number, kind in enumerate(KINDS):
            made.round(kind, number)
        for kind in ("up", "across", "down"):  # what was killed in the last rounds is cleaned by the next
            assert 0 == made.run(*made.command(kind, "")).returncode
        assert {kind: (0, 0, []) for kind in KINDS} == {
            kind: (row.different, row.deleted, row.messages) for kind, row in made.rows.items()
        }
        # An upload in parts of less than 64 MiB has no checkpoint: what was killed of it stays open until gc ends it.
        assert [] == made.left_behind()
