"""What the page on fsspec says of the tools: what they refuse, what a failure leaves, which requests they send."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import dask
import dask.dataframe
import duckdb
import fsspec
import numpy
import pandas
import polars
import pyarrow
import pyarrow.dataset
import pyarrow.parquet
import pytest
import zarr
from zarr.storage import FsspecStore

from assetstore import AssetStore, Event, open_store
from assetstore.plugin import hookimpl
from assetstore_fsspec import AssetStoreFileSystem
from assetstore_fsspec.files import ReadFile
from assetstore_r2 import S3Backend
from servers import S3Server

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Dask calls pandas as pandas no longer likes

TABLE = pandas.DataFrame({"n": range(3), "tile": ["grass", "stone", "water"]})
URL = "assetstore://data"


class Unprintable:
    """A value on which a writer fails."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


BROKEN = pandas.DataFrame({"n": [*range(100_000), Unprintable()]})


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AssetStore]:
    """Give the empty store ``data`` of the working directory's configuration."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "assetstore.toml").write_text('[stores.data]\nurl = "${DATA_STORE:-file:assets}"\n')
    if request.param == "bucket":
        server = request.getfixturevalue("seaweedfs")
        monkeypatch.setenv("DATA_STORE", f"s3://{server.bucket}?endpoint_url={server.endpoint_url}")
        monkeypatch.setenv("R2_ACCESS_KEY", server.access_key)
        monkeypatch.setenv("R2_SECRET_KEY", server.secret_key)
    with open_store("data") as opened:
        opened.delete_many(opened.list())
        yield opened


@pytest.fixture
def files(store: AssetStore) -> AssetStoreFileSystem:
    """Give the store as a file system."""
    return AssetStoreFileSystem(store)


def keys(store: AssetStore, prefix: str = "") -> list[str]:
    """Return all keys under a prefix."""
    return [item.key for item in store.list(prefix)]


# pandas


def test_pandas_creates_only_and_appends_as_the_store_does(store: AssetStore) -> None:
    """``mode="x"`` is refused where the asset is there, and ``mode="a"`` keeps what it held."""
    TABLE.to_csv(f"{URL}/a.csv", index=False, mode="x")
    with pytest.raises(FileExistsError):
        BROKEN.head(1).to_csv(f"{URL}/a.csv", index=False, mode="x")
    TABLE.to_csv(f"{URL}/a.csv", index=False, mode="a", header=False)
    assert 6 == len(pandas.read_csv(f"{URL}/a.csv"))


def test_pandas_stores_a_part_when_it_fails_and_a_writer_does_not(store: AssetStore) -> None:
    """A file that pandas opened itself is closed as if all were well; around a writer the exception passes."""
    for key in ("a.csv", "b.csv"):
        TABLE.to_csv(f"{URL}/{key}", index=False)
    with pytest.raises(RuntimeError, match="no text"):
        BROKEN.to_csv(f"{URL}/a.csv", index=False)
    assert b"n\n0\n1\n2\n3\n" == store.read("a.csv", length=10)
    with pytest.raises(RuntimeError, match="no text"), store.writer("b.csv") as file:
        BROKEN.to_csv(file, index=False)
    assert TABLE.equals(pandas.read_csv(f"{URL}/b.csv"))


def test_the_file_system_sees_an_exception_and_a_url_hides_it(files: AssetStoreFileSystem) -> None:
    """``files.open`` discards what a failing block wrote, in text too; ``fsspec.open`` closes the file without a word."""
    for mode, data in (("wb", b"1"), ("w", "1")):
        for opened in (files.open(f"a.{mode}", mode), fsspec.open(f"{URL}/b.{mode}", mode)):
            with pytest.raises(RuntimeError), opened as file:
                _write_and_fail(file, data)
    assert ["b.w", "b.wb"] == keys(files.store)


def _write_and_fail(file: Any, data: bytes | str) -> None:
    file.write(data)
    raise RuntimeError("no more")


# Polars


def test_polars_does_not_ask_fsspec(store: AssetStore) -> None:
    """Its own readers of URLs take one that they do not know for a path, also when it is written to."""
    TABLE.to_csv(f"{URL}/a.csv")
    for use in (
        lambda: polars.read_csv(f"{URL}/a.csv"),
        lambda: polars.scan_parquet(f"{URL}/a.parquet").collect(),
        lambda: polars.DataFrame({"n": [1]}).write_parquet(f"{URL}/a.parquet"),
    ):
        with pytest.raises(FileNotFoundError):
            use()


def test_a_sink_of_polars_that_fails_stores_nothing(store: AssetStore) -> None:
    """The exception leaves the writer's block, so the asset stays as it was."""
    store.upload(b"before", "a.csv")
    lazy = polars.LazyFrame({"n": range(1000)}).select(polars.col("n").cast(polars.String) + "x").cast(polars.Int8)
    with pytest.raises(polars.exceptions.InvalidOperationError), store.writer("a.csv") as file:
        lazy.sink_csv(file)
    assert b"before" == store.read("a.csv")


