"""``delete``, ``copy`` and ``move``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assetstore import AssetStore

if TYPE_CHECKING:
    from running import Run

S = ("-s", "file:assets")
ALL = ["maps/deep/cave.webp", "maps/keep.webp", "maps/tower.png", "notes.txt"]


def keys(store: AssetStore) -> list[str]:
    """Return all keys."""
    return [info.key for info in store.list()]


@pytest.mark.parametrize("name", ["delete", "rm"])
def test_keys_are_deleted_without_a_question(run: Run, store: AssetStore, folder: Path, name: str) -> None:
    """A key that is spelled out is meant; one that is not there counts as deleted."""
    done = run(*S, name, "notes.txt", "missing", "-v")
    assert (0, ALL[:3]) == (done.code, keys(store))
    location = f"file:assets (folder {folder}/assets, local)"
    assert [f"deleted notes.txt from {location}", f"deleted missing from {location}"] == done.err.splitlines()[:2]


@pytest.mark.parametrize(
    ("arguments", "left"), [(("maps/*",), [ALL[0], ALL[3]]), (("-r", "maps"), ALL[3:]), (("-r", ""), [])]
)
def test_globs_and_folders_need_a_yes(
    run: Run, store: AssetStore, arguments: tuple[str, ...], left: list[str]
) -> None:
    """Without a terminal ``-y`` must say it; on one there is a question; a no deletes nothing."""
    done = run(*S, "delete", *arguments)
    assert (2, ALL) == (done.code, keys(store))
    assert "use --yes" in done.err
    done = run(*S, "delete", *arguments, stdin=b"n\n", terminal=True)
    assert (1, ALL) == (done.code, keys(store))
    assert "nothing was deleted" in done.err
    done = run(*S, "delete", *arguments, stdin=b"y\n", terminal=True)
    assert (0, left) == (done.code, keys(store))
    for key in set(ALL) - set(left):
        store.upload(b"", key)
    assert (0, left) == (run(*S, "delete", *arguments, "-y").code, keys(store))


def test_a_folder_takes_no_neighbour_along(run: Run, store: AssetStore) -> None:
    """``-r maps`` is the folder ``maps/`` and not all that begins with those letters."""
    store.upload(b"", "maps-old/keep.webp")
    run(*S, "delete", "-r", "maps", "-y")
    assert ["maps-old/keep.webp", "notes.txt"] == keys(store)


def test_a_glob_that_matches_nothing_is_not_found(run: Run, store: AssetStore) -> None:
    """A slip in a pattern is no success."""
    done = run(*S, "delete", "nope/*", "-y")
    assert (3, "error: cannot delete 'nope/*' (store file:assets)") == (done.code, done.err.splitlines()[0])


def test_a_dry_run_deletes_nothing(run: Run, store: AssetStore) -> None:
    """``-n`` names what would be deleted, and asks nothing."""
    done = run(*S, "delete", "-n", "**.webp")
    assert (0, ALL, 2) == (done.code, keys(store), done.err.count("would delete maps/"))
    (record,) = run(*S, "--json", "delete", "-n", "notes.txt").records
    assert {"op": "delete", "dry_run": True, "key": "notes.txt", "store": "file:assets"} == record


def test_json_tells_each_deleted_key(run: Run, store: AssetStore) -> None:
    """One object for each key."""
    assert [{"op": "delete", "key": "notes.txt", "store": "file:assets"}] == run(*S, "--json", "rm", "notes.txt").records


def test_an_invalid_key_does_not_stop_the_others(run: Run, store: AssetStore) -> None:
    """The rest is deleted and the code is 5."""
    assert (5, ALL[:3]) == (run(*S, "delete", "/abs", "notes.txt").code, keys(store))


def test_foreign_keys_can_be_deleted_by_a_glob(run: Run) -> None:
    """What breaks the rules for keys can be got rid of all the same."""
    done = run("-s", "stub:", "--json", "delete", "-y", "../*", "/etc/**", "line*")
    assert (0, ["../canary", "/etc/canary", "line\nfeed\r"]) == (done.code, [record["key"] for record in done.records])


@pytest.mark.parametrize("name", ["copy", "cp"])
def test_a_copy_keeps_the_original(run: Run, store: AssetStore, folder: Path, name: str) -> None:
    """Bytes and metadata stand under both keys."""
    done = run(*S, name, "notes.txt", "old/notes.txt")
    location = f"file:assets (folder {folder}/assets, local)"
    assert (0, f"copied notes.txt -> old/notes.txt in {location}, 22 B\n") == (done.code, done.err)
    assert (b"the bytes of notes.txt", {"by": "gm"}) == (store.read("old/notes.txt"), store.stat("old/notes.txt").metadata)
    assert [*ALL, "old/notes.txt"] == keys(store)


@pytest.mark.parametrize("name", ["move", "mv"])
def test_a_move_leaves_no_original(run: Run, store: AssetStore, name: str) -> None:
    """The asset stands under the new key alone."""
    assert 0 == run(*S, name, "notes.txt", "old.txt").code
    assert [*ALL[:3], "old.txt"] == keys(store)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("notes.txt", "to/"), ["to/notes.txt"]),
        (("maps/keep.webp", "/"), ["keep.webp"]),
        (("maps/*", "to/"), ["to/keep.webp", "to/tower.png"]),
        (("-r", "maps", "to/"), ["to/deep/cave.webp", "to/keep.webp", "to/tower.png"]),
        (("-r", "maps/deep", "maps/deep/"), []),
        (("notes.txt", "maps/keep.webp", "to/"), ["to/keep.webp", "to/notes.txt"]),
    ],
)
def test_a_destination_with_a_slash_is_a_folder(
    run: Run, store: AssetStore, arguments: tuple[str, ...], expected: list[str]
) -> None:
    """Assets keep their paths below what was named."""
    assert (0, expected) == (run(*S, "copy", *arguments).code, [key for key in keys(store) if key not in ALL])


@pytest.mark.parametrize("name", ["copy", "move"])
def test_two_assets_never_share_a_key(run: Run, store: AssetStore, name: str) -> None:
    """Assets that would get one key are refused before anything is done, with both names; their folders' names part them."""
    store.upload(b"other", "other/keep.webp")
    done = run(*S, name, "-r", "maps", "other", "to/")
    assert (2, [*ALL[:3], "notes.txt", "other/keep.webp"]) == (done.code, keys(store))
    assert f"error: cannot {name} 'to/keep.webp' (store file:assets)" == done.err.splitlines()[0]
    assert "  why: 'maps/keep.webp' and 'other/keep.webp' would both become 'to/keep.webp'" == done.err.splitlines()[1]
    assert 0 == run(*S, name, "-r", "maps", "other", "to/", "--keep-folders").code
    assert {"to/maps/keep.webp", "to/maps/deep/cave.webp", "to/other/keep.webp"} <= set(keys(store))


