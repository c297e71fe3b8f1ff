"""``update``: headers and metadata change, bytes and all that is not named stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from assetstore import AssetStore

if TYPE_CHECKING:
    from running import Run

S = ("-s", "file:assets")


def test_a_header_of_many_assets_is_changed(run: Run, store: AssetStore) -> None:
    """A glob names the assets; types, metadata and bytes stay; one line closes."""
    done = run(*S, "update", "maps/**", "--cache-control", "public, max-age=60")
    assert (0, "updated 3 assets in ") == (done.code, done.err[:20])
    for key in ("maps/deep/cave.webp", "maps/keep.webp", "maps/tower.png"):
        info = store.stat(key)
        assert ("public, max-age=60", {"by": "gm"}) == (info.cache_control, info.metadata)
        assert ("image/png" if key.endswith("png") else "image/webp") == info.content_type
        assert f"the bytes of {key}".encode() == store.read(key)
    assert store.stat("notes.txt").cache_control is None


def test_a_folder_or_several_keys_can_be_named(run: Run, store: AssetStore) -> None:
    """``-r`` and filters select as they do for other commands."""
    assert 0 == run(*S, "update", "-r", "maps", "--include", "*.webp", "--content-language", "de").code
    assert ["maps/deep/cave.webp", "maps/keep.webp"] == [
        info.key for info in store.list() if store.stat(info.key).content_language == "de"
    ]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--metadata", "For=players"), {"by": "gm", "for": "players"}),
        (("--metadata", "by=player"), {"by": "player"}),
        (("--metadata", "by="), {}),
        (("--clear-metadata", "--metadata", "a=b=c"), {"a": "b=c"}),
        (("--clear-metadata",), {}),
        (("--content-type", "text/markdown"), {"by": "gm"}),
    ],
)
def test_metadata_that_is_not_named_stays(
    run: Run, store: AssetStore, arguments: tuple[str, ...], expected: dict[str, str]
) -> None:
    """Setting one value loses no other, unless ``--clear-metadata`` says so."""
    assert 0 == run(*S, "update", "notes.txt", *arguments).code
    assert expected == dict(store.stat("notes.txt").metadata or {})


def test_an_empty_value_removes_a_header(run: Run, store: AssetStore) -> None:
    """``''`` is the way back."""
    run(*S, "update", "notes.txt", "--cache-control", "no-cache")
    done = run(*S, "update", "notes.txt", "--cache-control", "", "--metadata", "by=")
    assert "without Cache-Control, without metadata by" in done.err
    assert store.stat("notes.txt").cache_control is None


def test_a_dry_run_names_the_changes_and_makes_none(run: Run, store: AssetStore) -> None:
    """``-n`` says what would happen to which asset, and fails where there is none."""
    before = store.stat("notes.txt")
    done = run(*S, "update", "-n", "notes.txt", "--cache-control", "no-cache", "--metadata", "by=me")
    assert (0, before) == (done.code, store.stat("notes.txt"))
    assert done.err.startswith("would update notes.txt in file:assets")
    assert done.err.endswith(": Cache-Control no-cache, metadata by=me\n")
    assert 3 == run(*S, "update", "-n", "missing", "--cache-control", "no-cache").code
    (record,) = run(*S, "--json", "update", "-n", "notes.txt", "--cache-control", "x").records
    assert {"op": "update", "dry_run": True, "key": "notes.txt", "store": "file:assets"} == record


def test_mistakes_are_refused_once_and_before_anything_changes(run: Run, store: AssetStore) -> None:
    """A wrong value is one error, however many assets it is for; so is no value at all."""
    wrong = run(*S, "update", "**", "--cache-control", "é")
    first, *others = wrong.err.splitlines()
    assert (2, "error: cannot update (store file:assets)", 2) == (wrong.code, first, len(others))
    assert (2, True) == ((bare := run(*S, "update", "notes.txt")).code, "nothing to change" in bare.err)
    assert 2 == run(*S, "update", "notes.txt", "--metadata", "novalue").code
    assert 3 == run(*S, "update", "nope/*", "--cache-control", "x").code
    assert 5 == run(*S, "update", "missing", "notes.txt", "--cache-control", "x").code


def test_json_tells_each_asset(run: Run, store: AssetStore) -> None:
    """One object for each asset that was changed."""
    (record,) = run(*S, "--json", "update", "notes.txt", "--cache-control", "x").records
    assert ("update", "notes.txt", "x") == (record["op"], record["key"], record["cache_control"])
