"""``upload``: files, folders and stdin."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assetstore import AssetStore, open_store
from assetstore.plugin import TEXT_HEADERS
from assetstore.testing.samples import SAMPLES

if TYPE_CHECKING:
    from running import Run

S = ("-s", "file:assets")


@pytest.fixture
def art(folder: Path) -> Path:
    """Give a folder with two files, one of them deeper."""
    (folder / "art/deep").mkdir(parents=True)
    (folder / "art/keep.webp").write_bytes(b"keep")
    (folder / "art/deep/cave.txt").write_bytes(b"cave")
    return folder / "art"


def keys() -> list[str]:
    """Return all keys of the store."""
    return [info.key for info in open_store("file:assets").list()]


@pytest.mark.parametrize("name", TEXT_HEADERS)
def test_each_header_has_an_option(run: Run, art: Path, name: str) -> None:
    """Every HTTP header that an asset may have is an option of that name, for an upload and for a signed PUT."""
    option = (f"--{name.replace('_', '-')}", SAMPLES[name])
    assert 0 == run(*S, "upload", "art/keep.webp", "--key", "keep", *option).code
    assert SAMPLES[name] == getattr(open_store("file:assets").stat("keep"), name)
    signed = run(*S, "presign", "keep", "--method", "PUT", *option)
    assert f"send the header {option[0].removeprefix('--')}: {SAMPLES[name]}\n" in signed.err


def test_a_file_is_stored_under_its_key_with_all_its_headers(run: Run, art: Path) -> None:
    """Each option ends where it belongs, and stderr says where the bytes went."""
    headers = ("--content-type", "image/png", "--cache-control", "no-store", "--metadata", "by=gm", "--metadata", "as=a=b")
    done = run(*S, "upload", "art/keep.webp", "--key", "maps/keep.webp", *headers)
    location = f"file:assets (folder {art.parent}/assets, local)"
    assert (0, "maps/keep.webp\n", f"uploaded maps/keep.webp -> {location}, 4 B\n") == (done.code, done.out, done.err)
    info = open_store("file:assets").stat("maps/keep.webp")
    assert ("image/png", "no-store", {"by": "gm", "as": "a=b"}) == (info.content_type, info.cache_control, info.metadata)


def test_without_a_key_the_naming_plugin_makes_one(run: Run, art: Path) -> None:
    """The generated key goes to stdout, for scripts."""
    done = run(*S, "upload", "art/keep.webp")
    assert keys() == done.lines
    assert done.out.startswith("images/")
    assert done.out.endswith("_keep.webp\n")


def test_on_a_terminal_the_key_is_told_once(run: Run, art: Path) -> None:
    """A terminal shows stdout and stderr together, and the key stands in the talk."""
    assert b"" == run(*S, "upload", "art/keep.webp", "--key", "a", terminal=True).raw


def test_a_category_is_that_of_the_generated_key(run: Run, art: Path) -> None:
    """``--category`` goes to the naming plugin, also for folders."""
    assert run(*S, "upload", "art/keep.webp", "--category", "tokens").out.startswith("tokens/")
    assert all(key.startswith("tokens/") for key in run(*S, "upload", "-r", "art", "--category", "tokens").lines)


def test_to_keeps_names_below_a_folder(run: Run, art: Path) -> None:
    """Files keep their names, folders their relative paths; the closing slash is optional."""
    assert ["new/cave.txt"] == run(*S, "upload", "art/deep/cave.txt", "--to", "new").lines
    assert ["new/deep/cave.txt", "new/keep.webp"] == sorted(run(*S, "upload", "-r", "art", "--to", "new/").lines)
    assert ["deep/cave.txt", "keep.webp"] == sorted(run(*S, "upload", "-r", "art").lines)


def test_a_folders_own_name_is_kept_when_asked_for(run: Run, art: Path) -> None:
    """``--keep-folders`` does what ``cp -r`` does; a slash at the end of either makes no difference."""
    for source, to in (("art", "x"), ("art/", "x/"), (f"{art}//", "x/")):
        assert ["x/art/deep/cave.txt", "x/art/keep.webp"] == sorted(
            run(*S, "upload", "-r", source, "--to", to, "--keep-folders").lines
        )
    done = run(*S, "upload", "-r", "art/deep/..", "--to", "y", "--keep-folders", "--exclude", "deep")
    assert ["y/keep.webp"] == done.lines


def test_two_files_never_share_a_key(run: Run, art: Path) -> None:
    """Two files that would get one key are refused before anything is sent, and files and key are named."""
    (art.parent / "more").mkdir()
    (art.parent / "more/keep.webp").write_bytes(b"other")
    for more in ((), ("-n",), ("--no-overwrite",)):
        done = run(*S, "upload", "-r", "art", "more", "--to", "x/", *more)
        assert (2, []) == (done.code, keys())
        assert "  why: 'art/keep.webp' and 'more/keep.webp' would both become 'x/keep.webp'" in done.err.splitlines()
    assert 0 == run(*S, "upload", "-r", "art", "more", "--to", "x/", "--keep-folders").code
    assert ["x/art/deep/cave.txt", "x/art/keep.webp", "x/more/keep.webp"] == keys()


def test_two_spellings_of_a_name_are_one_key(run: Run, art: Path) -> None:
    """A composed and a decomposed é are two files on a disk and one key in a store."""
    for name in ("caf\u00e9", "cafe\u0301"):
        (art / name).write_bytes(name.encode())
    assert (2, []) == (run(*S, "upload", "-r", "art").code, keys())


def test_the_same_file_twice_meets_nothing(run: Run, art: Path) -> None:
    """A file that two arguments name is no conflict with itself, and is uploaded once."""
    assert 0 == run(*S, "upload", "-r", "art", "./art/keep.webp", "--to", "x").code


def test_a_key_that_ends_with_a_slash_must_be_meant(run: Run, art: Path) -> None:
    """``--key maps/`` looks like a folder and would hide the file behind it."""
    done = run(*S, "upload", "art/keep.webp", "--key", "maps/")
    assert (2, []) == (done.code, keys())
    assert "use --to to keep the file's name" in done.err
    assert ["maps/"] == run(*S, "upload", "-", "--key", "maps/", "--literal").lines


def test_stdin_needs_a_name(run: Run, folder: Path) -> None:
    """``-`` reads stdin to its end; its key or its name must be given."""
    assert ["a.txt"] == run(*S, "upload", "-", "--key", "a.txt", stdin=b"\x00\xffbytes").lines
    assert b"\x00\xffbytes" == open_store("file:assets").read("a.txt")
    assert run(*S, "upload", "-", "--name", "b.png", stdin=b"b").out.startswith("images/")
    assert 2 == run(*S, "upload", "-").code
    assert 2 == run(*S, "upload", "-", "-", "--to", "x").code


@pytest.mark.parametrize(
    "arguments",
    [
        ("art/keep.webp", "--key", "a", "--to", "b"),
        ("art/keep.webp", "--key", "a", "--category", "b"),
        ("art/keep.webp", "art/deep/cave.txt", "--key", "a"),
        ("art",),
        ("art", "-r", "--key", "a"),
        ("art/keep.webp", "--metadata", "lonely"),
        ("art/keep.webp", "--key", "../a"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_written(run: Run, art: Path, arguments: tuple[str, ...]) -> None:
    """A mistake of usage exits 2 and writes nothing."""
    assert (2, []) == (run(*S, "upload", *arguments).code, keys())


def test_what_cannot_be_uploaded_does_not_stop_the_rest(run: Run, art: Path) -> None:
    """A missing file and a pipe are reported, the others are uploaded, and the code is 5."""
    os.mkfifo(art / "pipe")
    done = run(*S, "upload", "-r", "art", "missing.txt", "--to", "x")
    assert (5, ["x/deep/cave.txt", "x/keep.webp"]) == (done.code, keys())
    assert "is not a regular file" in done.err
    assert "missing.txt" in done.err
    assert re.search(r"\nuploaded 2 files, 8 B in \d+\.\d s to file:assets \(.*\); 2 failed\n$", done.err)


def test_links_in_a_folder_are_skipped_and_named(run: Run, art: Path) -> None:
    """A link may lead anywhere, or in circles."""
    (art / "passwords").symlink_to("/etc/passwd")
    (art / "circle").symlink_to(art)
    done = run(*S, "upload", "-r", "art")
    assert (0, ["deep/cave.txt", "keep.webp"]) == (done.code, keys())
    assert ["skipped art/circle: a link is not followed", "skipped art/passwords: a link is not followed"] == [
        line for line in done.err.splitlines() if line.startswith("skipped")
    ]
    assert done.err.endswith("; 2 skipped\n")


def test_unfinished_downloads_in_a_folder_are_skipped_and_named(run: Run, art: Path) -> None:
    """What a killed download left in a folder does not become an asset."""
    (art / "deep/.0123456789abcdef.part").write_bytes(b"half")
    (art / "own.part").write_bytes(b"a name of the user's")
    done = run(*S, "upload", "-r", "art")
    assert (0, ["deep/cave.txt", "keep.webp", "own.part"]) == (done.code, keys())
    assert "skipped art/deep/.0123456789abcdef.part: it is an unfinished download" in done.err


def test_names_that_make_no_key_are_reported(run: Run, art: Path) -> None:
    """A file name that is no text fails alone."""
    Path(os.fsdecode(os.fsencode(art) + b"/bad\xff\n.txt")).write_bytes(b"")
    done = run(*S, "upload", "-r", "art")
    assert (5, ["deep/cave.txt", "keep.webp"]) == (done.code, keys())


def test_no_overwrite_keeps_what_is_there(run: Run, art: Path, store: AssetStore) -> None:
    """A taken key is refused, and its asset stays."""
    assert 6 == run(*S, "upload", "art/keep.webp", "--key", "notes.txt", "--no-overwrite").code
    assert b"the bytes of notes.txt" == store.read("notes.txt")
    assert 0 == run(*S, "upload", "art/keep.webp", "--key", "notes.txt").code


def test_a_dry_run_writes_nothing_and_fails_where_the_upload_would(run: Run, art: Path) -> None:
    """``-n`` says what would go where, and does not even make the store's folder."""
    done = run(*S, "upload", "-n", "-r", "art", "art/keep.webp", "--to", "x")
    location = f"file:assets (folder {art.parent}/assets, local)"
    assert [
        f"would upload art/keep.webp as x/keep.webp -> {location}",
        f"would upload art/deep/cave.txt as x/deep/cave.txt -> {location}",
        f"would upload 2 files, 8 B to {location}",
    ] == done.err.splitlines()
    assert "with a key like images/" in run(*S, "upload", "-n", "art/keep.webp").err
    assert 1 == run(*S, "upload", "-n", "missing.png").code
    assert 2 == run(*S, "upload", "-n", "art/keep.webp", "--key", "/a").code
    assert ["art"] == os.listdir(art.parent)


