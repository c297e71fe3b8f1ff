"""``verify`` reads every asset once against its stored digest, and goes on where a killed run was."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetstore import (
    AlreadyExistsError,
    AssetInfo,
    AssetStore,
    BackendError,
    CredentialsError,
    InvalidOptionError,
    NotFoundError,
    UnavailableError,
    open_store,
)
from assetstore.plugin import AssetStream, ListPage, ReadOptions, hookimpl
from assetstore.sync import Verified, VerifyReport, verify, verify_cost
from assetstore.sync.verify_file import COLUMNS
from assetstore.testing import MemoryBackend

HEAD = ",".join(COLUMNS)


class Body:
    """Other bytes than those that are stored."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes."""
        size = len(self.data) if size < 0 else size
        piece, self.data = self.data[:size], self.data[size:]
        return piece

    def close(self) -> None:
        """Do nothing."""


@attrs.define(eq=False)
class Rotten(MemoryBackend):
    """A store whose assets may be damaged, without a digest, or fail.

    Attributes:
        damaged: keys whose bytes are changed.
        bare: keys without a digest.
        failing: the error for each key that cannot be read.
        gone: keys that are listed and not there.
        reads: the keys that were read, one after the other.
    """

    damaged: set[str] = attrs.field(factory=set)
    bare: set[str] = attrs.field(factory=set)
    failing: dict[str, Exception] = attrs.field(factory=dict)
    gone: set[str] = attrs.field(factory=set)
    reads: list[str] = attrs.field(factory=list)
    heals: bool = False

    @hookimpl
    def assetstore_read(self, key: str, options: ReadOptions) -> AssetStream:
        """Return what became of the asset."""
        self.reads.append(key)
        if key in self.failing:
            raise self.failing[key]
        if key in self.gone:
            raise NotFoundError("there is no asset under this key")
        stream = super().assetstore_read(key, options)
        data = stream.body.read()
        if key in self.damaged:
            data = bytes([data[0] ^ 1]) + data[1:]
            self.damaged -= {key} if self.heals else set()
        info = attrs.evolve(stream.info, digest=None) if key in self.bare else stream.info
        return AssetStream(info=info, body=Body(data), length=len(data))

    @hookimpl
    def assetstore_list(self, prefix: str, options: Any) -> ListPage:
        """Return pages of five."""
        return super().assetstore_list(prefix, attrs.evolve(options, limit=min(5, options.limit)))


def store_of(count: int, **troubles: Any) -> tuple[AssetStore, Rotten]:
    """Return a store with so many assets, and its backend."""
    backend = Rotten(**troubles)
    store = AssetStore(backend, name="prod")
    for number in range(count):
        store.upload(b"bytes of %d" % number, f"{number:03}")
    return store, backend