# pyarrow


def test_pyarrow_refuses_a_dataset_that_is_there(files: AssetStoreFileSystem) -> None:
    """The second ``write_dataset`` looks at the folder first."""
    table = pyarrow.table({"n": [1, 2]})
    pyarrow.dataset.write_dataset(table, "d", format="parquet", filesystem=files)
    with pytest.raises(pyarrow.ArrowInvalid, match="not empty"):
        pyarrow.dataset.write_dataset(table, "d", format="parquet", filesystem=files)
    assert 2 == pyarrow.dataset.dataset("d", filesystem=files).count_rows()


def test_a_parquet_writer_that_fails_completes_the_file_unless_a_writer_surrounds_it(files: AssetStoreFileSystem) -> None:
    """The footer is written when the block ends in an exception too, and what has one is a table."""
    table = pyarrow.table({"n": [1, 2]})

    def write(target: Any, **where: Any) -> None:
        with pyarrow.parquet.ParquetWriter(target, table.schema, **where) as writer:
            writer.write_table(table)
            raise RuntimeError("the second part is missing")

    with pytest.raises(RuntimeError):
        write("a.parquet", filesystem=files)
    with pytest.raises(RuntimeError), files.store.writer("b.parquet") as file:
        write(file)
    assert (2, ["a.parquet"]) == (pyarrow.parquet.read_table("a.parquet", filesystem=files).num_rows, keys(files.store))


# Dask


def test_dask_keeps_the_parts_that_a_smaller_table_does_not_replace(store: AssetStore) -> None:
    """Readers then see rows of both; ``overwrite=True`` removes the folder first, and a new one is safe."""
    with dask.config.set(scheduler="synchronous"):
        large = dask.dataframe.from_pandas(pandas.DataFrame({"n": range(9)}), npartitions=3)
        small = dask.dataframe.from_pandas(pandas.DataFrame({"n": range(3)}), npartitions=1)
        large.to_parquet(f"{URL}/d")
        small.to_parquet(f"{URL}/d")
        assert 9 == len(dask.dataframe.read_parquet(f"{URL}/d"))
        small.to_parquet(f"{URL}/d", overwrite=True)
        assert (3, ["d/part.0.parquet"]) == (len(dask.dataframe.read_parquet(f"{URL}/d")), keys(store))
        with pytest.raises(pyarrow.ArrowInvalid, match="Unrecognized filesystem"):
            dask.dataframe.read_parquet(f"{URL}/d", filesystem="arrow").compute()


def test_dask_appends_to_one_file_of_text(store: AssetStore) -> None:
    """``single_file=True`` writes the first part and appends each other one."""
    with dask.config.set(scheduler="synchronous"):
        table = dask.dataframe.from_pandas(TABLE, npartitions=3)
        table.to_csv(f"{URL}/a.csv", single_file=True, index=False)
    assert TABLE.equals(pandas.read_csv(f"{URL}/a.csv"))


# DuckDB


@pytest.fixture
def duck(files: AssetStoreFileSystem) -> Iterator[Any]:
    """Give a DuckDB that knows the store."""
    with duckdb.connect() as connection:
        connection.register_filesystem(files)
        yield connection


FAILING = "copy (select if(range = 1900000, error('no'), range::varchar) as n from range(2000000))"


def test_duckdb_writes_beside_an_asset_and_leaves_it_when_it_fails(store: AssetStore, duck: Any) -> None:
    """A failed ``copy`` leaves neither a part nor its own temporary asset."""
    store.upload(b"n\n1\n", "old.csv")
    for key in ("old.csv", "new.csv", "new.parquet"):
        with pytest.raises(duckdb.InvalidInputException):
            duck.execute(f"{FAILING} to '{URL}/{key}'")
    assert (["old.csv"], b"n\n1\n") == (keys(store), store.read("old.csv"))
    duck.execute(f"copy (select 2 as n) to '{URL}/old.csv'")
    assert (["old.csv"], b"n\n2\n") == (keys(store), store.read("old.csv"))


