"""``audit``: what is expected against what is stored."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import sqlite3
import subprocess
import sys
import unicodedata
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetstore import AssetStore, open_store
from assetstore.cli.audit import audit_command
from assetstore.cli.expected_keys import collect, read_file

if TYPE_CHECKING:
    from running import Done, Run

    from servers import S3Server

S = ("-s", "file:assets")
ALL = ["maps/deep/cave.webp", "maps/keep.webp", "maps/tower.png", "notes.txt"]
OLD = ("--older-than", "7d")
DELETE = ("--delete-orphans", *OLD)


def keys(store: AssetStore) -> list[str]:
    """Return all keys."""
    return [info.key for info in store.list()]


def counts(done: Done) -> dict[str, int]:
    """Return the counts that are not zero, by state."""
    rows = [line.split("\t") for line in done.lines]
    return {cells[0]: int(cells[1]) for cells in rows if cells[1] != "0"}


def age(folder: Path, *names: str, days: int = 8) -> None:
    """Make assets older."""
    moment = (datetime.now(UTC) - timedelta(days=days, hours=1)).timestamp()
    for name in names:
        os.utime(folder / "assets" / name, (moment, moment))


def text(*lines: str) -> bytes:
    """Return lines as a file holds them."""
    return "".join(f"{line}\n" for line in lines).encode()


def test_what_agrees_is_counted_and_the_code_is_0(run: Run, store: AssetStore) -> None:
    """Nothing is shown but counts, with bytes and the age of the oldest."""
    done = run(*S, "audit", "-", stdin=text(*ALL))
    assert (0, {"agree": 4}, "") == (done.code, counts(done), done.err)
    size = sum(info.size for info in store.list())
    assert ["agree", "4", f"{size} B"] == done.lines[0].split("\t")[:3]


def test_each_difference_is_counted_and_the_code_is_5(run: Run, store: AssetStore) -> None:
    """Missing, orphaned and of another size; no key is shown unless it is asked for."""
    given = text("maps/keep.webp\t999", "notes.txt", "lost.png", "gone.png\t3")
    done = run(*S, "audit", "-", stdin=given)
    assert 5 == done.code
    assert {"agree": 1, "missing": 2, "other size": 1, "orphaned": 2} == counts(done)
    assert not any(key in done.out for key in (*ALL, "lost", "gone"))


def test_long_shows_each_difference(run: Run, store: AssetStore, folder: Path) -> None:
    """One line for each, with its bytes and its age."""
    age(folder, "maps/tower.png", days=41)
    done = run(*S, "audit", "-", "--prefix", "maps/", "-l", stdin=text("maps/keep.webp\t999", "maps/x", "notes.txt"))
    *lines, cave, keep, tower, lost = [line.split() for line in done.lines if "\t" not in line]
    assert ([], ["orphaned", "maps/deep/cave.webp"]) == (lines, [cave[0], cave[-1]])
    assert ["other", "size"] == keep[:2]
    assert "(27 bytes instead of 999)" in " ".join(keep)
    assert (["orphaned", "27", "B", "41d", "maps/tower.png"], ["missing", "-", "-", "maps/x"]) == (tower, lost)


def test_json_has_a_record_for_each_difference_and_the_counts_last(run: Run, store: AssetStore) -> None:
    """Without ``-l`` the counts are alone."""
    given = text("maps/deep/cave.webp", "maps/keep.webp", "notes.txt\t1", "lost.png\t3")
    (total,) = run(*S, "--json", "audit", "-", stdin=given).records
    assert ("audit", "file:assets", 2, 1, 1, 1) == (
        *(total["op"], total["store"]),
        *(total[state]["count"] for state in ("agree", "missing", "other_size", "orphaned")),
    )
    orphan, other, lost, last = run(*S, "--json", "audit", "-", "-l", stdin=given).records
    assert total == last
    assert ("orphaned", "maps/tower.png", 27, True) == (*list(orphan.values())[:3], orphan["last_modified"] is not None)
    assert ["other_size", "notes.txt", 22, 1] == list(other.values())[:4]
    assert ["missing", "lost.png", None, 3, None] == list(lost.values())


FORMS = {
    "keys.txt": text(*ALL[:2], "", ALL[2] + "\t27"),
    "crlf.txt": "\ufeff".encode() + "\r\n".join(ALL[:3]).encode(),
    "keys.tsv": text("size\tkey", "27\tmaps/tower.png", f"\t{ALL[0]}", f"27\t{ALL[1]}"),
    "keys.csv": text("id,Key,Size", f'1,"{ALL[0]}",32', f"2,{ALL[1]},27", f"3,{ALL[2]},"),
    "bare.csv": text(f"{ALL[0]},32", f"{ALL[1]},27", ALL[2]),
    "keys.jsonl": text(*(json.dumps({"key": key, "id": 1}) for key in ALL[:2]), json.dumps(ALL[2])),
    "unknown": text(*(json.dumps({"key": key, "size": None}) for key in ALL[:3])),
}


@pytest.mark.parametrize("name", FORMS)
def test_keys_come_in_the_usual_forms(run: Run, store: AssetStore, folder: Path, name: str) -> None:
    """Lines, columns that are named or not, CSV and JSON lines; sizes are optional."""
    (folder / name).write_bytes(FORMS[name])
    assert {"agree": 3, "orphaned": 1} == counts(run(*S, "audit", name))


def test_a_listing_of_another_store_is_a_list_of_keys(run: Run, store: AssetStore) -> None:
    """``list --json`` of one store audits another."""
    listed = run(*S, "--json", "list", "-r").raw
    assert (0, {"agree": 4}) == ((done := run(*S, "audit", "-", stdin=listed)).code, counts(done))


@pytest.mark.parametrize("query", ["select size, key from a", "select key, size from a", "select key as path, size from a"])
def test_a_query_gives_keys_and_sizes(run: Run, store: AssetStore, folder: Path, query: str) -> None:
    """Columns are found by their names, or else in their order; a row without a key belongs to an upload that never came."""
    with contextlib.closing(sqlite3.connect(folder / "game.sqlite")) as database, database:
        database.execute("create table a (key text, size integer)")
        rows = [("notes.txt", 22), ("maps/keep.webp", 1), ("maps/tower.png", None), (None, 5)]
        database.executemany("insert into a values (?, ?)", rows)
    done = run(*S, "audit", "--sql", "game.sqlite", query)
    assert {"agree": 2, "other size": 1, "orphaned": 1} == counts(done)


def test_a_query_changes_nothing(run: Run, store: AssetStore, folder: Path) -> None:
    """The database is opened for reading alone, and what is wrong with the query is said."""
    with contextlib.closing(sqlite3.connect(folder / "game.sqlite")) as database, database:
        database.execute("create table a (key text)")
    errors = [run(*S, "audit", "--sql", "game.sqlite", query) for query in ("delete from a", "drop table a", "select x")]
    assert [2, 2, 2] == [done.code for done in errors]
    assert ["readonly" in done.err for done in errors] == [True, True, False]
    assert "no such column: x" in errors[2].err


@pytest.mark.parametrize(
    ("name", "given", "reason"),
    [
        ("a.csv", text("a,b,png"), "row 1: the size must be a whole number, got b"),
        ("a.csv", text("path,key", "x"), "row 2 has no column for the key"),
        ("a.csv", b'"a', "row 1 is not CSV"),
        ("a.txt", text("a", "b\t-1"), "row 2: the size must be a whole number, got -1"),
        ("a.txt", b"\xff\n", "the keys must be UTF-8"),
        ("a.jsonl", text("{"), "row 1 is not JSON"),
        ("a.jsonl", text('{"name": "a"}'), "row 1 must be an object with key and size"),
        ("a.jsonl", text('{"key": 1}'), "row 1: the key must be text, got int"),
        ("a.jsonl", text('{"key": "a", "size": true}'), "row 1: the size must be a whole number"),
    ],
)
def test_what_cannot_be_read_is_named_by_its_row(
    run: Run, store: AssetStore, folder: Path, name: str, given: bytes, reason: str
) -> None:
    """A list that is only half understood is not compared."""
    (folder / name).write_bytes(given)
    done = run(*S, "audit", name, *DELETE, "-y")
    assert (2, "", True) == (done.code, done.out, reason in done.err)


KEYS = st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1), unique=True)


@given(KEYS)
def test_every_key_is_read_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, written: list[str]) -> None:
    """Whatever a key holds but control characters: quotes, commas, blanks, braces."""
    path = tmp_path_factory.mktemp("keys") / "keys"
    expected = dict.fromkeys((unicodedata.normalize("NFC", key) for key in written), 7)
    table = io.StringIO()
    csv.writer(table).writerows([("key", "size"), *((key, 7) for key in written)])
    forms = {
        "lines": "".join(f"{key}\t7\n" for key in written),
        "csv": table.getvalue(),
        "jsonl": "".join(f"{json.dumps({'key': key, 'size': 7})}\n" for key in written),
    }
    for form, content in forms.items():
        path.write_bytes(content.encode())
        assert expected == collect(read_file(str(path), form), "")


def test_a_key_is_the_same_in_every_normal_form(run: Run, store: AssetStore) -> None:
    """A database that keeps decomposed letters names the asset that the store keeps composed."""
    store.upload(b"", "caf\u00e9.png")
    assert {"agree": 5} == counts(run(*S, "audit", "-", stdin=text(*ALL, "cafe\u0301.png")))


def test_old_orphans_are_deleted_and_young_ones_stay(run: Run, store: AssetStore, folder: Path) -> None:
    """Age is counted from the last change; what is deleted is no difference any more."""
    age(folder, "maps/tower.png", "maps/keep.webp")
    done = run(*S, "audit", "-", *DELETE, "-y", stdin=text("notes.txt"))
    assert (0, ["maps/deep/cave.webp", "notes.txt"]) == (done.code, keys(store))
    assert {"agree": 1, "orphaned": 2, "young": 1} == counts(done)
    assert [f"deleted 2 orphans from file:assets (folder {folder}/assets, local)"] == done.err.splitlines()


def test_young_orphans_alone_are_no_difference(run: Run, store: AssetStore) -> None:
    """An upload of this hour may be recorded in the next."""
    assert (5, 0) == tuple(run(*S, "audit", "-", *more, stdin=text("notes.txt")).code for more in ((), OLD))


def test_a_dry_run_tells_and_deletes_nothing(run: Run, store: AssetStore, folder: Path) -> None:
    """The keys are shown with ``-l``; the differences stay, and so does the code."""
    age(folder, *ALL)
    done = run(*S, "audit", "-", *DELETE, "-n", stdin=text("notes.txt"))
    assert (5, ALL, 1) == (done.code, keys(store), len(done.err.splitlines()))
    assert "would delete 3 orphans from" in done.err
    done = run(*S, "audit", "-", *DELETE, "-n", "-l", stdin=text("notes.txt"))
    assert ALL[:3] == [line.split()[2] for line in done.err.splitlines()[:3]]
    records = run(*S, "--json", "audit", "-", *DELETE, "-n", "-l", stdin=text("notes.txt")).records
    expected = [{"op": "delete", "dry_run": True, "key": key, "store": "file:assets"} for key in ALL[:3]]
    assert (expected, ALL) == (records[-3:], keys(store))


@pytest.mark.parametrize("given", [b"", text("other.png"), text("pending")])
def test_nothing_is_deleted_if_nothing_is_recognised(run: Run, store: AssetStore, folder: Path, given: bytes) -> None:
    """An empty list, or the list of another store, makes orphans of everything; only ``--force`` believes it."""
    age(folder, *ALL)
    done = run(*S, "audit", "-", *DELETE, "-y", stdin=given)
    assert (2, ALL, True) == (done.code, keys(store), "no expected key is stored" in done.err)
    done = run(*S, "audit", "-", *DELETE, "-y", "--force", stdin=given)
    assert (5 if given else 0, []) == (done.code, keys(store))


@pytest.mark.parametrize("written", ['"{}"', "{} ", "/{}", "'{}'", '"{}",12'])
def test_a_key_that_was_read_otherwise_is_not_deleted(run: Run, store: AssetStore, folder: Path, written: str) -> None:
    """Where a missing key without quotes, blanks or slash is an orphan, nothing is deleted: the form may be wrong."""
    age(folder, *ALL)
    given = "\n".join([*ALL[1:], written.format(ALL[0])]).encode()
    done = run(*S, "audit", "-", *DELETE, "--yes", stdin=given)
    assert (2, ALL, True) == (done.code, keys(store), "check --format" in done.err)


def test_an_age_is_needed_and_has_a_unit(run: Run, store: AssetStore, folder: Path) -> None:
    """Seven is not taken for seven seconds."""
    age(folder, *ALL)
    wrong: list[tuple[str, ...]] = [(), ("--older-than", "7"), ("--older-than", "soon"), ("--older-than", "-7d")]
    answers = [run(*S, "audit", "-", "--delete-orphans", *more, "-y", stdin=text("notes.txt")) for more in wrong]
    assert ([2] * 4, ALL) == ([done.code for done in answers], keys(store))
    assert "needs --older-than" in answers[0].err
    assert "must have a unit, for example 7d" in answers[1].err


def test_deleting_needs_a_yes(run: Run, store: AssetStore, folder: Path) -> None:
    """On a terminal there is a question, elsewhere ``--yes``."""
    (folder / "keys").write_text("notes.txt\n")
    age(folder, *ALL)
    done = run(*S, "audit", "keys", *DELETE)
    assert (2, ALL, True) == (done.code, keys(store), "use --yes" in done.err)
    done = run(*S, "audit", "keys", *DELETE, stdin=b"n\n", terminal=True)
    assert (1, ALL, True) == (done.code, keys(store), "delete 3 orphans (86 B) from file:assets" in done.err)
    assert (0, ALL[3:]) == (run(*S, "audit", "keys", *DELETE, stdin=b"y\n", terminal=True).code, keys(store))


def test_pending_uploads_are_no_orphans(run: Run, store: AssetStore, folder: Path) -> None:
    """They are counted apart, and kept; a prefix under ``pending/`` means them."""
    begun = store.begin_upload(key="new.png", size=3)
    store.upload(b"old", "pending/session/old.png")
    age(folder, "pending/session/old.png")
    done = run(*S, "audit", "-", *DELETE, "-y", stdin=text(*ALL))
    assert (0, {"agree": 4, "pending": 1}) == (done.code, counts(done))
    done = run(*S, "audit", "-", "--prefix", "pending/", *DELETE, "-y", "--force", stdin=text(*ALL))
    assert (0, {"orphaned": 1}, ALL) == (done.code, counts(done), keys(store))
    store.cancel_upload(begun.token)


def test_a_bucket_is_audited_like_a_folder(
    run: Run, seaweedfs: S3Server, unique_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a server that speaks S3 the orphan goes and the rest stays; other prefixes are not looked at."""
    monkeypatch.setenv("R2_ACCESS_KEY", seaweedfs.access_key)
    monkeypatch.setenv("R2_SECRET_KEY", seaweedfs.secret_key)
    url = f"s3://{seaweedfs.bucket}?endpoint_url={seaweedfs.endpoint_url}"
    with open_store(url) as store:
        for name in ("kept.png", "orphan.png"):
            store.upload(b"12", unique_prefix + name)
        given = text(f"{unique_prefix}kept.png\t2", f"{unique_prefix}lost.png", "elsewhere.png")
        more = ("--prefix", unique_prefix, "--delete-orphans", "--older-than", "0s", "-y")
        done = run("-s", url, "audit", "-", *more, stdin=given)
        assert (5, {"agree": 1, "missing": 1, "orphaned": 1}) == (done.code, counts(done))
        assert [f"{unique_prefix}kept.png"] == [info.key for info in store.list(unique_prefix)]