@pytest.mark.parametrize("name", ["copy", "move"])
def test_no_asset_is_overwritten_before_its_turn(run: Run, store: AssetStore, name: str) -> None:
    """A transfer onto an asset that is still to be transferred itself would lose it, and is refused."""
    store.upload(b"deeper", "maps/deep/deep/cave.webp")
    before = keys(store)
    done = run(*S, name, "-r", "maps/deep", "maps/")
    assert (2, before) == (done.code, keys(store))
    past = {"copy": "copied", "move": "moved"}[name]
    why = f"'maps/deep/deep/cave.webp' would overwrite 'maps/deep/cave.webp', which is to be {past} too"
    assert f"  why: {why}" == done.err.splitlines()[1]
    assert 0 == run(*S, name, "-r", "maps/deep", "maps/", "--exclude", "deep/").code


def test_several_assets_need_a_folder(run: Run, store: AssetStore) -> None:
    """A destination without a slash is one key."""
    assert (2, ALL) == (run(*S, "move", "maps/*", "to").code, keys(store))


@pytest.mark.parametrize("name", ["copy", "move"])
def test_dry_runs_of_transfers_change_nothing(run: Run, store: AssetStore, name: str) -> None:
    """``-n`` says what would go where, and fails where the transfer would."""
    done = run(*S, name, "-n", "notes.txt", "old.txt")
    assert (0, ALL) == (done.code, keys(store))
    assert done.err.startswith(f"would {name} notes.txt -> old.txt in file:assets")
    assert 3 == run(*S, name, "-n", "missing", "old.txt").code
    assert 6 == run(*S, name, "-n", "notes.txt", "maps/keep.webp", "--no-overwrite").code
    (record,) = run(*S, "--json", name, "-n", "notes.txt", "old.txt").records
    assert {"op": name, "dry_run": True, "source": "notes.txt", "key": "old.txt", "store": "file:assets"} == record


@pytest.mark.parametrize("name", ["copy", "move"])
def test_json_tells_both_keys(run: Run, store: AssetStore, name: str) -> None:
    """One object for each transfer."""
    (record,) = run(*S, "--json", name, "notes.txt", "old.txt").records
    assert (name, "notes.txt", "old.txt", 22) == (record["op"], record["source"], record["key"], record["size"])


def test_a_failed_transfer_names_both_keys(run: Run, store: AssetStore) -> None:
    """The error says what was to become what."""
    assert "error: cannot copy missing to other" == run(*S, "copy", "missing", "other").err.splitlines()[0]


@pytest.mark.parametrize("name", ["copy", "move"])
def test_two_spellings_of_a_name_are_one_key(run: Run, store: AssetStore, name: str) -> None:
    """Composed and decomposed letters are one key, so what would meet under them is refused."""
    composed, decomposed = "\u00c9", "E\u0301"
    for key in (f"p/{composed}", f"q/{composed}", f"{composed}/a", "a"):
        store.upload(key.encode(), key)
    before = {info.key: store.read(info.key) for info in store.list()}
    assert 2 == run(*S, name, f"p/{composed}", f"q/{decomposed}", "x/").code
    assert 2 == run(*S, name, "-r", "", f"{decomposed}/").code
    assert before == {info.key: store.read(info.key) for info in store.list()}


@pytest.mark.parametrize("name", ["copy", "move"])
def test_an_empty_destination_is_a_mistake(run: Run, store: AssetStore, name: str) -> None:
    """As that of a shell's variable that is not set; it is no key."""
    done = run(*S, name, "notes.txt", "")
    assert (2, True) == (done.code, "destination must be a key" in done.err)
