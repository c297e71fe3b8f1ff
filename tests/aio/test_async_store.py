"""What an asynchronous store adds to the ordinary one: threads, streams, context variables, events, opening and closing."""

from __future__ import annotations

import asyncio
import contextvars
import pickle
import sys
import threading
import types
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest

import assetstore
from aio.worlds import folder, memory, pieces
from assetstore import AssetInfo, AssetStore, AssetStoreError, ConfigError, Event, InvalidOptionError, NotFoundError
from assetstore.aio import AsyncAssetStore, open_store
from assetstore.plugin import UploadOptions, hookimpl
from assetstore.testing import MemoryBackend


class Observer:
    """Notes events, and a context variable with each."""

    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="none")

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []
        self.found: list[str] = []

    @hookimpl
    def assetstore_event(self, event: Event) -> None:
        """Note what does not depend on time."""
        self.events.append((event.op, event.key, event.bytes, event.outcome, event.error, event.attempts))
        self.found.append(self.variable.get())


@pytest.mark.anyio
async def test_context_variables_of_the_caller_are_seen_by_plugins() -> None:
    """A thread has those of the task that called, of one call and of none other."""
    observer = Observer()
    async with AsyncAssetStore(AssetStore(MemoryBackend(), plugins=[observer])) as store:
        await store.upload(b"", "a")
        token = observer.variable.set("mine")
        await store.upload(pieces(b""), "a")
        observer.variable.reset(token)
        await store.stat("a")
    assert ["none", "mine", "none"] == observer.found


@pytest.mark.anyio
async def test_events_are_those_of_an_ordinary_store() -> None:
    """Each call ends in the event that the ordinary call ends in, a reader that is closed before its end too."""
    ordinary, ours = Observer(), Observer()
    with AssetStore(MemoryBackend(), plugins=[ordinary]) as store:
        store.upload(b"abc", "a")
        with store.open("a") as reader:
            reader.read(1)
        with pytest.raises(NotFoundError):
            store.stat("b")
        list(store.list())
        store.delete_many(["a", "b"])
    async with AsyncAssetStore(AssetStore(MemoryBackend(), plugins=[ours])) as awaited:
        await awaited.upload(pieces(b"a", b"bc"), "a")
        async with awaited.open("a") as stream:
            await stream.read(1)
        with pytest.raises(NotFoundError):
            await awaited.stat("b")
        assert ["a"] == [info.key async for info in awaited.list()]
        await awaited.delete_many(pieces_of("a", "b"))
    assert ordinary.events == ours.events


async def pieces_of(*keys: str) -> AsyncIterator[str]:
    """Yield keys."""
    for key in keys:
        yield key


@pytest.mark.anyio
async def test_no_more_threads_work_than_are_allowed() -> None:
    """Of nine calls at once three run at a time, and no two fewer: each waits for two others."""
    together = threading.Barrier(3)
    at_once: list[int] = []
    running = set()

    class Slow(MemoryBackend):
        @hookimpl
        def assetstore_upload(self, key: str, source: Any, options: UploadOptions) -> AssetInfo:
            running.add(key)
            together.wait(600)
            at_once.append(len(running))
            together.wait(600)
            running.discard(key)
            together.wait(600)
            return super().assetstore_upload(key, source, options)

    async with AsyncAssetStore(AssetStore(Slow()), max_threads=3) as store, anyio.create_task_group() as tasks:
        for index in range(9):
            tasks.start_soon(store.upload, b"", f"{index}")
    assert [3] * 9 == at_once


@pytest.mark.parametrize("wrong", [0, -1, True, 2.0, "4", None])
def test_a_number_of_threads_that_is_none_is_refused(wrong: Any) -> None:
    """Before anything is sent, and not by the first call."""
    with pytest.raises(InvalidOptionError, match="max_threads must be 1 or more"):
        memory(max_threads=wrong)


def test_one_store_serves_several_event_loops(tmp_path: Path) -> None:
    """One after the other, of both kinds; an ordinary caller may use the wrapped store all the while."""
    store = folder(tmp_path)

    async def main(key: str) -> bytes:
        await store.upload(pieces(b"ab", b"c"), key)
        return await store.read(key)

    assert b"abc" == asyncio.run(main("a"))
    assert b"abc" == anyio.run(main, "b", backend="trio")
    assert b"abc" == asyncio.run(main("c"))
    assert ["a", "b", "c"] == [info.key for info in store.wrapped.list()]


