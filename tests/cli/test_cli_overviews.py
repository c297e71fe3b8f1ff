"""``presign``, ``url``, ``stats``, ``stores`` and ``plugins``."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from assetstore import AssetStore

if TYPE_CHECKING:
    from running import Run

S = ("-s", "file:assets")


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("30s", 30), ("15m", 900), ("1h", 3600), ("7d", 604_800)])
def test_a_signed_url_alone_goes_to_stdout(run: Run, text: str, seconds: int) -> None:
    """Headers and expiry go to stderr; times have units."""
    done = run("-s", "stub:", "presign", "a b.png", "--method", "put", "--expires", text, "--content-type", "image/png")
    assert ["https://cdn.example/a%20b.png?signature=hunter2-signature"] == done.lines
    header, expiry = done.err.splitlines()
    assert "send the header content-type: image/png" == header
    end = datetime.fromisoformat(expiry.removeprefix("valid for PUT until "))
    assert abs(end - datetime.now(UTC) - timedelta(seconds=seconds)) < timedelta(minutes=1)


def test_a_signed_request_as_json(run: Run) -> None:
    """The object has all that a client needs."""
    (record,) = run("-s", "stub:", "--json", "presign", "a").records
    assert {"url", "method", "headers", "expires_at"} == record.keys()


def test_what_a_signed_url_is_bound_to_is_given_by_options(run: Run) -> None:
    """A PUT is bound to size, digest, type and a free key; a GET is answered with a file name, and its URL lasts a while."""
    digest = "ab" * 32
    put = run(*S, "--json", "presign", "a.png", "--method", "PUT", "--size", "3", "--sha256", digest, "--no-overwrite")
    assert {"cache-control", "content-length", "x-amz-checksum-sha256", "if-none-match"} == put.records[0]["headers"].keys()
    get = run(*S, "presign", "a.png", "--download-as", "Käse.png", "--window", "1h")
    assert "K%25C3%25A4se.png" in get.out
    assert 2 == run(*S, "presign", "a.png", "--window", "soon").code


def test_a_public_url_is_shown(run: Run, folder: Path) -> None:
    """A store with ``public_url`` has one, another says that it has none."""
    (folder / "assetstore.toml").write_text('[stores.dev]\nurl = "file:assets"\npublic_url = "https://cdn.example"\n')
    assert "https://cdn.example/a%20b\n" == run("-s", "dev", "url", "a b").out
    assert [{"key": "a", "url": "https://cdn.example/a"}] == run("-s", "dev", "--json", "url", "a").records
    refused = run(*S, "url", "a")
    assert (1, "error: cannot show the URL of 'a' (store file:assets)") == (refused.code, refused.err.splitlines()[0])


def test_statistics_are_counted_and_reset(run: Run, folder: Path) -> None:
    """Counters with a file outlive a command, are shown, and are set to zero when that is asked."""
    (folder / "assetstore.toml").write_text(
        'default = "dev"\n[stores.dev]\nurl = "file:assets"\nstats = { path = "stats.db" }\n'
    )
    run("upload", "-", "--key", "a", stdin=b"four")
    done = run("stats")
    assert (["uploads", "1", "4 B", "0"], "") == (done.lines[0].split("\t")[:4], done.err)
    (record,) = run("--json", "stats", "--reset", "-n").records
    assert (1, 4) == (record["uploads"]["count"], record["uploads"]["bytes"])
    assert 0 == run("stats", "--reset").code
    (record,) = run("--json", "stats").records
    assert 0 == record["uploads"]["count"]


@pytest.mark.parametrize(
    ("store", "command", "expected"),
    [
        ("dev", ["stats"], "cannot show the statistics (store dev)"),
        ("gone", ["upload", "-n", "--no-overwrite", "notes.txt", "--key", "a"], "cannot look up 'a' (store gone)"),
    ],
)
def test_a_failure_is_named_in_words(run: Run, folder: Path, store: str, command: list[str], expected: str) -> None:
    """What failed is told in words, also where the method's name is not a verb."""
    (folder / "notes.txt").write_bytes(b"notes")
    (folder / "assetstore.toml").write_text(
        '[stores.dev]\nurl = "file:assets"\nstats = false\n[stores.gone]\nurl = "file:gone?create=false"\n'
    )
    assert f"error: {expected}" == run("-s", store, *command).err.splitlines()[0]


