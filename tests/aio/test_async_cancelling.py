"""A cancelled task leaves nothing in the store, frees its thread, and goes on at once."""

from __future__ import annotations

import asyncio
import io
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import anyio
import pytest

from aio.worlds import WaitingBackend, endless, files, folder, memory
from assetstore import AssetInfo, AssetStore, AssetStoreError, Event
from assetstore.aio import AsyncAssetStore, open_store
from assetstore.aio.threads import from_any_thread
from assetstore.plugin import AssetStream, hookimpl, stopping
from assetstore.testing import MemoryBackend
from assetstore_r2 import S3Backend
from servers import S3Server
from threads_left import threads_left

MORE = bytes(3_000_000)


def until_stopped(tell: Callable[[], object]) -> None:
    """Call a function, and wait until the call that this thread works for is stopped."""
    stopped = threading.Event()
    with stopping(stopped.set):
        tell()
        assert stopped.wait(600)


async def cancelled(call: Callable[..., Awaitable[object]], *arguments: Any, when: anyio.Event | None = None) -> None:
    """Await something, and cancel it once ``when`` is set."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call, *arguments)
        if when is not None:
            await when.wait()
        tasks.cancel_scope.cancel()


@pytest.mark.anyio
async def test_a_cancelled_upload_leaves_no_files(tmp_path: Path) -> None:
    """Neither an asset nor a file on the way to one, and the only thread is free."""
    async with folder(tmp_path, max_threads=1) as store:
        await store.upload(b"old", "old")
        before = files(tmp_path)
        for key in ("old", "new"):
            sent = anyio.Event()
            await cancelled(store.upload, endless(MORE, sent), key, when=sent)
            assert before == files(tmp_path)
        assert b"old" == await store.read("old")


@pytest.mark.anyio
async def test_an_upload_of_an_ordinary_source_is_cancelled_too(tmp_path: Path) -> None:
    """A thread that reads a file by itself notices it before the next piece, here after the first."""
    soon = from_any_thread()
    begun = anyio.Event()

    def progress(_: int) -> None:
        until_stopped(lambda: soon(begun.set))

    async with folder(tmp_path) as store:
        await store.upload(b"old", "old")
        before = files(tmp_path)
        source = io.BytesIO(MORE)
        await cancelled(lambda: store.upload(source, "new", progress=progress), when=begun)
        assert before == files(tmp_path)


@pytest.mark.anyio
async def test_a_cancelled_upload_in_parts_leaves_no_parts(seaweedfs: S3Server, unique_prefix: str) -> None:
    """The upload in parts that was begun at the store is ended, also after the first parts were sent."""
    backend = S3Backend(
        bucket=seaweedfs.bucket,
        endpoint_url=seaweedfs.endpoint_url,
        access_key=seaweedfs.access_key,
        secret_key=seaweedfs.secret_key,
        region=seaweedfs.region,
    )
    async with AsyncAssetStore(AssetStore(backend), max_threads=1).scoped(unique_prefix) as store:
        sent = anyio.Event()
        await cancelled(store.upload, endless(bytes(30 << 20), sent), "big", when=sent)
        assert not await store.exists("big")
        assert [] == [info async for info in store.list()]
    with seaweedfs.client() as client:
        assert [] == client.list_multipart_uploads(Bucket=seaweedfs.bucket, Prefix=unique_prefix).get("Uploads", [])


@pytest.mark.anyio
async def test_a_cancelled_download_leaves_no_files(tmp_path: Path) -> None:
    """Neither the file nor a temporary one, and an old file stays."""
    soon = from_any_thread()
    async with folder(tmp_path / "assets") as store:
        await store.upload(MORE, "a")
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "old").write_bytes(b"old")
        for name in ("old", "new"):
            begun = anyio.Event()
            path = tmp_path / "out" / name

            def progress(_: int, begun: anyio.Event = begun) -> None:
                until_stopped(lambda: soon(begun.set))

            await cancelled(lambda: store.download("a", path, progress=progress), when=begun)  # noqa: B023 - ends in the loop
        assert {"old"} == files(tmp_path / "out")
        assert b"old" == (tmp_path / "out" / "old").read_bytes()


@pytest.mark.anyio
async def test_what_waits_for_a_thread_never_begins() -> None:
    """The call that has the only thread ends, the one that waits for it is forgotten."""
    backend = WaitingBackend()
    async with AsyncAssetStore(AssetStore(backend), max_threads=1) as store:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(store.stat, "first")
            await anyio.to_thread.run_sync(backend.entered.acquire)
            await cancelled(store.upload, b"abc", "second")
            tasks.cancel_scope.cancel()
        assert 0 == backend.waiting
        assert [] == [info.key async for info in store.list()]


@pytest.mark.anyio
async def test_calls_that_hang_do_not_hold_up_what_cleans_up() -> None:
    """No cancellation ends it, so a task with a timeout would be stuck at the end of its block."""
    backend = WaitingBackend()
    async with AsyncAssetStore(AssetStore(backend), max_threads=1) as store:
        await store.upload(b"abc", "a")
        reader = await store.open("a")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(store.stat, "hangs")
            await anyio.to_thread.run_sync(backend.entered.acquire)
            await reader.close()
            with anyio.CancelScope() as scope:
                async with store.writer("b"):
                    scope.cancel()
            assert (True, 1) == (reader.closed, backend.waiting)
            backend.going.set()


@pytest.mark.anyio
async def test_a_call_that_hangs_at_the_store_is_ended() -> None:
    """What a backend waits in is shut, so that the task need not wait for an answer."""
    backend = WaitingBackend()
    async with AsyncAssetStore(AssetStore(backend)) as store:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(store.stat, "a")
            await anyio.to_thread.run_sync(backend.entered.acquire)
            tasks.cancel_scope.cancel()
        assert 0 == backend.waiting


def test_asyncios_own_cancellation_ends_a_call_too(tmp_path: Path) -> None:
    """A task that is cancelled twice still waits for its thread, and raises CancelledError."""

    async def main() -> None:
        async with folder(tmp_path, max_threads=1) as store:
            await store.upload(b"old", "old")
            before = files(tmp_path)
            sent = anyio.Event()
            task = asyncio.create_task(store.upload(endless(MORE, sent), "new"))
            await sent.wait()
            task.cancel()
            asyncio.get_running_loop().call_soon(task.cancel)
            with pytest.raises(asyncio.CancelledError):
                await task
            assert before == files(tmp_path)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await store.upload(endless(MORE, sent), "new")
            assert before == files(tmp_path)
            assert b"old" == await store.read("old")

    asyncio.run(main())


@pytest.mark.anyio
async def test_a_cancelled_read_closes_its_reader(tmp_path: Path) -> None:
    """Nobody knows how many bytes came, so nobody reads on."""
    async with folder(tmp_path) as store:
        await store.upload(MORE, "a")
        async with store.open("a") as reader:
            with anyio.CancelScope() as scope:
                scope.cancel()
                await reader.read(10)
            # Whether it had begun is a matter of luck.
            if reader.closed:
                with pytest.raises(ValueError, match="closed"):
                    await reader.read(10)
            else:
                assert MORE[:10] == await reader.read(10)
        assert reader.closed


@pytest.mark.anyio
async def test_a_reader_whose_upload_was_cancelled_is_not_read_on() -> None:
    """It stands somewhere in the middle; a read says so by an ordinary exception."""
    soon = from_any_thread()
    begun = anyio.Event()

    class Body(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            until_stopped(lambda: soon(begun.set))
            return b"a"

    class Slow(MemoryBackend):
        @hookimpl
        def assetstore_read(self, key: str, options: Any) -> AssetStream:
            return AssetStream(info=AssetInfo(key=key, size=1000), body=Body(), length=1000)

    async with AsyncAssetStore(AssetStore(Slow())) as store, store.open("a") as reader:
        await cancelled(store.upload, reader, "b", when=begun)
        with pytest.raises(ValueError, match="was cancelled"):
            await reader.read()


@pytest.mark.anyio
async def test_a_listing_that_was_cancelled_does_not_look_complete() -> None:
    """It says that it cannot go on, and does not end as if there were no more assets."""

    class Waiting(WaitingBackend):
        @hookimpl
        def assetstore_list(self, prefix: str, options: Any) -> Any:
            self.assetstore_stat("", None)
            return super().assetstore_list(prefix, options)

    backend = Waiting()
    async with AsyncAssetStore(AssetStore(backend)) as store:
        listing = store.list()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anext, listing)
            await anyio.to_thread.run_sync(backend.entered.acquire)
            tasks.cancel_scope.cancel()
        for _ in range(2):
            with pytest.raises(AssetStoreError, match="cancelled"):
                await anext(listing)


@pytest.mark.anyio
async def test_a_cancelled_call_about_many_items_ends_all_of_them() -> None:
    """Its threads end, and it gives no more results."""
    backend = WaitingBackend()
    async with AsyncAssetStore(AssetStore(backend)) as store:
        results = store.stat_many(f"{index}" for index in range(100))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anext, results)
            await anyio.to_thread.run_sync(backend.entered.acquire)
            tasks.cancel_scope.cancel()
        assert [] == [result async for result in results]
        assert (0, []) == (backend.waiting, await anyio.to_thread.run_sync(threads_left, "stat_many"))


@pytest.mark.anyio
async def test_results_may_be_cancelled_again() -> None:
    """A loop that asks for each result with a timeout sees timeouts, and no other error."""
    async with memory() as store:
        results = store.stat_many(f"{index}" for index in range(100))
        for _ in range(50):
            with anyio.CancelScope() as scope:
                scope.cancel()
                await anext(results, None)
            assert scope.cancelled_caught


@pytest.mark.anyio
async def test_items_that_come_asynchronously_are_cancelled() -> None:
    """A call that waits for its next item ends."""
    asked = anyio.Event()

    async def items() -> AsyncIterator[tuple[bytes, str]]:
        yield b"abc", "a"
        asked.set()
        await anyio.sleep_forever()

    async def main() -> None:
        async for result in results:
            assert "a" == result.key

    async with memory() as store:
        results = store.upload_many(items())
        await cancelled(main, when=asked)
        assert [] == [result async for result in results]
        assert [] == await anyio.to_thread.run_sync(threads_left, "upload_many")


@pytest.mark.anyio
async def test_a_store_whose_opening_was_cancelled_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has it, so nobody else would release what its plugins hold."""
    soon = from_any_thread()
    opening = anyio.Event()
    closed = []

    class Slow(MemoryBackend):
        def __init__(self) -> None:
            super().__init__()
            until_stopped(lambda: soon(opening.set))

        @hookimpl
        def assetstore_close(self) -> None:
            closed.append(True)

    module = ModuleType("slow_to_open")
    vars(module)["Slow"] = Slow
    monkeypatch.setitem(sys.modules, module.__name__, module)
    installed = tmp_path / "slow_to_open-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: slow-to-open\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text("[assetstore]\nslow = slow_to_open:Slow\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    await cancelled(lambda: _awaited(open_store({"backend": "slow", "naming": False, "stats": False})), when=opening)
    assert [True] == closed