def test_a_loop_of_asyncio_does_not_wait_until_trio_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """While another thread imports trio, its module is there, and empty."""
    monkeypatch.setitem(sys.modules, "trio", types.ModuleType("trio"))

    async def main() -> bytes:
        async with memory() as store:
            await store.upload(pieces(b"abc"), "a")
            return await store.read("a")

    assert b"abc" == asyncio.run(main())


@pytest.mark.anyio
async def test_a_reader_is_awaited_or_entered_and_seeks() -> None:
    """It has the reads of the ordinary reader; lines are what it iterates over."""
    async with memory() as store:
        await store.upload(b"ab\ncd\nef", "a")
        reader = await store.open("a")
        assert ("a", False, True) == (reader.info.key, reader.closed, reader.readable())
        await reader.close()
        await reader.close()
        assert reader.closed
        async with store.open("a", offset=1) as part:
            assert [b"b\n", b"cd\n", b"ef"] == [line async for line in part]
        async with store.open("a") as whole:
            assert (b"ab\n", 3) == (await whole.read(3), whole.tell())
            if whole.seekable():
                assert 1 == await whole.seek(1)
                assert b"b\ncd\nef" == b"".join([piece async for piece in whole.chunks(2)])
        buffer = bytearray(4)
        async with store.open("a") as filling:
            assert (4, b"ab\nc") == (await filling.readinto(buffer), bytes(buffer))
        with pytest.raises(NotFoundError):
            await store.open("b")


@pytest.mark.anyio
async def test_an_exception_in_a_writer_leaves_the_store_as_it_was() -> None:
    """A clean exit stores the bytes, with the headers that were asked for."""
    async with memory() as store:
        async with store.writer("a", content_type="text/x-mine") as writer:
            assert (2, 1) == (await writer.write(b"ab"), await writer.write(bytearray(b"c")))
        assert ("text/x-mine", b"abc") == ((await store.stat("a")).content_type, await store.read("a"))

        async def fail() -> None:
            async with store.writer("a") as writer:
                await writer.write(b"new")
                raise LookupError

        with pytest.raises(LookupError):
            await fail()
        assert b"abc" == await store.read("a")


@pytest.mark.anyio
async def test_programs_get_a_file(tmp_path: Path) -> None:
    """The file of a folder itself, and elsewhere a copy, which is gone afterwards even if the block fails."""
    async with folder(tmp_path) as store:
        await store.upload(b"abc", "a.png")
        async with store.as_local("a.png") as path:
            assert await store.path("a.png") == path
    async with memory() as store:
        await store.upload(b"abc", "a.png")
        paths = []

        async def fail() -> None:
            async with store.as_local("a.png") as path:
                paths.append(path)
                assert b"abc" == path.read_bytes()
                raise LookupError

        with pytest.raises(LookupError):
            await fail()
        assert [False] == [path.exists() for path in paths]


@pytest.mark.anyio
async def test_a_listing_gives_what_came_before_an_error() -> None:
    """The entries of the pages that arrived come first, then the error."""

    class Breaking(MemoryBackend):
        @hookimpl
        def assetstore_list(self, prefix: str, options: Any) -> Any:
            if options.cursor is not None:
                raise AssetStoreError("no second page")
            return super().assetstore_list(prefix, options)

    async with AsyncAssetStore(AssetStore(Breaking())) as store:
        async for result in store.upload_many((b"", f"{index:04}") for index in range(1001)):
            result.result()
        listing = store.list()
        assert [f"{index:04}" for index in range(1000)] == [(await anext(listing)).key for _ in range(1000)]
        with pytest.raises(AssetStoreError, match="no second page"):
            await anext(listing)


@pytest.mark.anyio
async def test_a_listing_is_what_is_deleted() -> None:
    """As with an ordinary store: the rest of a listing that was begun, too."""
    async with memory() as store:
        for key in "abcd":
            await store.upload(b"", key)
        listing = store.list()
        assert "a" == (await anext(listing)).key
        assert ("b", "c", "d") == (await store.delete_many(listing)).deleted
        assert ["a"] == [result.key async for result in store.stat_many(store.list())]