def counts(report: VerifyReport) -> tuple[int, int, int, int]:
    """Return the four numbers of a report."""
    return report.ok, report.damaged, report.no_digest, report.unreadable


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a report."""
    text = path.read_text(encoding="utf-8")
    if ".csv" in path.name:
        return list(csv.DictReader(text.splitlines()))
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("name", ["report.csv", "report.jsonl"])
def test_each_asset_is_read_once_and_has_a_line(tmp_path: Path, name: str) -> None:
    """Lines come in the order of keys, with what became of each asset and the version that was read."""
    troubles = {"damaged": {"003"}, "bare": {"005"}, "failing": {"007": BackendError("the disk is broken")}}
    store, backend = store_of(12, **troubles)
    seen: list[Verified] = []
    sizes: list[int] = []
    report = verify(store, report=tmp_path / name, found=seen.append, progress=sizes.append)
    assert (9, 1, 1, 1) == counts(report)
    assert not report.sound
    assert sorted([*(f"{number:03}" for number in range(12)), "003"]) == sorted(backend.reads)
    rows = rows_of(tmp_path / name)
    assert [f"{number:03}" for number in range(12)] == [row["key"] for row in rows]
    assert {"003": "damaged", "005": "no_digest", "007": "unreadable"} == {
        row["key"]: row["state"] for row in rows if row["state"] != "ok"
    }
    assert ["003", "005", "007"] == [each.key for each in seen]
    assert {"prod"} == {row["store"] for row in rows}
    assert [store.stat(row["key"]).etag for row in rows] == [row["etag"] for row in rows]
    assert [name] == os.listdir(tmp_path)


def test_bytes_that_were_damaged_on_the_way_are_not_called_damaged() -> None:
    """What matches when it is read again is well."""
    store, backend = store_of(3, damaged={"001"}, heals=True)
    assert verify(store).sound
    assert 4 == len(backend.reads)


def test_what_was_deleted_meanwhile_is_left_out() -> None:
    """It is neither damaged nor unreadable."""
    store, _ = store_of(3, gone={"001"})
    assert (2, 0, 0, 0) == counts(verify(store))


@given(data=st.data(), form=st.sampled_from(["csv", "jsonl"]))
def test_a_run_that_was_broken_off_anywhere_goes_on(
    data: st.DataObject, form: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Cut at any byte, a report is completed to what it would have been, and no asset is read that has a whole line."""
    folder = tmp_path_factory.mktemp("reports")
    keys = data.draw(st.lists(st.sampled_from(["a", "a b", 'q"uote', "co,mma", "ü", "x/y", "z"]), min_size=1, unique=True))
    backend = Rotten(damaged={keys[0]})
    store = AssetStore(backend, name="prod")
    for key in keys:
        store.upload(b"abc", key)
    whole = verify(store, report=folder / f"whole.{form}")
    text = (folder / f"whole.{form}").read_bytes()
    cut = data.draw(st.integers(0, len(text)))
    (folder / f"again.{form}.part").write_bytes(text[:cut])
    known = {row["key"] for row in rows_of(folder / f"whole.{form}")[: max(0, text[:cut].count(b"\n") - (form == "csv"))]}
    backend.reads.clear()
    again = verify(store, report=folder / f"again.{form}")
    assert (counts(whole), whole.size) == (counts(again), again.size)
    assert set(keys) - known == set(backend.reads)
    wanted, got = (rows_of(folder / f"{name}.{form}") for name in ("whole", "again"))
    assert [{**row, "time": ""} for row in wanted] == [{**row, "time": ""} for row in got]


PROGRAM = """
import os, signal
from assetstore.sync import verify
verify("file:assets", report="report.csv", found=lambda _: os.kill(os.getpid(), signal.SIGKILL))
"""


