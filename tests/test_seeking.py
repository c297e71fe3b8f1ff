"""A reader that seeks: what it returns, what it asks for, and what becomes of errors, events and connections."""

from __future__ import annotations

import array
import copy
import hashlib
import io
import os
import pickle

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetstore import AssetStore, IntegrityError, InvalidOptionError, PreconditionError, UnavailableError
from assetstore.content.read_ahead import LARGEST, NEAR
from assetstore.plugin import Source, every, hookimpl
from assetstore.testing import FaultyBackend, MemoryBackend, RecordingObserver
from assetstore.testing.faults import Flip, Raise, Trickle, Truncate
from assetstore_local import LocalBackend
from open_files import open_below

DATA = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(12_000))
SIZE = len(DATA)
POSITIONS = st.integers(-10, SIZE + 10) | st.sampled_from([0, 1, NEAR, 2 * NEAR, SIZE - NEAR, SIZE])
SIZES = st.integers(-1, 300) | st.integers(0, 3 * NEAR)
STEPS = st.lists(
    st.tuples(st.just("seek"), POSITIONS, st.integers(0, 2))
    | st.tuples(st.sampled_from(["read", "read1", "readinto"]), SIZES, st.just(0)),
    max_size=25,
)


class Opened:
    """A store over a spy over memory, with one asset of ``DATA``, and an observer."""

    def __init__(self, data: bytes = DATA, backend: object = None, **options: object) -> None:
        self.spy = FaultyBackend(backend or MemoryBackend(), **options)
        self.observer = RecordingObserver()
        self.store = AssetStore(self.spy, plugins=[self.observer])
        self.store.upload(data, "a")

    @property
    def asked(self) -> list[tuple[int, int | None]]:
        """Offset and length of each read so far."""
        reads = [arguments["options"] for op, arguments in self.spy.calls if op == "read"]
        return [(options.offset, options.length) for options in reads]


class NoLength(MemoryBackend):
    """Honours nothing of a read but its offset."""

    supports = MemoryBackend.supports - {"read.length", "read.if_match"}


class NoRanges(MemoryBackend):
    """Reads whole assets only."""

    supports = MemoryBackend.supports - every("read")


def outcome(call):
    """Return the result of a call, or the kind of its error."""
    try:
        return call()
    except Exception as error:
        return type(error)


def do(file, step):
    """Take one step with a file; return what it gave, and where the file stands."""
    name, number, whence = step
    if name == "seek":
        return outcome(lambda: file.seek(number, whence)), file.tell()
    if name == "readinto":
        buffer = bytearray(max(0, number))
        count = file.readinto(buffer)
        return bytes(buffer[:count]), file.tell()
    return file.read(number), file.tell()


@pytest.fixture(scope="module", params=["memory", "no length", "local"])
def opened(request, tmp_path_factory):
    """Return each kind of store, with its asset."""
    if request.param == "local":
        return Opened(backend=LocalBackend(root=tmp_path_factory.mktemp("store")))
    return Opened(backend=MemoryBackend() if request.param == "memory" else NoLength())


@given(steps=STEPS, offset=st.just(0) | st.integers(0, SIZE + 5), trickle=st.sampled_from([0, 5_000, 70_001]))
def test_any_steps_give_what_a_file_in_memory_gives(opened, steps, offset, trickle):
    """Any sequence of seek, tell, read and readinto equals that of io.BytesIO; read1 gives the first bytes of it."""
    file = io.BytesIO(DATA[offset:])
    faults = [Trickle(nth=None, count=trickle)] if trickle else []
    with opened.spy.failing(*faults), opened.store.open("a", offset=offset) as reader:
        for step in steps:
            if step[0] == "read1":
                piece = reader.read1(step[1])
                assert piece == file.read(len(piece))
                assert piece or not step[1] or file.tell() >= len(DATA) - offset
            else:
                assert do(file, step) == do(reader, step)


