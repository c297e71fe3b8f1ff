"""A folder as strict as R2: ``profile="r2"``."""

from __future__ import annotations

import io
import itertools
import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

import pytest

from assetstore import AssetInfo, AssetStore, ConfigError, InvalidOptionError, SourceError, UnavailableError
from assetstore.config import open_store
from assetstore.plugin import ListOptions
from assetstore_local import LocalBackend
from assetstore_local.r2_rules import R2Rules

PAUSE = 0.05


class Hurried(LocalBackend):
    """A folder whose pauses are short."""

    rules: ClassVar[R2Rules] = R2Rules(pause=PAUSE, patience=600.0)


class Impatient(LocalBackend):
    """A folder whose writers do not wait."""

    rules: ClassVar[R2Rules] = R2Rules(pause=3600.0, patience=0.0)


def test_a_profile_is_r2_or_none(tmp_path: Path) -> None:
    """A mistyped profile is refused, and the right one suggested."""
    with pytest.raises(ConfigError, match="profile must be 'r2'") as caught:
        LocalBackend(root=tmp_path, profile="R2")
    assert "'r2'" in str(caught.value.hint)
    assert "folder assets, local, as r2" == LocalBackend(root=Path("assets"), profile="r2").location


def test_a_profile_can_be_named_in_a_url(tmp_path: Path) -> None:
    """Trying a program against R2's rules needs no code."""
    with open_store(f"file:{tmp_path}?profile=r2") as store:
        assert store.location.endswith(", as r2")


def test_a_write_waits_until_a_second_has_passed_since_the_last_one(tmp_path: Path) -> None:
    """Uploads, copies and updates of one key are a pause apart, and everything else is not held up."""
    store = AssetStore(Hurried(root=tmp_path, profile="r2"))
    store.upload(b"0", "other")
    writes = [
        store.upload(b"1", "a"),
        store.upload(b"2", "a"),
        store.copy("other", "a"),
        store.update("a", cache_control="no-store"),
    ]
    assert _apart(map(_written, writes))


def test_writers_of_one_key_come_one_after_the_other(tmp_path: Path) -> None:
    """As R2's client waits for each of them, all succeed."""
    store = AssetStore(Hurried(root=tmp_path, profile="r2"))
    times: list[int] = []

    def write(number: int) -> None:
        times.append(_written(store.upload(bytes(number), "a")))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 5 == len(times)
    assert _apart(sorted(times))


def test_a_write_whose_turn_comes_too_late_is_refused(tmp_path: Path) -> None:
    """After the patience of R2's client, a write fails with R2's message and the wait, and leaves the old asset."""
    store = AssetStore(Impatient(root=tmp_path, profile="r2"))
    before = store.upload(b"1", "a")
    for write in (lambda: store.upload(b"2", "a"), lambda: store.update("a", metadata={}), lambda: store.copy("b", "a")):
        store.delete("b")
        store.upload(b"3", "b")
        with pytest.raises(UnavailableError, match="Reduce your concurrent request rate for the same object") as caught:
            write()
        assert caught.value.retry_after is not None
        assert 0 < caught.value.retry_after <= 3600
    assert (before, b"1") == (store.stat("a"), store.read("a"))
    assert [] == os.listdir(tmp_path / ".assetstore" / "tmp")


def test_files_from_other_times_are_written_at_once(tmp_path: Path) -> None:
    """The time of a file put in by hand, past or future, does not tell when it was written."""
    store = AssetStore(Impatient(root=tmp_path, profile="r2"))
    for seconds in (0, 4_000_000_000, 32_503_680_000):
        (tmp_path / "a").write_bytes(b"by hand")
        os.utime(tmp_path / "a", (seconds, seconds))
        store.upload(b"mine", "a")
        assert b"mine" == store.read("a")


class Huge(io.RawIOBase):
    """A file that claims to be larger than R2 allows, and must not be read."""

    def seekable(self) -> bool:
        """Return that it can."""
        return True

    def tell(self) -> int:
        """Return 0."""
        return 0

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Return the size."""
        return (5 << 40) - (5 << 30) + 1 if whence == os.SEEK_END else offset

    def read(self, size: int = -1, /) -> bytes:
        """Fail."""
        raise AssertionError("a byte was read")


def test_an_asset_too_large_for_r2_is_refused_before_its_first_byte(tmp_path: Path) -> None:
    """A size that is known to be too large is refused unread; 4.995 TiB is just small enough."""
    store = AssetStore(LocalBackend(root=tmp_path, profile="r2"))
    with pytest.raises(SourceError, match="exceeds the maximum allowed object size"):
        store.upload(Huge(), "a")
    assert [] == os.listdir(tmp_path)
    R2Rules().require_size((5 << 40) - (5 << 30))
    with pytest.raises(AssertionError, match="a byte was read"):
        AssetStore(LocalBackend(root=tmp_path)).upload(Huge(), "a")


def test_metadata_too_large_for_r2_are_refused(tmp_path: Path) -> None:
    """One wide character counts the whole text twice; uploads, copies and updates are refused alike, and change nothing."""
    strict, lax = AssetStore(LocalBackend(root=tmp_path, profile="r2")), AssetStore(LocalBackend(root=tmp_path))
    fitting, too_much = {"a": "x" * 8062}, {"a": "x" * 4100 + "日"}
    strict.upload(b"", "a", metadata=fitting)
    assert fitting == strict.stat("a").metadata
    with pytest.raises(InvalidOptionError, match="metadata headers exceed"):
        strict.upload(b"", "b", metadata=too_much)
    with pytest.raises(InvalidOptionError, match="metadata headers exceed"):
        strict.update("a", metadata=too_much)
    assert (fitting, ["a"]) == (strict.stat("a").metadata, [item.key for item in strict.list()])
    assert too_much == lax.upload(b"", "b", metadata=too_much).metadata


def test_a_page_has_at_most_a_thousand_entries(tmp_path: Path) -> None:
    """As on R2, whatever the limit; the cursor leads on."""
    for number in range(1001):
        os.close(os.open(tmp_path / f"{number:04}", os.O_CREAT))
    for profile, counts in (("r2", (1000, 1)), (None, (1001, 0))):
        backend = LocalBackend(root=tmp_path, profile=profile)
        page = backend.assetstore_list(prefix="", options=ListOptions(limit=5000))
        assert page is not None
        rest = backend.assetstore_list(prefix="", options=ListOptions(cursor=page.next_cursor or "9"))
        assert rest is not None
        assert counts == (len(page.items), len(rest.items))


def test_a_create_only_copy_leaves_what_is_there(tmp_path: Path) -> None:
    """R2's copy has this condition, so the folder's has it too."""
    for number, profile in enumerate(("r2", None)):
        store = AssetStore(LocalBackend(root=tmp_path / str(number), profile=profile))
        store.upload(b"1", "a")
        with pytest.raises(FileExistsError):
            store.copy("a", "a", overwrite=False)
        assert b"1" == store.read(store.copy("a", "b", overwrite=False).key)


def _written(info: AssetInfo) -> int:
    """Return when it was written, in ns, which no ``datetime`` holds."""
    return int((info.etag or "").partition("-")[0], 16)


def _apart(times: Iterable[int]) -> bool:
    return all(later - earlier >= PAUSE * 1e9 for earlier, later in itertools.pairwise(times))
