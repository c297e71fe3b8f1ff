"""The file object of writer()."""

from __future__ import annotations

import gc
import io
import resource

import pytest

from assetstore import AssetStore, AssetWriter, NoSpaceError
from assetstore.content.source import SPOOL_BYTES
from assetstore.testing import MemoryBackend


def test_a_writer_can_only_be_written_to():
    """It is writable, not readable, and says how much it took."""
    writer = AssetWriter()
    assert (True, False, 3) == (writer.writable(), writer.readable(), writer.write(b"abc"))
    writer.discard()


def test_nothing_is_written_after_the_end():
    """A write to a closed writer is a ValueError, as for any file."""
    writer = AssetWriter()
    writer.discard()
    with pytest.raises(ValueError, match="closed"):
        writer.write(b"x")


def test_what_does_not_fit_into_memory_is_stored_too():
    """More than is kept in memory goes through a temporary file and arrives whole."""
    data = b"0123456789abcdef" * (SPOOL_BYTES // 16 + 1)
    with AssetStore(MemoryBackend()) as store:
        with store.writer("a") as out:
            for start in range(0, len(data), 1 << 20):
                out.write(data[start : start + (1 << 20)])
        assert data == store.read("a")


def test_a_forgotten_writer_commits_nothing():
    """A writer that is collected, and not left by its block, stores nothing."""
    store = AssetStore(MemoryBackend())
    block = store.writer("a")
    block.__enter__().write(b"half")
    del block
    gc.collect()
    assert not store.exists("a")


def test_a_failing_text_layer_commits_nothing():
    """An exception behind a text layer, which closes the writer, leaves the store as it was."""
    store = AssetStore(MemoryBackend())
    with pytest.raises(TypeError), store.writer("a") as out, io.TextIOWrapper(out) as text:
        text.write(b"no text")
    assert not store.exists("a")


def test_a_write_that_failed_is_not_forgotten():
    """Bytes that the disk did not take are missing, so nothing is stored, even if the caller catches the error."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    writer = AssetWriter()
    resource.setrlimit(resource.RLIMIT_FSIZE, (SPOOL_BYTES, usual[1]))
    try:
        with pytest.raises(NoSpaceError):
            writer.write(bytes(SPOOL_BYTES + (1 << 20)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    with pytest.raises(ValueError, match="dropped"):
        writer.written()