def test_the_cost_is_requests_and_bytes_times_prices(run: Run, folder: Path, seaweedfs: Any, unique_prefix: str) -> None:
    """By the prices of R2, or those in the store's table; what is free costs nothing, and bytes only on their way out."""

    def table(name: str, backend: str, *more: str) -> str:
        keys = f'access_key = "{seaweedfs.access_key}"\nsecret_key = "{seaweedfs.secret_key}"'
        where = f'bucket = "{seaweedfs.bucket}"\nendpoint_url = "{seaweedfs.endpoint_url}"\nstats = {{ path = "stats.db" }}'
        return "\n".join((f'[stores.{name}]\nbackend = "{backend}"', keys, where, *more, ""))

    dear = table("dear", "r2", "prices = { A = 1_000_000, B = 0, out = 1_000_000_000 }")
    (folder / "assetstore.toml").write_text(table("r2", "r2") + dear + table("unknown", "s3"))
    key = f"{unique_prefix}a"
    assert 0 == run("-s", "r2", "upload", "-", "--key", key, stdin=b"four").code
    assert b"four" == run("-s", "r2", "download", key, "-o", "-").raw
    assert 0 == run("-s", "r2", "delete", "--yes", key).code
    shown = run("-s", "r2", "stats", "--cost")
    (record,) = run("-s", "r2", "--json", "stats", "--cost").records
    total = record["total"]
    assert {"A": 1, "B": 1} == {kind: total["requests"][kind] for kind in "AB"}
    assert (4, round(4.86 / 1_000_000, 9)) == (total["bytes_out"], total["cost"])
    assert "total\t1\t1" in shown.out
    assert "at 4.5 for a million A, 0.36 for a million B" in shown.err
    (record,) = run("-s", "dear", "--json", "stats", "--cost").records
    assert {"uploads": 1.0, "deletes": 0.0, "total": 5.0} == {
        name: record[name]["cost"] for name in ("uploads", "deletes", "total")
    }
    refused = run("-s", "unknown", "stats", "--cost")
    assert (2, True) == (refused.code, "the price of requests of class A is not known" in refused.err)


def test_a_folder_costs_nothing(run: Run, store: AssetStore) -> None:
    """No request is sent anywhere."""
    done = run(*S, "--json", "stats", "--cost")
    assert [{"total": {"requests": {}, "bytes_out": 0, "cost": 0}}] == done.records
    assert "a store on this machine costs nothing" in done.err


def test_counters_in_memory_are_explained(run: Run, store: AssetStore) -> None:
    """If all counters are zero, the output says why."""
    assert 'stats = { path = "stats.db" }' in run(*S, "stats").err


def test_stores_are_listed_without_their_secrets(run: Run, folder: Path) -> None:
    """The file is named, the default marked, what may be secret masked, and no store opened."""
    (folder / "assetstore.toml").write_text(
        'default = "dev"\n[stores.dev]\nurl = "file:assets"\n[stores.prod]\nurl = "s3://me:hunter2@host/b?secret_key=hunter2"\n'
        'secret_key = "hunter2"\n[stores.plain]\nbackend = "memory"\n'
    )
    done = run("stores")
    assert ["*\tdev\tfile:assets", "\tprod\ts3://***@host/b?***", "\tplain\tbackend memory"] == done.lines
    assert f"from {folder}/assetstore.toml\n" == done.err
    records = run("stores", "--json").records
    assert {"name": "dev", "default": True, "url": "file:assets", "config": f"{folder}/assetstore.toml"} == records[0]
    assert "hunter2" not in str(records)


def test_no_configuration_is_said(run: Run) -> None:
    """Without a file, the output names a way to do without."""
    assert (0, b"") == ((done := run("stores")).code, done.raw)
    assert "-s file:assets" in done.err


def test_plugins_are_listed_with_their_hooks(run: Run) -> None:
    """Name, distribution, version and hooks of each, a stranger's included."""
    rows = {line.split("\t")[0]: line.split("\t")[1:] for line in run("plugins", "--load").lines}
    assert ["assetstore", "name"] == [rows["naming"][0], rows["naming"][2]]
    assert ["stub-store", "1.0"] == rows["stub"][:2]
    records = {record["name"]: record for record in run("plugins", "--load", "--json").records}
    assert "presign" in records["stub"]["hooks"]


def test_only_plugins_that_are_configured_are_imported(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plugin that is merely installed is listed by what its package tells, and its code does not run."""
    monkeypatch.delitem(sys.modules, "stub_store", raising=False)
    (folder / "assetstore.toml").write_text('[stores.dev]\nurl = "./assets"\nwrappers = ["headers"]\n')
    records = {record["name"]: record for record in run("plugins", "--json").records}
    assert {"headers", "local", "naming", "stats"} == {name for name, record in records.items() if record["loaded"]}
    rows = {line.split("\t")[0]: line.split("\t")[1:] for line in run("plugins").lines}
    assert ["stub-store", "1.0", "not configured, not imported"] == rows["stub"]
    assert "stub_store" not in sys.modules
    records = {record["name"]: record for record in run("-s", "stub:", "plugins", "--json").records}
    assert (True, True) == (records["stub"]["loaded"], "presign" in records["stub"]["hooks"])


def test_a_plugin_that_cannot_be_loaded_is_listed_with_its_reason(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that fails hides no other."""
    monkeypatch.setenv("ASSETSTORE_DISABLE_PLUGINS", "stub")
    rows = {line.split("\t")[0]: line.split("\t")[3] for line in run("plugins").lines}
    assert "cannot be loaded: disabled by ASSETSTORE_DISABLE_PLUGINS" == rows["stub"]
    assert "naming" in rows
