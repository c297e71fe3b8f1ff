"""Guarantees about writing bytes."""

from __future__ import annotations

import gzip
import io
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import IO, cast

import pytest

from assetstore.content.source import SourceLike
from assetstore.errors import AlreadyExistsError, SourceError
from assetstore.results import ProposedKey
from assetstore.store import AssetStore
from assetstore.testing.contract.fixtures import Able, Fixtures, ScriptedNaming, brief


class Unseekable(io.RawIOBase):
    """A pipe: gives its bytes once, in whatever pieces it likes."""

    def __init__(self, data: bytes, piece: int) -> None:
        self._data, self._piece = data, piece

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Give at most one piece."""
        count = self._piece if size < 0 else min(size, self._piece)
        piece, self._data = self._data[:count], self._data[count:]
        return piece


class ShortReading(io.BytesIO):
    """A file that can be rewound and gives fewer bytes than it is asked for."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Give at most 1,000 bytes."""
        return super().read(1000 if size is None or size < 0 else min(size, 1000))


class CancelledError(BaseException):
    """What Ctrl-C and a cancelled task raise: no Exception."""


def cancelled(data: bytes) -> Iterator[bytes]:
    """Give bytes and then be cancelled."""
    yield data
    raise CancelledError


async def gathered() -> bytes:
    """Give bytes to whoever awaits it."""
    return b"new"


async def pieces() -> AsyncIterator[bytes]:
    """Give bytes to an asynchronous loop."""
    yield b"new"


class AsynchronousFile:
    """A file whose read must be awaited, as an upload of an asynchronous web framework has it."""

    async def read(self, size: int = -1) -> bytes:
        """Give bytes to whoever awaits it."""
        return b"new"


def failing(data: bytes) -> Iterator[bytes]:
    """Give bytes and then fail."""
    yield data
    raise RuntimeError("the source broke")


class FailingFile(io.BytesIO):
    """A file of known size that fails before its end."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Fail once a piece was read."""
        if self.tell():
            raise RuntimeError("the source broke")
        return super().read(1000)


