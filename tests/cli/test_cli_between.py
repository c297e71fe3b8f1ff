"""``copy`` and ``move`` between stores, and between a store and files."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assetstore import AssetStore, open_store

sys.path.insert(0, str(Path(__file__).parents[1] / "plugins"))

from moments import right_before

if TYPE_CHECKING:
    from running import Run

CONFIG = 'default = "dev"\n[stores.dev]\nurl = "file:assets"\n[stores.prod]\nurl = "file:published"\n'
CONFIG += '[stores.again]\nurl = "file:assets"\n[stores.below]\nurl = "file:assets/maps"\n'
UNKNOWN = "no store 'prd' is configured (did you mean 'prod'?); there are: again, below, dev, prod"
ALL = ["maps/deep/cave.webp", "maps/keep.webp", "maps/tower.png", "notes.txt"]
FILES = {"art/a.webp": b"a", "art/deep/b.png": b"bb"}
BOTH = pytest.mark.parametrize("name", ["copy", "move"])


@pytest.fixture
def prod(folder: Path, store: AssetStore) -> AssetStore:
    """Give the second store, empty, beside ``store`` and some files."""
    (folder / "assetstore.toml").write_text(CONFIG)
    for path, data in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return open_store("prod")


def keys(store: AssetStore) -> list[str]:
    """Return all keys."""
    return [info.key for info in store.list()]


@BOTH
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["dev:notes.txt", "prod:"], ["notes.txt"]),
        (["notes.txt", "prod:docs/n.txt"], ["docs/n.txt"]),
        (["-r", "dev:maps/", "prod:maps/"], ["maps/deep/cave.webp", "maps/keep.webp", "maps/tower.png"]),
        (["-r", "dev:maps", "prod:x/"], ["x/deep/cave.webp", "x/keep.webp", "x/tower.png"]),
        (["-r", "dev:", "prod:all/"], [f"all/{key}" for key in ALL]),
        (["dev:maps/*", "notes.txt", "prod:x/"], ["x/keep.webp", "x/notes.txt", "x/tower.png"]),
        (["file:assets#notes.txt", "file:published#dev:y"], ["dev:y"]),
    ],
)
def test_assets_go_to_another_store(
    run: Run, store: AssetStore, prod: AssetStore, name: str, arguments: list[str], expected: list[str]
) -> None:
    """Keys, globs and folders, of a named store, a URL or the default one, with all that they are."""
    done = run(name, *arguments)
    assert (0, expected) == (done.code, keys(prod)), done.err
    for key in expected:
        assert {"by": "gm"} == prod.stat(key).metadata
    assert len(ALL) - (len(expected) if name == "move" else 0) == len(keys(store))


@BOTH
def test_files_go_to_a_store(run: Run, store: AssetStore, prod: AssetStore, folder: Path, name: str) -> None:
    """A folder with ``-r``, or files; a move removes each file once it is stored."""
    done = run(name, "-r", "./art", "prod:art/")
    assert (0, sorted(FILES)) == (done.code, keys(prod)), done.err
    assert list(FILES.values()) == [prod.read(key) for key in FILES]
    assert ["image/png", name == "copy"] == [prod.stat("art/deep/b.png").content_type, (folder / "art/a.webp").exists()]


@BOTH
def test_assets_go_to_files(run: Run, store: AssetStore, prod: AssetStore, folder: Path, name: str) -> None:
    """One to a file or into a folder, several into a folder; a move deletes each asset once its file is there."""
    assert 0 == run(name, "dev:notes.txt", "./n.txt").code
    assert b"the bytes of notes.txt" == (folder / "n.txt").read_bytes()
    assert 0 == run(name, "-r", "dev:maps", "./out/").code
    assert b"the bytes of maps/deep/cave.webp" == (folder / "out/deep/cave.webp").read_bytes()
    assert (ALL if name == "copy" else []) == keys(store)


@BOTH
def test_a_dry_run_says_what_would_go_where(run: Run, store: AssetStore, prod: AssetStore, name: str) -> None:
    """``-n`` changes nothing; JSON has a line for each asset."""
    done = run(name, "-n", "-r", "dev:maps", "prod:x/")
    assert (0, ALL, []) == (done.code, keys(store), keys(prod))
    assert f"would {name} dev:maps/keep.webp -> prod:x/keep.webp" in done.err
    (record, *_) = run(name, "-n", "--json", "notes.txt", "prod:").records
    expected = {"op": name, "source": "dev:notes.txt", "store": "prod", "dry_run": True, "key": "notes.txt", "size": 22}
    assert expected == record


@BOTH
def test_taken_keys_are_skipped_on_demand(run: Run, store: AssetStore, prod: AssetStore, name: str) -> None:
    """``--no-overwrite`` leaves what is there, and the source of it."""
    prod.upload(b"old", "x/keep.webp")
    done = run(name, "-r", "dev:maps", "prod:x/", "--no-overwrite")
    assert (0, b"old", True) == (done.code, prod.read("x/keep.webp"), store.exists("maps/keep.webp"))
    assert "2 assets" in done.err
    assert "1 skipped" in done.err


@BOTH
@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["prd:notes.txt", "prod:x"], UNKNOWN),
        (["notes.txt", "prd:x"], UNKNOWN),
        (["-r", "dev:maps", "prod:x"], "the destination of several assets must end with /, got prod:x"),
        (["dev:", "prod:x/"], "dev: is a whole store; use -r for all of it, or name a key in it"),
        (["./art/a.webp", "./b"], "./art/a.webp and ./b are both files"),
        (["./art", "prod:x/"], "art is a folder; use -r to upload everything in it"),
        (["dev:notes.txt", "again:notes.txt"], "'notes.txt' of dev must not be its own destination"),
        (["-r", "dev:maps", "again:maps/"], "'maps/deep/cave.webp' of dev must not be its own destination"),
        (["dev:maps/keep.webp", "below:keep.webp"], "'maps/keep.webp' of dev must not be its own destination"),
        (["./assets/notes.txt", "dev:notes.txt"], "'assets/notes.txt' must not be its own destination"),
        (["dev:notes.txt", "./assets/notes.txt"], "'dev:notes.txt' must not be its own destination"),
        (["-r", "./assets", "again:"], "'assets/notes.txt' must not be its own destination"),
    ],
)
def test_what_makes_no_sense_is_refused(
    run: Run, store: AssetStore, prod: AssetStore, name: str, arguments: list[str], why: str
) -> None:
    """Slips and moves onto itself are told before anything is done."""
    done = run(name, *arguments)
    assert (2, ALL, []) == (done.code, keys(store), keys(prod))
    assert why in done.err


@BOTH
def test_a_source_is_no_target_of_another(run: Run, store: AssetStore, prod: AssetStore, name: str) -> None:
    """Which bytes would go on would be a matter of chance; two names of one place are told from two places."""
    store.upload(b"below", "a/a/1")
    store.upload(b"above", "a/1")
    done = run(name, "-r", "dev:a/", "again:a/a/")
    assert (2, b"below") == (done.code, store.read("a/a/1"))
    assert f"'a/1' would overwrite 'a/a/1', which is to be {'copied' if name == 'copy' else 'moved'} too" in done.err
    assert 0 == run(name, "-r", "dev:a/", "prod:a/a/").code
    assert [b"above", b"below"] == [prod.read("a/a/1"), prod.read("a/a/a/1")]


def test_two_names_of_one_key_are_one_store(run: Run, store: AssetStore, prod: AssetStore) -> None:
    """Within a store that is named, everything is as within the default one."""
    assert 0 == run("move", "dev:notes.txt", "n.txt").code
    assert 0 == run("copy", "n.txt", ":dev:x").code
    assert ["dev:x", *ALL[:3], "n.txt"] == keys(store)


@pytest.mark.parametrize(
    ("source", "target", "written"), [("dev:notes.txt", "./n.txt", "n.txt"), ("./art/a.webp", "prod:a.webp", "a.webp")]
)
def test_a_move_ends_well_if_somebody_else_deletes_the_original(
    run: Run, store: AssetStore, prod: AssetStore, folder: Path, source: str, target: str, written: str
) -> None:
    """What was to be done is done, from a store to a file and back."""
    original = folder / {"dev:notes.txt": "assets/notes.txt"}.get(source, source)
    with right_before("os.rename", written, original.unlink) as met:
        done = run("move", source, target)
    assert (0, 1, False) == (done.code, len(met), original.exists()), done.err


def test_another_hard_link_is_another_file(run: Run, store: AssetStore, prod: AssetStore, folder: Path) -> None:
    """As those of a copy by ``cp -l``: the asset takes the place of one of them, and the other goes."""
    os.link(folder / "assets" / "notes.txt", folder / "linked.txt")
    assert 0 == run("move", "./linked.txt", "dev:notes.txt").code
    assert (b"the bytes of notes.txt", False) == (store.read("notes.txt"), (folder / "linked.txt").exists())


def test_a_move_says_that_the_original_could_not_be_removed(run: Run, prod: AssetStore, folder: Path) -> None:
    """It is in both places then; the error says so, and what to do."""

    def refuse() -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    with right_before("os.remove", "a.webp", refuse):
        done = run("move", "./art/a.webp", "prod:a.webp")
    assert (b"a", b"a") == (prod.read("a.webp"), (folder / "art" / "a.webp").read_bytes())
    assert "the file was copied and could not be removed: Permission denied" in done.err
    assert "remove it to finish the move" in done.err