def test_duckdb_partitions_into_a_new_folder_only_when_it_need_not_list_it(store: AssetStore, duck: Any) -> None:
    """It lists the folder that it has just made, and there is none in a store until something is in it."""
    copy = f"copy (select range as n, range % 2 as odd from range(9)) to '{URL}/{{}}' (partition_by odd{{}})"
    with pytest.raises(duckdb.Error):
        duck.execute(copy.format("a", ""))
    for folder, option in (("b", ", append"), ("c", ", overwrite_or_ignore")):
        duck.execute(copy.format(folder, option))
        assert [(9,)] == duck.execute(f"select count(*) from '{URL}/{folder}/*/*.csv'").fetchall()
    assert [] == keys(store, "a/")


def test_duckdb_attaches_a_database_to_read(store: AssetStore, duck: Any, tmp_path: Path) -> None:
    """One that was uploaded is attached read-only; one to write is refused, as no asset changes in its middle."""
    with duckdb.connect(tmp_path / "local.db") as local:
        local.execute("create table t as select 7 as n")
    store.upload(tmp_path / "local.db", "remote.db")
    duck.execute(f"attach '{URL}/remote.db' as remote (read_only)")
    assert [(7,)] == duck.execute("select n from remote.t").fetchall()
    with pytest.raises(duckdb.Error, match="opens to read"):
        duck.execute(f"attach '{URL}/other.db' as other")


# zarr


def test_zarr_takes_urls_and_no_file_system_of_threads(files: AssetStoreFileSystem) -> None:
    """``FsspecStore`` of a URL wraps the file system for asyncio; given the bare one it says what it needs."""
    zarr.create_array(FsspecStore.from_url(f"{URL}/a.zarr"), data=numpy.arange(6), chunks=(2,))
    assert [2, 3] == zarr.open_array(f"{URL}/a.zarr", mode="r")[2:4].tolist()
    with pytest.raises(TypeError, match="async"):
        FsspecStore(files, path="a.zarr")
    with pytest.raises(zarr.errors.ContainsArrayError):
        zarr.create_array(f"{URL}/a.zarr", data=numpy.arange(6))


# Requests


@attrs.define
class Recorder:
    """Counts what is read of a store.

    Attributes:
        requests: how many requests were sent.
        bytes: how many bytes were read.
    """

    requests: int = 0
    bytes: int = 0

    @hookimpl
    def assetstore_event(self, event: Event) -> None:
        """Add an event."""
        self.requests += sum(event.requests.values())
        self.bytes += event.bytes if event.op == "read" else 0


def test_a_column_of_a_table_is_read_without_the_others(seaweedfs: S3Server) -> None:
    """Of eight columns in eight groups of rows all but Polars read the footer and about an eighth; no file stays open."""
    recorder = Recorder()
    access = {"access_key": seaweedfs.access_key, "secret_key": seaweedfs.secret_key}
    backend = S3Backend(bucket=seaweedfs.bucket, endpoint_url=seaweedfs.endpoint_url, **access)
    with AssetStore(backend, plugins=[recorder]) as store, duckdb.connect() as duck:
        files = AssetStoreFileSystem(store)
        duck.register_filesystem(files)
        duck.execute("set threads = 1")  # several share one file, and seek in it by turns
        random = numpy.random.default_rng(0)
        table = pyarrow.table({name: random.random(250_000) for name in "abcdefgh"})
        pyarrow.parquet.write_table(table, "t.parquet", filesystem=files, row_group_size=31_250, use_dictionary=False)
        size = store.stat("t.parquet").size
        for tool, most_requests, share, use in (
            ("schema", 3, 0.01, lambda file: pyarrow.parquet.read_schema(file)),
            ("pyarrow", 20, 0.2, lambda file: pyarrow.parquet.read_table(file, columns=["c"])),
            ("pandas", 20, 0.2, lambda file: pandas.read_parquet(file, columns=["c"])),
            ("Polars by pyarrow", 20, 0.2, lambda file: polars.read_parquet(file, columns=["c"], use_pyarrow=True)),
            ("DuckDB", 30, 0.2, lambda _: duck.execute("select sum(c) from 'assetstore:///t.parquet'").fetchall()),
            ("Polars", 1, 1, lambda file: polars.read_parquet(file, columns=["c"])),
        ):
            recorder.requests = recorder.bytes = 0
            with files.open("t.parquet") as file:
                use(file)
            gc.collect()
            assert (tool, True, True) == (tool, recorder.requests <= most_requests, recorder.bytes <= share * size)
            assert [] == [each for each in gc.get_objects() if isinstance(each, ReadFile) and not each.closed]