class UploadingGuarantees(Fixtures):
    """Every kind and size of source arrives whole or not at all.

    A source is a path, bytes, a binary file or an iterator of bytes; its length need not be known before. Whatever goes
    wrong, and whenever, the asset that was there stays until another one is complete.
    """

    def test_every_kind_of_source_is_stored_alike(self, store: AssetStore, tmp_path: Path) -> None:
        """Paths, bytes-like objects, files, pipes and iterators, full or empty, store exactly their bytes."""
        for data in (bytes(range(256)) * 300, b""):
            path = tmp_path / "source.bin"
            path.write_bytes(data)
            for name, source in _sources(data, path).items():
                info = store.upload(source, "a")
                assert (name, len(data)) == (name, info.size)
                assert (name, brief(data)) == (name, brief(store.read("a")))

    def test_sizes_around_every_border_are_exact(self, store: AssetStore) -> None:
        """Assets of 0, 1 and 64 KiB and of one and two parts, a byte less and more too, come back, from bytes and a pipe."""
        part = self.part_size
        borders = (65_536, part, 2 * part)
        for size in sorted({0, 1, (1 << 20) + 1, *(border + step for border in borders for step in (-1, 0, 1))}):
            data = (b"%016d" % size * (size // 16 + 1))[:size]
            for source in (data, Unseekable(data, 100_000)):
                assert size == store.upload(source, "a").size
                assert brief(data) == brief(store.read("a"))
                assert size == store.stat("a").size

    def test_a_file_is_taken_from_where_it_stands_and_stays_open(self, store: AssetStore) -> None:
        """What was read of a file object before the upload is left out, and the file is the caller's to close."""
        file = io.BytesIO(b"head and body")
        file.read(9)
        store.upload(file, "a")
        assert b"body" == store.read("a")
        assert not file.closed

    def test_what_has_no_bytes_to_give_is_refused_and_not_stored_as_nothing(self, store: AssetStore) -> None:
        """A file left at its end and what only ``await`` can read are SourceError; the old asset stays."""
        store.upload(b"old", "old")
        written = io.BytesIO()
        written.write(b"new")
        for key in ("old", "new"):
            for source in (written, pieces(), gathered(), AsynchronousFile()):
                with pytest.raises(SourceError) as caught:
                    store.upload(cast(SourceLike, source), key)
                assert (key, True) == (caught.value.key, bool(caught.value.hint))
        assert b"old" == store.read("old")
        assert ["old"] == [item.key for item in store.list()]

    def test_an_upload_replaces_all_of_an_asset(self, store: AssetStore, able: Able) -> None:
        """Overwriting leaves nothing of the old bytes, headers or metadata."""
        if able("upload.metadata"):
            store.upload(b"long and old", "a", content_type="image/png", metadata={"old": "1"})
        else:
            store.upload(b"long and old", "a")
        store.upload(b"new", "a")
        assert b"new" == store.read("a")
        assert not store.stat("a").metadata
        assert "image/png" != store.stat("a").content_type

    def test_an_upload_tells_what_is_stored(self, store: AssetStore) -> None:
        """The result of an upload agrees with stat, and with what was sent."""
        info, found = store.upload(b"abc", "a.png"), store.stat("a.png")
        assert ("a.png", 3) == (info.key, info.size) == (found.key, found.size)
        assert found.etag == info.etag
        assert found.last_modified is None or found.last_modified.utcoffset() is not None

    @pytest.mark.parametrize("source", [lambda: failing(b"x" * 70_000), lambda: FailingFile(b"x" * 70_000)])
    def test_a_source_that_fails_changes_nothing(self, store: AssetStore, source: Callable[[], SourceLike]) -> None:
        """When the source raises, that error comes through, the old asset stays, and no new one appears."""
        store.upload(b"old", "old")
        for key in ("old", "new", "old/below"):
            with pytest.raises(RuntimeError, match="the source broke"):
                store.upload(source(), key)
        assert b"old" == store.read("old")
        assert ["old"] == [item.key for item in store.list()]

    def test_a_cancelled_upload_leaves_nothing(self, store: AssetStore) -> None:
        """What ends an upload in its source or its progress, late too, keeps the old asset and makes no new one."""

        def cancel(_: int) -> None:
            raise CancelledError

        store.upload(b"old", "old")
        large = bytes(self.part_size + 1)
        for key in ("old", "new"):
            with pytest.raises(CancelledError):
                store.upload(cancelled(large), key)
            with pytest.raises(CancelledError):
                store.upload(large, key, progress=cancel)
        assert b"old" == store.read("old")
        assert ["old"] == [item.key for item in store.list()]

    def test_a_file_that_changes_while_it_is_read_is_refused(self, store: AssetStore, tmp_path: Path) -> None:
        """A file that grows during its upload is a SourceError, and nothing of it is stored."""
        path = tmp_path / "growing"
        path.write_bytes(b"x" * 200_000)

        def grow(_: int) -> None:
            with path.open("ab") as file:
                file.write(b"more")

        with pytest.raises(SourceError):
            store.upload(path, "a", progress=grow)
        assert [] == list(store.list())

    def test_progress_counts_every_byte_once(self, store: AssetStore) -> None:
        """The numbers that progress is called with add up to the size, also when the source is read twice."""
        data = b"x" * 300_000
        for source in (data, Unseekable(data, 70_000)):
            seen: list[int] = []
            store.upload(source, "a", progress=seen.append)
            assert len(data) == sum(seen)

    def test_a_writer_stores_what_was_written(self, store: AssetStore) -> None:
        """A clean exit of writer() stores everything, also through gzip or a text layer that closes it."""
        with store.writer("plain") as out:
            out.write(b"one ")
            out.write(b"two")
        with store.writer("packed") as out, gzip.open(out, "wb") as packed:
            packed.write(b"packed")
        with store.writer("text") as out, io.TextIOWrapper(cast(IO[bytes], out), encoding="utf-8") as text:
            text.write("täxt")
        with store.writer("empty"):
            pass
        read = store.read
        assert [b"one two", b"packed", "täxt".encode(), b""] == [
            read("plain"), gzip.decompress(read("packed")), read("text"), read("empty"),
        ]  # fmt: skip

    def test_an_exception_inside_a_writer_changes_nothing(self, store: AssetStore) -> None:
        """When the block of writer() raises, the old asset stays and no new one appears."""
        store.upload(b"old", "old")
        for key in ("old", "new"):
            with pytest.raises(RuntimeError, match="changed my mind"):
                _write_and_fail(store, key)
        assert b"old" == store.read("old")
        assert ["old"] == [item.key for item in store.list()]

    def test_generated_keys_never_overwrite(self, store: AssetStore, naming: ScriptedNaming, able: Able) -> None:
        """A proposed key that is taken is remade, reused or refused, as the proposal says."""
        if not able("upload.overwrite"):
            return
        store.upload(b"old", "taken")
        naming.proposals = [ProposedKey(key=key, on_clash="remake") for key in ("taken", "free")]
        assert "free" == store.upload(iter([b"new"]), filename="x.png").key
        naming.proposals = [ProposedKey(key="taken", on_clash="reuse")]
        assert ("taken", 3) == ((info := store.upload(b"old")).key, info.size)
        naming.proposals = [ProposedKey(key="taken", on_clash="fail")]
        with pytest.raises(AlreadyExistsError):
            store.upload(b"new")
        assert [b"new", b"old"] == [store.read(item.key) for item in store.list()]


def _write_and_fail(store: AssetStore, key: str) -> None:
    with store.writer(key) as out:
        out.write(b"x" * 70_000)
        raise RuntimeError("changed my mind")


def _sources(data: bytes, path: Path) -> dict[str, SourceLike]:
    # A file that stands at the end of its bytes is refused.
    at_an_offset = io.BytesIO(b"head" + data if data else b"")
    at_an_offset.seek(4 if data else 0)
    return {
        "path": path,
        "text path": str(path),
        "bytes": data,
        "bytearray": bytearray(data),
        "memoryview": memoryview(data),
        "file": io.BytesIO(data),
        "file at an offset": at_an_offset,
        "short-reading file": ShortReading(data),
        "pipe": Unseekable(data, 1 << 20),
        "short-reading pipe": Unseekable(data, 777),
        "iterator": iter([data[:10], b"", data[10:]]),
        "generator": (data[start : start + 5000] for start in range(0, len(data), 5000)),
        "list": [data],
    }
