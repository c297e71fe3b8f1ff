"""``download``: into files that never lie outside the target, and to stdout."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetstore import AssetStore, InvalidKeyError
from assetstore.bulk.folder import path_below

if TYPE_CHECKING:
    from running import Run

S = ("-s", "file:assets")


def files(folder: Path) -> list[str]:
    """Return the files below a folder, but those of the store."""
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())
    return sorted(name for name in found if not name.startswith("assets/"))


def test_a_key_becomes_a_file_of_its_name(run: Run, store: AssetStore, folder: Path) -> None:
    """Without ``-o`` the file lands in the working directory, and stderr says from where."""
    done = run(*S, "download", "maps/keep.webp")
    assert (0, b"", b"the bytes of maps/keep.webp") == (done.code, done.raw, (folder / "keep.webp").read_bytes())
    assert f"downloaded maps/keep.webp -> keep.webp, 27 B, from file:assets (folder {folder}/assets, local)\n" == done.err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("maps/keep.webp", "-o", "other.webp"), ["other.webp"]),
        (("maps/keep.webp", "-o", "new/"), ["new/keep.webp"]),
        (("maps/keep.webp", "-o", "there"), ["there/keep.webp"]),
        (("maps/keep.webp", "notes.txt", "-o", "new"), ["new/keep.webp", "new/notes.txt"]),
        (("maps/*", "-o", "new"), ["new/keep.webp", "new/tower.png"]),
        (("**.webp", "-o", "new"), ["new/maps/deep/cave.webp", "new/maps/keep.webp"]),
        (("-r", "maps", "-o", "new"), ["new/deep/cave.webp", "new/keep.webp", "new/tower.png"]),
        (("-r", "maps/deep/", "-o", "new"), ["new/cave.webp"]),
        (("-r", "", "-o", "new"), ["new/maps/deep/cave.webp", "new/maps/keep.webp", "new/maps/tower.png", "new/notes.txt"]),
    ],
)
def test_files_land_where_o_says(
    run: Run, store: AssetStore, folder: Path, arguments: tuple[str, ...], expected: list[str]
) -> None:
    """A file for one key, a folder for more; globs and folders keep the paths below what they name."""
    (folder / "there").mkdir()
    assert (0, expected) == (run(*S, "download", *arguments).code, files(folder))


def test_a_folder_takes_no_neighbour_along(run: Run, store: AssetStore, folder: Path) -> None:
    """``-r maps`` is the folder ``maps/`` and not all that begins with those letters."""
    store.upload(b"", "maps-old/keep.webp")
    run(*S, "download", "-r", "maps", "-o", "new")
    assert 3 == len(files(folder))


def test_bytes_go_to_stdout(run: Run, store: AssetStore, folder: Path) -> None:
    """``-o -`` writes all assets one behind the other, and no file."""
    done = run(*S, "download", "notes.txt", "maps/*.png", "-o", "-")
    assert (0, b"the bytes of notes.txtthe bytes of maps/tower.png", "") == (done.code, done.raw, done.err)
    assert [] == files(folder)


def test_two_keys_never_share_a_file(run: Run, store: AssetStore, folder: Path) -> None:
    """Two assets of the same name are refused before anything is written, and both are named."""
    store.upload(b"other", "other/keep.webp")
    done = run(*S, "download", "maps/keep.webp", "other/keep.webp", "-o", "new")
    assert (2, []) == (done.code, files(folder))
    assert "  why: 'maps/keep.webp' and 'other/keep.webp' would both become 'keep.webp'" in done.err.splitlines()
    assert 0 == run(*S, "download", "-r", "maps", "other", "-o", "new", "--keep-folders").code
    assert ["new/maps/keep.webp", "new/other/keep.webp"] == [name for name in files(folder) if name.endswith("keep.webp")]


def test_no_overwrite_keeps_files(run: Run, store: AssetStore, folder: Path) -> None:
    """A file that is there is refused with 6, in a dry run too; without the option it is replaced."""
    (folder / "notes.txt").write_bytes(b"mine")
    assert 6 == run(*S, "download", "notes.txt", "--no-overwrite").code
    assert 6 == run(*S, "download", "notes.txt", "--no-overwrite", "-n").code
    assert b"mine" == (folder / "notes.txt").read_bytes()
    assert 0 == run(*S, "download", "notes.txt").code
    assert b"the bytes of notes.txt" == (folder / "notes.txt").read_bytes()


def test_a_dry_run_writes_nothing(run: Run, store: AssetStore, folder: Path) -> None:
    """``-n`` names the files that would appear."""
    done = run(*S, "download", "-n", "maps/*", "-o", "new")
    assert (0, []) == (done.code, files(folder))
    assert done.err.startswith("would download maps/keep.webp -> new/keep.webp, from ")
    assert "would download notes.txt -> stdout" in run(*S, "download", "-n", "notes.txt", "-o", "-").err


def test_json_tells_where_the_file_is(run: Run, store: AssetStore) -> None:
    """One object for each download, with its path."""
    (record,) = run(*S, "--json", "download", "notes.txt").records
    assert ("download", "notes.txt", "notes.txt", 22) == (record["op"], record["key"], record["path"], record["size"])


def test_a_file_in_place_of_the_folder_is_refused(run: Run, store: AssetStore, folder: Path) -> None:
    """Several assets need a folder."""
    (folder / "new").write_bytes(b"")
    assert 2 == run(*S, "download", "maps/*", "-o", "new").code


def test_what_the_file_system_refuses_is_told_in_three_lines(run: Run, store: AssetStore, folder: Path) -> None:
    """A file where a folder must be fails that asset alone."""
    store.upload(b"", "maps/keep.webp/inside")
    done = run(*S, "download", "-r", "maps", "-o", "new")
    assert 5 == done.code
    assert 3 == len([line for line in done.err.splitlines() if line.startswith(("error:", "  why:", "  next:"))])


def test_foreign_keys_never_leave_the_folder(run: Run, folder: Path) -> None:
    """Keys with ``..``, a leading slash, an empty segment, a control character or a link that leads out fail alone."""
    outside = folder / "outside"
    (folder / "in/target").mkdir(parents=True)
    outside.mkdir()
    (folder / "in/target/link").symlink_to(outside)
    done = run("-s", "stub:", "download", "-r", "", "-o", "in/target")
    assert 5 == done.code
    assert ["good/one.txt", "good/right-to-left\u202egpj.exe"] == [
        name.removeprefix("in/target/") for name in files(folder) if name != "in/target/link"
    ]
    assert [] == os.listdir(outside)
    assert not Path("/etc/canary").exists()
    assert 11 == done.err.count("error: cannot download")


def test_a_link_at_the_very_file_is_not_followed_out(run: Run, store: AssetStore, folder: Path) -> None:
    """A link planted under the name that a download will have leads nowhere."""
    (folder / "canary").write_bytes(b"mine")
    (folder / "new").mkdir()
    (folder / "new/keep.webp").symlink_to(folder / "canary")
    assert 5 == run(*S, "download", "maps/*", "-o", "new").code
    assert b"mine" == (folder / "canary").read_bytes()


@given(st.text(alphabet="ab./\\\n\x00é:", max_size=12))
def test_every_path_lies_below_the_folder_and_has_its_own_key(relative: str) -> None:
    """What is not refused is exactly the key, below the folder."""
    base = Path("/nonexistent/target")
    try:
        path = path_below(base, relative)
    except InvalidKeyError:
        return
    assert f"{base}/{relative}" == os.path.normpath(path)