def test_reading_in_order_takes_one_request_and_is_verified():
    """Moves to where the reader stands, back within what was read last, and a little ahead cost nothing and lose nothing."""
    opened = Opened()
    with opened.store.open("a") as reader:
        assert DATA[:16] == reader.read(16)
        assert (SIZE, 0) == (reader.seek(0, os.SEEK_END), reader.seek(0))
        assert DATA[:100] == reader.read(100)
        reader.seek(1_000)
        assert DATA[1_000:] == reader.read()
    assert [(0, None)] == opened.asked
    with opened.spy.failing(Flip()), opened.store.open("a") as reader:
        reader.read(100)
        reader.seek(0)
        with pytest.raises(IntegrityError):
            reader.read()


def test_the_end_and_what_is_before_it_are_one_request():
    """A run at the end begins so far before it as a small run is long: directories of ZIP and Parquet are there."""
    opened = Opened()
    with opened.store.open("a") as reader:
        reader.seek(-22, os.SEEK_END)
        assert DATA[-22:] == reader.read()
        reader.seek(-NEAR, os.SEEK_END)
        assert DATA[-NEAR:-10_000] == reader.read(NEAR - 10_000)
    assert [(0, None), (SIZE - NEAR, NEAR)] == opened.asked


def test_a_run_grows_while_reading_goes_on():
    """In a new area a run is small; it doubles with each that follows the last, up to a bound, and is small elsewhere."""
    opened = Opened(bytes(40 << 20))
    with opened.store.open("a") as reader:
        reader.seek(1 << 20)
        while reader.tell() < 30 << 20:
            reader.read(100_000)
        reader.seek(200_000)
        reader.read(10)
    lengths = [length for _, length in opened.asked[1:]]
    assert (LARGEST, NEAR) == (max(lengths), lengths[-1])
    assert lengths[:3] == sorted(lengths[:3])
    assert len(lengths) < 15


def test_a_large_read_is_one_request_and_no_more_than_asked():
    """What one call asks for comes at once, without a byte that is not wanted."""
    opened = Opened()
    with opened.store.open("a") as reader:
        reader.seek(100_000)
        assert DATA[100_000:300_000] == reader.read(200_000)
    assert [(0, None), (100_000, 200_000)] == opened.asked


def test_after_going_back_the_first_request_serves_again():
    """A run ends where the bytes of the first request begin, which then go on, and the whole is verified."""
    opened = Opened()
    with opened.store.open("a") as reader:
        assert DATA[:200_000] == reader.read(200_000)
        reader.seek(10)
        assert DATA[10:] == reader.read()
    assert [(0, None), (10, 199_990)] == opened.asked
    assert ("ok", SIZE + 199_990) == (opened.observer.events[-1].outcome, opened.observer.events[-1].bytes)


def test_a_run_is_of_a_range_that_was_opened():
    """Positions count from the first byte of the range, and nothing behind its end is read."""
    opened = Opened()
    with opened.store.open("a", offset=1_000, length=200_000) as reader:
        assert 199_900 == reader.seek(-100, os.SEEK_END)
        assert DATA[200_900:201_000] == reader.read()
    assert [(1_000, 200_000), (201_000 - NEAR, NEAR)] == opened.asked


@pytest.mark.parametrize("kind", [MemoryBackend, NoLength])
def test_another_version_is_a_precondition_error(kind):
    """Bytes of two versions never meet, also where the store cannot pin one; the error names key and store."""
    opened = Opened(backend=kind())
    with opened.store.open("a") as reader:
        opened.store.upload(DATA.swapcase(), "a")
        reader.seek(-5, os.SEEK_END)
        for _ in range(2):
            with pytest.raises(PreconditionError) as caught:
                reader.read()
    assert ("read", "a") == (caught.value.op, caught.value.key)
    assert "error" == opened.observer.events[-1].outcome


class NoEtags(NoLength):
    """Tells versions apart by their times alone."""

    @hookimpl
    def assetstore_read(self, key, options):
        """Drop the ETag."""
        stream = super().assetstore_read(key, options)
        return attrs.evolve(stream, info=attrs.evolve(stream.info, etag=None))


