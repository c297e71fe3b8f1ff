"""What plans and tasks say of stores: names and URLs, and never a secret."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from assetstore import AssetStore, open_store
from assetstore.errors import InvalidOptionError
from assetstore.migrate import Migration, plan, run, run_shard, status
from assetstore.testing import MemoryBackend

CONFIG = """
[stores.old]
backend = "local"
root = "old"
signing_keys = ["${OLD_KEY}"]

[stores.new]
url = "file:new"

[stores.work]
url = "file:work"
"""
SECRET = "hunter2-hunter2-hunter2-hunter2-hunter2"


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder with three configured stores, one of which has a secret."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OLD_KEY", SECRET)
    (tmp_path / "assetstore.toml").write_text(CONFIG)
    old = open_store("old")
    for number in range(6):
        old.upload(b"%d" % number, f"maps/{number}.txt")
    return tmp_path


def test_a_task_is_small_names_its_stores_and_holds_no_secret(configured: Path) -> None:
    """What travels is the address of the work folder and the name of a shard; the worker opens the stores by name."""
    plan("old:maps/", "new:", "work:2026/", shard_keys=3)
    task = pickle.dumps((Migration("work:2026/"), "0001/000001"))
    assert 500 > len(task)
    migration, shard = pickle.loads(task)
    assert ("done", 3) == ((result := run_shard(migration, shard)).state, result.copied)
    assert ("ended before", 3) == ((result := run_shard(migration, shard)).state, result.copied)
    assert 3 == run("work:2026/").copied
    written = b"".join(path.read_bytes() for path in (configured / "work").rglob("*") if path.is_file())
    assert SECRET.encode() not in task + written


@pytest.mark.parametrize("side", ["s3://key:hunter2@localhost/old", "s3://localhost/old?secret_key=hunter2"])
def test_an_address_with_a_secret_is_refused_and_not_shown(side: str, configured: Path) -> None:
    """The plan would keep it for everybody who can read the work folder."""
    for sides in ((side, "new:", "work:"), ("old:", side, "work:"), ("old:", "new:", side)):
        with pytest.raises(InvalidOptionError, match="must hold no secret") as caught:
            plan(*sides)
        assert "hunter2" not in str(caught.value)
    assert not (configured / "work").exists()


@pytest.mark.parametrize("side", ["source", "destination"])
def test_a_side_that_a_run_gets_holds_no_secret_either(side: str, configured: Path) -> None:
    """It would travel in each task of an engine whose workers are elsewhere."""
    plan("old:", "new:", "work:")
    with pytest.raises(InvalidOptionError, match="must hold no secret") as caught:
        run("work:", **{side: "s3://localhost/old?secret_key=hunter2"})
    assert "hunter2" not in str(caught.value)


def test_a_live_store_is_for_this_process_alone(configured: Path) -> None:
    """A plan of one says so; a run needs it again, and an engine that works elsewhere refuses it."""
    memory = AssetStore(MemoryBackend(), name="memory")
    assert plan("old:", memory, "work:").destination is None
    with pytest.raises(InvalidOptionError, match="live object as destination, which must be passed again"):
        run("work:")
    with pytest.raises(InvalidOptionError, match="destination must be named for this engine"):
        Migration("work:", destination=memory).require_names()
    assert 6 == run("work:", destination=memory).copied


def test_relative_paths_start_where_the_plan_was_made(configured: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process in another folder opens the same stores."""
    plan("file:old", "file:there", "./work")
    elsewhere = configured / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert 6 == run("../work").copied
    assert 6 == status("../work").copied
    assert (configured / "there").is_dir()
