"""Programs of others on ``store.open`` read what they need, counted in requests and bytes; ``pytest -s`` shows them."""

from __future__ import annotations

import functools
import io
import os
import random
import sys
import wave
import zipfile

import mutagen
import mutagen.id3
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

from counted import STORES, counted

KB, MB = 1_000, 1_000_000
ROWS, COLUMNS, GROUPS = 200_000, 8, 8


@functools.cache
def sample(name: str) -> bytes:
    """Return a file of this name, always the same."""
    file, noise = io.BytesIO(), random.Random(name)
    match name.rpartition(".")[2]:
        case "parquet":
            columns = {f"c{number}": pyarrow.array([noise.random() for _ in range(ROWS)]) for number in range(COLUMNS)}
            pyarrow.parquet.write_table(pyarrow.table(columns), file, row_group_size=ROWS // GROUPS)
        case "wav":
            with wave.open(file, "wb") as sound:
                sound.setparams((2, 2, 44_100, 0, "NONE", ""))
                sound.writeframes(noise.randbytes(10 * MB))
        case "mp3":
            tags = mutagen.id3.ID3()
            tags.add(mutagen.id3.TIT2(encoding=3, text="Keep"))
            tags.add(mutagen.id3.APIC(encoding=3, mime="image/png", type=3, desc="", data=noise.randbytes(300 * KB)))
            tags.save(file)
            file.seek(0, os.SEEK_END)
            file.write((b"\xff\xfb\x90\x00" + bytes(413)) * 20_000)
        case kind:
            Image.frombytes("RGB", (2_000, 1_000), noise.randbytes(6 * MB)).save(file, kind)
    return file.getvalue()


def heard(file):
    """Return the title of a sound, if it has one, and its duration in seconds."""
    found = mutagen.File(file)
    return found.tags and str(found.tags["TIT2"]), round(found.info.length)


READERS = {
    "parquet: number of rows": ("t.parquet", lambda file: pyarrow.parquet.read_metadata(file).num_rows, 2, 66 * KB),
    "parquet: one column": (
        "t.parquet",
        lambda file: pyarrow.parquet.read_table(file, columns=["c3"])["c3"].to_pylist(),
        2 + GROUPS,
        3 * MB,
    ),
    "parquet: one row group": (
        "t.parquet",
        lambda file: pyarrow.parquet.ParquetFile(file).read_row_group(3, ["c1"])["c1"].to_pylist(),
        3,
        700 * KB,
    ),
    "parquet: the whole table": ("t.parquet", lambda file: pyarrow.parquet.read_table(file).num_rows, 2, 17 * MB),
    **{
        f"{kind}: width and height": (f"picture.{kind}", lambda file: Image.open(file).size, 1, 1 * KB)
        for kind in ("png", "jpeg", "tiff", "gif", "bmp")
    },
    # Pillow reads a WebP whole before it tells anything of it.
    "webp: width and height": ("picture.webp", lambda file: Image.open(file).size, 1, 2 * MB),
    **{
        f"{kind}: all pixels": (f"picture.{kind}", lambda file: Image.open(file).tobytes(), 2, 7 * MB)
        for kind in ("png", "jpeg", "tiff")
    },
    "wav: duration": ("sound.wav", heard, 3, 140 * KB),
    "mp3: title and duration": ("sound.mp3", heard, 4, 500 * KB),
}
"""For each use the file, the program, how many requests it takes at most, and how many bytes."""


@pytest.fixture(scope="module", params=STORES)
def counting(request, tmp_path_factory):
    """Return each store with what counts its requests and bytes."""
    with counted(request.param, tmp_path_factory.mktemp("store"), lambda: request.getfixturevalue("seaweedfs")) as made:
        made.name = request.param
        yield made


@pytest.mark.parametrize("use", READERS)
def test_a_program_reads_what_it_needs(counting, use):
    """What it finds is what it finds in a file in memory, by few requests and bytes."""
    name, read, requests, size = READERS[use]
    data = sample(name)
    expected = read(io.BytesIO(data))
    counting.store.upload(data, name)
    counting.reset()
    with counting.store.open(name) as reader:
        assert expected == read(reader)
    show(counting, use, len(data))
    assert counting.requests <= requests
    assert counting.bytes <= size


@pytest.mark.parametrize("use", ["parquet: number of rows", "png: width and height", "mp3: title and duration"])
def test_a_program_reads_the_file_of_as_local(counting, use):
    """The same programs take the path that as_local gives."""
    name, read, _, _ = READERS[use]
    counting.store.upload(sample(name), name)
    with counting.store.as_local(name) as path, path.open("rb") as file:
        assert read(io.BytesIO(sample(name))) == read(file)


@functools.cache
def large_zip() -> bytes:
    """Return a ZIP of 200 MB with 2,000 members."""
    file, data = io.BytesIO(), random.Random(1).randbytes(100 * KB)
    with zipfile.ZipFile(file, "w") as packed:
        for number in range(2_000):
            packed.writestr(f"maps/region/{number:05}/tile.webp", data)
    return file.getvalue()


def test_the_directory_of_a_zip_of_200_megabytes(counting):
    """Three requests and a thousandth of the bytes, also on the wire; a member is one or two more."""
    counting.store.upload(large_zip(), "large.zip")
    counting.reset()
    with counting.store.open("large.zip") as reader, zipfile.ZipFile(reader) as packed:
        assert 2_000 == len(packed.namelist())
    show(counting, "zip of 200 MB: directory", len(large_zip()))
    assert (3, True) == (counting.requests, counting.bytes < 220 * KB)
    # What a server sends before it hears that the first answer is not read on.
    assert counting.wire is None or counting.wire.received < counting.bytes + 10 * MB
    counting.reset()
    with counting.store.open("large.zip") as reader, zipfile.ZipFile(reader) as packed:
        assert 100 * KB == len(packed.read("maps/region/01000/tile.webp"))
    show(counting, "zip of 200 MB: a member", len(large_zip()))
    assert (5, True) == (counting.requests, counting.bytes < 420 * KB)


def show(counting, use, size):
    """Print what one use took."""
    wire = f", {counting.wire.received:,} on the wire" if counting.wire else ""
    sys.stdout.write(f"\n{counting.name}: {use}: {counting.requests} requests, {counting.bytes:,} of {size:,} bytes{wire}")