def test_a_killed_process_loses_nothing_that_it_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After kill -9 the next run reads only what has no line yet."""
    monkeypatch.chdir(tmp_path)
    with open_store("file:assets") as store:
        for number in range(60):
            store.upload(b"%d" % number, f"{number:03}")
    (tmp_path / "assets/040").write_bytes(b"by hand, and so without a digest")
    done = subprocess.run([sys.executable, "-c", PROGRAM], check=False)
    assert -signal.SIGKILL == done.returncode
    written = rows_of(Path("report.csv.part"))
    assert (41, "no_digest") == (len(written), written[-1]["state"])
    sizes: list[int] = []
    report = verify("file:assets", report="report.csv", progress=sizes.append)
    assert ((59, 0, 1, 0), 19) == (counts(report), len(sizes))
    assert written == rows_of(Path("report.csv"))[:41]


def test_a_store_that_is_down_ends_the_run_and_is_not_reported_as_its_assets(tmp_path: Path) -> None:
    """The report ends before the first asset that could not be reached, and goes on from there."""
    down = {f"{number:03}": UnavailableError("the store is down") for number in range(10, 60)}
    store, backend = store_of(60, failing=down)
    with pytest.raises(UnavailableError, match="the store is down"):
        verify(store, report=tmp_path / "r.csv", max_concurrency=1)
    assert 11 == len((tmp_path / "r.csv.part").read_text().splitlines())
    backend.failing.clear()
    report = verify(store, report=tmp_path / "r.csv")
    assert ((60, 0, 0, 0), "009") == (counts(report), report.resumed_after)


def test_one_asset_that_cannot_be_reached_does_not_end_the_run() -> None:
    """It is one line among the others."""
    store, _ = store_of(30, failing={"003": UnavailableError("try later"), "029": UnavailableError("try later")})
    assert (28, 0, 0, 2) == counts(verify(store))


def test_refused_credentials_end_the_run() -> None:
    """They would be refused for every asset."""
    store, _ = store_of(30, failing={"003": CredentialsError("the key is unknown")})
    with pytest.raises(CredentialsError):
        verify(store)


def test_a_foreign_key_is_unreadable() -> None:
    """Nothing tells whether its bytes are well."""

    class Foreign(MemoryBackend):
        @hookimpl
        def assetstore_list(self, prefix: str, options: Any) -> ListPage:
            return ListPage(items=(AssetInfo(key="a/../b", size=1, valid=False),))

    assert (0, 0, 0, 1) == counts(verify(AssetStore(Foreign())))


@pytest.mark.parametrize(
    "text",
    ["store,key\nother,a\n", "hello\n", '{"a": 1}\n', "[1]\n", f"{HEAD}\nprod,a,b,c,d,e,f,g\n", '{"store": "prod"}\n'],
)
@pytest.mark.parametrize("name", ["r.csv", "r.json"])
def test_a_foreign_file_is_not_overwritten(tmp_path: Path, name: str, text: str) -> None:
    """What is not an unfinished report stays as it is."""
    store, _ = store_of(1)
    (tmp_path / f"{name}.part").write_text(text)
    with pytest.raises(InvalidOptionError, match="is not an unfinished report of verify"):
        verify(store, report=tmp_path / name)
    assert text == (tmp_path / f"{name}.part").read_text()


def test_the_report_of_another_store_is_refused(tmp_path: Path) -> None:
    """Two stores do not share a report."""
    (tmp_path / "r.csv.part").write_text(f"{HEAD}\ndev,a,ok,1,,,,\n")
    store, _ = store_of(1)
    with pytest.raises(InvalidOptionError, match="is of 'dev', and not of 'prod'"):
        verify(store, report=tmp_path / "r.csv")


def test_two_processes_do_not_write_one_report(tmp_path: Path) -> None:
    """The second is refused before it reads anything."""
    store, backend = store_of(2)

    def second(verified: Verified) -> None:
        with pytest.raises(AlreadyExistsError, match="another process is writing"):
            verify(store, report=tmp_path / "r.csv")

    backend.bare.add("000")
    verify(store, report=tmp_path / "r.csv", found=second)
    assert 2 == len(backend.reads)


def test_the_cost_is_known_beforehand(tmp_path: Path) -> None:
    """By the listing alone: assets, bytes and requests, and only of what an unfinished report leaves."""
    store, backend = store_of(12)
    cost = verify_cost(store)
    assert ("prod", 12, 122, 1, None) == (cost.store, cost.assets, cost.size, cost.pages, cost.resumed_after)
    (tmp_path / "r.csv.part").write_text(f"{HEAD}\nprod,009,ok,10,,,,\n")
    rest = verify_cost(store, report=tmp_path / "r.csv")
    assert ([], 2, "009") == (backend.reads, rest.assets, rest.resumed_after)


def test_nothing_to_verify_is_an_error(tmp_path: Path) -> None:
    """A mistyped prefix does not pass for a sound store; neither does a folder of plain files."""
    store, _ = store_of(1)
    with pytest.raises(NotFoundError, match="'prod' has no asset to verify"):
        verify(store.scoped("none/"))
    with pytest.raises(InvalidOptionError, match="is a folder of plain files"):
        verify(f"{tmp_path}/")
