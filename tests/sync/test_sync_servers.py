"""``sync`` with a real S3 server: how many requests it takes, and that digests, conditions and headers are the service's."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assetstore.sync import sync
from counted import Counted, counted


@pytest.fixture
def s3(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Counted]:
    """Give a store of a real server whose requests are counted, below a prefix of its own."""
    with counted("s3", tmp_path, lambda: request.getfixturevalue("seaweedfs")) as made:
        made.store = made.store.scoped(f"{secrets.token_hex(8)}/")
        yield made


def methods(made: Counted) -> list[str]:
    """Return the requests since the last reset, sorted."""
    assert made.wire is not None
    return sorted(made.wire.requests)


def folder_of(folder: Path, files: dict[str, bytes]) -> Path:
    """Return a folder with files."""
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def test_requests_of_a_folders_syncs(s3: Counted, tmp_path: Path) -> None:
    """The first run lists and puts, the second lists, a touched file costs nothing, and a changed one a single put."""
    source = folder_of(tmp_path / "art", {f"maps/{number:04}": b"%d" % number for number in range(1200)})
    assert sync(source, s3.store).ok
    assert ["GET"] + 1200 * ["PUT"] == methods(s3)
    s3.reset()
    assert 1200 == sync(source, s3.store).counts.unchanged
    assert ["GET"] * 2 == methods(s3)  # a page has 1,000
    s3.reset()
    os.utime(source / "maps" / "0007")
    (source / "maps" / "0008").write_bytes(b"other")
    report = sync(source, s3.store)
    assert ["GET"] * 2 + ["PUT"] == methods(s3)
    assert (1199, 1, b"other") == (report.counts.unchanged, report.counts.changed, s3.store.read("maps/0008"))


def test_a_large_file_is_unchanged_at_the_second_run(s3: Counted, tmp_path: Path) -> None:
    """The listing has no digest of what was sent in parts, and yet nothing is asked for or sent again."""
    source = folder_of(tmp_path / "art", {"big": secrets.token_bytes(20 << 20), "small": b"1"})
    while time.time() < (source / "big").stat().st_ctime // 1 + 1:
        pass  # services tell whole seconds, so what is sent in the second of its last change must be looked at
    assert 2 == sync(source, s3.store).counts.new
    s3.reset()
    assert 2 == sync(source, s3.store).counts.unchanged
    assert ["GET"] == methods(s3)
    os.utime(source / "big")
    s3.reset()
    assert 2 == sync(source, s3.store).counts.unchanged


def test_renames_and_deletions_are_done_by_the_service(s3: Counted, tmp_path: Path) -> None:
    """A renamed folder is copied there, and its old keys go by one request once their versions are looked at."""
    source = folder_of(tmp_path / "art", {f"old/{number}.webp": b"%d" % number * 100 for number in range(10)})
    sync(source, s3.store)
    (source / "old").rename(source / "new")
    s3.reset()
    report = sync(source, s3.store, delete=True)
    assert (10, 10, 0, 0) == (report.counts.renamed, report.counts.deleted, report.counts.new, report.bytes)
    sent = methods(s3)
    assert (1, 10, 1) == (sent.count("GET"), sent.count("PUT"), sent.count("POST"))
    assert 10 == sync(source, s3.store).counts.unchanged


def test_headers_between_stores(s3: Counted) -> None:
    """All headers arrive, a change of them alone is found and fixed, and nothing is lost by it."""
    one, other = s3.store.scoped("one/"), s3.store.scoped("other/")
    given: dict[str, Any] = {"cache_control": "no-store", "content_language": "de", "metadata": {"by": "gm"}}
    one.upload(b"1", "a.webp", **given)
    assert 1 == sync(one, other).counts.new
    one.update("a.webp", cache_control="max-age=60")
    one.upload(b"2", "b.webp")
    report = sync(one, other)
    assert (1, 1, 1) == (report.counts.headers, report.counts.new, report.bytes)
    found = other.stat("a.webp")
    assert ("max-age=60", "de", {"by": "gm"}) == (found.cache_control, found.content_language, dict(found.metadata or {}))


def test_down_and_up_again(s3: Counted, tmp_path: Path) -> None:
    """What was fetched is not sent back."""
    for number in range(5):
        s3.store.upload(b"%d" % number, f"maps/{number}")
    assert 5 == sync(s3.store, tmp_path / "art").counts.new
    s3.reset()
    for source, destination in ((tmp_path / "art", s3.store), (s3.store, tmp_path / "art")):
        assert 5 == sync(source, destination).counts.unchanged
    assert ["GET"] * 2 == methods(s3)