async def _awaited(opening: Awaitable[object]) -> None:
    await opening


@pytest.mark.anyio
async def test_what_a_writer_collected_is_dropped_when_its_task_is_cancelled(tmp_path: Path) -> None:
    """Nothing is stored, and the store goes on."""
    written = anyio.Event()

    async def write() -> None:
        async with store.writer("a") as writer:
            await writer.write(MORE)
            written.set()
            await anyio.sleep_forever()

    async with folder(tmp_path) as store:
        await cancelled(write, when=written)
        assert not await store.exists("a")


@pytest.mark.anyio
async def test_a_writer_whose_write_was_cancelled_stores_nothing() -> None:
    """Nobody knows whether those bytes were added: the asset would lack them, or hold them twice after another try."""
    async with memory() as store:
        with pytest.raises(ValueError, match="closed"):
            await _write_again(store, b"c")
        with pytest.raises(ValueError, match="nothing is stored"):
            await _write_again(store)
        assert not await store.exists("a")


async def _write_again(store: AsyncAssetStore, *more: bytes) -> None:
    async with store.writer("a") as writer:
        await writer.write(b"a")
        with anyio.CancelScope() as scope:
            scope.cancel()
            await writer.write(b"b")
        for data in more:
            await writer.write(data)


@pytest.mark.anyio
async def test_a_cancelled_call_is_an_event_like_any_other() -> None:
    """An observer hears of it once, as of an operation that Ctrl-C ends."""

    class Observer:
        def __init__(self) -> None:
            self.events: list[Event] = []

        @hookimpl
        def assetstore_event(self, event: Event) -> None:
            self.events.append(event)

    backend, observer = WaitingBackend(), Observer()
    async with AsyncAssetStore(AssetStore(backend, plugins=[observer])) as store:
        sent = anyio.Event()
        await cancelled(store.upload, endless(MORE, sent), "a", when=sent)
    assert [("upload", "a", "error", "Stopped")] == [(e.op, e.key, e.outcome, e.error) for e in observer.events]


