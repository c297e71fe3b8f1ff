"""What an asynchronous store uploads: every source of the ordinary one, and what only a task can read."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
import starlette.datastructures
from hypothesis import given, settings
from hypothesis import strategies as st
from litestar.datastructures import UploadFile as LitestarFile

from aio.worlds import CountingBackend, files, folder, memory, pieces
from assetstore import AssetStore, NotFoundError, SourceError
from assetstore.aio import AsyncAssetStore
from assetstore.aio.source import InMemory

DATA = bytes(range(256)) * 3000


def halves() -> tuple[bytes, bytes]:
    """Return the bytes in two pieces."""
    return DATA[:1000], DATA[1000:]


class AwaitedFile:
    """A file whose ``read`` is awaited, as those of aiofiles are."""

    name = "folder/castle.png"

    def __init__(self) -> None:
        self._file = io.BytesIO(DATA)

    async def read(self, size: int = -1) -> bytes:
        """Return at most 1,000 bytes."""
        return self._file.read(min(size, 1000))


def litestar_file(name: str = "castle.png") -> LitestarFile:
    """Return what a form of Litestar holds; closing its file is the framework's work."""
    upload = LitestarFile("image/png", name, None)
    upload.file.close()
    upload.file = io.BytesIO(DATA)  # type: ignore[assignment]  # another binary file
    return upload


def starlette_file(name: str = "castle.png", kind: str | None = "image/png") -> starlette.datastructures.UploadFile:
    """Return what a form of Starlette or FastAPI holds."""
    headers = starlette.datastructures.Headers({"content-type": kind} if kind else {})
    return starlette.datastructures.UploadFile(io.BytesIO(DATA), filename=name, headers=headers)


ORDINARY: dict[str, Callable[[Path], Any]] = {
    "path": lambda path: path,
    "anyio's path": anyio.Path,
    "name": str,
    "bytes": lambda _: DATA,
    "bytearray": lambda _: bytearray(DATA),
    "memoryview": lambda _: memoryview(DATA),
    "memoryview with gaps": lambda _: memoryview(b"".join(bytes([byte, 0]) for byte in DATA))[::2],
    "file": lambda _: io.BytesIO(DATA),
    "iterator": lambda _: iter(halves()),
    "asynchronous generator": lambda _: pieces(*halves()),
    "awaited file": lambda _: AwaitedFile(),
    "Starlette's UploadFile": lambda _: starlette_file(),
    "Litestar's UploadFile": lambda _: litestar_file(),
}


@pytest.mark.anyio
@pytest.mark.parametrize("source", ORDINARY)
async def test_every_kind_of_source_arrives(source: str, tmp_path: Path) -> None:
    """Its bytes are the asset's."""
    path = tmp_path / "a"
    path.write_bytes(DATA)
    async with memory() as store:
        assert len(DATA) == (await store.upload(ORDINARY[source](path), "a")).size
        assert DATA == await store.read("a")


@pytest.mark.anyio
async def test_a_file_of_anyio_and_a_reader_of_a_store_arrive(tmp_path: Path) -> None:
    """Both are read in the thread that uploads, so nothing passes through the event loop."""
    (tmp_path / "a.png").write_bytes(DATA)
    async with memory() as store, await anyio.open_file(tmp_path / "a.png", "rb") as file:
        assert "image/png" == (await store.upload(file, "a")).content_type
        async with store.open("a") as reader:
            await store.upload(reader, "b")
        assert DATA == await store.read("b")


@pytest.mark.anyio
async def test_a_file_of_a_form_brings_its_name_and_its_type() -> None:
    """Both are the defaults; what is given wins, and the type that says nothing does not hide what the name says."""
    async with memory() as store:
        named = await store.upload(starlette_file("castle.webp", "image/x-mine"))
        assert ("castle.webp", "image/x-mine") == (named.key[-11:], named.content_type)
        assert "text/plain" == (await store.upload(starlette_file(), content_type="text/plain")).content_type
        assert "moat.png" == (await store.upload(starlette_file(), filename="moat.png")).key[-8:]
        unknown = await store.upload(starlette_file("castle.webp", "application/octet-stream"))
        assert "image/webp" == unknown.content_type
        assert "image/png" == (await store.upload(litestar_file("castle"))).content_type
        assert "castle.png" == (await store.upload(AwaitedFile())).key[-10:]


