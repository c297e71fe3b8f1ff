"""Sources: any kind yields the same bytes, stays open for its owner, and detects changes."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import inspect
import io
import os
import socket
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import UploadFile

from assetstore import SourceError
from assetstore.content.source import CHUNK_BYTES, SPOOL_BYTES
from assetstore.plugin import Source

DATA = b"the plan of a keep"
_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has this file")


class OneShot:
    """A stream that can be read once, at most ``step`` bytes at a time, as a socket."""

    def __init__(self, data: bytes = DATA, step: int = 1000) -> None:
        self.rest = memoryview(data)
        self.step = step

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        count = self.step if size < 0 else min(size, self.step)
        piece, self.rest = self.rest[:count], self.rest[count:]
        return bytes(piece)


class Unseekable(OneShot):
    """A stream that is not seekable."""

    def seekable(self) -> bool:
        """Tell that it cannot."""
        return False


class Answers:
    """A stream that gives one thing after another."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)

    def read(self, size: int = -1) -> object:
        """Return the next thing."""
        return self.answers.pop(0) if self.answers else b""


async def _coroutine() -> bytes:
    return DATA


async def _pieces():
    yield DATA


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file on disk."""
    path = tmp_path / "keep.webp"
    path.write_bytes(DATA)
    return path


KINDS = {
    "path": lambda path: path,
    "name": str,
    "bytes": lambda path: DATA,
    "bytearray": lambda path: bytearray(DATA),
    "memoryview": lambda path: memoryview(DATA + DATA)[: len(DATA)],
    "BytesIO": lambda path: io.BytesIO(DATA),
    "buffered": lambda path: io.BufferedReader(io.BytesIO(DATA)),
    "stream": lambda path: OneShot(),
    "slow stream": lambda path: Unseekable(step=3),
    "iterator": lambda path: iter([DATA[:4], b"", bytearray(DATA[4:9]), memoryview(DATA[9:])]),
    "list": lambda path: [DATA[:1], DATA[1:]],
}
EACH_KIND = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
ONE_SHOT = pytest.mark.parametrize(
    "kind", [KINDS[name] for name in ("stream", "slow stream", "iterator")], ids=["stream", "slow stream", "iterator"]
)


@EACH_KIND
@pytest.mark.parametrize("size", [-1, 1, 5, len(DATA), 1000])
@pytest.mark.parametrize("peeked", [0, 3, 1000])
def test_every_kind_of_source_gives_its_bytes_in_full_pieces(file, kind, size, peeked):
    """A read gives all that it was asked for, fewer only at the end, whatever was peeked at before."""
    with closing(Source(kind(file))) as source:
        assert DATA[:peeked] == source.peek(peeked)
        reader, expected, pieces = source.open(), io.BytesIO(DATA), []
        while piece := reader.read(size):
            pieces.append(piece)
        assert list(iter(lambda: expected.read(size), b"")) == pieces
        assert (b"", b"") == (reader.read(size), reader.read())


@EACH_KIND
def test_size_and_rewinding_are_told_beforehand(file, kind):
    """A seekable source has a size and can be read twice; a one-shot stream only once it is spooled."""
    with closing(Source(kind(file))) as source:
        assert source.rewindable == (source.size is not None)
        assert source.size in (None, len(DATA))
        source.spool()
        assert (True, len(DATA)) == (source.rewindable, source.size)
        assert [DATA, DATA] == [b"".join(source.chunks(5)) for _ in range(2)]


@EACH_KIND
def test_the_digest_leaves_the_bytes_to_be_read(file, kind):
    """Any kind can be digested, peeked at and read, in this order and again."""
    with closing(Source(kind(file))) as source:
        assert DATA[:4] == source.peek(4)
        for _ in range(2):
            assert hashlib.sha256(DATA).hexdigest() == source.digest()
            assert DATA[:4] == source.peek(4)
            assert DATA == b"".join(source.chunks())
        assert hashlib.sha512(DATA).hexdigest() == source.digest("sha512")


@given(st.lists(st.binary(max_size=9)), st.integers(1, 9), st.integers(0, 9))
def test_an_iterator_of_any_pieces_is_read_in_order(pieces, size, peeked):
    """However the bytes are cut, none is lost, doubled or out of order."""
    source = Source(iter(pieces))
    assert b"".join(pieces)[:peeked] == source.peek(peeked)
    assert b"".join(pieces) == b"".join(source.chunks(size))


@ONE_SHOT
def test_a_one_shot_stream_is_read_once(file, kind):
    """A second read raises instead of returning nothing."""
    source = Source(kind(file))
    assert DATA == b"".join(source.chunks())
    for again in (source.open, source.spool, lambda: source.peek(1)):
        with pytest.raises(SourceError, match=r"^a one-shot stream can be read only once$"):
            again()


def test_peeking_takes_no_more_than_it_needs():
    """Looking at a few bytes does not read a stream to its end."""
    stream = OneShot()
    source = Source(stream)
    assert (DATA[:3], DATA[:2]) == (source.peek(3), source.peek(2))
    assert DATA[3:] == bytes(stream.rest)


def test_a_file_object_is_read_from_where_it_stands_and_left_open(file):
    """A file is uploaded from its current position, and its owner closes it."""
    with file.open("rb") as opened:
        opened.read(4)
        source = Source(opened)
        assert (len(DATA) - 4, DATA[4:]) == (source.size, b"".join(source.chunks()))
        assert "keep.webp" == source.filename
        source.close()
        assert not opened.closed


def test_a_path_gives_its_name_and_is_closed(file):
    """The source closes what it opened itself; closing twice is allowed."""
    source = Source(file)
    assert (file, "keep.webp") == (source.path, source.filename)
    source.close()
    source.close()
    with pytest.raises(ValueError, match="closed"):
        source.open()


@pytest.mark.parametrize("kind", [KINDS["bytes"], KINDS["iterator"]])
def test_what_is_no_file_has_no_name(file, kind):
    """Bytes and iterators have neither path nor name."""
    with closing(Source(kind(file))) as source:
        assert (None, None) == (source.path, source.filename)


def test_a_temporary_file_without_a_name_has_none():
    """A file object whose name is a number has no name for a key."""
    with tempfile.TemporaryFile() as opened:
        assert Source(opened).filename is None


def test_a_raw_file_object_is_read_in_full_pieces(file):
    """An unbuffered file, which may give fewer bytes than asked for, is a source like any other."""
    with io.FileIO(file) as opened:
        assert DATA == b"".join(Source(opened).chunks(7))


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (io.StringIO("text"), "the file object is opened as text; open it with mode 'rb'"),
        (5, "cannot upload int; pass a path, bytes, a binary file or an iterator"),
        (None, "cannot upload NoneType; pass a path, bytes, a binary file or an iterator"),
        ("no/such/file", "cannot read 'no/such/file': No such file or directory"),
        ("nul\0byte", r"cannot read 'nul\x00byte': no file can have such a name"),
        ("half\ud800", r"cannot read 'half\ud800': no file can have such a name"),
        (os.curdir, "'.' is a directory; upload a file"),
        (os.devnull, "'/dev/null' is not a regular file"),
        pytest.param("/proc/self/mem", "cannot read '/proc/self/mem': Invalid argument", marks=_LINUX),
    ],
)
def test_what_cannot_be_uploaded_is_refused_at_once(raw, message):
    """The error says what it is and what to give instead."""
    with pytest.raises(SourceError) as caught:
        Source(raw)
    assert message == str(caught.value)


@_LINUX
def test_a_file_that_the_system_makes_up_is_refused():
    """It has bytes and a size of 0; nothing of it is taken for the whole."""
    with Source("/proc/sys/kernel/ostype") as source, pytest.raises(SourceError, match="size of 0 bytes says; read it, and"):
        list(source.chunks())


def test_a_socket_is_refused(tmp_path):
    """What is no file cannot be opened like one."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        with pytest.raises(SourceError, match="cannot read"):
            Source(tmp_path / "s")