PROGRAM = """
import anyio
from assetstore.aio import open_store

async def source():
    yield bytes(3_000_000)
    print("sent", flush=True)
    await anyio.sleep_forever()

async def main():
    async with open_store("file:assets") as store:
        await store.upload(source(), "a")

anyio.run(main, backend="{loop}")
"""


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_ctrl_c_ends_an_upload(loop: str, tmp_path: Path) -> None:
    """The program ends by KeyboardInterrupt, does not hang, and leaves nothing of the asset."""
    program = [sys.executable, "-c", PROGRAM.format(loop=loop)]
    with subprocess.Popen(program, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "sent\n" == process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=600)
    assert -signal.SIGINT == process.returncode, errors
    assert "KeyboardInterrupt" in errors
    assert set() == {name for name in files(tmp_path / "assets") if not name.startswith(".assetstore")}


CLOSED = """
import asyncio
from assetstore import open_store
from assetstore.aio import AsyncAssetStore

async def source():
    yield b"a"
    sent.set()
    await asyncio.Event().wait()

sent = asyncio.Event()
loop = asyncio.new_event_loop()
task = loop.create_task(AsyncAssetStore(open_store("file:assets")).upload(source(), "a"))
loop.run_until_complete(sent.wait())
loop.close()
"""


def test_a_loop_that_was_closed_with_an_upload_in_it_does_not_keep_the_program(tmp_path: Path) -> None:
    """Its thread, which the program waits for, waits no longer for a source that nobody reads, and leaves nothing."""
    subprocess.run([sys.executable, "-W", "ignore", "-c", CLOSED], cwd=tmp_path, check=True, timeout=600)
    assert not [name for name in files(tmp_path) if name.endswith("/a")]