@pytest.mark.anyio
async def test_files_of_forms_are_uploaded_together() -> None:
    """Items of ``upload_many`` may be such files, alone or with a key and keywords; they may come asynchronously."""

    async def items() -> AsyncIterator[Any]:
        yield starlette_file("a.png"), "a"
        yield starlette_file("b.webp", "image/webp"), "b", {"metadata": {"by": "gm"}}
        yield starlette_file("c.png", None)
        yield b"bytes", "d"

    async with memory() as store:
        results = {result.index: result.result() async for result in store.upload_many(items())}
        assert ["image/png", "image/webp", "image/png"] == [results[index].content_type for index in range(3)]
        assert {"by": "gm"} == (await store.stat("b")).metadata
        assert "c.png" == results[2].key[-5:]


@pytest.mark.anyio
async def test_what_an_ordinary_store_refuses_is_refused() -> None:
    """A coroutine, a text file and an iterator of something else are SourceError, and nothing is stored."""
    async with memory() as store:
        wrong: list[Any] = [io.StringIO("a"), 5, pieces("a"), memory().stat("a")]  # type: ignore[arg-type]  # what it refuses
        for source in wrong:
            with pytest.raises(SourceError):
                await store.upload(source, "a")
        [result] = [result async for result in store.upload_many([(pieces(b"a"), "a")])]
        assert isinstance(result.error, SourceError)
        assert not await store.exists("a")


@pytest.mark.anyio
async def test_an_error_of_the_source_is_the_callers_and_nothing_is_stored(tmp_path: Path) -> None:
    """It comes as it was raised, as with an ordinary store."""

    async def broken() -> AsyncIterator[bytes]:
        yield DATA * 10
        raise LookupError("no more")

    async with folder(tmp_path) as store:
        await store.upload(b"old", "old")
        before = files(tmp_path)
        for key in ("old", "new"):
            with pytest.raises(LookupError, match="no more"):
                await store.upload(broken(), key)
        assert before == files(tmp_path)
        assert b"old" == await store.read("old")


@pytest.mark.anyio
async def test_a_generator_is_closed_when_the_upload_fails_before_its_end(tmp_path: Path) -> None:
    """What it holds is released at once, and not by the garbage collector."""
    closed = []

    async def held() -> AsyncIterator[bytes]:
        try:
            yield DATA
            yield DATA
        finally:
            closed.append(True)

    async with memory() as store:
        await store.upload(b"", "taken")
        with pytest.raises(FileExistsError):
            await store.upload(held(), "taken", overwrite=False)
        with pytest.raises(ValueError, match="key"):
            await store.upload(held(), "a//../b")
    assert len(closed) <= 2  # a generator that never began has nothing to release


@pytest.mark.anyio
async def test_the_generator_of_an_iterable_is_closed_too() -> None:
    """An object whose ``__aiter__`` is a generator, as the bodies of many clients are, releases what it holds at once."""
    closed = []

    class Body:
        async def __aiter__(self) -> AsyncIterator[Any]:
            try:
                yield DATA
                yield "text"
                yield DATA
            finally:
                closed.append(True)

    async with memory() as store:
        with pytest.raises(SourceError, match="must yield bytes"):
            await store.upload(Body(), "a")
        assert [True] == closed


@pytest.mark.anyio
async def test_a_source_is_not_read_ahead_of_the_store() -> None:
    """However fast it is, it gives 256 KiB and a piece more than was taken, so that it fills no memory."""
    backend = CountingBackend()
    ahead = []

    async def fast() -> AsyncIterator[bytes]:
        for index in range(200):
            ahead.append(index * 50_000 - backend.taken)
            yield bytes(50_000)

    async with AsyncAssetStore(AssetStore(backend)) as store:
        assert 10_000_000 == (await store.upload(fast(), "a")).size
    assert max(ahead) <= (1 << 18) + 50_000