@pytest.mark.anyio
async def test_the_rest_of_a_broken_listing_does_not_look_complete() -> None:
    """A call that is given the rest of a listing raises the error that ended it, after the entries that came before."""

    class Breaking(MemoryBackend):
        @hookimpl
        def assetstore_list(self, prefix: str, options: Any) -> Any:
            if options.cursor is not None:
                raise AssetStoreError("no second page")
            return attrs.evolve(super().assetstore_list(prefix, options), next_cursor="2")

    async with AsyncAssetStore(AssetStore(Breaking())) as store:
        for key in "abc":
            await store.upload(b"", key)
        listing = store.list()
        assert "a" == (await anext(listing)).key
        looked_up = store.stat_many(listing, ordered=True)
        assert ["b", "c"] == [(await anext(looked_up)).key for _ in range(2)]
        with pytest.raises(AssetStoreError, match="no second page"):
            await anext(looked_up)


@pytest.mark.anyio
async def test_a_call_about_many_items_is_closed_by_its_block() -> None:
    """What is left over is not done, and the items are asked for no more."""
    asked = []

    async def items() -> AsyncIterator[tuple[bytes, str]]:
        for index in range(100_000):
            asked.append(index)
            yield b"", f"{index}"

    async with memory() as store:
        async with store.upload_many(items()) as results:
            (await anext(results)).result()
        assert [] == [result async for result in results]
        assert len(asked) < 100_000


@pytest.mark.anyio
async def test_a_store_is_opened_and_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By ``async with``, which closes it, or by ``await``; afterwards every call says that it is closed, as usual."""
    monkeypatch.chdir(tmp_path)
    async with open_store("file:assets") as store:
        assert ("file:assets", True) == (store.name, "assets" in store.location)
        await store.upload(pieces(b"abc"), "a")
    opened = await open_store("file:assets")
    assert b"abc" == await opened.read("a")
    part = opened.scoped("tenant/")
    await opened.close()
    with pytest.raises(AssetStoreError) as ordinary:
        opened.wrapped.read("a")
    for store in (opened, part):
        with pytest.raises(type(ordinary.value), match="closed"):
            await store.read("a")
        with pytest.raises(type(ordinary.value), match="closed"):
            await store.upload(pieces(b"abc"), "a")
    with pytest.raises(ConfigError):
        await open_store("nothing-of-this-name")


@pytest.mark.anyio
async def test_a_store_may_be_closed_while_it_is_used(tmp_path: Path) -> None:
    """An upload to a folder that goes on meanwhile comes to its end; the next one is refused."""
    store = folder(tmp_path, max_threads=1)
    sent = anyio.Event()

    async def source() -> AsyncIterator[bytes]:
        yield b"abc"
        sent.set()
        await store.close()
        yield b"def"

    assert 6 == (await store.upload(source(), "a")).size
    assert sent.is_set()
    with pytest.raises(AssetStoreError, match="closed"):
        await store.upload(source(), "a")


@pytest.mark.anyio
async def test_a_part_of_a_store_shares_its_threads_and_its_class() -> None:
    """A part for each request starts no threads of its own, and has the methods of a subclass."""

    class Ours(AsyncAssetStore):
        async def names(self) -> list[str]:
            return [info.key async for info in self.list()]

    threads = set()

    class Noting(MemoryBackend):
        @hookimpl
        def assetstore_upload(self, key: str, source: Any, options: UploadOptions) -> AssetInfo:
            threads.add(threading.current_thread())
            return super().assetstore_upload(key, source, options)

    async with Ours(AssetStore(Noting()), max_threads=1) as store:
        await store.upload(b"", "a")
        for _ in range(3):
            await store.scoped("part/").upload(b"", "b")
        assert ["b"] == await store.scoped("part/").names()
    assert 1 == len(threads)


def test_a_store_that_may_travel_travels(tmp_path: Path) -> None:
    """It is pickled as the ordinary store is, by its configuration, with its number of threads."""
    with assetstore.open_store(tmp_path.as_uri()) as ordinary:
        store = AsyncAssetStore(ordinary, max_threads=3)
        copy = pickle.loads(pickle.dumps(store))
        assert (repr(store), 3) == (repr(copy), copy._threads.most)
        copy.wrapped.close()
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(memory())