def test_the_source_of_the_keys_is_one(run: Run, store: AssetStore, folder: Path) -> None:
    """A file or a query, and the file must exist."""
    (folder / "keys").write_text("notes.txt\n")
    wrong: list[tuple[str, ...]] = [(), ("keys", "--sql", "keys", "select 1"), ("no such file",)]
    assert [2, 2, 2] == [run(*S, "audit", *more).code for more in wrong]
    done = run(*S, "audit", "--sql", "keys", "select key from assets")
    assert (2, True) == (done.code, "SQLite cannot answer the query" in done.err)


def test_the_examples_of_the_help_run(store: AssetStore, folder: Path) -> None:
    """Each does what it says, with a database of the name that it has; ``psql`` is played by a shell function."""
    (folder / "keys.txt").write_bytes(text(*ALL))
    with contextlib.closing(sqlite3.connect(folder / "game.sqlite")) as database, database:
        database.execute("create table assets (key text, size integer)")
        database.executemany("insert into assets values (?, ?)", [(info.key, info.size) for info in store.list()])
    shell = """
        assetstore() { "$PYTHON" -m assetstore -s file:assets "$@"; }
        psql() { printf 'maps/deep/cave.webp,32\\nmaps/keep.webp,27\\nmaps/tower.png,27\\nnotes.txt,22\\n'; }
    """
    for example in audit_command.examples:  # type: ignore[attr-defined]  # it is a session.Command
        environment = {**os.environ, "PYTHON": sys.executable}
        done = subprocess.run(["sh", "-c", shell + example], env=environment, capture_output=True, text=True, check=False)
        assert (example, 0, "agree\t4\t108 B") == (example, done.returncode, done.stdout.rpartition("\nmissing")[0][:13])