def test_without_etags_a_version_is_known_by_its_time():
    """A store without ETags may still tell that an asset was replaced."""
    opened = Opened(backend=NoEtags())
    with opened.store.open("a") as reader:
        reader.seek(-5, os.SEEK_END)
        assert DATA[-5:] == reader.read()
        opened.store.upload(DATA, "a")
        reader.seek(200_000)
        with pytest.raises(PreconditionError):
            reader.read()


@pytest.mark.parametrize("kind", [MemoryBackend, NoLength])
def test_a_run_of_fewer_bytes_is_an_error(kind):
    """A connection that breaks off quietly never looks like the end of a run."""
    opened = Opened(backend=kind())
    # Where a length is not honoured the whole rest is sent, of which this takes all but the first bytes.
    cut = Truncate(count=NEAR - 1 if kind is MemoryBackend else SIZE - 100_001)
    with opened.store.open("a") as reader, opened.spy.failing(cut):
        reader.seek(100_000)
        with pytest.raises(IntegrityError, match=r"the store sent fewer bytes of a range than it was asked for"):
            reader.read(10)


def test_an_error_of_a_run_is_explained_and_ends_the_event():
    """A failing run is an error of the read, with operation and key."""
    opened = Opened()
    with opened.store.open("a") as reader, opened.spy.failing(Raise(op="read", error=UnavailableError("down"))):
        reader.seek(-1, os.SEEK_END)
        with pytest.raises(UnavailableError, match=r"^read 'a' .*down") as caught:
            reader.read()
    assert [("read", "a", "error")] == [(event.op, event.key, event.outcome) for event in opened.observer.events[1:]]
    assert caught.value.op == "read"


def test_one_open_is_one_event_of_the_bytes_that_came():
    """However many runs are read, there is one event; its bytes are those that came, also unasked ones."""
    opened = Opened()
    with opened.store.open("a") as reader:
        reader.read(10)
        for position in (100_000, 300_000):
            reader.seek(position)
            reader.read(10)
    (event,) = opened.observer.events[1:]
    assert ("read", "ok", 10 + 2 * NEAR) == (event.op, event.outcome, event.bytes)


def test_a_scoped_reader_seeks_under_its_own_key():
    """A run of a scoped store's asset is that of the scope, and its info has the caller's key."""
    opened = Opened()
    scoped = opened.store.scoped("below/")
    scoped.upload(DATA.swapcase(), "a")
    with scoped.open("a") as reader:
        reader.seek(-9, os.SEEK_END)
        assert (DATA.swapcase()[-9:], "a") == (reader.read(), reader.info.key)


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [((-1,), ValueError), ((0, 3), ValueError), ((1.5,), TypeError), (("1",), TypeError), ((None,), TypeError)],
)
def test_a_wrong_move_is_the_error_that_files_raise(arguments, kind):
    """The kinds of io.BytesIO; the reader stands where it stood."""
    with Opened().store.open("a") as reader:
        reader.read(3)
        for file in (reader, io.BytesIO(DATA)):
            with pytest.raises(kind):
                file.seek(*arguments)
        assert 3 == reader.tell()


@pytest.mark.parametrize("size", [1.5, "1", b"1", [1]])
def test_a_wrong_size_is_the_error_that_files_raise(size):
    """It is the caller's fault and no plugin's; the reader stands where it stood, and reads on."""
    with Opened().store.open("a") as reader:
        for position in (3, 300_000):
            reader.seek(position)
            for read in (reader.read, reader.read1, io.BytesIO(DATA).read):
                with pytest.raises(TypeError):
                    read(size)
            assert DATA[position : position + 5] == reader.read(5)


