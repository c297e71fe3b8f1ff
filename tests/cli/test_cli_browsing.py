"""``list``, ``stat`` and ``read``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from assetstore import AssetStore

if TYPE_CHECKING:
    from running import Run

S = ("-s", "file:assets")


def test_a_listing_folds_folders_unless_it_is_recursive(run: Run, store: AssetStore) -> None:
    """Prefixes end in a slash; ``-r`` shows all keys; ``ls`` is the same."""
    assert ["maps/", "notes.txt"] == run(*S, "list").lines
    assert ["maps/deep/", "maps/keep.webp", "maps/tower.png"] == run(*S, "ls", "maps/").lines
    assert ["maps/deep/cave.webp", "maps/keep.webp", "maps/tower.png"] == run(*S, "list", "-r", "maps").lines
    assert ["maps/tower.png"] == run(*S, "list", "maps/t").lines


def test_a_listing_can_be_cut(run: Run, store: AssetStore) -> None:
    """``--limit`` and ``--start-after`` hold for prefixes and globs alike."""
    assert ["maps/keep.webp"] == run(*S, "list", "-r", "--start-after", "maps/deep/cave.webp", "--limit", "1").lines
    assert ["maps/keep.webp"] == run(*S, "list", "**.webp", "--start-after", "maps/deep/cave.webp").lines
    assert ["maps/deep/cave.webp"] == run(*S, "list", "**", "--limit", "1").lines
    assert [] == run(*S, "list", "--limit", "0").lines


def test_a_long_listing_has_sizes_and_times(run: Run, store: AssetStore) -> None:
    """``-l`` shows size, time and key, and sums up on stderr."""
    done = run(*S, "list", "-l")
    assert "         -  -                 maps/" == done.lines[0]
    assert re.fullmatch(r"      22 B  \d{4}-\d\d-\d\d \d\d:\d\d  notes.txt", done.lines[1])
    assert "2 entries, 22 B\n" == done.err


def test_nothing_found_is_said_and_no_failure(run: Run, store: AssetStore) -> None:
    """An empty listing exits 0, with a word on stderr."""
    assert (0, b"", "no asset matches nope/\n") == ((done := run(*S, "list", "nope/")).code, done.raw, done.err)
    assert "file:empty is empty\n" == run("-s", "file:empty", "list").err


def test_json_listings_have_an_object_a_line(run: Run, store: AssetStore) -> None:
    """Prefixes are objects with ``prefix``, assets with all that the listing knows."""
    prefix, asset = run(*S, "list", "--json").records
    assert {"prefix": "maps/"} == prefix
    assert ("notes.txt", 22, True) == (asset["key"], asset["size"], asset["valid"])
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.*\+00:00$", asset["last_modified"])


def test_json_listings_have_a_type_and_say_whether_it_is_guessed(run: Run, store: AssetStore, seaweedfs: Any) -> None:
    """Where the listing does not hold the type, it is guessed from the key and marked so; ``stat`` knows it."""
    store.upload(b"", "odd.txt", content_type="image/png")
    types = {record["key"]: record["content_type"] for record in run(*S, "list", "-r", "--json").records}
    assert ("image/webp", "text/plain") == (types["maps/keep.webp"], types["notes.txt"])
    with seaweedfs.client() as client:
        client.put_object(Bucket=seaweedfs.other_bucket, Key="typed-odd.txt", Body=b"", ContentType="image/png")
    bucket = ("-s", f"s3://{seaweedfs.other_bucket}?endpoint_url={seaweedfs.endpoint_url}")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("R2_ACCESS_KEY", seaweedfs.access_key)
        environment.setenv("R2_SECRET_KEY", seaweedfs.secret_key)
        (listed,) = run(*bucket, "list", "typed-", "--json").records
        (known,) = run(*bucket, "stat", "typed-odd.txt", "--json").records
        assert 0 == run(*bucket, "delete", "typed-odd.txt").code
    assert ("text/plain", True) == (listed["content_type"], listed["content_type_guessed"])
    assert "image/png" == known["content_type"]


def test_stat_shows_what_is_known(run: Run, store: AssetStore) -> None:
    """Names and values in two columns, one block for each asset."""
    done = run(*S, "stat", "notes.txt", "maps/keep.webp")
    blocks = [dict(re.split(r" {2,}", line) for line in block.splitlines()) for block in done.out.split("\n\n")]
    assert ["notes.txt", "maps/keep.webp"] == [block["key"] for block in blocks]
    assert ("22 bytes", "text/plain", "gm") == tuple(blocks[0][name] for name in ("size", "content type", "metadata by"))


def test_stat_as_json_has_metadata_as_an_object(run: Run, store: AssetStore) -> None:
    """All fields of the API stand in the object under their own names."""
    (record,) = run(*S, "--json", "stat", "notes.txt").records
    assert {"by": "gm"} == record["metadata"]
    assert {
        *("key", "size", "etag", "last_modified", "content_type", "cache_control"),
        *("content_disposition", "content_encoding", "content_language", "metadata", "digest", "valid"),
    } == record.keys()


def test_read_writes_the_bytes_and_nothing_else(run: Run, store: AssetStore) -> None:
    """Exactly the bytes, or a range of them, go to stdout; ``cat`` is the same."""
    data = bytes(range(256)) * 5000
    store.upload(data, "data.bin")
    assert (data, "") == ((done := run(*S, "read", "data.bin")).raw, done.err)
    assert data[10:30] == run(*S, "cat", "data.bin", "--offset", "10", "--length", "20").raw
    assert b"" == run(*S, "read", "data.bin", "--offset", "99999999").raw


def test_read_spares_the_terminal(run: Run, store: AssetStore) -> None:
    """Binary data reaches a terminal only by ``-o -``."""
    store.upload(b"\x1b]0;owned\x07", "data.bin")
    done = run(*S, "read", "data.bin", terminal=True)
    assert (2, b"") == (done.code, done.raw)
    assert b"\x1b]0;owned\x07" == run(*S, "read", "data.bin", "-o", "-", terminal=True).raw
    assert "the bytes of notes.txt" == run(*S, "read", "notes.txt", terminal=True).out
