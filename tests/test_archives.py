"""Archives inside a store: the standard library opens them where they are, and reads what it needs."""

from __future__ import annotations

import functools
import io
import random
import tarfile
import zipfile

import pytest

from assetstore import IntegrityError
from assetstore.testing.faults import Flip
from counted import STORES, counted

MEMBERS, MEMBER = 1_500, 5_000
KB = 1_000


@functools.cache
def archive(kind: str) -> bytes:
    """Return an archive of 7.5 MB, whose directory, if it has one, is longer than the smallest run."""
    file, data = io.BytesIO(), random.Random(1).randbytes(MEMBER)
    names = [f"maps/region/{number:05}/tile.webp" for number in range(MEMBERS)]
    if kind == "zip":
        with zipfile.ZipFile(file, "w") as packed:
            for name in names:
                packed.writestr(name, data)
    else:
        with tarfile.open(fileobj=file, mode="w") as joined:
            for name in names[: MEMBERS // 10]:
                member = tarfile.TarInfo(name)
                member.size = 10 * MEMBER
                joined.addfile(member, io.BytesIO(data * 10))
    return file.getvalue()


@pytest.fixture(params=STORES)
def counting(request, tmp_path):
    """Return each store, empty, with what counts its requests and bytes."""
    with counted(request.param, tmp_path, lambda: request.getfixturevalue("seaweedfs")) as made:
        yield made


def test_the_directory_of_a_zip_is_read_without_its_members(counting):
    """Three requests: that of open, the end of the file, and what of the directory lies before it."""
    counting.store.upload(archive("zip"), "tiles.zip")
    counting.reset()
    with counting.store.open("tiles.zip") as reader, zipfile.ZipFile(reader) as packed:
        assert MEMBERS == len(packed.namelist())
    assert (3, True) == (counting.requests, counting.bytes < 220 * KB)


def test_a_member_of_a_zip_is_read_alone(counting):
    """One request more for a small member, and no more than the smallest run."""
    data = archive("zip")
    counting.store.upload(data, "tiles.zip")
    counting.reset()
    with counting.store.open("tiles.zip") as reader, zipfile.ZipFile(reader) as packed:
        name = packed.namelist()[MEMBERS // 2]
        assert zipfile.ZipFile(io.BytesIO(data)).read(name) == packed.read(name)
    assert (4, True) == (counting.requests, counting.bytes < 290 * KB)


def test_a_whole_zip_is_read_by_the_request_of_its_open(counting):
    """After the directory the first request still serves: members in their order need no other."""
    data = archive("zip")
    counting.store.upload(data, "tiles.zip")
    counting.reset()
    with counting.store.open("tiles.zip") as reader, zipfile.ZipFile(reader) as packed:
        assert packed.testzip() is None
    assert (3, True) == (counting.requests, counting.bytes < len(data) + 70 * KB)


def test_a_tar_is_read_in_order_by_one_request(counting):
    """As a stream and as a file that seeks, whose members are shorter than what is worth a request."""
    data = archive("tar")
    counting.store.upload(data, "tiles.tar")
    for mode in ("r|", "r:"):
        counting.reset()
        with counting.store.open("tiles.tar") as reader, tarfile.open(fileobj=reader, mode=mode) as joined:
            assert MEMBERS // 10 == sum(len(joined.extractfile(member).read()) == 10 * MEMBER for member in joined)
        assert (mode, 1, True) == (mode, counting.requests, counting.bytes <= len(data))


def test_a_late_member_of_a_tar_is_sought(counting):
    """Large members are passed over: one small run for each, however large they are."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as joined:
        for number in range(5):
            member = tarfile.TarInfo(f"{number}.bin")
            member.size = 1_000 * KB
            joined.addfile(member, io.BytesIO(bytes([number]) * member.size))
    counting.store.upload(file.getvalue(), "large.tar")
    counting.reset()
    with counting.store.open("large.tar") as reader, tarfile.open(fileobj=reader, mode="r:") as joined:
        assert b"\4" * 10 == joined.extractfile("4.bin").read(10)
    assert counting.requests <= 7
    assert counting.bytes < 600 * KB


def test_a_server_may_end_the_connection_that_waits(counting):
    """The answer to open waits while a program reads elsewhere; if it was cut meanwhile, reading on asks for the rest."""
    data = archive("zip")
    counting.store.upload(data, "tiles.zip")
    with counting.store.open("tiles.zip") as reader:
        assert data[:10] == reader.read(10)
        reader.seek(-100, io.SEEK_END)
        assert data[-100:] == reader.read()
        if counting.wire is not None:
            counting.wire.cut()
        reader.seek(10)
        assert data[10:] == reader.read()


def test_a_damaged_stream_is_found_while_it_is_unpacked(counting):
    """A tar that is unpacked from its stream is compared with the digest of the asset, as any whole read is."""
    counting.store.upload(archive("tar"), "tiles.tar")
    damaged = pytest.raises((IntegrityError, tarfile.ReadError))
    with counting.spy.failing(Flip(seed=3)), counting.store.open("tiles.tar") as reader, damaged:
        unpack(reader)


def unpack(reader):
    """Read each member of a tar as it comes, and what is behind them."""
    with tarfile.open(fileobj=reader, mode="r|") as joined:
        for member in joined:
            joined.extractfile(member).read()
    reader.read()
