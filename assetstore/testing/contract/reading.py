"""Guarantees about reading bytes."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from assetstore.content.digests import Verifier
from assetstore.errors import AssetStoreError, IntegrityError, NotFoundError, StoreNotFoundError
from assetstore.store import AssetStore
from assetstore.testing.contract.fixtures import Able, Fixtures, brief
from assetstore.testing.faults import Flip
from assetstore.testing.faulty import FaultyBackend

DATA = bytes(range(256)) * 4
MOVES: tuple[tuple[tuple[int, int], int], ...] = (
    *(((0, io.SEEK_SET), 16), ((0, io.SEEK_SET), 8), ((8, io.SEEK_CUR), 100), ((0, io.SEEK_CUR), 0)),
    *(((-22, io.SEEK_END), 22), ((-50_000, io.SEEK_END), 46), ((-1, io.SEEK_CUR), 30_000), ((0, io.SEEK_END), 1)),
    *(((150_000, io.SEEK_SET), 10), ((500, io.SEEK_CUR), 70_000), ((0, io.SEEK_CUR), 1_000), ((5, io.SEEK_SET), -1)),
    *(((10**9, io.SEEK_SET), 5), ((-(10**12), io.SEEK_CUR), 3), ((-(10**12), io.SEEK_END), 3), ((0, io.SEEK_SET), -1)),
)
"""Where a reader is moved to, and how many bytes are read from there."""


class ReadingGuarantees(Fixtures):
    """The bytes that were written come back: whole, in parts, as a stream, as a file.

    A read is of one version of an asset, however long it takes and whatever is written meanwhile; where a backend cannot
    give that version to its end it raises.
    """

    @pytest.mark.parametrize("data", [DATA, b""])
    def test_every_way_of_reading_gives_the_same_bytes(self, store: AssetStore, tmp_path: Path, data: bytes) -> None:
        """read, open and download agree, also for an asset of no bytes."""
        store.upload(data, "a")
        assert store.exists("a")
        assert data == store.read("a")
        with store.open("a") as reader:
            assert (data, b"") == (reader.read(), reader.read())
        with store.open("a") as reader:
            assert data == b"".join(reader.chunks(100))
        info = store.download("a", tmp_path / "new/folder/file")
        assert (len(data), data) == (info.size, (tmp_path / "new/folder/file").read_bytes())

    def test_a_run_of_bytes_is_what_a_slice_would_be(self, store: AssetStore, able: Able) -> None:
        """Any offset and length, at and past the end too, give the bytes that slicing gives, and the whole asset's info."""
        offsets = (0, 1, 500, 1023, 1024, 1025, 10**12) if able("read.offset") else (0,)
        lengths = (None, 0, 1, 24, 1024, 10**12) if able("read.length") else (None,)
        store.upload(DATA, "a")
        for offset in offsets:
            for length in lengths:
                expected = DATA[offset:] if length is None else DATA[offset : offset + length]
                assert (offset, length, expected) == (offset, length, store.read("a", offset=offset, length=length))
                with store.open("a", offset=offset, length=length) as reader:
                    assert len(DATA) == reader.info.size

    def test_a_run_of_an_empty_asset_is_empty(self, store: AssetStore, able: Able) -> None:
        """Offsets and lengths in an asset without bytes give no bytes and no error."""
        store.upload(b"", "a")
        for offset in (0, 1) if able("read.offset") else (0,):
            for length in (None, 0, 1) if able("read.length") else (None,):
                assert b"" == store.read("a", offset=offset, length=length)

    def test_a_stream_gives_as_many_bytes_as_it_is_asked_for(self, store: AssetStore) -> None:
        """A reader's ``read(n)`` gives n bytes, fewer only at the end, and goes on where it stopped."""
        store.upload(DATA, "a")
        with store.open("a") as reader:
            pieces = [reader.read(size) for size in (1, 0, 400, 623, 1)]
        assert [DATA[:1], b"", DATA[1:401], DATA[401:1024], b""] == pieces

    def test_a_reader_seeks_as_a_file_does(self, store: AssetStore, able: Able) -> None:
        """Where ranges are honoured ``seek``, ``tell`` and ``read`` do what ``io.BytesIO`` does; elsewhere nothing seeks."""
        data = DATA * 300
        store.upload(data, "a")
        if not able("read.offset"):
            with store.open("a") as reader, pytest.raises(io.UnsupportedOperation):
                reader.seek(0)
            assert not store.open("a").seekable()
            return
        runs = [(0, None), (100_000, 200_000)] if able("read.length") else [(0, None), (100_000, None)]
        for offset, length in runs:
            part = data[offset:] if length is None else data[offset : offset + length]
            with store.open("a", offset=offset, length=length) as reader, io.BytesIO(part) as file:
                assert reader.seekable()
                for move, size in MOVES:
                    assert (move, file.seek(*move)) == (move, reader.seek(*move))
                    assert (move, brief(file.read(size))) == (move, brief(reader.read(size)))
                    assert file.tell() == reader.tell()

    def test_a_reader_that_seeks_is_of_one_version(self, store: AssetStore, able: Able) -> None:
        """After an overwrite or a delete a reader seeks within the version that it was opened for, or raises."""
        if not able("read.offset"):
            return
        old, new = b"o" * 400_000, b"n" * 400_000
        for change in (lambda: store.upload(new, "a"), lambda: store.delete("a")):
            store.upload(old, "a")
            with store.open("a") as reader:
                reader.seek(-10, io.SEEK_END)
                assert b"o" * 10 == reader.read()
                change()
                reader.seek(200_000)
                rest = _rest_or_error(reader.read)
            assert rest is None or brief(old[200_000:]) == brief(rest)

    def test_an_asset_has_a_file_of_its_own(self, store: AssetStore, able: Able) -> None:
        """Where a store has files ``path`` is that of the stored version, and of no other; a missing asset has none."""
        if not able("path"):
            return
        store.upload(b"old", "a/b.txt")
        assert b"old" == store.path("a/b.txt").read_bytes()
        store.upload(DATA, "a/b.txt")
        path = store.path("a/b.txt")
        assert (True, False, DATA) == (path.is_absolute(), path.is_symlink(), path.read_bytes())
        store.delete("a/b.txt")
        for key in ("a/b.txt", "a"):
            with pytest.raises(NotFoundError):
                store.path(key)

    def test_a_local_file_is_there_for_as_long_as_it_is_wanted(self, store: AssetStore) -> None:
        """``as_local`` gives a file with the asset's bytes and suffix; a copy is removed, also after an exception."""
        for key, suffix in (("a/b.png", ".png"), ("b", ""), ("c.tar.gz", ".tar.gz"), ("d/.odd name.\u00fc", "")):
            store.upload(DATA + key.encode(), key)
            with contextlib.suppress(ZeroDivisionError), store.as_local(key) as path:
                assert (suffix, DATA + key.encode()) == (path.name[len(path.name) - len(suffix) :], path.read_bytes())
                raise ZeroDivisionError
            assert path.exists() == (store.can("path") and path == store.path(key))
            assert DATA + key.encode() == store.read(key)
        with pytest.raises(NotFoundError), store.as_local("missing"):
            raise AssertionError

    def test_what_is_not_there_is_not_found(self, store: AssetStore, tmp_path: Path) -> None:
        """A missing asset is NotFoundError, which is a FileNotFoundError and not about the store, for every operation."""
        store.upload(b"", "missing/child")
        store.upload(b"", "missing-sibling")
        operations: dict[str, Callable[[], object]] = {
            "read": lambda: store.read("missing"),
            "stat": lambda: store.stat("missing"),
            "download": lambda: store.download("missing", tmp_path / "file"),
            "copy": lambda: store.copy("missing", "other"),
            "move": lambda: store.move("missing", "other"),
            "update": lambda: store.update("missing"),
        }
        for name, operation in operations.items():
            with pytest.raises(FileNotFoundError) as caught:
                operation()
            assert isinstance(caught.value, NotFoundError)
            assert not isinstance(caught.value, StoreNotFoundError)
            assert (name, "contract") == (caught.value.op, caught.value.store)
            assert caught.value.key in ("missing", "other")
        assert not store.exists("missing")
        assert [] == list(tmp_path.iterdir())
        assert ["missing-sibling", "missing/child"] == sorted(item.key for item in store.list())

    def test_a_folder_is_no_asset(self, store: AssetStore) -> None:
        """The beginning of a key, with or without its slash, is not an asset."""
        store.upload(b"", "a/b/c")
        assert [False, False, False] == [store.exists(key) for key in ("a", "a/", "a/b")]

    def test_the_digest_and_size_are_those_of_the_bytes(self, store: AssetStore) -> None:
        """A digest that the backend tells of is the digest of the stored bytes, however they came."""
        for source in (DATA, iter([DATA[:100], DATA[100:]])):
            for info in (store.upload(source, "a"), store.stat("a"), store.open("a").info):
                assert len(DATA) == info.size
                assert info.digest is None or _is_digest(info.digest, DATA)

    def test_a_damaged_read_raises(self, store: AssetStore, spy: FaultyBackend) -> None:
        """Where the store tells a digest, a whole read with one wrong bit is IntegrityError, however the bytes once came."""
        large = DATA * (2 * self.part_size // len(DATA)) + b"tail"
        for data, source in ((DATA, DATA), (DATA, iter([DATA])), (large, large), (large, iter([large]))):
            store.upload(source, "a")
            require_damage_is_found(store, spy, data)

    def test_abandoned_readers_cost_nothing(self, store: AssetStore) -> None:
        """Many readers closed before their end, before their first byte or after a seek, leave the store usable."""
        data = b"x" * 500_000
        store.upload(data, "a")
        for number in range(20):
            with store.open("a") as reader:
                assert number % 2 == len(reader.read(number % 2))
                if number % 4 > 1 and reader.seekable():
                    reader.seek(-number, io.SEEK_END)
                    assert data[-number:-1] == reader.read(number - 1)
        assert brief(data) == brief(store.read("a"))

    def test_a_read_is_of_one_version_while_it_is_overwritten(self, store: AssetStore) -> None:
        """A reader that was opened before an overwrite gives the old bytes whole, or raises; never a mixture."""
        old, new = b"o" * 3_000_000, b"n" * 3_000_000
        store.upload(old, "a")
        with store.open("a") as reader:
            head = reader.read(10)
            store.upload(new, "a")
            rest = _rest_or_error(reader.read)
        assert b"o" * 10 == head
        assert rest is None or brief(old) == brief(head + rest)
        assert brief(new) == brief(store.read("a"))

    def test_a_read_is_whole_while_the_asset_is_deleted(self, store: AssetStore) -> None:
        """A reader that was opened before a delete gives all bytes, or raises; it never ends early."""
        data = b"x" * 3_000_000
        store.upload(data, "a")
        with store.open("a") as reader:
            head = reader.read(10)
            store.delete("a")
            rest = _rest_or_error(reader.read)
        assert rest is None or brief(data) == brief(head + rest)

    def test_a_download_appears_whole_or_not_at_all(self, store: AssetStore, tmp_path: Path) -> None:
        """A download replaces a file only when it is complete, and leaves no other file behind."""
        store.upload(DATA, "a")
        path = tmp_path / "file"
        path.write_bytes(b"old")
        with pytest.raises(NotFoundError):
            store.download("missing", path)
        assert b"old" == path.read_bytes()
        seen: list[int] = []
        store.download("a", path, progress=seen.append)
        assert (DATA, len(DATA)) == (path.read_bytes(), sum(seen))
        with pytest.raises(FileExistsError):
            store.download("a", path, overwrite=False)
        assert [path] == list(tmp_path.iterdir())

    def test_what_may_be_resumed_is_as_whole_as_anything(self, store: AssetStore, tmp_path: Path) -> None:
        """An upload and a download with ``resume`` store and fetch the same bytes, and leave no other file behind."""
        store.upload(DATA, "a", resume=True)
        store.download("a", tmp_path / "file", resume=True)
        assert (DATA, DATA) == (store.read("a"), (tmp_path / "file").read_bytes())
        assert [tmp_path / "file"] == list(tmp_path.iterdir())


def _is_digest(digest: str, data: bytes) -> bool:
    verifier = Verifier(digest)
    verifier.update(data)
    verifier.verify()
    return verifier.knows


def require_damage_is_found(store: AssetStore, spy: FaultyBackend, data: bytes) -> None:
    """Flip one bit of what the backend sends, and read the asset ``a`` whole: it is an error, if there is a digest."""
    with store.open("a") as reader:
        knows = reader.info.digest is not None
    for seed in range(5):
        with spy.failing(Flip(nth=None, seed=seed)), contextlib.suppress(IntegrityError):
            assert (seed, True) == (seed, store.read("a") == data or not knows)


def _rest_or_error(read: Callable[[], bytes]) -> bytes | None:
    try:
        return read()
    except AssetStoreError:
        return None
