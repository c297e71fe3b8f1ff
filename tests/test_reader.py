"""The reader: bounded by the announced size, verified before the last bytes, always closed."""

from __future__ import annotations

import hashlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetstore import AssetInfo, AssetReader, BackendError, IntegrityError
from assetstore.plugin import AssetStream

DATA = b"the plan of a keep"
SHA256 = f"sha256:{hashlib.sha256(DATA).hexdigest()}"
MD5 = f"md5:{hashlib.md5(DATA, usedforsecurity=False).hexdigest()}"


class Body(io.BytesIO):
    """Bytes that come at most ``step`` at a time and, at their end, an error if there is one."""

    def __init__(self, data: bytes = DATA, step: int = 1000, error: BaseException | None = None) -> None:
        super().__init__(data)
        self.step = step
        self.error = error

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes, or raise."""
        piece = super().read(min(size, self.step))
        if not piece and self.error is not None:
            raise self.error
        return piece


class Greedy(Body):
    """Gives one byte more than it was asked for."""

    def read(self, size: int = -1, /) -> bytes:
        """Return too much."""
        return super().read(size + 1)


class Reading:
    """A reader, and its reports to the store."""

    def __init__(self, body: io.BytesIO, *, size: int = len(DATA), length: int | None = None, digest: str | None = None):
        info = AssetInfo(key="a", size=size, digest=digest)
        self.body, self.closed, self.explained = body, (closed := []), []
        self.reader = AssetReader(
            AssetStream(info=info, body=body, length=size if length is None else length),
            on_close=lambda *told: closed.append(told),
            explain=self.explained.append,
        )


@pytest.mark.parametrize("size", [-1, None, len(DATA), 1000])
@pytest.mark.parametrize("step", [1, 7, 1000])
@pytest.mark.parametrize("digest", [None, SHA256, MD5])
def test_a_read_gives_all_bytes_however_they_come(size, step, digest):
    """Short reads of the connection are joined, and an empty read marks the end."""
    reader = Reading(Body(step=step), digest=digest).reader
    assert (DATA, b"", b"") == (reader.read(size), reader.read(), reader.read(5))


@given(st.lists(st.integers(-1, 9)), st.integers(1, 9))
def test_any_sequence_of_reads_gives_the_bytes_in_order(sizes, step):
    """Each read gives exactly what it was asked for, fewer only at the end."""
    reader, expected = Reading(Body(step=step), digest=SHA256).reader, io.BytesIO(DATA)
    for size in sizes:
        assert expected.read(size) == reader.read(size)
    assert expected.read() == reader.read()


def test_it_is_a_binary_file_object():
    """A reader works as a file: lines, ``readinto``, buffering."""
    assert Reading(Body()).reader.readable()
    assert [b"a\n", b"b"] == list(Reading(Body(b"a\nb"), size=3).reader)
    buffer = bytearray(len(DATA) + 2)
    assert len(DATA) == Reading(Body(step=3)).reader.readinto(buffer)
    assert DATA + b"\0\0" == bytes(buffer)
    assert DATA == Reading(Body(step=3)).reader.read1()[:3] + DATA[3:]


def test_chunks_come_as_they_are():
    """No chunk waits for another to fill it up."""
    assert [3] * 6 == [len(chunk) for chunk in Reading(Body(step=3)).reader.chunks(5)]


def test_a_run_is_not_compared_with_the_whole():
    """The digest of an asset says nothing of a part of it."""
    assert DATA[:4] == Reading(Body(DATA[:4]), length=4, digest=SHA256).reader.read()


@pytest.mark.parametrize("digest", [SHA256, MD5])
def test_changed_bytes_are_told_before_the_last_ones_are_handed_out(digest):
    """The last bytes of an asset that does not match its digest are not returned, and every further read fails."""
    reading = Reading(Body(DATA.upper(), step=len(DATA) - 1), digest=digest)
    assert DATA.upper()[:-1] == reading.reader.read1()
    for _ in range(2):
        with pytest.raises(IntegrityError, match=rf"^the bytes do not match the stored {digest[:3]}") as caught:
            reading.reader.read1()
    assert [caught.value] == reading.explained
    reading.reader.close()
    assert [(len(DATA), True, caught.value)] == reading.closed


def of_parts(data, size):
    """Return the digest of parts of this size, made in the plainest way."""
    pieces = [data[start : start + size] for start in range(0, max(1, len(data)), size)]
    md5s = b"".join(hashlib.md5(piece, usedforsecurity=False).digest() for piece in pieces)
    return f"md5-parts/{size}:{hashlib.md5(md5s, usedforsecurity=False).hexdigest()}-{len(pieces)}"


@given(st.binary(max_size=40), st.integers(1, 50), st.integers(1, 50), st.data())
def test_a_digest_of_parts_finds_each_flipped_bit(data, size, step, chosen):
    """Parts and pieces need not begin together; the right bytes are read, and a wrong bit is an error."""
    digest = of_parts(data, size)
    assert data == Reading(Body(data, step=step), size=len(data), digest=digest).reader.read()
    if data:
        bit = chosen.draw(st.integers(0, 8 * len(data) - 1))
        wrong = bytearray(data)
        wrong[bit // 8] ^= 1 << bit % 8
        with pytest.raises(IntegrityError, match=rf"^the bytes do not match the stored md5-parts/{size} digest"):
            Reading(Body(bytes(wrong), step=step), size=len(data), digest=digest).reader.read()


def test_a_digest_of_parts_that_does_not_match_may_be_that_of_a_copy():
    """Only for such a digest: other programs copy in parts of their own, and keep the metadata."""
    hints = []
    for digest in (of_parts(b"other", 3), SHA256):
        with pytest.raises(IntegrityError) as caught:
            Reading(Body(b"wrong"), size=5, digest=digest).reader.read()
        hints.append("another program copied it in parts" in caught.value.hint)
    assert [True, False] == hints


@pytest.mark.parametrize("digest", ["", "md5", "md5:", "md5-parts/0:0-1", "md5-parts/x:0-1", "md5-parts/:0-1", "crc9:0"])
def test_a_digest_of_an_unknown_kind_is_not_compared(digest):
    """A backend may tell digests that this version cannot compute."""
    assert DATA == Reading(Body(), digest=digest).reader.read()


def test_an_asset_emptied_behind_our_back_does_not_match_its_digest():
    """No bytes are compared with the digest too."""
    with pytest.raises(IntegrityError, match=r"^the bytes do not match the stored sha256 digest"):
        Reading(Body(b""), size=0, digest=SHA256).reader.read()


@pytest.mark.parametrize("digest", [None, f"sha256:{hashlib.sha256(b'').hexdigest()}"])
def test_an_empty_asset_is_read(digest):
    """Zero bytes are a whole asset."""
    reading = Reading(Body(b""), size=0, digest=digest)
    assert (b"", []) == (reading.reader.read(), list(reading.reader.chunks()))


@pytest.mark.parametrize(
    ("body", "given"),
    [(Body(DATA[:-1]), "fewer"), (Body(b""), "fewer"), (Greedy(), "more")],
)
def test_more_or_fewer_bytes_than_announced_are_an_error(body, given):
    """A connection that breaks off quietly never looks like the end of the asset."""
    with pytest.raises(IntegrityError) as caught:
        Reading(body, size=len(DATA), length=len(DATA) if given == "fewer" else 5).reader.read()
    announced = len(DATA) if given == "fewer" else 5
    assert f"the store sent {given} than the announced {announced} bytes; read again" == str(caught.value)


def test_bytes_behind_the_announced_end_are_not_read():
    """A reader requests only the announced bytes."""
    assert DATA[:5] == Reading(Body(), length=5).reader.read()


@pytest.mark.parametrize(("error", "explained"), [(BackendError("broken"), 1), (OSError("broken"), 0)])
def test_an_error_of_the_store_is_explained_kept_and_told_at_the_end(error, explained):
    """Ours get operation and key, others pass untouched; each further read raises the same one."""
    reading = Reading(Body(DATA[:3], error=error))
    for _ in range(2):
        with pytest.raises(type(error)) as caught:
            reading.reader.read()
        assert error is caught.value
    reading.reader.close()
    assert [error] * explained == reading.explained
    assert [(3, False, error)] == reading.closed


def test_closing_twice_tells_once():
    """The end of a read is reported once, with the bytes read and whether that was all."""
    reading = Reading(Body())
    with reading.reader as reader:
        reader.read(4)
    reading.reader.close()
    assert [(4, False, None)] == reading.closed
    assert reading.body.closed


def test_a_forgotten_reader_is_closed():
    """Without any call the connection is released once the reader is gone."""
    reading = Reading(Body())
    body, closed = reading.body, reading.closed
    del reading
    assert (True, [(0, False, None)]) == (body.closed, closed)


def test_the_end_is_told_even_when_closing_fails():
    """The event of a read is never lost."""

    class Stuck(Body):
        def close(self) -> None:
            super().close()
            raise OSError("stuck")

    reading = Reading(Stuck())
    assert DATA == reading.reader.read()
    with pytest.raises(OSError, match="stuck"):
        reading.reader.close()
    assert [(len(DATA), True, None)] == reading.closed


def test_a_closed_reader_reads_no_more():
    """Reading after closing is an error of the caller, as with files."""
    reader = Reading(Body()).reader
    reader.close()
    with pytest.raises(ValueError, match=r"^the reader is closed$"):
        reader.read()


def test_a_repr_tells_key_and_progress():
    """It helps in a debugger and shows no bytes."""
    reader = Reading(Body()).reader
    reader.read(4)
    assert "<AssetReader 'a' 4 of 18 bytes>" == repr(reader)
    reader.close()
    assert "<AssetReader 'a' 4 of 18 bytes closed>" == repr(reader)
