"""The page on fsspec: its blocks run on a folder and on a bucket, and print what it shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from pages import ROOT, VARIABLES, Reader

PAGE = ROOT / "docs" / "fsspec.md"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Dask, which calls pandas as pandas no longer likes
@pytest.mark.parametrize("kind", ["folder", "bucket"])
def test_every_block_runs_and_every_output_is_what_is_shown(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader who types the blocks one after the other sees what the page shows, wherever the store is."""
    if kind == "bucket":
        server = request.getfixturevalue("seaweedfs")
        monkeypatch.setenv("DATA_STORE", f"s3://{server.bucket}?endpoint_url={server.endpoint_url}")
        for name, value in (("R2_ACCESS_KEY", server.access_key), ("R2_SECRET_KEY", server.secret_key)):
            monkeypatch.setenv(name, value)
            monkeypatch.setitem(VARIABLES, name, value)
    reader = Reader(tmp_path)
    reader.read(PAGE)
    assert [] == reader.differences()