@pytest.mark.parametrize("send", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_reader_is_not_sent_or_copied(send):
    """As with files it is a TypeError, which says what to send; the reader goes on."""
    with Opened().store.open("a") as reader:
        with pytest.raises(TypeError, match="pass on the store and the key"):
            send(reader)
        assert DATA == reader.read()


def test_pieces_of_no_bytes_are_refused():
    """They would look like the end of the asset."""
    with Opened().store.open("a") as reader, pytest.raises(InvalidOptionError, match="must not be 0; leave it out"):
        next(reader.chunks(0))


@pytest.mark.parametrize("buffer", [array.array("i", bytes(400)), memoryview(bytearray(400)).cast("B", (4, 100))])
@pytest.mark.parametrize("method", ["readinto", "readinto1"])
def test_any_buffer_that_can_be_written_to_is_filled(buffer, method):
    """Its length in bytes counts, whatever its items and dimensions are; one that cannot be written to loses no byte."""
    with Opened().store.open("a") as reader:
        with pytest.raises(TypeError):
            getattr(reader, method)(bytes(10))
        assert 400 == getattr(reader, method)(buffer)
        assert (DATA[:400], 400) == (memoryview(buffer).tobytes(), reader.tell())


def test_without_ranges_nothing_seeks():
    """A seek is io.UnsupportedOperation, as of a pipe, and tell still counts."""
    opened = Opened(backend=NoRanges())
    with opened.store.open("a") as reader:
        assert (False, DATA[:5], 5) == (reader.seekable(), reader.read(5), reader.tell())
        with pytest.raises(io.UnsupportedOperation, match=r"^the store does not honour ranges"):
            reader.seek(0)
        assert DATA[5:] == reader.read()


def test_a_closed_reader_does_not_seek():
    """As with files, each call is a ValueError."""
    reader = Opened().store.open("a")
    reader.close()
    for call in (reader.seekable, reader.tell, lambda: reader.seek(0)):
        with pytest.raises(ValueError, match=r"^the reader is closed$"):
            call()


def test_buffers_and_text_of_the_standard_library_stand_on_it():
    """io.BufferedReader and io.TextIOWrapper read, seek and peek through it."""
    text = "".join(f"{number} stone of the keep\n" for number in range(20_000)).encode()
    opened = Opened(text)
    with io.BufferedReader(opened.store.open("a")) as buffered:
        buffered.seek(200_000)
        assert text[200_000:200_020] == buffered.peek(20)[:20] == buffered.read(20)
        buffered.seek(-5, os.SEEK_END)
        assert text[-5:] == buffered.read()
    with io.TextIOWrapper(opened.store.open("a"), encoding="utf-8") as lines:
        assert "0 stone of the keep\n" == lines.readline()
        mark = lines.tell()
        assert 19_999 == len(lines.readlines())
        lines.seek(mark)
        assert "1 stone of the keep\n" == lines.readline()


@pytest.mark.parametrize("start", [0, 100_000])
def test_a_reader_is_uploaded_by_reading_it_once(start):
    """From one store to another, or within one, no byte is fetched twice, also where others would measure a file first."""
    opened = Opened()
    with opened.store.open("a") as reader, Source(reader) as source:
        reader.seek(start)
        assert not source.rewindable
        assert SIZE - start == opened.store.upload(reader, "b").size
    assert SIZE - start == opened.observer.events[-1].bytes
    assert len(opened.asked) == 1 + bool(start)
    assert DATA[start:] == opened.store.read("b")


def test_a_local_store_leaves_no_file_open(tmp_path):
    """Readers that sought and were closed, or forgotten, hold no descriptor."""
    store = AssetStore(LocalBackend(root=tmp_path / "store"))
    store.upload(DATA, "a")
    before = open_below(tmp_path)
    for number in range(20):
        reader = store.open("a")
        reader.seek(-100, os.SEEK_END)
        assert DATA[-100:] == reader.read()
        reader.seek(200_000)
        assert DATA[200_000:200_005] == reader.read(5)
        if number % 2:
            reader.close()
    del reader
    assert before == open_below(tmp_path)