@pytest.mark.anyio
async def test_a_source_may_use_the_store_that_it_is_uploaded_to() -> None:
    """Even where all threads wait for such sources: what they wait in is not what other calls need."""

    async def copied(store: AsyncAssetStore) -> AsyncIterator[bytes]:
        for _ in range(3):
            yield await store.read("a")

    async with memory(max_threads=1) as store:
        await store.upload(b"abc", "a")
        async with anyio.create_task_group() as tasks:
            for key in "bcd":
                tasks.start_soon(store.upload, copied(store), key)
        assert [b"abcabcabc"] * 3 == [await store.read(key) for key in "bcd"]


@pytest.mark.anyio
async def test_a_source_is_read_by_the_task_that_uploads_it() -> None:
    """So its cancel scopes and context variables are those of one task from its first piece to its last."""

    async def scoped() -> AsyncIterator[bytes]:
        task = anyio.get_current_task()
        with anyio.fail_after(600):
            for _ in range(300):
                assert task == anyio.get_current_task()
                yield b"a" * 5000

    async with memory() as store:
        assert 1_500_000 == (await store.upload(scoped(), "a")).size


@given(data=st.binary(max_size=40), steps=st.lists(st.tuples(st.sampled_from(["read", "seek", "end"]), st.integers(0, 50))))
def test_bytes_in_memory_are_read_like_a_file(data: bytes, steps: list[tuple[str, int]]) -> None:
    """Any reads and moves give what they give of a file in memory."""
    ours, expected = InMemory(data), io.BytesIO(data)
    for step, number in steps:
        if step == "read":
            assert expected.read(number) == ours.read(number)
        else:
            whence = io.SEEK_SET if step == "seek" else io.SEEK_END
            assert expected.seek(number, whence) == ours.seek(number, whence)
        assert expected.tell() == ours.tell()


def test_bytes_in_memory_come_in_pieces() -> None:
    """Of 1 MiB, so that no copy of many holds up the event loop."""
    assert 1 << 20 == len(InMemory(bytes(3_000_000)).read())


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
@settings(max_examples=30)
@given(lengths=st.lists(st.integers(0, 50) | st.integers(0, 300_000), max_size=99), kind=st.sampled_from([bytes, bytearray]))
def test_any_split_into_pieces_arrives_as_the_same_bytes(loop: str, lengths: list[int], kind: type[bytearray]) -> None:
    """Empty, tiny and large pieces come in order, also in a buffer that the source fills again and again."""
    wanted = b"".join(bytes([index % 251]) * length for index, length in enumerate(lengths))

    async def split() -> AsyncIterator[Any]:
        for index, length in enumerate(lengths):
            piece = kind(bytes([index % 251]) * length)
            yield piece
            if isinstance(piece, bytearray):
                piece[:] = b"?" * length

    async def main() -> bytes:
        async with memory() as store:
            await store.upload(split(), "a")
            return await store.read("a")

    assert wanted == anyio.run(main, backend=loop)


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
@settings(max_examples=30)
@given(count=st.integers(0, 12), size=st.sampled_from([0, 1, 100_000, 300_000]))
def test_wherever_a_source_is_cancelled_nothing_is_left(
    loop: str, count: int, size: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Not an asset, not a file on the way to one; the old asset stays, and the next call works."""
    root = tmp_path_factory.mktemp("assets")

    async def cancelling(scope: anyio.CancelScope) -> AsyncIterator[bytes]:
        for _ in range(count):
            yield b"a" * size
        scope.cancel()
        yield b"last"
        await anyio.lowlevel.checkpoint()
        yield b"never"

    async def main() -> None:
        async with folder(root, max_threads=1) as store:
            await store.upload(b"old", "old")
            before = files(root)
            for key in ("old", "new/asset"):
                with anyio.CancelScope() as scope:
                    await store.upload(cancelling(scope), key)
                assert scope.cancelled_caught
                assert before == files(root)
            assert b"old" == await store.read("old")
            with pytest.raises(NotFoundError):
                await store.stat("new/asset")

    anyio.run(main, backend=loop)
