"""No secret is ever seen: the search of the score's eleventh figure, in its short form."""

from __future__ import annotations

from pathlib import Path

from score.canary import sightings
from servers import S3Server


def test_no_secret_is_seen_anywhere(seaweedfs: S3Server, tmp_path: Path) -> None:
    """No output, log, error, traceback with variables, repr, pickle or file shows a secret or a signature."""
    search = sightings(seaweedfs, tmp_path, short=True)
    assert search.looked > 400
    assert [] == search.sightings
