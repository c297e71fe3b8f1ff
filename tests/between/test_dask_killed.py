"""A migration on a cluster of Dask between two buckets, one of whose workers is killed on the way."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from assetstore import AssetStore, open_store
from assetstore.migrate import ShardResult, failed_assets, plan, run, status, verify
from servers import S3Server

pytest.importorskip("distributed")

ASSETS, SHARD = 5_000, 250

CONFIG = """
[stores.old]
url = "synthetic:?count={assets}&seed=7&size=2000"

[stores.first]
url = "s3://{bucket}?endpoint_url={endpoint_url}"

[stores.second]
url = "s3://{other_bucket}?endpoint_url={endpoint_url}"
"""


@pytest.fixture
def _configured(seaweedfs: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Name the stores where this process and the workers look; the secret is in the environment alone."""
    text = CONFIG.format(
        assets=ASSETS, bucket=seaweedfs.bucket, other_bucket=seaweedfs.other_bucket, endpoint_url=seaweedfs.endpoint_url
    )
    (tmp_path / "assetstore.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", seaweedfs.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", seaweedfs.secret_key)
    monkeypatch.setenv("AWS_REGION", seaweedfs.region)


def holders(work: AssetStore) -> list[int]:
    """Return the processes that hold shards."""
    return [int(work.read(info.key).decode().split("-")[-2]) for info in work.list("0001/leases/")]


@pytest.mark.usefixtures("_configured")
def test_a_worker_that_is_killed_loses_nothing() -> None:
    """Two workers move assets between two buckets; after one is killed with its shard, each asset arrives all the same."""
    plan("old:", "first:assets/", "first:filling/")
    run("first:filling/")
    work = open_store("first").scoped("work/")
    made = plan("first:assets/", "second:assets/", "first:work/", shard_keys=SHARD, lease_seconds=20)
    assert (ASSETS // SHARD, ASSETS) == (made.shards, made.tally.objects)
    killed: list[int] = []

    def kill(result: ShardResult) -> None:
        if not killed and (found := holders(work)):
            killed.append(found[0])
            os.kill(found[0], signal.SIGKILL)

    report = run("first:work/", engine="dask:2", on_result=kill)
    assert 1 == len(killed)
    assert os.getpid() not in killed
    assert (0, 0, []) == (report.left, report.failed, list(failed_assets("first:work/")))
    state = status("first:work/")
    assert (made.shards, ASSETS) == (state.done, state.copied + state.present)
    assert state.present <= SHARD
    # A worker may die between its result and its answer: the result counts, and this call was not told.
    assert ASSETS - SHARD <= report.copied + report.present <= ASSETS
    assert verify("first:work/").same
    assert ASSETS == sum(1 for _ in open_store("second").list("assets/"))