def test_a_file_that_cannot_be_read_any_more_is_a_source_error(tmp_path):
    """A disk that fails while a file is read is the error of the source, with its path."""
    (tmp_path / "file").write_bytes(DATA)
    folder = os.open(tmp_path, os.O_RDONLY)
    with Source(tmp_path / "file") as source:
        os.dup2(folder, source.descriptor)
        with pytest.raises(SourceError, match=r"cannot read '.*file': Is a directory"):
            list(source.chunks())
    os.close(folder)


def test_a_fifo_is_refused_without_waiting_for_its_writer(tmp_path):
    """Opening it does not hang."""
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(SourceError, match=r"is not a regular file$"):
        Source(tmp_path / "fifo")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (iter([b"a", "b"]), "the iterator must yield bytes, got str"),
        ({"a": 1}, "the iterator must yield bytes, got str"),
        (iter([b"a", None, b"b"]), "the iterator must yield bytes, got NoneType"),
        (Answers(b"a", 5), "the read() of the file object must return bytes, got int; pass another one"),
        (Answers(b"a", "b"), "the file object is opened as text; open it with mode 'rb'"),
        (Answers(b"a", None), "the file object is non-blocking and had no data; pass a blocking one"),
    ],
)
def test_a_stream_that_gives_no_bytes_is_refused_while_it_is_read(raw, message):
    """Each piece is checked."""
    with pytest.raises(SourceError) as caught:
        list(Source(raw).chunks())
    assert message == str(caught.value)