def test_a_dry_run_tells_of_a_taken_key(run: Run, art: Path, store: AssetStore) -> None:
    """With ``--no-overwrite`` a dry run is refused as the upload would be."""
    assert 6 == run(*S, "upload", "-n", "art/keep.webp", "--key", "notes.txt", "--no-overwrite").code


def test_json_tells_what_was_stored(run: Run, art: Path) -> None:
    """One object for each upload, with source, store, and all that is known of the asset."""
    (record,) = run(*S, "--json", "upload", "art/keep.webp", "--key", "a.webp", "--metadata", "by=gm").records
    expected = {"op": "upload", "source": "art/keep.webp", "store": "file:assets", "key": "a.webp", "size": 4}
    assert expected == {name: record[name] for name in expected}
    assert ({"by": "gm"}, "image/webp") == (record["metadata"], record["content_type"])
    (record,) = run(*S, "--json", "upload", "-n", "art/keep.webp", "--key", "b").records
    expected = {"op": "upload", "dry_run": True, "source": "art/keep.webp", "store": "file:assets", "key": "b", "size": 4}
    assert expected == record
    (record,) = run(*S, "--json", "upload", "missing.png", "--key", "c").records
    assert ("SourceError", "missing.png") == (record["error"], record["key"])


def test_a_stores_own_folder_is_not_uploaded(run: Run, store: AssetStore) -> None:
    """A folder that is a store itself is uploaded without ``.assetstore``, which holds the key that signs its links."""
    store.presign("notes.txt")
    done = run("-s", "file:other", "upload", "-r", "assets")
    assert (0, True) == (done.code, "it is a store's own folder" in done.err)
    assert [] == [line for line in run("-s", "file:other", "list", "-r").lines if ".assetstore" in line]
