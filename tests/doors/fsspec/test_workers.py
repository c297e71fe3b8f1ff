"""Stores in the tasks of Dask and of cloudpickle."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from pathlib import Path

import cloudpickle
import dask.dataframe
import pandas
import pytest
from distributed import Client, LocalCluster

from assetstore import AlreadyExistsError, AssetStore, ConfigError, open_store
from assetstore_fsspec import AssetStoreFileSystem


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty working directory with a configuration."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "assetstore.toml").write_text('default = "data"\n[stores.data]\nurl = "file:${FOLDER:-assets}"\n')
    return tmp_path


@pytest.fixture
def client(folder: Path) -> Iterator[Client]:
    """Give a cluster with two processes."""
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster, Client(cluster) as client:
        yield client


def pack_and_die(store: AssetStore, key: str) -> str:
    """Write a result and end the process, as a machine does; return the result of an earlier run."""
    try:
        store.upload(store.read(key) * 2, f"packed/{key}", overwrite=False)
    except AlreadyExistsError:
        return f"packed/{key}"
    os._exit(1)


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # of the cluster, whose worker died
def test_a_task_that_writes_create_only_survives_the_death_of_its_worker(client: Client) -> None:
    """Dask runs the task again, which finds its own result, whole."""
    store = open_store()
    store.upload(b"ab", "a")
    assert "packed/a" == client.submit(pack_and_die, store, "a", pure=False).result(timeout=600)
    assert b"abab" == store.read("packed/a")


def test_a_worker_opens_a_store_once_for_all_tasks(client: Client) -> None:
    """Each task unpickles its argument; the statistics of the process count all of its reads."""
    store = open_store()
    store.upload(b"ab", "a")

    counts = client.gather([client.submit(count_reads, store, pure=False) for _ in range(8)])
    per_worker: dict[int, int] = {}
    for worker, count in counts:
        per_worker[worker] = max(per_worker.get(worker, 0), count)
    assert 8 == sum(per_worker.values())


def count_reads(store: AssetStore) -> tuple[int, int]:
    """Read, and return the process and how many reads its store has counted."""
    with store:
        store.read("a")
        return os.getpid(), int(store.stats()["reads"]["count"])


def test_a_task_whose_store_cannot_be_opened_fails_with_that_reason(client: Client, folder: Path) -> None:
    """The error of the configuration is that of the task, not a lost worker."""
    store = open_store()
    (folder / "assetstore.toml").unlink()
    with pytest.raises(ConfigError, match=r"cannot read .*assetstore\.toml"):
        client.submit(count_reads, store, pure=False).result(timeout=600)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Dask calls pandas as pandas no longer likes
def test_a_file_system_goes_to_the_workers(client: Client) -> None:
    """Dask's tables read and write in other processes, by URL and by the file system itself."""
    table = dask.dataframe.from_pandas(pandas.DataFrame({"n": range(6)}), npartitions=2)
    table.to_parquet("assetstore://data/t")
    assert 15 == dask.dataframe.read_parquet("assetstore://data/t")["n"].sum().compute()
    files = AssetStoreFileSystem("data")
    files.pipe_file("a", b"ab")
    assert b"ab" == client.submit(files.cat_file, "a", pure=False).result(timeout=600)


def test_cloudpickle_takes_a_store_in_a_closure(folder: Path) -> None:
    """A function that uses a store of the sender's goes along with it."""
    store = open_store()
    store.upload(b"ab", "a")
    read = pickle.loads(cloudpickle.dumps(lambda: store.read("a")))
    assert b"ab" == read()