@pytest.mark.parametrize("odd", [bytearray(b"bc"), memoryview(b"bc")])
def test_a_stream_may_give_other_kinds_of_bytes(odd):
    """Whatever is like bytes becomes bytes."""
    assert b"abc" == b"".join(Source(Answers(b"a", odd)).chunks())


def test_a_stream_that_gives_too_much_loses_nothing():
    """A stream that ignores the requested size still works."""
    assert b"abcdef" == b"".join(Source(Answers(b"abcd", b"ef")).chunks(3))


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (UploadFile(io.BytesIO(DATA), filename="keep.webp"),
         "cannot upload UploadFile, whose read() is a coroutine; write store.upload(upload.file, filename=upload.filename)"),
        (asyncio.StreamReader.__new__(asyncio.StreamReader),
         "cannot upload StreamReader, whose read() is a coroutine; await its read() first, and pass the bytes"),
        (_coroutine, "cannot upload coroutine; await it first, and pass its result"),
        (_pieces, ("cannot upload async_generator, an asynchronous iterator; write "
         "store.upload(b''.join([piece async for piece in source]), ...), or fill a temporary file first")),
    ],
    ids=["UploadFile", "StreamReader", "coroutine", "asynchronous generator"],
)  # fmt: skip
def test_what_only_await_can_read_is_refused_with_what_to_write(raw, message):
    """The error comes at once and is the only one: no coroutine is left that was never awaited."""
    with warnings.catch_warnings(record=True) as warned:
        with pytest.raises(SourceError) as caught:
            Source(raw() if inspect.isfunction(raw) else raw)
        gc.collect()
    assert (message, []) == (str(caught.value), warned)


def test_a_read_that_returns_a_coroutine_is_refused():
    """A method that hides that it is asynchronous is found out by what it returns."""
    with warnings.catch_warnings(record=True) as warned:
        with pytest.raises(SourceError, match=r"^cannot upload coroutine; await it first"):
            list(Source(Answers(_coroutine())).chunks())
        gc.collect()
    assert [] == warned


def test_what_can_be_read_with_and_without_await_is_a_source():
    """HTTP clients have bodies that are both kinds of iterator."""
    assert DATA == b"".join(Source(httpx.ByteStream(DATA)).chunks())


def test_the_file_of_an_upload_is_a_source_like_any_other():
    """What the errors and the docs advise works for Starlette's files, and Django's need no advice."""
    upload = UploadFile(io.BytesIO(DATA), filename="keep.webp")
    assert DATA == b"".join(Source(upload.file).chunks())
    django = SimpleUploadedFile("keep.webp", DATA)
    assert ("keep.webp", DATA) == ((source := Source(django)).filename, b"".join(source.chunks()))


