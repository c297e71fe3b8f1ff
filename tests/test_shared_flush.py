"""Flushes that threads share."""

from __future__ import annotations

import errno
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from assetstore import AssetStore
from assetstore.content import whole_flush
from assetstore.content.shared_flush import SharedFlush
from assetstore.testing import MemoryBackend

_FILES = 10


@pytest.fixture
def opened(tmp_path: Path):
    """Descriptors of new files on a file system that can be flushed as a whole."""
    descriptors = [os.open(tmp_path / f"{number}", os.O_CREAT | os.O_RDWR) for number in range(_FILES + 1)]
    try:
        if not whole_flush.keeps_the_promise(descriptors[0]):
            pytest.skip("the file system of the tests is not flushed as a whole")
        yield descriptors
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _flush_all(monkeypatch, opened, syncfs, most=1 << 60):
    """Let one thread flush, and ten others gather meanwhile; return who was flushed alone, and what each flush raised."""
    shared, alone, system = SharedFlush(), [], os.fsync
    begun = threading.Event()

    def fsync(descriptor):
        alone.append(descriptor)
        if len(alone) == 1:
            begun.set()
            while len(shared._waiting) < _FILES:
                os.sched_yield()
        system(descriptor)

    monkeypatch.setattr(whole_flush, "MOST_DIRTY_BYTES", most)
    monkeypatch.setattr(whole_flush, "syncfs", syncfs)
    monkeypatch.setattr(os, "fsync", fsync)
    with ThreadPoolExecutor(_FILES + 1) as pool:
        first = pool.submit(shared.flush, opened[0])
        assert begun.wait(600)
        others = [pool.submit(shared.flush, descriptor) for descriptor in opened[1:]]
        return alone, [future.exception() for future in (first, *others)]


def test_threads_that_wait_for_a_flush_share_the_next_one(monkeypatch, opened):
    """Ten files that gather while one is flushed cost one flush of the file system."""
    whole = []
    alone, raised = _flush_all(monkeypatch, opened, whole.append)
    assert ([opened[0]], 1, {None}) == (alone, len(whole), set(raised))


def test_where_much_else_waits_each_file_is_flushed_alone(monkeypatch, opened):
    """Nobody pays for the bytes of other programs."""
    whole = []
    alone, raised = _flush_all(monkeypatch, opened, whole.append, most=-(1 << 60))
    assert (sorted(opened), [], {None}) == (sorted(alone), whole, set(raised))


def test_after_a_shared_flush_that_fails_each_file_is_flushed_alone(monkeypatch, opened):
    """The fault may be another file's, so no thread fails for the fault of another."""

    def broken(_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    alone, raised = _flush_all(monkeypatch, opened, broken)
    assert (sorted(opened), {None}) == (sorted(alone), set(raised))


def test_a_file_that_cannot_be_flushed_fails_alone(monkeypatch, opened):
    """Its thread gets the error, and the next one can flush."""
    shared = SharedFlush()
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", _fail)
        with pytest.raises(OSError, match="Input/output error"):
            shared.flush(opened[0])
    shared.flush(opened[1])


def _fail(_):
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_downloads_of_many_are_whole(tmp_path):
    """Each file is complete and has its own bytes."""
    store = AssetStore(MemoryBackend())
    for number in range(50):
        store.upload(f"{number}".encode() * 1000, f"{number % 3}/{number}")
    results = list(store.download_many([item.key for item in store.list()], tmp_path / "out"))
    assert [None] * 50 == [result.error for result in results]
    assert all((tmp_path / "out" / result.key).read_bytes() == store.read(result.key) for result in results)
    assert 50 == len([path for path in (tmp_path / "out").rglob("*") if path.is_file()])
