"""``assetstore sync``: what it prints, what it refuses, and its exit codes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assetstore import AssetStore, open_store
from assetstore.sync import sync

if TYPE_CHECKING:
    from running import Run

FILES = ("index.html", "maps/keep.webp", "maps/old/cave.webp", "sounds/wind.ogg")


@pytest.fixture
def art(folder: Path) -> Path:
    """Give a folder of files."""
    for name in FILES:
        path = folder / "art" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"the bytes of {name}")
    return folder / "art"


def keys(url: str = "file:prod") -> list[str]:
    """Return the keys of a store."""
    with open_store(url) as store:
        return [info.key for info in store.list()]


def test_the_first_run_sends_all_and_the_second_nothing(run: Run, art: Path) -> None:
    """One line says what was done; the second, that nothing was to be done."""
    done = run("sync", "./art", "file:prod")
    assert (0, "", list(FILES)) == (done.code, done.out, keys())
    assert done.err.startswith("synced 4 of 4 assets: 4 new -> file:prod, 109 B in ")
    done = run("sync", "./art", "file:prod")
    assert (0, "") == (done.code, done.out)
    assert done.err.startswith("file:prod is up to date: 4 assets unchanged in ")


def test_a_dry_run_lists_everything_and_does_nothing(run: Run, art: Path) -> None:
    """Each line says what would be done, and the last how much."""
    run("sync", "./art", "file:prod")
    (art / "index.html").write_text("other bytes")
    (art / "new.txt").write_text("new")
    (art / "sounds/wind.ogg").unlink()
    before = keys()
    done = run("sync", "./art", "file:prod", "--delete", "-n")
    assert (0, before) == (done.code, keys())
    assert [
        "would send index.html  (size)",
        "would send new.txt  (new)",
        "would delete sounds/wind.ogg",
        "would sync 2 of 5 assets: 1 new, 1 changed, 1 deleted, 2 unchanged -> file:prod, 14 B",
    ] == done.err.splitlines()


def test_verbose_has_a_line_for_each_action(run: Run, art: Path) -> None:
    """Also for what was renamed, whose bytes were not sent."""
    run("sync", "./art", "file:prod")
    (art / "index.html").write_text("other bytes")
    (art / "maps/old/cave.webp").rename(art / "maps/cavern.webp")
    done = run("sync", "./art", "file:prod", "--delete", "-v")
    *lines, closing = done.err.splitlines()
    assert {
        "changed index.html  (size)",
        "renamed maps/old/cave.webp -> maps/cavern.webp",
        "deleted maps/old/cave.webp",
    } == set(lines)
    assert closing.startswith("synced 2 of 5 assets: 1 changed, 1 renamed, 1 deleted, 2 unchanged -> file:prod, 11 B in ")
    assert ["index.html", "maps/cavern.webp", "maps/keep.webp", "sounds/wind.ogg"] == keys()


def test_json_has_a_record_for_each_action_and_one_at_the_end(run: Run, art: Path) -> None:
    """Programs read kinds, keys, facts and counts."""
    run("sync", "./art", "file:prod")
    (art / "index.html").write_text("other bytes")
    action, end = run("--json", "sync", "./art", "file:prod").records
    assert {
        "op": "sync", "action": "changed", "key": "index.html", "size": 11, "fact": "size", "origin": None
    } == action  # fmt: skip
    assert end.pop("seconds") >= 0
    counts = dict.fromkeys(("new", "headers", "renamed", "deleted", "skipped", "failed", "withheld"), 0)
    assert {
        "op": "sync", "source": "./art", "destination": "file:prod", "dry_run": False, "slowed": False, "bytes": 11,
        "changed": 1, "unchanged": 3, **counts,
    } == end  # fmt: skip
    assert [True] == [record["dry_run"] for record in run("--json", "sync", "./art", "file:prod", "-n").records]


@pytest.mark.parametrize(("limit", "code"), [("1", 6), ("2", 0), ("49%", 6), ("50%", 0)])
def test_max_delete_counts_before_anything_is_deleted(run: Run, art: Path, limit: str, code: int) -> None:
    """A number or a part of the destination: all or nothing."""
    run("sync", "./art", "file:prod")
    (art / "index.html").unlink()
    (art / "sounds/wind.ogg").unlink()
    done = run("sync", "./art", "file:prod", "--delete", "--max-delete", limit)
    assert (code, 4 if code else 2) == (done.code, len(keys()))
    if code:
        assert f"and --max-delete allows {'1' if limit == '49%' else limit}" in done.err


def test_an_empty_source_deletes_nothing_without_a_word(run: Run, art: Path, folder: Path) -> None:
    """The error names the word."""
    run("sync", "./art", "file:prod")
    (folder / "empty").mkdir()
    done = run("sync", "./empty", "file:prod", "--delete")
    assert (6, 4) == (done.code, len(keys()))
    assert "--allow-empty" in done.err.splitlines()[2]
    done = run("sync", "./empty", "file:prod", "--delete", "--allow-empty")
    assert (0, []) == (done.code, keys())


@pytest.mark.parametrize(("source", "code"), [("./atr", 3), ("file:missing", 6), ("file:prod#none/", 6)])
def test_a_mistyped_source_deletes_nothing(run: Run, art: Path, source: str, code: int) -> None:
    """A folder that is missing, and a store or prefix that has nothing."""
    run("sync", "./art", "file:prod")
    assert (code, 4) == (run("sync", source, "file:prod", "--delete").code, len(keys()))


def test_what_is_excluded_is_neither_sent_nor_deleted(run: Run, art: Path) -> None:
    """Filters hold for both sides."""
    run("sync", "./art", "file:prod")
    (art / "sounds/wind.ogg").unlink()
    (art / "notes.psd").write_text("notes")
    done = run("sync", "./art", "file:prod", "--delete", "--exclude", "*.psd", "--exclude", "sounds/")
    assert (0, list(FILES)) == (done.code, keys())


def test_the_last_is_written_last(run: Run, art: Path) -> None:
    """The page comes when everything that it links to is there."""
    done = run("--json", "sync", "./art", "file:prod", "--last", "*.html")
    assert "index.html" == done.records[-2]["key"]


def test_a_rule_sets_cache_control_also_of_what_is_unchanged(run: Run, art: Path) -> None:
    """No byte is sent for it."""
    run("sync", "./art", "file:prod")
    done = run("sync", "./art", "file:prod", "--cache-control", "*.webp=max-age=60", "--cache-control", "keep.*=no-cache")
    assert done.err.startswith("synced 2 of 4 assets: 2 with new headers, 2 unchanged -> file:prod, 0 B in ")
    with open_store("file:prod") as store:
        found = [store.stat(key).cache_control for key in FILES]
    assert [None, "no-cache", "max-age=60", None] == found


@pytest.mark.parametrize("rule", ["max-age=60", "no-cache", "=no-cache"])
def test_a_rule_without_glob_is_refused(run: Run, art: Path, rule: str) -> None:
    """Most of all what looks like one, and is a header alone."""
    done = run("sync", "./art", "file:prod", "--cache-control", rule)
    assert (2, False) == (done.code, Path("prod").exists())
    assert "must be GLOB=VALUE, for example '*=max-age=60'" in done.err


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--max-delete", "5"], "--max-delete limits what delete deletes"),
        (["--checksum", "--size-only"], "checksum and --size-only contradict one another"),
        (["--delete", "--max-delete", "x%"], "--max-delete must be a whole number, or a percentage such as '5%', got 'x%'"),
    ],
)
def test_senseless_options_are_refused_by_their_names(run: Run, art: Path, options: list[str], why: str) -> None:
    """As they are typed, and before anything is listed."""
    done = run("sync", "./art", "file:prod", *options)
    assert (2, f"  why: {why}") == (done.code, done.err.splitlines()[1])


def test_keys_that_cannot_be_there_are_listed_and_nothing_is_sent(run: Run, folder: Path) -> None:
    """Each with its reason; ``--json`` has a record for each."""
    with open_store("file:odd") as store:
        for key in ("a//b", "a/b", "c", "c/d"):
            store.upload(b"x", key)
    done = run("sync", "file:odd", "./out")
    assert (6, False) == (done.code, Path("out").exists())
    lines = done.err.splitlines()
    assert ["refused a//b", "refused c/d", "error"] == [line.partition(":")[0] for line in lines[:3]]
    assert lines[-1].endswith("leave them out by --exclude")
    records = run("--json", "sync", "file:odd", "./out").records
    assert [("a//b", True), ("c/d", True)] == [(record["key"], record["refused"]) for record in records]


def test_what_cannot_be_read_fails_and_keeps_the_rest_from_being_deleted(run: Run, art: Path) -> None:
    """The others are sent; exit code 5."""
    run("sync", "./art", "file:prod")
    (art / "sounds/wind.ogg").unlink()
    (art / "maps/keep.webp").unlink()
    (art / "maps/keep.webp").symlink_to("nowhere")
    (art / "new.txt").write_text("new")
    done = run("sync", "./art", "file:prod", "--delete")
    assert (5, sorted([*FILES, "new.txt"])) == (done.code, keys())
    assert "cannot read maps/keep.webp" in done.err.splitlines()[0]
    assert f"synced 1 of {len(FILES) + 2} assets: 1 new," == " ".join(done.err.splitlines()[-1].split()[:7])
    assert done.err.splitlines()[-1].endswith("; 1 failed; 2 withheld")


def test_addresses_without_a_store_are_of_the_store_that_is_named(run: Run, art: Path) -> None:
    """``-s`` works as in every command, and a prefix is a folder."""
    run("-s", "file:prod", "sync", "./art", "site")
    run("-s", "file:prod", "sync", "site/maps", "copy")
    assert [*(f"copy/{key}" for key in ("keep.webp", "old/cave.webp")), *(f"site/{key}" for key in FILES)] == keys()


def test_down_and_up_again_sends_nothing(run: Run, art: Path, store: AssetStore) -> None:
    """Files that a sync wrote are not sent back."""
    run("sync", "file:assets", "./down")
    assert "the bytes of notes.txt" == Path("down/notes.txt").read_text()
    assert run("sync", "./down", "file:assets").err.startswith("file:assets is up to date: 4 assets unchanged in ")


def test_the_keys_that_were_compared_are_counted(art: Path) -> None:
    """A bar shows that something goes on while the sides are listed, and before anything is planned."""
    seen: list[int | str] = []
    sync(art, "file:prod", compared=seen.append, planned=lambda _: seen.append("planned"))
    assert [4, "planned"] == seen


def test_quiet_says_nothing_when_all_is_well(run: Run, art: Path) -> None:
    """Cron sends no mail."""
    done = run("sync", "./art", "file:prod", "-q")
    assert (0, "", "") == (done.code, done.out, done.err)
    (art / "sounds/wind.ogg").unlink()
    assert "" == run("sync", "./art", "file:prod", "-q", "--delete").err