@pytest.mark.parametrize("kind", [io.BytesIO, tempfile.TemporaryFile, tempfile.SpooledTemporaryFile])
def test_a_file_that_was_written_and_not_rewound_is_refused(kind):
    """Its bytes lie before its position, so nothing would be stored; an empty file at its beginning is an empty source."""
    with kind() as opened:
        assert (0, b"") == ((source := Source(opened)).size, b"".join(source.chunks()))
        opened.write(DATA)
        with pytest.raises(SourceError) as caught:
            Source(opened)
        assert f"the file object stands at its end, behind {len(DATA)} bytes; call its seek(0) first" == str(caught.value)
        opened.seek(0)
        assert DATA == b"".join(Source(opened).chunks())


@pytest.mark.parametrize(
    ("change", "became"),
    [
        (lambda path: path.write_bytes(DATA + b"!"), "longer"),
        (lambda path: os.truncate(path, 4), "4 bytes long"),
    ],
    ids=["grown", "cut"],
)
@pytest.mark.parametrize("size", [-1, 5, len(DATA), 1000])
def test_a_file_that_grows_or_shrinks_while_it_is_read_is_an_error(file, change, became, size):
    """The upload fails instead of storing half of one version."""
    with closing(Source(file)) as source:
        change(file)
        with pytest.raises(SourceError) as caught:
            list(source.chunks(size))
    assert str(caught.value) == (
        f"the source was {len(DATA)} bytes long and became {became} while it was read; "
        "upload it again once it is no longer written to"
    )


def test_a_file_rewritten_in_the_same_length_while_it_is_read_is_an_error(file):
    """Its time of modification gives it away."""
    with closing(Source(file)) as source:
        file.write_bytes(DATA.upper())
        os.utime(file, ns=(1, 1))
        with pytest.raises(SourceError, match=r"^the file changed while it was read; upload it again once"):
            list(source.chunks())


def test_a_file_replaced_by_another_is_read_as_it_was(file):
    """The opened file is uploaded even if another file takes its name meanwhile."""
    with closing(Source(file)) as source:
        (file.parent / "new").write_bytes(b"new")
        (file.parent / "new").replace(file)
        assert DATA == b"".join(source.chunks())


@EACH_KIND
def test_progress_tells_of_each_byte_once(file, kind):
    """Digests, spooling and second readings are not reported; the sum is what was handed out."""
    told: list[int] = []
    with closing(Source(kind(file), progress=told.append)) as source:
        source.digest()
        assert (0, []) == (source.taken, told)
        list(source.chunks(7))
        assert [7, 7, 4] == told
        list(source.chunks(7))
        assert (len(DATA), [7, 7, 4]) == (source.taken, told)


def test_a_spooled_stream_stays_in_memory_while_it_is_small():
    """Only what is larger than 8 MiB costs a temporary file; a spooled file that is handed in is not written out either."""
    with closing(Source(OneShot())) as source, tempfile.SpooledTemporaryFile(max_size=100) as ours:
        source.spool()
        ours.write(DATA)
        ours.seek(0)
        assert DATA == b"".join(source.chunks()) == b"".join(Source(ours).chunks())
        assert (False, False) == (source._seekable._rolled, ours._rolled)


def test_a_stream_that_fails_while_it_is_spooled_leaves_nothing_open():
    """The error passes, and closing releases the temporary file."""
    with closing(Source(iter([DATA, 5]))) as source, pytest.raises(SourceError, match="got int"):
        source.spool()


def test_a_large_stream_is_spooled_to_disk():
    """A stream of any length can be read twice."""

    def pieces() -> Iterator[bytes]:
        yield from [b"x" * CHUNK_BYTES] * (SPOOL_BYTES // CHUNK_BYTES + 1)

    with closing(Source(pieces())) as source:
        source.spool()
        assert SPOOL_BYTES + CHUNK_BYTES == source.size
        assert [source.size] * 2 == [sum(map(len, source.chunks())) for _ in range(2)]


def test_a_read_of_nothing_gives_nothing():
    """Asking for zero bytes uses nothing up."""
    reader = Source(DATA).open()
    assert (b"", DATA) == (reader.read(0), reader.read())
